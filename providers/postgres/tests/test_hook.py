"""PostgresHook on a real server: statements, rows, notices, cursors, streams, time limits, cancelling."""

from __future__ import annotations

import datetime
import decimal
import enum
import ipaddress
import logging
import signal
import threading
import time
import uuid
from contextlib import closing
from pathlib import Path

import numpy
import pandas
import psycopg2
import psycopg2.extras
import pytest

from tradewind.connection import Connection
from tradewind_postgres import PostgresHook
from tradewind_sql import SqlError
from tradewind_sql.errors import StatementCancelled, StatementTimeout


def with_extra(server, **extra):
    changed = Connection.from_uri(server.get_uri(), "warehouse")
    changed.extra = extra
    return PostgresHook(connection=changed)


def running(ask, words):
    """How many statements with these words the server executes."""
    return ask(
        "select count(*) from pg_stat_activity where state = 'active' and query like %s and pid <> pg_backend_pid() "
        "and datname = current_database()",
        (f"%{words}%",),
    )[0][0]


def connections(ask, more=""):
    """How many connections hooks have to this test's database."""
    ours = "application_name = 'tradewind' and datname = current_database()"
    return ask(f"select count(*) from pg_stat_activity where {ours} {more}")[0][0]


def wait_for(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.01)


# -- statements


def test_a_script_of_three_lines(hook):
    assert hook.get_records("select n, n * 2 from generate_series(1, %s) n", [3]) == [(1, 2), (2, 4), (3, 6)]
    assert hook.get_first("select %(a)s::int", {"a": 7}) == (7,)


def test_one_failure_undoes_all(hook, ask):
    with pytest.raises(psycopg2.errors.UndefinedTable):
        hook.run(["create table kept (id int)", "select * from nowhere"])
    assert ask("select to_regclass('kept')") == [(None,)]


def test_what_cannot_be_in_a_transaction_needs_autocommit(hook):
    hook.run("vacuum", autocommit=True)
    with pytest.raises(psycopg2.errors.ActiveSqlTransaction):
        hook.run("vacuum")


def test_dollar_quotes_and_nested_comments_are_split_rightly(hook):
    text = """
        create function one() returns int language plpgsql as $body$ begin return 1; end; $body$;
        /* a /* nested; */ comment; */ select one();
    """
    assert hook.run(text, split_statements=True, handler=lambda cursor: cursor.description and cursor.fetchall()) == [
        (1,)
    ]


class Colour(enum.Enum):
    RED = "red"


@pytest.mark.parametrize(
    ("value", "cast", "read"),
    [
        ({"a": [1, None, "ü"]}, "jsonb", {"a": [1, None, "ü"]}),
        (uuid.UUID(int=5), "uuid", "00000000-0000-0000-0000-000000000005"),
        (Colour.RED, "text", "red"),
        (Path("/a/b"), "text", "/a/b"),
        (ipaddress.ip_address("::1"), "inet", "::1"),
        (numpy.int64(5), "int", 5),
        (numpy.float64(0.5), "float8", 0.5),
        (pandas.NaT, "date", None),
        (pandas.NA, "int", None),
        ([numpy.int64(1), None], "int[]", [1, None]),
        ([uuid.UUID(int=5)], "text[]", ["00000000-0000-0000-0000-000000000005"]),
        (b"\x00\xff", "bytea", b"\x00\xff"),
        (decimal.Decimal("NaN"), "numeric", None),
        (datetime.timedelta(days=1), "interval", datetime.timedelta(days=1)),
    ],
)
def test_parameters_of_many_types(hook, value, cast, read):
    [found] = hook.get_first(f"select %s::{cast}", [value])
    if isinstance(value, decimal.Decimal):
        assert found.is_nan()
    else:
        assert found == read


def test_a_tuple_is_a_list_of_values(hook):
    assert hook.get_records("select n from generate_series(1, 5) n where n in %s", [(2, 4)]) == [(2,), (4,)]


def test_values_are_not_logged(hook, caplog):
    caplog.set_level(logging.DEBUG)
    hook.run("create table t (a text)")
    hook.get_records("select %s", ["hidden-value"])
    hook.insert_rows("t", [("hidden-value",)])
    hook.insert_rows("t", [("hidden-value",)], ["a"], replace=False)
    assert "create table t" in caplog.text
    assert "hidden-value" not in caplog.text


# -- rows in other forms


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("dictcursor", lambda row: row["one"] + row[1]),
        ("realdictcursor", lambda row: row["one"] + row["two"]),
        ("namedtuplecursor", lambda row: row.one + row.two),
    ],
)
def test_cursor_factories(server, name, read):
    hook = with_extra(server, cursor=name)
    assert [read(row) for row in hook.get_records("select 1 as one, 2 as two")] == [3]
    assert read(hook.get_first("select 1 as one, 2 as two")) == 3
    with closing(hook.get_conn()) as conn, conn.cursor() as cursor:
        cursor.execute("select 1 as one, 2 as two")
        assert read(cursor.fetchone()) == 3
    assert list(hook.get_records_by_chunks("select 1, 2", chunksize=5)) == [[(1, 2)]]
    hook.run("create table t (id int primary key)")
    assert hook.insert_rows("t", [(1,), (2,)]) == 2


def test_an_unknown_cursor_is_refused():
    with pytest.raises(Exception, match="'cursor' must be one of dictcursor, realdictcursor, namedtuplecursor"):
        Connection.from_uri("postgres://db/d?cursor=tuples")


@pytest.mark.parametrize("df_type", ["pandas", "polars"])
def test_data_frames(hook, df_type):
    found = hook.get_df(["create table t as select 1 as n, 'x' as a", "select * from t"], df_type=df_type)
    assert found["n"].to_list() == [1]
    chunks = list(hook.get_df_by_chunks("select generate_series(1, 5) as n", chunksize=2, df_type=df_type))
    assert [chunk["n"].to_list() for chunk in chunks] == [[1, 2], [3, 4], [5]]


def test_a_column_without_values_has_its_type(hook):
    found = hook.get_df("select null::int as i, null::float8 as f, null::bool as b", df_type="polars")
    assert [str(kind) for kind in found.dtypes] == ["Int64", "Float64", "Boolean"]


# -- streams


def test_rows_stay_on_the_server(hook, ask):
    """The server has made ten rows, not a million, when the first ten are read."""
    ask("create sequence made")
    rows = hook.get_records_by_chunks("select nextval('made') from generate_series(1, 1000000)", chunksize=10)
    assert next(rows) == [(n,) for n in range(1, 11)]
    assert ask("select last_value from made")[0][0] <= 20
    rows.close()
    wait_for(lambda: connections(ask) == 0)


@pytest.mark.parametrize(
    "sql",
    [
        "insert into t values (1), (2), (3) returning id",
        "with gone as (insert into t values (1), (2), (3) returning id) select id from gone",
        "update t set id = id where id < 0 returning id",
        "values (1), (2), (3)",
        "table t",
        "with a as (select generate_series(1, 3) as id) select id from a",
        "select 'insert' || $$ into $$ -- delete from t",
        "show search_path",
        "explain select 1",
    ],
)
def test_a_stream_of_anything(hook, sql):
    hook.run("create table t (id int)")
    with_all = hook.get_records(sql)
    hook.run("truncate t")
    streamed = [row for rows in hook.get_records_by_chunks(sql, chunksize=2) for row in rows]
    assert streamed == with_all or (len(streamed) == len(with_all) and sql.startswith("explain"))


def test_a_stream_that_fails_on_its_way(hook):
    rows = hook.get_records_by_chunks("select 1 / (5 - n) from generate_series(1, 9) n", chunksize=2)
    assert next(rows) == [(0,), (0,)]
    with pytest.raises(psycopg2.errors.DivisionByZero):
        list(rows)


# -- notices


def test_notices_go_to_the_log(server, caplog):
    caplog.set_level(logging.INFO)
    hook = PostgresHook("warehouse", enable_log_db_messages=True)
    hook.run("do $$ begin for n in 1..80 loop raise notice 'told %', n; end loop; end $$")
    assert "NOTICE:  told 1\n" in caplog.text  # psycopg2's own list keeps the last fifty
    assert "NOTICE:  told 80" in caplog.text


def test_notices_before_a_failure_go_to_the_log(server, caplog):
    caplog.set_level(logging.INFO)
    hook = PostgresHook("warehouse", enable_log_db_messages=True)
    with pytest.raises(psycopg2.errors.RaiseException):
        hook.run("do $$ begin raise notice 'careful'; raise exception 'no'; end $$")
    assert caplog.text.count("NOTICE:  careful") == 1


def test_notices_are_not_logged_unasked(hook, caplog):
    caplog.set_level(logging.INFO)
    hook.run("do $$ begin raise notice 'told'; end $$")
    assert "NOTICE" not in caplog.text


def test_notices_of_a_connection_of_ones_own(server, caplog):
    caplog.set_level(logging.INFO)
    hook = PostgresHook("warehouse", enable_log_db_messages=True)
    with closing(hook.get_conn()) as conn:
        with conn.cursor() as cursor:
            cursor.execute("do $$ begin raise notice 'told'; end $$")
        hook.get_db_log_messages(conn)
        hook.get_db_log_messages(conn)
    assert caplog.text.count("told") == 1
    with hook.get_sqlalchemy_engine().connect() as connection:
        connection.exec_driver_sql("do $$ begin raise notice 'through SQLAlchemy'; end $$")


# -- limits and cancelling


@pytest.mark.parametrize("how", ["extra", "argument"])
def test_a_statement_that_takes_too_long(server, how):
    hook = (
        with_extra(server, statement_timeout=0.2)
        if how == "extra"
        else PostgresHook("warehouse", statement_timeout=0.2)
    )
    with pytest.raises(StatementTimeout, match=r"longer than the statement_timeout of 0\.2 s"):
        hook.run("select pg_sleep(60)")
    with hook.get_sqlalchemy_engine().connect() as connection:
        assert connection.exec_driver_sql("show statement_timeout").scalar() == "200ms"
    with closing(hook.get_conn()) as conn:
        conn.rollback()
        with conn.cursor() as cursor:
            cursor.execute("show statement_timeout")
            assert cursor.fetchone() == ("200ms",)


def test_cancel_from_another_thread_stops_it_on_the_server(hook, ask):
    failures = []

    def work():
        try:
            hook.run("select pg_sleep(61)")
        except StatementCancelled as error:
            failures.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    wait_for(lambda: running(ask, "pg_sleep(61)"))
    hook.cancel()
    thread.join(30)
    assert len(failures) == 1
    assert running(ask, "pg_sleep(61)") == 0


class Stop(BaseException):
    pass


@pytest.fixture
def alarm():
    """Have a signal handler raise Stop in this thread as soon as a condition holds."""

    def stop(number, frame):
        raise Stop

    previous = signal.signal(signal.SIGUSR1, stop)
    threads = []

    def when(condition):
        def watch():
            wait_for(condition)
            signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR1)

        threads.append(threading.Thread(target=watch))
        threads[-1].start()

    yield when
    for thread in threads:
        thread.join()
    signal.signal(signal.SIGUSR1, previous)


WAITING = {
    "run": lambda hook: hook.run("select pg_sleep(62)"),
    "get_df": lambda hook: hook.get_df("select pg_sleep(62)"),
    "a stream": lambda hook: list(hook.get_records_by_chunks("select pg_sleep(62)")),
    "copy out": lambda hook: hook.copy_expert("copy (select pg_sleep(62)) to stdout", "/dev/null"),
    "insert": lambda hook: hook.insert_rows("slow", [(62,)]),
    "upsert": lambda hook: hook.upsert_rows("slow", [(62,)] * 200, ["s"], ["s"]),
    "copy in": lambda hook: hook.copy_expert("copy slow from stdin", ["62\n"] * 5),
}


@pytest.mark.parametrize("call", WAITING.values(), ids=WAITING)
def test_a_signal_breaks_off_what_waits_for_the_server(hook, ask, alarm, call):
    """psycopg2 itself waits in C, where no signal handler runs: a task's time limit would have no effect."""
    ask("create table slow (s int primary key)")
    ask("create function wait() returns trigger language plpgsql as $$ begin perform pg_sleep(62); return new; end $$")
    ask("create trigger waits before insert on slow for each row execute function wait()")
    alarm(lambda: connections(ask, "and wait_event = 'PgSleep'"))
    started = time.monotonic()
    with pytest.raises(Stop):
        call(hook)
    assert time.monotonic() - started < 30
    wait_for(lambda: connections(ask) == 0)


# -- tables


def test_primary_keys(hook):
    hook.run(
        [
            "create schema sales",
            'create table sales."Order Lines" (line int, "order" int, a int, primary key ("order", line))',
            "create table plain (id int)",
            "create table keyed (id int primary key)",
        ]
    )
    assert hook.get_table_primary_key('sales."Order Lines"') == ["order", "line"]
    assert hook.get_table_primary_key("Order Lines", "sales") == ["order", "line"]
    assert hook.get_table_primary_key("keyed") == ["id"]
    assert hook.get_table_primary_key("plain") is None
    with pytest.raises(SqlError, match="no table nowhere"):
        hook.get_table_primary_key("nowhere")


def test_the_columns_of_a_table(hook):
    hook.run(
        "create table t (id serial, a varchar(20) not null default 'x', g int generated always as (1) stored, "
        "i int generated always as identity, d int generated by default as identity)"
    )
    assert hook.get_table_schema("t") == [
        {"name": "id", "type": "integer"},
        {"name": "a", "type": "character varying(20)"},
        {"name": "g", "type": "integer"},
        {"name": "i", "type": "integer"},
        {"name": "d", "type": "integer"},
    ]
    assert hook.dialect.get_target_fields("t") == ["a"]
    found = {column["name"]: column for column in hook.dialect.get_columns("t")}
    assert found["a"]["default"] == "'x'::character varying"
    assert found["a"]["nullable"] is False
    assert found["i"]["identity"] == {"always": True}


def test_a_temporary_table_of_the_session_is_seen(hook):
    with hook.session():
        hook.run("create temporary table mine (id int primary key)")
        assert hook.get_table_primary_key("mine", None) == ["id"]
        assert hook.insert_rows("mine", [(1,)]) == 1
        assert hook.get_records("select * from mine") == [(1,)]
