"""insert_rows and upsert_rows on a real server: what is in the table, in which transactions, by which way."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

import pymysql
import pytest

from tradewind.connection import Connection
from tradewind_mysql import MySqlHook, rows
from tradewind_sql.errors import RowError, SqlError

ROWS = [(number, f"row {number}") for number in range(1, 2501)]

Changed = Callable[..., MySqlHook]


@pytest.fixture
def table(hook: MySqlHook) -> str:
    hook.run("create table t (id int primary key, name varchar(40) not null default 'none', more int default 7)")
    return "t"


@pytest.fixture(params=["LOAD DATA", "INSERT"])
def either(request: pytest.FixtureRequest, changed: Changed, table: str) -> MySqlHook:
    """A hook for each of the two ways in which many rows go."""
    return changed(hook={"local_infile": None if request.param == "LOAD DATA" else False})


def count(hook: MySqlHook) -> int:
    return int(hook.get_first("select count(*) from t")[0])


# Which way


@pytest.fixture
def statements(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """The statements by which rows went, by their first two words."""
    caplog.set_level(logging.DEBUG)

    def seen() -> list[str]:
        told = [record.args[0] for record in caplog.records if record.msg == "Running statement: %s"]  # type: ignore[index]
        caplog.clear()
        return [" ".join(str(text).split()[:2]) for text in told if str(text).startswith(("INSERT", "REPLACE", "LOAD"))]

    return seen


def test_many_rows_are_loaded_and_few_inserted(hook: MySqlHook, table: str, statements) -> None:
    assert hook.insert_rows(table, ROWS[: rows.LOAD_FROM], ["id", "name"]) == rows.LOAD_FROM
    assert statements() == ["LOAD DATA"]
    assert hook.insert_rows(table, ROWS[rows.LOAD_FROM :][:10], ["id", "name"]) == 10
    assert statements() == ["INSERT INTO"]
    assert hook.insert_rows(table, ROWS, ["id", "name"], replace=True) == len(ROWS)
    assert set(statements()) == {"LOAD DATA"}
    assert count(hook) == len(ROWS)


@pytest.mark.parametrize(
    ("fields", "column", "kwargs"),
    [
        ({"hook": {"local_infile": False}}, "v int", {}),
        ({"extra": {"local_infile": False}}, "v int", {}),
        ({"extra": {"insert_statement_format": "INSERT IGNORE INTO {} {} VALUES ({})"}}, "v int", {}),
        ({}, "v bit(20)", {}),
        ({}, "v year", {}),
        ({}, "v int", {"autocommit": True}),
        ({}, "v int", {"replace": True, "replace_index": "id"}),
    ],
)
def test_what_is_not_loaded(changed: Changed, statements, fields, column: str, kwargs) -> None:
    hook = changed(**fields)
    hook.run(f"create table t (id int primary key, {column})")
    assert hook.insert_rows("t", [(number, 1) for number in range(500)], ["id", "v"], **kwargs) == 500
    assert "LOAD DATA" not in statements()
    assert count(hook) == 500


def test_a_server_that_forbids_it(tls_server, statements) -> None:
    """On a server of its own: the setting is for all who use it."""
    hook = MySqlHook(connection=tls_server.connection)
    hook.run(["create or replace table t (id int, name varchar(40))", "set global local_infile = 0"])
    try:
        assert hook.insert_rows("t", ROWS) == len(ROWS)
        assert set(statements()) == {"INSERT INTO"}
        assert count(hook) == len(ROWS)
    finally:
        hook.run("set global local_infile = 1")


def test_a_login_that_may_write_and_not_read(hook: MySqlHook, server: Connection, table: str) -> None:
    login = f"w{server.schema}"[:30]
    hook.run([f"create user `{login}` identified by 'pw'", f"grant insert on `{server.schema}`.t to `{login}`"])
    try:
        writer = MySqlHook(connection=Connection(**{**server.to_dict(), "login": login, "password": "pw"}))
        assert writer.insert_rows(table, ROWS, ["id", "name"]) == len(ROWS)
        assert count(hook) == len(ROWS)
    finally:
        hook.run(f"drop user `{login}`")


# What is in the table


def test_all_rows_arrive_in_their_columns(either: MySqlHook, table: str) -> None:
    assert either.insert_rows(table, [(name, number) for number, name in ROWS], ["name", "id"], commit_every=0) == 2500
    assert either.get_records("select id, name from t order by id") == ROWS
    assert either.get_first("select distinct more from t") == (7,)


def test_mappings_and_schema(either: MySqlHook, server: Connection, table: str) -> None:
    given = ({"name": name, "id": number} for number, name in ROWS)
    other = MySqlHook(connection=server, schema="information_schema", local_infile=either.local_infile)
    assert other.insert_rows(table, given, schema=server.schema) == 2500
    assert count(either) == 2500


def test_replace_deletes_the_old_row(either: MySqlHook, table: str) -> None:
    either.insert_rows(table, [(1, "old", 1), (2, "kept", 2)])
    either.insert_rows(table, [(number, "new") for number in [1, *range(3, 600)]], ["id", "name"], replace=True)
    assert either.get_records("select * from t where id < 3 order by id") == [(1, "new", 7), (2, "kept", 2)]
    assert count(either) == 599


def test_upserts_leave_the_rest_of_the_row(hook: MySqlHook, table: str) -> None:
    hook.insert_rows(table, [(1, "old", 1), (2, "kept", 2)])
    assert hook.upsert_rows(table, [(1, "new"), (3, "added")], ["id", "name"], "id") == 2
    assert hook.get_records("select * from t order by id") == [(1, "new", 1), (2, "kept", 2), (3, "added", 7)]
    hook.upsert_rows(table, [(1, "x", 100)], ["id", "name", "more"], ["id"], update_fields=["more"])
    assert hook.get_first("select * from t where id = 1") == (1, "new", 100)
    hook.insert_rows(table, [(1, "y", 5)], replace=True, replace_index="id")
    assert hook.get_first("select * from t where id = 1") == (1, "y", 5)


def test_nothing_is_done_for_rows_that_are_there(hook: MySqlHook, table: str) -> None:
    hook.insert_rows(table, [(1, "old", 1)])
    hook.upsert_rows(table, [(1, "new"), (2, "added")], ["id", "name"], "id", update_fields=[])
    assert hook.get_records("select * from t order by id") == [(1, "old", 1), (2, "added", 7)]
    with pytest.raises(pymysql.err.DataError, match="too long"):  # INSERT IGNORE would cut it
        hook.upsert_rows(table, [(3, "x" * 41)], ["id", "name"], "id", update_fields=[])


def test_an_upsert_by_columns_that_are_no_key_is_refused(hook: MySqlHook, table: str) -> None:
    hook.insert_rows(table, [(1, "a", 1)])
    with pytest.raises(SqlError, match="no primary key or unique index of t consists of name; there are: id"):
        hook.upsert_rows(table, [(2, "a")], ["id", "name"], "name")
    assert count(hook) == 1


# Transactions


def bad(place: int, last: tuple[object, ...]) -> Iterator[tuple[object, ...]]:
    yield from ROWS[:place]
    yield last


@pytest.mark.parametrize(
    ("last", "error"),
    [
        ((1, "again"), pymysql.err.IntegrityError),
        ((5000, "x" * 41), pymysql.err.DataError),
        ((5000, None), pymysql.err.Error),
        (("no number", "x"), pymysql.err.DataError),
        ((2**40, "x"), pymysql.err.DataError),
        ((5000,), RowError),
        ((5000, object()), RowError),
    ],
    ids=["duplicate", "too long", "null", "no number", "out of range", "too short", "no type"],
)
@pytest.mark.parametrize(("every", "kept"), [(0, 0), (1000, 2000)])
def test_a_bad_row_undoes_its_transaction(
    either: MySqlHook, table: str, last: tuple[object, ...], error: type[Exception], every: int, kept: int
) -> None:
    with pytest.raises(error) as caught:
        either.insert_rows(table, bad(2400, last), ["id", "name"], commit_every=every)
    assert count(either) == kept
    told = caught.value.__notes__[-1]
    assert told.startswith(f"{kept} rows were committed into t" if kept else "Nothing was inserted into t")


def test_rows_that_break_off_undo_their_transaction(either: MySqlHook, table: str) -> None:
    def broken() -> Iterator[tuple[int, str]]:
        yield from ROWS
        raise OSError("the source is gone")

    with pytest.raises(OSError, match="the source is gone"):
        either.insert_rows(table, broken(), ["id", "name"], commit_every=0)
    assert count(either) == 0


def test_loading_takes_part_in_a_transaction(either: MySqlHook, table: str) -> None:
    def both() -> None:
        with either.transaction():
            either.insert_rows(table, ROWS[:1000], ["id", "name"])
            either.run("update t set more = 1")
            either.insert_rows(table, [(1, "again")], ["id", "name"])

    with pytest.raises(pymysql.err.IntegrityError):
        both()
    assert count(either) == 0
    with either.transaction():
        either.insert_rows(table, ROWS[:1000], ["id", "name"])
        either.run("update t set more = 1")
    assert either.get_first("select count(*), min(more) from t") == (1000, 1)
    assert either.get_first("select @@sql_notes") == (1,)


def test_autocommit_keeps_what_went_before(hook: MySqlHook, table: str) -> None:
    with pytest.raises(pymysql.err.IntegrityError):
        hook.insert_rows(table, bad(2400, (1, "again")), ["id", "name"], autocommit=True, commit_every=1000)
    assert count(hook) == 2000


def test_triggers_and_foreign_keys_count_for_both(either: MySqlHook, table: str) -> None:
    either.run(["create table child (id int references t (id), foreign key (id) references t (id))"])
    with pytest.raises(pymysql.err.IntegrityError, match="foreign key"):
        either.insert_rows("child", [(number,) for number in range(300)])
    assert either.get_first("select count(*) from child") == (0,)


# Packets


def test_statements_fit_into_the_server_s_packets(changed: Changed, table: str, statements) -> None:
    hook = changed(hook={"local_infile": False})
    hook.run("create table big (v longtext)")
    size = hook.get_first("select @@max_allowed_packet")[0]
    piece = size // 3
    assert hook.insert_rows("big", [("x" * piece,) for _ in range(7)], commit_every=0) == 7
    assert hook.get_records("select distinct length(v), count(*) from big group by 1") == [(piece, 7)]


def test_a_row_larger_than_a_packet_is_an_error(changed: Changed, table: str) -> None:
    hook = changed(hook={"local_infile": False})
    hook.run("create table big (v longtext)")
    size = hook.get_first("select @@max_allowed_packet")[0]
    with pytest.raises(pymysql.err.OperationalError):
        hook.insert_rows("big", [("x" * (size + 10),)])
    assert hook.get_first("select count(*) from big") == (0,)


def test_a_form_of_one_s_own(changed: Changed, table: str) -> None:
    hook = changed(extra={"insert_statement_format": "INSERT IGNORE INTO {} {} VALUES ({})"})
    assert hook.insert_rows(table, [(1, "a"), (1, "b"), (2, "c")], ["id", "name"]) == 3
    assert hook.get_records("select id, name from t") == [(1, "a"), (2, "c")]
    odd = changed(extra={"insert_statement_format": "INSERT INTO {} {} SELECT {}"})
    assert odd.insert_rows(table, [(3, "a"), (4, "b")], ["id", "name"]) == 2
    assert count(hook) == 4


def test_odd_names_of_table_and_columns(either: MySqlHook) -> None:
    name, column = "a `VALUES (%s)` %%s; --", "b%s`, c) VALUES (1, 2"
    table = either.dialect.quote(name)
    either.run(f"create table {table} ({either.dialect.quote(column)} int, d int)")
    for number in (2, 400):
        assert either.insert_rows(table, [(1, 2)] * number, [column, "d"]) == number
    assert either.get_first(f"select count(*) from {table}") == (402,)


# Logs


def test_values_are_not_logged(either: MySqlHook, table: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    either.insert_rows(table, [(number, "gehe1m") for number in range(500)], ["id", "name"])
    with pytest.raises(pymysql.err.Error):
        either.insert_rows(table, [(number, "gehe1m") for number in range(500)], ["id", "name"])
    either.run("select %s", parameters=["gehe1m"])
    assert "gehe1m" not in caplog.text
