"""docs/howto/postgres.md and the README say what is so: their blocks are run in order against a real server."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tradewind_postgres.extras import POSTGRES

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "docs" / "howto" / "postgres.md", ROOT / "providers" / "postgres" / "README.md"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_blocks_run(page, server, tmp_path):
    blocks = re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert blocks
    (tmp_path / "blocks.py").write_text("\n".join(blocks), encoding="utf-8")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TRADEWIND_", "AIRFLOW_"))}
    done = subprocess.run(
        [sys.executable, "-W", "error", "blocks.py"],
        cwd=tmp_path,
        env={**kept, "HOME": str(tmp_path), "AIRFLOW_CONN_WAREHOUSE": server.get_uri()},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr


def test_every_extra_that_is_told_of_exists():
    names = {extra.name for extra in POSTGRES}
    table = PAGES[0].read_text(encoding="utf-8").partition("| extra | what it does |")[2].partition("\n\n")[0]
    told = re.findall(
        r"`([a-z_-]+)`", "".join(line.split("|")[1] for line in table.splitlines() if line.count("|") > 2)
    )
    assert len(told) > 20
    assert set(told) <= names
    words = PAGES[1].read_text(encoding="utf-8").partition("## Extras")[2].partition("## Limits")[0]
    assert set(re.findall(r"`([a-z_-]+)`", words)) <= names
