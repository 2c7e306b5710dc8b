"""SQL that an operator's author writes: plain names are quoted, and nothing in it reaches another table."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewind.connection import Connection
from tradewind_sql import SqlError, SqliteHook
from tradewind_sql.expressions import column_sql, table_sql, where_sql

HOOK = SqliteHook(connection=Connection("c", "sqlite"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sales", '"sales"'),
        ("main.Sales", '"main"."Sales"'),
        ('"main"."my sales"', '"main"."my sales"'),
        ("`sales`", '"sales"'),
        ("größe", '"größe"'),
        ("2024", '"2024"'),
        ("(select 1) s", "(select 1) s\n"),
        ("sales s", "sales s\n"),
    ],
)
def test_plain_tables_are_quoted(text: str, expected: str) -> None:
    assert table_sql(HOOK, text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("amount", '"amount"'),
        ('"to""tal"', '"to""tal"'),
        ("order", '"order"'),
        ("a.b", "a.b"),
        ("lower(x)", "lower(x)"),
    ],
)
def test_plain_columns_are_quoted(text: str, expected: str) -> None:
    assert column_sql(HOOK, text) == expected


def test_conditions_are_joined() -> None:
    assert where_sql(HOOK) == where_sql(HOOK, None, "") == ""
    assert where_sql(HOOK, "a = 1 or b", None, "c") == " WHERE (a = 1 or b\n) AND (c\n)"


def outcome(conn: sqlite3.Connection, query: str) -> str:
    try:
        return str(conn.execute(query).fetchall())
    except sqlite3.Error as error:
        return str(error)


pieces = st.sampled_from(
    [
        *("victim", "sales", "a", '"', "'", "`", "[", "]", "(", ")", ";", "--", "/*", "*/", "\n", " ", ".", "$$"),
        *("drop table victim", "delete from victim", "union select 1", "1 = 1", "or"),
    ]
)


@settings(deadline=None, max_examples=400)
@given(st.lists(pieces, min_size=1, max_size=8).map("".join) | st.text(min_size=1, max_size=20))
def test_no_text_changes_anything(text: str) -> None:
    """The query is one SELECT, whatever is put into it: the driver refuses a second statement, and so do we before."""
    with closing(HOOK.get_conn()) as conn:
        conn.executescript("create table victim (a); insert into victim values (1); create table sales (a);")
        for make in (table_sql, column_sql, where_sql):
            try:
                made: Any = make(HOOK, text)
            except SqlError:
                continue
            query = {
                table_sql: f"SELECT count(*) FROM {made}",
                column_sql: f"SELECT max({made}) FROM sales",
                where_sql: f"SELECT count(*) FROM sales{made}",
            }[make]
            assert "one statement at a time" not in outcome(conn, query), query
        assert conn.execute("select count(*) from victim").fetchone() == (1,)
