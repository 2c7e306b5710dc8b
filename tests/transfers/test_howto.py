"""The how-to's table of types says what the code does."""

import re
from pathlib import Path

import pytest

from tradewind.transfer.types import KINDS
from tradewind_mysql.table_writer import MySqlCatalogue
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
