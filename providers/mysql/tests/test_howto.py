"""docs/howto/mysql.md and the README say what is so: their blocks are run in order against a real server."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tradewind.connection import Connection

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "docs" / "howto" / "mysql.md", ROOT / "providers" / "mysql" / "README.md"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_blocks_run(page: Path, server: Connection, tmp_path: Path) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert blocks
    (tmp_path / "blocks.py").write_text("\n".join(blocks), encoding="utf-8")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TRADEWIND_", "AIRFLOW_"))}
    done = subprocess.run(
        [sys.executable, "-W", "error", "blocks.py"],
        cwd=tmp_path,
        env={**kept, "HOME": str(tmp_path), "AIRFLOW_CONN_SHOP": server.get_uri()},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_every_extra_that_is_told_of_exists() -> None:
    from tradewind_mysql import extras

    names = {extra.name for extra in extras.MYSQL}
    table = PAGES[0].read_text(encoding="utf-8").partition("| extra | what it does |")[2].partition("\n\n")[0]
    told = re.findall(r"`([a-z_]+)`", "".join(line.split("|")[1] for line in table.splitlines() if line.count("|") > 2))
    assert len(told) > 15
    assert set(told) <= names
