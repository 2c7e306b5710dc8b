"""Tables and queries of PostgreSQL as ends of transfers: what is its own. See also tests/transfers."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import Any

import pytest

from tradewind.errors import TransferError
from tradewind.transfer import LocalFile, Transfer
from tradewind_postgres import PostgresQuery, PostgresTable

pytestmark = pytest.mark.usefixtures("server")


def move(source: Any, sink: Any, **more: Any) -> Any:
    return Transfer(task_id="load", source=source, sink=sink, **more).execute({})


def table(name: str, mode: str | None = None, **more: Any) -> PostgresTable:
    return PostgresTable(name, conn_id="warehouse", mode=mode, **more)


def query(sql: str, **more: Any) -> PostgresQuery:
    return PostgresQuery(sql, conn_id="warehouse", **more)


@pytest.fixture
def file(tmp_path: Any) -> Any:
    def write(text: str) -> LocalFile:
        (tmp_path / "rows.csv").write_text(text)
        return LocalFile(tmp_path / "rows.csv")

    return write


def test_importing_the_endpoints_loads_no_driver() -> None:
    code = (
        "import sys; from tradewind_postgres import PostgresTable; PostgresTable('t'); print('psycopg2' in sys.modules)"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "False\n"


def test_a_replaced_table_keeps_all_that_hangs_on_it(ask: Any, file: Any) -> None:
    ask(
        """
        create table t (id int primary key, name text not null check (name <> ''));
        create index named on t (lower(name));
        create view seen as select name from t;
        create materialized view kept as select name from t;
        create table log (name text);
        create function note() returns trigger language plpgsql as
            'begin insert into log values (new.name); return new; end';
        create trigger noted after insert on t for each row execute function note();
        create role reader; grant select on t to reader; comment on table t is 'mine';
        insert into t values (1, 'old');
        """
    )
    oid = ask("select 't'::regclass::oid")
    for name in ("a", "b"):
        move(file(f"id,name\n1,{name}\n2,x\n"), table("t", "replace"))
    assert ask("select 't'::regclass::oid") == oid
    assert ask("select name from seen order by 1") == [("b",), ("x",)]
    assert ask("select name from log") == [("old",), ("a",), ("x",), ("b",), ("x",)]
    assert ask("select count(*) from pg_indexes where tablename = 't'") == [(2,)]
    assert ask("select has_table_privilege('reader', 't', 'select'), obj_description('t'::regclass)") == [
        (True, "mine")
    ]
    with pytest.raises(Exception, match="check constraint"):
        move(file('id,name\n1,""\n'), table("t", "replace"))
    assert ask("select name from t order by 1") == [("b",), ("x",)]
    ask("drop owned by reader; drop role reader")


def test_readers_see_the_old_rows_till_the_commit_and_are_not_kept_waiting(ask: Any, file: Any) -> None:
    ask("create table t (id int); insert into t values (1); set statement_timeout = '10s'")
    seen = []

    class Watched(PostgresTable.writer_class):  # type: ignore[name-defined,misc]
        def _check_partition(self) -> None:
            seen.append(ask("select id from t"))

    class WatchedTable(PostgresTable):
        writer_class = Watched

    move(file("id\n2\n"), WatchedTable("t", conn_id="warehouse", mode="replace"))
    assert seen == [[(1,)]]
    assert ask("select id from t") == [(2,)]


def test_rows_go_straight_into_an_empty_table_and_through_a_temporary_one_into_a_filled_one(
    ask: Any, file: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    ask("create table t (id int)")
    for into in ('COPY "t"', 'COPY "tradewind_'):
        caplog.clear()
        move(file("id\n1\n"), table("t", "replace"))
        assert [message for message in caplog.messages if into in message]
    assert ask("select id from t") == [(1,)]


def test_a_partitioned_table_in_a_schema(ask: Any, file: Any) -> None:
    ask(
        """
        create schema "my sales";
        create table "my sales".t (day date, n int) partition by range (day);
        create table "my sales".t1 partition of "my sales".t for values from ('2024-01-01') to ('2025-01-01');
        """
    )
    sink = table('"my sales".t', "append", partition={"day": "2024-05-01"})
    for _ in range(2):
        assert move(file("day,n\n2024-05-01,1\n2024-05-01,2\n"), sink)["rows"] == 2
    assert ask('select count(*) from "my sales".t1') == [(2,)]
    with pytest.raises(Exception, match="no partition of relation"):
        move(file("day,n\n2030-01-01,1\n"), table('"my sales".t', "append"))


@pytest.mark.parametrize(
    "sql",
    [
        "select 1 as a, 'x' as b",
        "values (1, 'x')",
        "with c as (select 1 as a) select a, 'x' as b from c; -- done",
        "select 1 as a, 'x' as b ;\n",
        "table t",
    ],
)
def test_any_query_is_read(ask: Any, tmp_path: Any, sql: str) -> None:
    ask("create table t (a int, b text); insert into t values (1, 'x')")
    move(query(sql), LocalFile(tmp_path / "a.csv", header=False))
    assert (tmp_path / "a.csv").read_text() == "1,x\n"


def test_a_query_keeps_its_order(ask: Any, tmp_path: Any) -> None:
    ask("create table t as select generate_series(1, 5000) as a")
    move(query("select a from t order by a % 10, a desc limit 3"), LocalFile(tmp_path / "a.csv", header=False))
    assert (tmp_path / "a.csv").read_text() == "5000\n4990\n4980\n"


def test_two_columns_of_one_name_and_what_is_no_query_are_refused(tmp_path: Any) -> None:
    with pytest.raises(TransferError, match="the source has the column 'a' more than once"):
        move(query("select 1 as a, 2 as a"), LocalFile(tmp_path / "a.csv"))
    with pytest.raises(Exception, match="syntax error"):
        move(query("delete from t"), LocalFile(tmp_path / "a.csv"))


def test_only_the_columns_that_are_wanted_are_read(ask: Any, tmp_path: Any) -> None:
    ask("create table n as select 1 as a; create view t as select a, 1 / (a - a) as b from n")
    assert move(table("t"), LocalFile(tmp_path / "a.csv"), columns=["a"])["rows"] == 1
    with pytest.raises(Exception, match="division by zero"):
        move(table("t"), LocalFile(tmp_path / "a.csv"))


def test_the_settings_of_a_login_do_not_change_the_texts(ask: Any, tmp_path: Any) -> None:
    [(name,)] = ask("select current_database()")
    for setting in (
        "datestyle = 'German'",
        "intervalstyle = 'sql_standard'",
        "timezone = 'Asia/Kolkata'",
        "bytea_output = 'escape'",
        "extra_float_digits = 0",
    ):
        ask(f'alter database "{name}" set {setting}')
    sql = (
        "select date '2024-05-01' as d, interval '1 day 2 hours' as i, timestamptz '2024-05-01 12:00+00' as t, "
        "'\\x00ff'::bytea as b, 0.1::float8 + 0.2 as f, true as o"
    )
    move(query(sql), LocalFile(tmp_path / "a.csv", header=False))
    wanted = "2024-05-01,P1DT2H,2024-05-01 12:00:00+00,\\x00ff,0.30000000000000004,true\n"
    assert (tmp_path / "a.csv").read_text() == wanted
    move(
        LocalFile(tmp_path / "a.csv", header=False, types=dict.fromkeys("ditbfo", "text")),
        table("u", "replace", create=True),
    )


def test_rows_of_the_dictionary_kind_do_not_disturb(ask: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    uri = os.environ["AIRFLOW_CONN_WAREHOUSE"]
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", uri + ("&" if "?" in uri else "?") + "cursor=realdictcursor")
    ask("create table t (a int primary key, b text)")
    (tmp_path / "a.csv").write_text("a,b\n1,x\n1,y\n")
    for mode, keys in (("upsert", ["a"]), ("append", [])):
        if mode == "append":
            ask("truncate t")
            (tmp_path / "a.csv").write_text("a,b\n1,y\n")
        move(LocalFile(tmp_path / "a.csv"), table("t", mode, keys=keys))
        move(query("select * from t"), LocalFile(tmp_path / "b.csv"))
        assert (tmp_path / "b.csv").read_text() == "a,b\n1,y\n"


def test_transfers_to_one_table_go_one_after_the_other_and_to_others_at_once(ask: Any, file: Any) -> None:
    """The table is empty: without a lock both would see that, and both would add their rows."""
    ask("create table t (id int); create table u (id int)")
    source = file("id\n1\n2\n")
    entered, go_on = threading.Event(), threading.Event()

    class Slow(PostgresTable.writer_class):  # type: ignore[name-defined,misc]
        def _check_partition(self) -> None:
            entered.set()
            assert go_on.wait(60)

    class SlowTable(PostgresTable):
        writer_class = Slow

    first = threading.Thread(target=move, args=(source, SlowTable("t", conn_id="warehouse", mode="replace")))
    first.start()
    assert entered.wait(60)
    move(source, table("u", "replace"))
    second = threading.Thread(target=move, args=(source, table("t", "replace")))
    second.start()
    second.join(0.3)
    assert second.is_alive()
    go_on.set()
    first.join(60)
    second.join(60)
    assert ask("select id from t order by id") == [(1,), (2,)]


def test_a_number_that_is_quoted_and_empty_is_no_null(ask: Any, file: Any) -> None:
    ask("create table t (id int, n int)")
    assert move(file("id,n\n1,\n"), table("t", "replace"))["rows"] == 1
    with pytest.raises(Exception, match="invalid input syntax for type integer"):
        move(file('id,n\n1,""\n'), table("t", "replace"))


def test_a_line_of_a_backslash_and_a_point_does_not_end_the_copy(ask: Any, file: Any) -> None:
    ask("create table t (a text)")
    with pytest.raises(TransferError, match="3 rows were read, but the target took 1"):
        move(file("a\nx\n\\.\ny\n"), table("t", "replace"))
    assert ask("select * from t") == []
    assert move(file('a\nx\n"\\."\ny\n'), table("t", "replace"))["rows"] == 3


def test_more_columns_than_the_header_has(ask: Any, file: Any) -> None:
    ask("create table t (a text, b text); insert into t values ('old', 'old')")
    for line in ("1,2,3", "1"):
        with pytest.raises(Exception, match=r"extra data after last expected column|missing data for column"):
            move(file(f"a,b\nx,y\n{line}\n"), table("t", "replace"))
    assert ask("select * from t") == [("old", "old")]
