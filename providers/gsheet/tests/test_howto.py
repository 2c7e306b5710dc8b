"""docs/howto/gsheet.md and the README say what is so: their blocks are run in order against the stand-in."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tradewind_gsheet.extras import ALL

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "docs" / "howto" / "gsheet.md", ROOT / "providers" / "gsheet" / "README.md"]


@pytest.mark.parametrize("page", PAGES, ids=["gsheet.md", "README.md"])
def test_the_blocks_run(page, server, control, tmp_path):
    blocks = re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert blocks
    (tmp_path / "blocks.py").write_text("\n".join(blocks), encoding="utf-8")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TRADEWIND_", "AIRFLOW_"))}
    done = subprocess.run(
        [sys.executable, "-W", "error", "blocks.py"],
        cwd=tmp_path,
        env={**kept, "HOME": str(tmp_path), "AIRFLOW_CONN_SHEETS": server.get_uri()},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr


def test_every_extra_that_is_told_of_exists_and_all_are_told_of():
    text = PAGES[0].read_text(encoding="utf-8")
    rows = text.partition("| extra | what it does |")[2].partition("\n\n")[0].splitlines()
    told = set(re.findall(r"`([a-z_]+)`", "".join(row.split("|")[1] for row in rows if row.count("|") > 2)))
    assert told == {extra.name for extra in ALL} - {"project"}
