"""Reading DAG files, against a bare interpreter that compiles and runs the same file."""

import subprocess
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.measure import timed, told
from tradewind.parser import parse_file
from tradewind.zygote import Zygote

FILES = 50
CODE = """
from datetime import datetime
from tradewind import DAG
from tradewind.operators.bash import BashOperator

with DAG("dag_{number}", start_date=datetime(2026, 1, 1), schedule="@daily"):
    for n in range(10):
        BashOperator(task_id=f"t{{n}}", bash_command="true")
"""


def run():
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for number in range(FILES):
            path = Path(folder) / f"d{number}.py"
            path.write_text(CODE.format(number=number))
            paths.append(path)
        plain = min(timed(lambda: subprocess.run([sys.executable, paths[0]], check=True)) for _ in range(3))
        with Zygote(("tradewind.parser", "tradewind.dag", "tradewind.operators.bash")) as zygote:
            parse_file(paths[0], timeout=30, memory_mb=1024, zygote=zygote)
            ours = timed(lambda: [parse_file(path, timeout=30, memory_mb=1024, zygote=zygote) for path in paths])
    told(f"{FILES} files of 10 tasks, one process each", f"{FILES / ours:.0f} files/s")
    told("one file / python that runs the same file", f"{ours / FILES / plain:.2f} x")
