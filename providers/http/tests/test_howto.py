"""docs/howto/http.md says what is so: its blocks are run in order against a service."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tradewind_http.extras import NAMES

PAGE = Path(__file__).parents[3] / "docs" / "howto" / "http.md"


def test_the_blocks_run(service, tmp_path):
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert len(blocks) > 3
    runs = "from tradewind.testing import run_dag\nfor one in (dag, orders): run_dag(one)\n"
    (tmp_path / "blocks.py").write_text("\n".join([*blocks, runs]), encoding="utf-8")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TRADEWIND_", "AIRFLOW_"))}
    done = subprocess.run(
        [sys.executable, "-W", "error", "blocks.py"],
        cwd=tmp_path,
        env={**kept, "HOME": str(tmp_path), "AIRFLOW_CONN_SHOP": service.get_uri()},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "orders.csv").read_text() == "id,price,city\n1,9.5,\n2,12,\n"


def test_every_extra_is_told_of():
    table = PAGE.read_text(encoding="utf-8").partition("| extra | what it does |")[2].partition("\n\n")[0]
    told = re.findall(r"`([a-z_]+)`", "".join(line.split("|")[1] for line in table.splitlines() if line.count("|") > 2))
    assert set(told) == set(NAMES)
