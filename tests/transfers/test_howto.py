"""What the how-to promises: its table of types, and that a sandbox can stand in for the servers."""

import re
from pathlib import Path

import pytest

from tradewind.sandbox.uses import uses_of_task
from tradewind.transfer import Transfer
from tradewind.transfer.types import KINDS
from tradewind_aws import S3Object
from tradewind_mysql import MySqlTable
from tradewind_mysql.table_writer import MySqlCatalogue
from tradewind_postgres import PostgresTable
from tradewind_postgres.table_writer import PostgresCatalogue
from tradewind_sql.sqlite_tables import SqliteCatalogue

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "transfers.md"
LINES = re.findall(r"^\| (\w+) \| (.+?) \| (.+?) \| (.+?) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
TABLE = {kind: columns for kind, *columns in LINES if kind in KINDS}


def test_every_type_is_in_the_table():
    assert set(TABLE) == set(KINDS) - {"any"}


@pytest.mark.parametrize("kind", TABLE)
def test_the_table_names_the_columns_that_are_made(kind):
    told = [column.strip("`") for column in TABLE[kind]]
    made = [catalogue.declarations[kind] for catalogue in (PostgresCatalogue, MySqlCatalogue, SqliteCatalogue)]
    if kind == "array":
        told[0] = made[0]  # the type of its items, with brackets
    assert told == made


def test_a_sandbox_is_found_for_the_ends_of_a_transfer():
    """`run --sandbox` starts a server for each connection of a DAG that has none."""
    task = Transfer(
        task_id="load", source=PostgresTable("t", conn_id="shop"), sink=MySqlTable("t", conn_id="x", mode="append")
    )
    assert {(use.conn_id, use.conn_type) for use in uses_of_task(task)} == {("shop", "postgres"), ("x", "mysql")}
    task = Transfer(task_id="load", source=PostgresTable("t", conn_id="shop"), sink=S3Object("a.csv", conn_id="lake"))
    assert {(use.conn_id, use.conn_type) for use in uses_of_task(task)} == {("shop", "postgres"), ("lake", "s3")}
