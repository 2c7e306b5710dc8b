"""PostgresOperator, as DAGs that were written for Airflow 2 use it."""

from __future__ import annotations

import pytest

from tradewind import DAG
from tradewind.errors import UnknownArgument
from tradewind.testing.runs import run_task
from tradewind_postgres import PostgresOperator
from tradewind_sql import SqlError, SQLExecuteQueryOperator


def test_it_runs_sql(server):
    task = PostgresOperator(
        task_id="t", sql="select %(a)s::int, '{{ ds }}'", parameters={"a": 7}, postgres_conn_id="warehouse"
    )
    ended = run_task(task)
    assert ended.result == [[7, ended.run.logical_date.strftime("%Y-%m-%d")]]


def test_the_default_connection(server, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_POSTGRES_DEFAULT", server.get_uri())
    assert run_task(PostgresOperator(task_id="t", sql="select 1")).result == [[1]]


def test_the_connection_may_be_a_template(server):
    task = PostgresOperator(task_id="t", sql="select 1", postgres_conn_id="{{ params.where }}")
    with DAG("d", schedule=None, params={"where": "warehouse"}):
        again = PostgresOperator(task_id="t", sql="select 1", postgres_conn_id="{{ params.where }}")
    assert task.postgres_conn_id == "{{ params.where }}"
    assert run_task(again).result == [[1]]


def test_another_database(server):
    task = PostgresOperator(
        task_id="t", sql="select current_database()", database="postgres", postgres_conn_id="warehouse"
    )
    assert run_task(task).result == [["postgres"]]


def test_runtime_parameters(server):
    found = {"search_path": 'a, "b c"', "work_mem": "1MB", "statement_timeout": 30_000, "my.word": "a\\b"}
    task = PostgresOperator(
        task_id="t",
        sql="select current_setting('search_path'), current_setting('work_mem'), "
        "current_setting('statement_timeout'), current_setting('my.word')",
        runtime_parameters=found,
        postgres_conn_id="warehouse",
    )
    assert run_task(task).result == [['a, "b c"', "1MB", "30s", "a\\b"]]


def test_several_statements_and_autocommit(server, ask):
    task = PostgresOperator(
        task_id="t",
        sql="create table t (id int); insert into t values (1), (2); vacuum t",
        split_statements=True,
        autocommit=True,
        postgres_conn_id="warehouse",
    )
    run_task(task)
    assert ask("select count(*) from t") == [(2,)]


def test_it_is_the_general_operator():
    assert issubclass(PostgresOperator, SQLExecuteQueryOperator)
    with pytest.raises(UnknownArgument, match="postgres_conn_id"):
        PostgresOperator(task_id="t", sql="select 1", postgres_con_id="x")


def test_a_failure_names_the_task_and_the_connection(server):
    task = PostgresOperator(task_id="t", sql="select * from nowhere", postgres_conn_id="warehouse")
    with pytest.raises(SqlError, match="Task 't' failed on connection 'warehouse': UndefinedTable"):
        run_task(task)


def test_the_general_operator_takes_a_connection_of_this_type(server):
    """And `hook_params` of PostgresHook."""
    task = SQLExecuteQueryOperator(
        task_id="t",
        sql="show search_path",
        conn_id="warehouse",
        hook_params={"options": "-c search_path=sales", "enable_log_db_messages": True},
    )
    assert run_task(task).result == [["sales"]]
