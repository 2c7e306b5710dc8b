"""docs/howto/http.md says what is so: its blocks are run in order against a service."""

from __future__ import annotations

import re
from pathlib import Path

from tradewind_http.extras import NAMES

PAGE = Path(__file__).parents[3] / "docs" / "howto" / "http.md"


def test_the_blocks_run(service, run_page, tmp_path):
    runs = "from tradewind.testing import run_dag\nfor one in (dag, orders): run_dag(one)\n"
    run_page(PAGE, runs, AIRFLOW_CONN_SHOP=service.get_uri())
    assert (tmp_path / "orders.csv").read_text() == "id,price,city\n1,9.5,\n2,12,\n"


def test_every_extra_is_told_of():
    table = PAGE.read_text(encoding="utf-8").partition("| extra | what it does |")[2].partition("\n\n")[0]
    told = re.findall(r"`([a-z_]+)`", "".join(line.split("|")[1] for line in table.splitlines() if line.count("|") > 2))
    assert set(told) == set(NAMES)
