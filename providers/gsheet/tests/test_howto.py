"""docs/howto/gsheet.md and the README say what is so: their blocks are run in order against the stand-in."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tradewind_gsheet.extras import ALL

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "docs" / "howto" / "gsheet.md", ROOT / "providers" / "gsheet" / "README.md"]


@pytest.mark.parametrize("page", PAGES, ids=["gsheet.md", "README.md"])
def test_the_blocks_run(page, server, control, run_page):
    run_page(page, AIRFLOW_CONN_SHEETS=server.get_uri())


def test_every_extra_that_is_told_of_exists_and_all_are_told_of():
    text = PAGES[0].read_text(encoding="utf-8")
    rows = text.partition("| extra | what it does |")[2].partition("\n\n")[0].splitlines()
    told = set(re.findall(r"`([a-z_]+)`", "".join(row.split("|")[1] for row in rows if row.count("|") > 2)))
    assert told == {extra.name for extra in ALL} - {"project"}
