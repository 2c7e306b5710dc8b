"""Tables and queries of any database that has a `DbApiHook`, and what is SQLite's own. See also tests/transfers."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import Any

import pytest

from tradewind.dag import DAG
from tradewind.errors import DagError, TransferError
from tradewind.template import render_fields
from tradewind.transfer import LocalFile, Transfer
from tradewind_sql import SqliteHook, SqliteQuery, SqliteTable, SqlQuery, SqlTable


def move(source: Any, sink: Any, **more: Any) -> Any:
    return Transfer(task_id="load", source=source, sink=sink, **more).execute({})


def table(name: str, mode: str | None = None, **more: Any) -> SqlTable:
    """A table as any database has it, with SQLAlchemy to tell its columns and nothing but inserts."""
    return SqlTable(name, conn_id="warehouse", mode=mode, **more)


@pytest.fixture
def file(tmp_path: Any) -> Any:
    def write(text: str, **more: Any) -> LocalFile:
        (tmp_path / "rows.csv").write_text(text)
        return LocalFile(tmp_path / "rows.csv", **more)

    return write


def test_importing_the_endpoints_loads_neither_sqlalchemy_nor_a_driver() -> None:
    code = "import sys; from tradewind_sql import SqliteTable; SqliteTable('t'); print('sqlalchemy' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "False\n"


def test_the_modes_work_without_temporary_tables(hook: SqliteHook, file: Any) -> None:
    hook.run("create table t (id integer primary key, name text, n integer default 5)")
    for _ in range(2):
        move(file("id,name\n1,a\n2,\n"), table("t", "replace"))
        assert hook.get_records("select * from t") == [(1, "a", 5), (2, None, 5)]
    for _ in range(2):
        move(file('id,name\n2,b\n3,""\n2,c\n'), table("t", "upsert", keys=["id"]))
        assert hook.get_records("select * from t") == [(1, "a", 5), (2, "c", 5), (3, "", 5)]
    for _ in range(2):
        move(file("id\n8\n9\n"), table("t", "append", partition={"name": "p"}))
        assert hook.get_records("select id, name from t where id > 5") == [(8, "p"), (9, "p")]
    with pytest.raises(TransferError, match="2 rows came for table t, and 1 are in the partition of name now"):
        move(file("id,name\n8,p\n11,q\n"), table("t", "append", partition={"name": "p"}))
    assert len(hook.get_records("select * from t")) == 5


def test_a_failure_leaves_all_as_it_was_without_temporary_tables_too(hook: SqliteHook, file: Any) -> None:
    hook.run(["create table t (id integer primary key)", "insert into t values (7)"])
    with pytest.raises(sqlite3.IntegrityError):
        move(file("id\n1\n1\n"), table("t", "replace"))
    assert hook.get_records("select * from t") == [(7,)]


def test_a_table_is_made_from_types_that_most_databases_know(hook: SqliteHook, file: Any) -> None:
    source = file("id,d\n1,1.10\n", types={"id": "int", "d": "decimal(5,2)"})
    move(source, table("made", "upsert", keys=["id"], create=True))
    assert hook.get_first("select sql from sqlite_master")[0] == (
        'CREATE TABLE "made" ("id" bigint, "d" numeric(5,2), PRIMARY KEY ("id"))'
    )


def test_tables_and_queries_are_read(hook: SqliteHook, tmp_path: Any) -> None:
    hook.run(["create table t (id integer, ok boolean)", "insert into t values (1, 1), (2, null)"])
    move(table("t"), LocalFile(tmp_path / "a.csv"))
    assert (tmp_path / "a.csv").read_text() == "id,ok\n1,true\n2,\n"
    move(SqlQuery("select id from t where id > ?", conn_id="warehouse", parameters=[1]), LocalFile(tmp_path / "b.csv"))
    assert (tmp_path / "b.csv").read_text() == "id\n2\n"
    with pytest.raises(TransferError, match="the query returns no rows: delete from t"):
        move(SqlQuery("delete from t", conn_id="warehouse"), LocalFile(tmp_path / "b.csv"))
    assert len(hook.get_records("select * from t")) == 2


def test_a_connection_must_be_named_and_run_sql(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    for endpoint in (SqlTable, SqlQuery):
        with pytest.raises(DagError, match=f"{endpoint.__name__} names no connection: pass conn_id="):
            endpoint("t")
    assert SqliteTable("t").conn_id == "sqlite_default"


def test_templates_and_sql_files(tmp_path: Any) -> None:
    (tmp_path / "day.sql").write_text("select * from t where day = '{{ ds }}'")
    with DAG(
        "d", schedule=None, start_date=__import__("datetime").datetime(2025, 1, 1), template_searchpath=str(tmp_path)
    ):
        task = Transfer(
            task_id="load",
            source=SqliteQuery("day.sql", parameters={"a": "{{ ds }}"}),
            sink=SqliteTable("t_{{ ds_nodash }}", mode="append", partition={"day": "{{ ds }}"}),
        )
    copy = task.prepare_for_execution()
    render_fields(copy, {"ds": "2025-01-02", "ds_nodash": "20250102"})
    assert copy.source.sql == "select * from t where day = '2025-01-02'"
    assert copy.source.parameters == {"a": "2025-01-02"}
    assert repr(copy.sink) == "SqliteTable(table='t_20250102', mode='append', partition={'day': '2025-01-02'})"


# SQLite


def test_others_may_write_while_rows_are_collected(hook: SqliteHook, database: Any, file: Any) -> None:
    """The target is locked while rows are taken over, not while a slow source gives them."""
    hook.run(["create table t (id integer)", "insert into t values (1)"])

    class Watched(SqliteTable.writer_class):  # type: ignore[name-defined,misc]
        def rows(self, batches: Any) -> int:
            count = int(super().rows(batches))
            with closing(sqlite3.connect(database, timeout=0)) as other, other:
                other.execute("insert into t values (5)")
            return count

    class WatchedTable(SqliteTable):
        writer_class = Watched

    move(file("id\n2\n"), WatchedTable("t", conn_id="warehouse", mode="append"))
    assert hook.get_records("select id from t") == [(1,), (5,), (2,)]


def test_a_table_is_read_and_replaced_in_one_database(hook: SqliteHook) -> None:
    hook.run(["create table t (id integer)", "insert into t select value from json_each('[1,2,3]')"])
    hook.run("create table u (id integer)")
    move(SqliteTable("t", conn_id="warehouse"), SqliteTable("u", conn_id="warehouse", mode="replace"))
    move(
        SqliteQuery("select id * 2 as id from t", conn_id="warehouse"),
        SqliteTable("t", conn_id="warehouse", mode="replace"),
    )
    assert hook.get_records("select id from t") == [(2,), (4,), (6,)]
    assert hook.get_records("select id from u") == [(1,), (2,), (3,)]


def test_a_column_that_is_called_as_sqlite_calls_its_own(hook: SqliteHook, file: Any) -> None:
    hook.run('create table t ("rowid" text primary key, "oid" integer)')
    for _ in range(2):
        move(file("rowid,oid\nb,1\na,2\nb,3\n"), SqliteTable("t", conn_id="warehouse", mode="upsert", keys=["rowid"]))
        assert hook.get_records('select "rowid", "oid" from t order by 1') == [("a", 2), ("b", 3)]


@pytest.mark.parametrize("mode", ["replace", "append"])
def test_sqlite_invents_no_keys(hook: SqliteHook, file: Any, mode: str) -> None:
    """SQLite takes NULL for an integer primary key, and makes a number of it."""
    hook.run(["create table t (id integer primary key, name text)", "insert into t values (7, 'old')"])
    source = file("id,name\n1,a\n,b\n")
    with pytest.raises(TransferError, match="Row 2: column 'id' of t gets no value"):
        move(source, SqliteTable("t", conn_id="warehouse", mode=mode))
    assert hook.get_records("select * from t") == [(7, "old")]
    move(file("name\na\n"), SqliteTable("t", conn_id="warehouse", mode="append"))
    assert hook.get_records("select name from t order by id") == [("old",), ("a",)]
