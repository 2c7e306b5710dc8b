"""What importing costs, against `import pluggy`."""

from tests.benchmarks.measure import best_of, fresh_python, told


def run():
    empty = best_of(7, lambda: fresh_python("pass"))
    plain = best_of(7, lambda: fresh_python("import pluggy")) - empty
    told("import pluggy (the measure)", f"{plain * 1e3:.1f} ms")
    for code in (
        "import tradewind",
        "from tradewind import DAG",
        "from tradewind import dag, task",
        "from tradewind_sql import SqliteHook",
        "from tradewind.cli import main",
    ):
        cost = best_of(7, lambda code=code: fresh_python(code)) - empty
        told(code, f"{cost / plain:.1f} x pluggy ({cost * 1e3:.0f} ms)")
