"""SQLInsertRowsOperator, SQLBulkLoadOperator and GenericTransfer: all of the rows or none, and constant memory."""

from __future__ import annotations

import datetime
import logging
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tradewind.dag import DAG
from tradewind.errors import DagError, TaskSkipped
from tradewind.taskflow import task
from tradewind_sql import GenericTransfer, SQLBulkLoadOperator, SqlError, SQLInsertRowsOperator, SqliteHook

NUMBERS = (
    "with recursive n(i) as (select 1 union all select i + 1 from n limit {}) select i, 'name ' || i as name from n"
)


@pytest.fixture
def hook(hook: SqliteHook) -> SqliteHook:
    hook.run("create table t (id integer primary key, name text, note text default 'none')")
    hook.run("insert into t values (1, 'old', 'kept')")
    return hook


def rows_of(hook: SqliteHook, table: str = "t") -> list[Any]:
    return list(hook.get_records(f"select * from {table} order by 1"))


# SQLInsertRowsOperator


def insert(rows: Any, **options: Any) -> Any:
    options = {"task_id": "store", "conn_id": "warehouse", "table_name": "t", **options}
    return SQLInsertRowsOperator(rows=rows, **options).execute({})


def test_rows_are_sequences_or_dicts(hook: SqliteHook) -> None:
    assert insert([(2, "b", "x"), [3, "c", None]]) == 2
    assert insert([{"id": 4, "name": "d"}, {"name": "e", "id": 5}]) == 2
    assert insert([(6, "f")], columns=["id", "name"]) == 1
    assert insert([(7, "g")], ignored_columns={"note"}) == 1
    assert insert([{"id": 8, "name": "h", "junk": 1}], columns=["id", "name"]) == 1
    assert insert([{"id": 9, "name": "i", "junk": 1}], ignored_columns=["junk"]) == 1
    assert insert([(10, "j", "")], schema="main") == 1
    assert rows_of(hook) == [
        (1, "old", "kept"),
        (2, "b", "x"),
        (3, "c", None),
        *((place, name, "none") for place, name in zip(range(4, 10), "defghi")),
        (10, "j", ""),
    ]


def test_a_row_of_another_shape_fails_all(hook: SqliteHook) -> None:
    for rows in ([(2, "b", "x"), (3, "c")], [{"id": 2, "name": "b"}, {"id": 3}], [(2, "b", "x"), (1, "taken", "x")]):
        with pytest.raises(SqlError):
            insert(rows, preoperator="delete from t where id <> 1", insert_args={"commit_every": 1})
        assert rows_of(hook) == [(1, "old", "kept")]


def test_without_rows_the_task_is_skipped_and_nothing_is_run(hook: SqliteHook) -> None:
    for rows in ([], (), None):
        with pytest.raises(TaskSkipped, match="'store' has no rows to insert into t"):
            insert(rows, preoperator="delete from t")
    assert rows_of(hook) == [(1, "old", "kept")]
    for rows in ("text", {"id": 1}, 5):
        with pytest.raises(DagError, match="rows must be a list of rows"):
            insert(rows)


def test_what_comes_before_and_after_is_in_the_same_transaction(hook: SqliteHook) -> None:
    seen: list[Any] = []

    def peek(rows: Any, **context: Any) -> Any:
        seen.append(rows_of(SqliteHook("warehouse")))
        return rows

    insert(
        [(2, "b", "x")],
        preoperator="delete from t; insert into t values (5, 'pre', '')",
        postoperator=["update t set note = 'post'"],
        rows_processor=peek,
    )
    assert seen == [[(1, "old", "kept")]]
    assert rows_of(hook) == [(2, "b", "post"), (5, "pre", "post")]
    with pytest.raises(SqlError, match=r"Task 'store' failed on connection 'warehouse': .*no such table: missing"):
        insert([(3, "c", "x")], preoperator="delete from t", postoperator="select * from missing")
    assert rows_of(hook) == [(2, "b", "post"), (5, "pre", "post")]


def test_arguments_of_insert_rows_are_passed_on(hook: SqliteHook) -> None:
    assert insert([{"id": 1, "name": "new"}], insert_args={"replace": True, "replace_index": "id"}) == 1
    assert rows_of(hook) == [(1, "new", "kept")]
    with pytest.raises(SqlError, match="autocommit=True is not possible inside a transaction"):
        insert([(2, "b", "x")], insert_args={"autocommit": True})


def test_rows_come_from_another_task_and_their_texts_are_no_templates(hook: SqliteHook, tmp_path: Path) -> None:
    (tmp_path / "clear.sql").write_text("delete from {{ params.table }}; -- all of them", encoding="utf-8")
    with DAG("d", params={"table": "t"}, template_searchpath=str(tmp_path)) as dag:

        @task
        def fetch() -> list[Any]:
            return [[2, "{{ ds }}", "x.sql"]]

        @task
        def nothing() -> list[Any]:
            return []

        def later(rows: Any, ds: str, **context: Any) -> Any:
            return [(*row[:2], ds) for row in rows]

        options: dict[str, Any] = {"conn_id": "warehouse", "table_name": "{{ params.table }}"}
        first = SQLInsertRowsOperator(
            task_id="first", rows=fetch(), preoperator="clear.sql", rows_processor=later, **options
        )
        second = SQLInsertRowsOperator(task_id="second", rows=[(3, "{{ ds }}", "y.sql")], **options)
        SQLInsertRowsOperator(task_id="none", rows=nothing(), **options)
        first >> second
    assert first.upstream_task_ids == {"fetch"}
    run = dag.test(logical_date="2024-05-01")
    states = {task_id: str(state) for task_id, state in run.task_states.items()}
    assert states == {
        "fetch": "success",
        "nothing": "success",
        "first": "success",
        "second": "success",
        "none": "skipped",
    }
    assert rows_of(hook) == [(2, "{{ ds }}", "2024-05-01"), (3, "{{ ds }}", "y.sql")]
    assert run.xcom("first") == 1


# SQLBulkLoadOperator


def test_a_file_is_loaded_between_statements(hook: SqliteHook, tmp_path: Path) -> None:
    file = tmp_path / "2024-05-01.txt"
    file.write_text("2\tb\t\\N\n3\tc\tx\n", encoding="utf-8")
    with DAG("d") as dag:
        SQLBulkLoadOperator(
            task_id="load",
            conn_id="warehouse",
            table="t",
            tmp_file=f"{tmp_path}/{{{{ ds }}}}.txt",
            preoperator="delete from t",
            postoperator="update t set name = upper(name)",
        )
    assert dag.test(logical_date="2024-05-01").xcom("load") == 2
    assert rows_of(hook) == [(2, "B", None), (3, "C", "x")]
    file.write_text("4\td\tx\n4\td\tx\n", encoding="utf-8")
    assert dag.test(logical_date="2024-05-01").state == "failed"
    assert rows_of(hook) == [(2, "B", None), (3, "C", "x")]


# GenericTransfer


@pytest.fixture
def target(hook: SqliteHook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SqliteHook:
    monkeypatch.setenv("AIRFLOW_CONN_TARGET", f"sqlite:///{tmp_path}/target.db")
    target = SqliteHook("target")
    target.run("create table copy (id integer primary key, name text)")
    target.run("insert into copy values (1, 'old')")
    return target


def transfer(sql: Any, **options: Any) -> Any:
    options = {"source_conn_id": "warehouse", "destination_conn_id": "target", "destination_table": "copy", **options}
    options = {"preoperator": "delete from copy", **options}
    task = GenericTransfer(task_id="copy", sql=sql, **options)
    return task.execute({"ds": "2024-05-01"})


def test_rows_are_copied_and_counted(target: SqliteHook) -> None:
    assert transfer(NUMBERS.format(12345)) == {"rows_read": 12345, "rows_written": 12345}
    assert target.get_first("select count(*), min(name), max(id) from copy") == (12345, "name 1", 12345)
    assert transfer(["select 1, 'a'", "select 2, 'b' where 0", "select 3, 'c'"]) == {"rows_read": 2, "rows_written": 2}
    assert transfer("select 1, 'a' where 0") == {"rows_read": 0, "rows_written": 0}
    assert rows_of(target, "copy") == []


def test_a_failure_leaves_the_target_as_it_was(target: SqliteHook) -> None:
    taken = f"select * from ({NUMBERS.format(9000)}) union all select 1, 'again'"
    for sql in (taken, "select * from missing", ["select 5, 'a'", "select 1"]):
        with pytest.raises(SqlError):
            transfer(sql, insert_args={"commit_every": 100})
        assert rows_of(target, "copy") == [(1, "old")]
    with pytest.raises(SqlError, match="Task 'copy' failed from 'warehouse' to 'target': IntegrityError: UNIQUE"):
        transfer(taken)


def test_a_source_that_breaks_off_leaves_the_target_as_it_was(
    target: SqliteHook, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = SqliteHook.get_records_by_chunks

    def broken(self: SqliteHook, sql: str, *args: Any, **kwargs: Any) -> Iterator[Any]:
        for place, rows in enumerate(stream(self, sql, *args, **kwargs)):
            if place == 2:
                raise ConnectionResetError("gone")
            yield rows

    monkeypatch.setattr(SqliteHook, "get_records_by_chunks", broken)
    with pytest.raises(SqlError, match="ConnectionResetError: gone"):
        transfer(NUMBERS.format(20_000))
    assert rows_of(target, "copy") == [(1, "old")]


def test_rows_that_get_lost_fail_the_task(target: SqliteHook, monkeypatch: pytest.MonkeyPatch) -> None:
    insert_rows = SqliteHook.insert_rows

    def forgetful(self: SqliteHook, table: str, rows: Any, **kwargs: Any) -> int:
        return insert_rows(self, table, list(rows)[1:], **kwargs)

    monkeypatch.setattr(SqliteHook, "insert_rows", forgetful)
    with pytest.raises(
        SqlError, match="read 10 rows from 'warehouse', but 9 were written to 'target': nothing is kept"
    ):
        transfer(NUMBERS.format(10))
    assert rows_of(target, "copy") == [(1, "old")]


def test_pages_are_read_one_by_one(target: SqliteHook, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    sql = f"select * from ({NUMBERS.format(25)}) order by i;"
    assert transfer(sql, page_size="10") == {"rows_read": 25, "rows_written": 25}
    assert [place for place in (0, 10, 20, 30) if f"LIMIT 10 OFFSET {place}" in caplog.text] == [0, 10, 20, 30]
    assert "no ORDER BY" not in caplog.text
    clause = "select * from ({0}) limit {1} offset {2}"
    assert transfer(NUMBERS.format(25), page_size=7, paginated_sql_statement_clause=clause)["rows_written"] == 25
    assert "rows may come twice or not at all" in caplog.text
    for wrong in ("many", -1):
        with pytest.raises(DagError, match="page_size"):
            transfer(sql, page_size=wrong)


@pytest.mark.parametrize("page_size", [None, 10])
def test_rows_can_be_changed_on_the_way(target: SqliteHook, page_size: Any) -> None:
    def even(rows: list[Any], ds: str, **context: Any) -> list[Any]:
        return [(place, f"{name} of {ds}") for place, name in rows if place % 2 == 0]

    sql = f"select * from ({NUMBERS.format(25)}) order by i"
    assert transfer(sql, rows_processor=even, page_size=page_size) == {"rows_read": 25, "rows_written": 12}
    assert target.get_first("select name from copy where id = 2") == ("name 2 of 2024-05-01",)


def test_source_and_target_may_be_one_database(hook: SqliteHook) -> None:
    hook.run("create table copy (id integer, name text)")
    began = time.monotonic()
    counts = transfer(NUMBERS.format(150_000), destination_conn_id="warehouse")
    assert counts["rows_written"] == 150_000
    more = transfer("select id + 1000000, name from copy", destination_conn_id="warehouse", preoperator=None)
    assert more["rows_written"] == 150_000
    assert time.monotonic() - began < 29  # nobody waited for a lock of its own


def test_memory_does_not_grow_with_the_rows(target: SqliteHook) -> None:
    def peak(number: int) -> int:
        tracemalloc.start()
        transfer(NUMBERS.format(number))
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(1000)
    assert peak(100_000) < 2 * peak(20_000)


def test_the_wrong_connections_are_named(target: SqliteHook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_FOLDER", "fs:///tmp")
    with pytest.raises(SqlError, match=r"'copy': connection 'folder' is for FSHook"):
        transfer("select 1", destination_conn_id="folder")
    with pytest.raises(SqlError, match="'copy' names no connection: pass source_conn_id="):
        transfer("select 1", source_conn_id="")


def test_a_transfer_is_templated_and_stopped_in_time(target: SqliteHook) -> None:
    options: dict[str, Any] = {
        "source_conn_id": "{{ 'warehouse' }}",
        "destination_conn_id": "{{ 'target' }}",
        "destination_table": "{{ 'copy' }}",
    }
    with DAG("d") as dag:
        quick = GenericTransfer(task_id="quick", sql="select 2, '{{ ds }}'", **options)
        slow = GenericTransfer(
            task_id="slow",
            sql="with recursive n(i) as (select 1 union all select i + 1 from n) select max(i), 'x' from n",
            preoperator="delete from copy",
            execution_timeout=datetime.timedelta(seconds=0.3),
            **options,
        )
        quick >> slow
    run = dag.test(logical_date="2024-05-01")
    assert (run.task_states["quick"], run.task_states["slow"]) == ("success", "failed")
    assert "execution_timeout" in run.get_task_instance("slow").reason
    assert rows_of(target, "copy") == [(1, "old"), (2, "2024-05-01")]
