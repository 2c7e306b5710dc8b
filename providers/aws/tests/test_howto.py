"""docs/howto/aws.md and the README say what is so: their blocks are run in order against a real server."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tradewind_aws.extras import AWS, GENERAL

ROOT = Path(__file__).parents[3]
HOWTO = ROOT / "docs" / "howto"
PAGES = [HOWTO / "aws.md", HOWTO / "aws-operators.md", ROOT / "providers" / "aws" / "README.md"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_blocks_run(page, server, cloud, run_page, tmp_path):
    options = {
        "endpoint_url": f"http://{cloud.host}:{cloud.port}",
        "aws_access_key_id": cloud.login,
        "aws_secret_access_key": cloud.password,
        "region_name": "us-east-1",
    }
    run_page(
        page,
        AIRFLOW_CONN_LAKE=server.get_uri(),
        AIRFLOW_CONN_CLOUD=cloud.get_uri(),
        AIRFLOW_CONN_BOOKS=f"sqlite:///{tmp_path}/books.db",
        TRADEWIND_SECRETS_OPTIONS=json.dumps({"aws_secrets_manager": options}),
    )


def test_every_extra_is_told_of():
    table = PAGES[0].read_text(encoding="utf-8").partition("| extra | what it does |")[2].partition("\n\n")[0]
    rows = [line.split("|") for line in table.splitlines() if line.count("|") > 2]
    told = {name: row[2] for row in rows for name in re.findall(r"`([a-z_0-9]+)`", row[1])}
    assert set(told) == {extra.name for extra in AWS}
    only = {name for name, what in told.items() if "`aws` only" in what}
    assert only == {extra.name for extra in AWS} - {extra.name for extra in GENERAL}
