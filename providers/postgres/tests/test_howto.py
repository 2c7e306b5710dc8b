"""docs/howto/postgres.md and the README say what is so: their blocks are run in order against a real server."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tradewind_postgres.extras import POSTGRES

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "docs" / "howto" / "postgres.md", ROOT / "providers" / "postgres" / "README.md"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_blocks_run(page, server, run_page):
    run_page(page, AIRFLOW_CONN_WAREHOUSE=server.get_uri())


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
