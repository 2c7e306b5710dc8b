"""What importing costs, against `import pluggy`."""

from tests.benchmarks.measure import best_of, fresh_python, timed, told


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
    _against_the_core("from tradewind_postgres import PostgresHook")


def _against_the_core(code):
    """A whole process, turn by turn with one that imports tradewind alone."""
    pairs = [(timed(lambda: fresh_python("import tradewind")), timed(lambda: fresh_python(code))) for _ in range(15)]
    core, ours = (min(times) for times in zip(*pairs, strict=True))
    told(f"{code} / import tradewind", f"{ours / core:.2f} x, the start of python included")
