"""docs/howto/sandboxes.md says what is so: its console blocks are run. `...` stands for whatever is printed there."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "howto" / "sandboxes.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```console\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
DAG_FILE = re.search(r"`sales\.py`:\n\n```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)[1]


@pytest.mark.parametrize("block", BLOCKS, ids=[block.splitlines()[0][:40] for block in BLOCKS])
def test_a_console_block_prints_what_it_shows(block, tmp_path, sandboxes):
    sandboxes.open("postgres")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TRADEWIND_", "AIRFLOW_"))}
    kept |= {"HOME": str(tmp_path), "PATH": f"{Path(sys.executable).parent}:{kept['PATH']}", "COLUMNS": "500"}
    (tmp_path / "sales.py").write_text(DAG_FILE)
    script = "".join(f"{line[2:]}\n" for line in block.splitlines() if line.startswith("$ "))
    shown = " ".join(" ".join(line for line in block.splitlines() if not line.startswith("$ ")).split())
    done = subprocess.run(
        ["bash", "-c", script], env=kept, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    pattern = ".*".join(map(re.escape, shown.split("...")))
    assert re.fullmatch(pattern, " ".join(done.stdout.split())), done.stdout + done.stderr


def test_there_are_blocks():
    assert len(BLOCKS) == 3
