"""docs/howto/mysql.md and the README say what is so: their blocks are run in order against a real server."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tradewind.connection import Connection

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "docs" / "howto" / "mysql.md", ROOT / "providers" / "mysql" / "README.md"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_blocks_run(page: Path, server: Connection, run_page: Callable[..., str]) -> None:
    run_page(page, AIRFLOW_CONN_SHOP=server.get_uri())


def test_every_extra_that_is_told_of_exists() -> None:
    from tradewind_mysql import extras

    names = {extra.name for extra in extras.MYSQL}
    table = PAGES[0].read_text(encoding="utf-8").partition("| extra | what it does |")[2].partition("\n\n")[0]
    told = re.findall(r"`([a-z_]+)`", "".join(line.split("|")[1] for line in table.splitlines() if line.count("|") > 2))
    assert len(told) > 15
    assert set(told) <= names
