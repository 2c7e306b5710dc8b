"""Names in generated SQL: always quoted, never another table's."""

from __future__ import annotations

import string
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tradewind.connection import Connection
from tradewind_sql import DbApiHook, Dialect, InvalidName, SqlError, SqliteHook

names = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), min_size=1, max_size=20)
nasty = st.text(st.sampled_from("aB\"`[].;'- %{}?$\\\n"), min_size=1, max_size=10)
any_name = st.one_of(
    names, nasty, st.sampled_from(["select", "Order", "x; drop table victim", 'a"b', "victim", "VICTIM"])
)


def sqlite(**extra: object) -> SqliteHook:
    return SqliteHook(connection=Connection(conn_id="c", conn_type="sqlite", extra=extra))


def lower(name: str) -> str:
    """As SQLite compares names."""
    return name.translate(str.maketrans(string.ascii_uppercase, string.ascii_lowercase))


@given(any_name)
def test_a_quoted_name_is_read_back_as_it_was(name: str) -> None:
    dialect = sqlite().dialect
    assert dialect.split_name(dialect.quote(name)) == [name]
    assert dialect.escape_word(dialect.quote(name)) == dialect.quote(name)


@given(st.lists(any_name, min_size=1, max_size=3))
def test_a_name_with_a_schema_is_taken_apart_at_the_dots_outside_quotes(parts: list[str]) -> None:
    dialect = sqlite().dialect
    text = ".".join(dialect.quote(part) for part in parts)
    assert dialect.split_name(text) == parts
    assert dialect.table_name(text) == text


@given(any_name, any_name)
def test_an_insert_touches_the_table_of_that_name_and_no_other(table: str, column: str) -> None:
    hook = sqlite()
    dialect = hook.dialect
    with closing(hook.get_conn()) as conn:
        conn.execute(f"CREATE TABLE {dialect.quote(table)} ({dialect.quote(column)})")
        others = [name for name in ("victim", "x", "main_t") if name != lower(table)]
        for other in others:
            conn.execute(f"CREATE TABLE {dialect.quote(other)} (a)")
        sql = dialect.generate_insert_sql(dialect.quote(table), (1,), [dialect.quote(column)])
        conn.execute(sql, (1,))
        assert conn.execute(f"SELECT * FROM {dialect.quote(table)}").fetchall() == [(1,)]
        for other in others:
            assert conn.execute(f"SELECT count(*) FROM {dialect.quote(other)}").fetchone() == (0,)


@given(nasty.filter(lambda name: "." not in name and name[0] not in '"`['))
def test_a_bare_name_is_the_name_whatever_is_in_it(name: str) -> None:
    dialect = sqlite().dialect
    assert dialect.table_name(name) == dialect.quote(name)
    assert dialect.table_name(name, schema="main") == f'"main".{dialect.quote(name)}'


@given(nasty)
def test_every_generated_name_stands_in_quotes_or_is_refused(text: str) -> None:
    dialect = sqlite().dialect
    try:
        sql = dialect.generate_insert_sql(text, (1,), ["a"])
    except InvalidName:
        return
    assert sql == f'INSERT INTO {".".join(dialect.quote(part) for part in dialect.split_name(text))} ("a") VALUES (?)'


@pytest.mark.parametrize(
    ("table", "schema", "expected"),
    [
        ("t", None, '"t"'),
        ("Sales", None, '"Sales"'),
        ("order", None, '"order"'),
        ("main.t", None, '"main"."t"'),
        ('main."a.b"', None, '"main"."a.b"'),
        ("[a.b]", None, '"a.b"'),
        ("`a``b`", None, '"a`b"'),
        ('a"b', None, '"a""b"'),
        ("t", "main", '"main"."t"'),
        ("main.t", "main", '"main"."t"'),
        ("t; drop table u", None, '"t; drop table u"'),
    ],
)
def test_table_names_are_quoted(table: str, schema: str | None, expected: str) -> None:
    assert sqlite().dialect.table_name(table, schema) == expected


@pytest.mark.parametrize("table", ["", ".t", "main.", "a..b", "a\0b"])
def test_what_cannot_be_a_table_name_is_refused(table: str) -> None:
    with pytest.raises(InvalidName, match="cannot be the name"):
        sqlite().dialect.table_name(table)


def test_two_different_schemas_are_refused() -> None:
    with pytest.raises(InvalidName, match="names another schema"):
        sqlite().dialect.table_name("a.t", "b")


def test_words_are_unescaped_part_by_part() -> None:
    dialect = sqlite().dialect
    assert dialect.unescape_word('"a"."b.c"') == "a.b.c"
    assert dialect.unescape_word(None) is None
    assert dialect.extract_schema_from_table('"s"."a b"') == ("a b", "s")
    assert dialect.extract_schema_from_table("t") == ("t", None)


def test_formats_come_from_the_extras_or_the_hook() -> None:
    hook = sqlite(escape_word_format="[{}]", insert_statement_format="INSERT OR IGNORE INTO {} {} VALUES ({})")
    assert hook.dialect.generate_insert_sql("a]b", (1, 2), ["x", "y"]) == (
        "INSERT OR IGNORE INTO [a]]b] ([x], [y]) VALUES (?, ?)"
    )
    assert SqliteHook(connection=hook.connection, escape_word_format="`{}`").dialect.quote("a`b") == "`a``b`"
    with pytest.raises(SqlError, match="escape_word_format"):
        sqlite(escape_word_format="{}").dialect.quote("a")


def test_plain_columns_can_be_left_bare_and_others_never_are() -> None:
    dialect = sqlite(escape_column_names=False).dialect
    assert dialect.escape_word("plain") == "plain"
    assert dialect.escape_word("select") == '"select"'
    assert dialect.escape_word("a b") == '"a b"'
    assert dialect.escape_word('x) --"') == '"x) --"""'


def test_percent_signs_in_names_survive_a_driver_that_formats() -> None:
    hook = DbApiHook(connection=Connection(conn_id="c", conn_type="generic"))
    assert hook.dialect.generate_insert_sql("50%", (1,), ["%s"]) == 'INSERT INTO "50%%" ("%%s") VALUES (%s)'


def test_upserts_change_what_is_asked_for() -> None:
    dialect = sqlite().dialect
    insert = 'INSERT INTO "t" ("id", "a", "b") VALUES (?, ?, ?)'
    fields = ["id", "a", "b"]

    def upsert(**options: object) -> str:
        return dialect.generate_replace_sql("t", (1, 2, 3), fields, **options)

    assert upsert() == insert.replace("INSERT", "REPLACE")
    assert upsert(replace_index="id") == (
        f'{insert} ON CONFLICT ("id") DO UPDATE SET "a" = excluded."a", "b" = excluded."b"'
    )
    assert upsert(replace_index=["id", "a"]) == f'{insert} ON CONFLICT ("id", "a") DO UPDATE SET "b" = excluded."b"'
    assert upsert(replace_index="id", replace_target=["b"]) == (
        f'{insert} ON CONFLICT ("id") DO UPDATE SET "b" = excluded."b"'
    )
    assert upsert(replace_index="id", replace_target=[]) == f'{insert} ON CONFLICT ("id") DO NOTHING'
    with pytest.raises(SqlError, match="'other'"):
        upsert(replace_index="other")
    with pytest.raises(SqlError, match="replace_index"):
        upsert(replace_target=["a"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20, deadline=None)
@given(table=any_name, key=any_name, column=any_name)
def test_both_dialects_read_the_same_of_a_table(tmp_path: Path, table: str, key: str, column: str) -> None:
    if lower(key) == lower(column) or lower(table).startswith("sqlite_"):
        return
    path = tmp_path / "same.db"
    path.unlink(missing_ok=True)
    hook = SqliteHook(connection=Connection(conn_id="c", conn_type="sqlite", host=str(path)))
    own = hook.dialect
    hook.run(f"CREATE TABLE {own.quote(table)} ({own.quote(column)} TEXT, {own.quote(key)} INTEGER PRIMARY KEY)")
    assert own.get_column_names(own.quote(table)) == [column, key]
    assert own.get_primary_keys(own.quote(table)) == [key]
    general = Dialect(hook)
    assert general.get_column_names(own.quote(table)) == [column, key]
    assert general.get_primary_keys(own.quote(table)) == [key]


def test_columns_that_the_database_fills_in_are_no_targets(hook: SqliteHook) -> None:
    hook.run("CREATE TABLE t (a INTEGER, b INTEGER, total INTEGER AS (a + b), PRIMARY KEY (b, a))")
    for dialect in (hook.dialect, Dialect(hook)):
        assert dialect.get_target_fields("t") == ["a", "b"]
        assert dialect.get_target_fields("main.t") == ["a", "b"]
        assert dialect.get_primary_keys("t", schema="main") == ["b", "a"]
    assert hook.get_table_schema("t") == [
        {"name": "a", "type": "INTEGER"},
        {"name": "b", "type": "INTEGER"},
        {"name": "total", "type": "INTEGER"},
    ]
    with pytest.raises(SqlError, match=r"'warehouse'.*no table 'missing'"):
        hook.get_table_schema("missing")


def test_keys_may_be_given_in_quotes_as_other_names_may() -> None:
    make = sqlite().dialect.generate_replace_sql
    plain = make("t", (1, 2), ["id", "a b"], replace_index="id")
    assert make("t", (1, 2), ["id", "a b"], replace_index='"id"') == plain
    assert make("t", (1, 2), ['"id"', "a b"], replace_index=["id"], replace_target=['"a b"']) == plain
