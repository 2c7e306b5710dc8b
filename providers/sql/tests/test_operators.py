"""Operators on a real database: results, templates, messages."""

from __future__ import annotations

import datetime
import decimal
import logging
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tradewind import xcom
from tradewind.dag import DAG
from tradewind.errors import TaskFailed, TaskSkipped, TradewindError, UnknownArgument
from tradewind.taskflow import task
from tradewind_sql import (
    BaseSQLOperator,
    SQLCheckOperator,
    SqlError,
    SQLExecuteQueryOperator,
    SqliteHook,
    SqliteOperator,
    SQLValueCheckOperator,
    StatementCancelled,
    StatementTimeout,
)


@pytest.fixture
def hook(hook: SqliteHook) -> SqliteHook:
    hook.run("create table t (id integer, name text)")
    hook.insert_rows("t", [(1, "a"), (2, "b")])
    return hook


def execute(sql: Any, **options: Any) -> Any:
    return SQLExecuteQueryOperator(task_id="query", conn_id="warehouse", sql=sql, **options).execute({})


# SQLExecuteQueryOperator


@pytest.mark.parametrize(
    ("sql", "options", "expected"),
    [
        ("select * from t", {}, [[1, "a"], [2, "b"]]),
        ("select * from t where id = ?", {"parameters": [2]}, [[2, "b"]]),
        ("select * from t where id = :id", {"parameters": {"id": 2}}, [[2, "b"]]),
        ("select * from t", {"handler": lambda cursor: cursor.fetchone()}, [1, "a"]),
        ("select 1; select 2", {"split_statements": True}, [[2]]),
        ("select 1; select 2", {"split_statements": True, "return_last": False}, [[[1]], [[2]]]),
        ("select 1", {"return_last": False}, [[1]]),
        (["select 1", "select 2"], {}, [[[1]], [[2]]]),
        ("delete from t", {}, None),
    ],
)
def test_the_result_is_what_airflow_pushes_with_rows_as_lists(
    hook: SqliteHook, sql: Any, options: Any, expected: Any
) -> None:
    result = execute(sql, **options)
    assert result == expected
    assert xcom.loads(xcom.dumps(result)) == expected


def test_without_xcom_nothing_is_fetched_unless_asked(hook: SqliteHook) -> None:
    fetched = []

    def handler(cursor: Any) -> Any:
        fetched.append(cursor.fetchall())

    assert execute("select 1", do_xcom_push=False, handler=handler) is None
    assert fetched == []
    assert execute("select 1", do_xcom_push=False, handler=handler, requires_result_fetch=True) is None
    assert fetched == [[(1,)]]


def test_the_output_processor_gets_results_and_descriptions_as_lists(hook: SqliteHook) -> None:
    def named(results: list[Any], descriptions: list[Any]) -> list[Any]:
        return [
            [dict(zip([column[0] for column in description], row)) for row in rows]
            for rows, description in zip(results, descriptions)
        ]

    assert execute("select id from t", output_processor=named) == [{"id": 1}, {"id": 2}]
    both = execute(["select id from t where id = 1", "select name from t where id = 1"], output_processor=named)
    assert both == [[{"id": 1}], [{"name": "a"}]]


def test_special_values_pass_through_xcom(hook: SqliteHook) -> None:
    def exact(cursor: Any) -> Any:
        return [(decimal.Decimal("1.10"), datetime.date(2024, 5, 1), b"\x00")]

    result = execute("select 1", handler=exact)
    assert xcom.loads(xcom.dumps(result)) == [[decimal.Decimal("1.10"), datetime.date(2024, 5, 1), b"\x00"]]


def test_results_are_logged_only_when_asked_and_parameters_never(
    hook: SqliteHook, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    execute("select ?", parameters=["hush"])
    execute(["select ?"], parameters=["hush"])
    assert "hush" not in caplog.text
    assert "select ?" in caplog.text
    execute("select ?", parameters=["shown"], show_return_value_in_logs=True)
    assert "shown" in caplog.text


def test_templates_and_files_are_rendered(hook: SqliteHook, tmp_path: Path) -> None:
    (tmp_path / "query.sql").write_text("select name from t where id = {{ number }}; select :name", encoding="utf-8")
    with DAG("d", template_searchpath=str(tmp_path)):
        task = SQLExecuteQueryOperator(
            task_id="query",
            conn_id="{{ where }}",
            sql="query.sql",
            parameters={"name": "{{ name }}"},
            split_statements=True,
        )
    copy = task.prepare_for_execution()
    copy.prepare_template()
    copy.render_template_fields({"number": 2, "where": "warehouse", "name": "it's"})
    assert copy.sql == "select name from t where id = 2; select :name"
    assert copy.conn_id == "warehouse"
    assert copy.execute({}) == [["it's"]]


def test_parameters_may_be_written_as_text(hook: SqliteHook) -> None:
    task = SQLExecuteQueryOperator(task_id="query", conn_id="warehouse", sql="select ?", parameters="('a',)")
    task.prepare_template()
    assert task.execute({}) == [["a"]]


def test_database_and_hook_params_reach_the_hook(hook: SqliteHook, tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    SqliteHook("warehouse", schema=str(other)).run("create table elsewhere (a)")
    task = SQLExecuteQueryOperator(
        task_id="query",
        conn_id="warehouse",
        sql="select name from sqlite_master",
        database=str(other),
        hook_params={"log_sql": False},
    )
    assert task.execute({}) == [["elsewhere"]]
    assert task.get_db_hook().log_sql is False
    assert task.hook_params == {"log_sql": False}


def test_a_failure_names_task_and_connection(hook: SqliteHook) -> None:
    with pytest.raises(
        SqlError, match=r"Task 'query' failed on connection 'warehouse': .*no such table: missing"
    ) as caught:
        execute("select * from missing")
    assert isinstance(caught.value.__cause__, sqlite3.OperationalError)
    with pytest.raises(TaskFailed, match="Task 'query'"):
        execute("select * from missing", retry_on_failure=False)
    with pytest.raises(TaskFailed, match="Task 'query': The SQL for connection 'warehouse' is empty"):
        execute("-- nothing", retry_on_failure=False)


def test_what_task_code_raises_to_end_itself_is_left_alone(hook: SqliteHook) -> None:
    def skip(cursor: Any) -> Any:
        raise TaskSkipped("nothing to do")

    with pytest.raises(TaskSkipped, match="nothing to do"):
        execute("select 1", handler=skip)


def test_a_connection_that_runs_no_sql_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_FOLDER", "fs:///tmp")
    with pytest.raises(SqlError, match=r"'query'.*'folder'.*FSHook, which does not run SQL"):
        SQLExecuteQueryOperator(task_id="query", conn_id="folder", sql="select 1").execute({})
    with pytest.raises(SqlError, match="names no connection"):
        SQLExecuteQueryOperator(task_id="query", sql="select 1").execute({})


def test_unknown_keywords_are_refused() -> None:
    with pytest.raises(UnknownArgument, match="paramters"):
        SQLExecuteQueryOperator(task_id="query", sql="select 1", paramters=[1])


def test_a_killed_task_stops_its_statement(hook: SqliteHook) -> None:
    task = SQLExecuteQueryOperator(task_id="query", conn_id="warehouse", sql="select 1")
    task.on_kill()  # before it has begun
    stopped = []

    def stop(cursor: Any) -> None:
        task.on_kill()
        stopped.append(True)

    task.handler = stop
    with pytest.raises(StatementCancelled):
        task.execute({})
    assert stopped == [True]


def test_a_statement_timeout_ends_a_slow_statement(hook: SqliteHook) -> None:
    with pytest.raises(StatementTimeout, match=r"'warehouse'.*0\.2 s"):
        execute(
            "with recursive n(i) as (select 1 union all select i + 1 from n) select max(i) from n",
            statement_timeout=0.2,
        )


def test_a_task_function_gives_the_sql(hook: SqliteHook, tmp_path: Path) -> None:
    (tmp_path / "names.sql").write_text("select name from t where id = {{ number }}", encoding="utf-8")
    with DAG("d", template_searchpath=str(tmp_path)):

        @task.sql(conn_id="warehouse", parameters=[1])
        def by_id(column: str) -> str:
            return f"select {column} from t where id = ? and {{{{ number }}}} = 2"

        @task.sql(conn_id="warehouse")
        def several() -> list[str]:
            return ["select id from t order by id", "names.sql"]

        @task.sql(conn_id="warehouse")
        def nothing() -> None:
            pass

        results = [by_id("name"), several(), nothing()]
    assert [result.operator.task_type for result in results] == ["SQLExecuteQueryOperator"] * 3

    def run(result: Any) -> Any:
        copy = result.operator.prepare_for_execution()
        copy.render_template_fields({"number": 2})
        return copy.execute({"number": 2})

    assert run(results[0]) == [["a"]]
    assert run(results[1]) == [[[1], [2]], [["b"]]]
    with pytest.raises(TradewindError, match="returned nothing; it must return the sql"):
        run(results[2])


def test_the_older_operator_takes_the_older_keyword(hook: SqliteHook) -> None:
    task = SqliteOperator(task_id="query", sql="select id from t", sqlite_conn_id="warehouse")
    assert task.execute({}) == [[1], [2]]
    assert SqliteOperator(task_id="other", sql="select 1").sqlite_conn_id == "sqlite_default"


def test_template_fields_are_airflow_s() -> None:
    base = {"conn_id", "database", "hook_params"}
    assert set(BaseSQLOperator.template_fields) == base
    assert set(SQLExecuteQueryOperator.template_fields) == {"sql", "parameters", *base}
    assert {"sql", *base} <= set(SQLCheckOperator.template_fields)
    assert {"sql", "pass_value", *base} <= set(SQLValueCheckOperator.template_fields)
    assert ".sql" in SQLExecuteQueryOperator.template_ext
