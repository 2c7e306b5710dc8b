"""The operators of tradewind-sql on a real PostgreSQL: what depends on the server."""

from __future__ import annotations

import datetime
import decimal
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

from tradewind.connection import Connection
from tradewind.dag import DAG
from tradewind.operators import EmptyOperator
from tradewind.testing import OperatorContract, run_task
from tradewind_postgres import PostgresHook
from tradewind_sql import (
    BranchSQLOperator,
    CheckFailed,
    GenericTransfer,
    SQLCheckOperator,
    SQLColumnCheckOperator,
    SqlError,
    SQLExecuteQueryOperator,
    SQLInsertRowsOperator,
    SQLIntervalCheckOperator,
    SqlSensor,
    SQLTableCheckOperator,
    StatementTimeout,
)

Ask = Callable[..., list[tuple[Any, ...]]]

SLEEP = "select pg_sleep(90)"


@pytest.fixture
def sales(hook: PostgresHook) -> PostgresHook:
    hook.run('create table "Sales" (id int primary key, day date, amount numeric(10, 2), "order" text)')
    rows = [
        (1, datetime.date(2024, 5, 1), decimal.Decimal("10.50"), "a"),
        (2, datetime.date(2024, 5, 8), decimal.Decimal("20.00"), None),
        (3, datetime.date(2024, 5, 8), decimal.Decimal(-1), "50%"),
    ]
    hook.insert_rows("Sales", rows)
    return hook


# A stop reaches the server


class Stopped:
    """How a law looks at what the server is doing."""

    stops_its_work = True

    @pytest.fixture
    def count_running(self, ask: Ask) -> Callable[[], int]:
        sql = (
            "select count(*) from pg_stat_activity where state = 'active' and backend_type = 'client backend'"
            " and datname = current_database() and pid <> pg_backend_pid()"
        )
        return lambda: int(ask(sql)[0][0])


class TestStopQuery(Stopped, OperatorContract):
    operator = SQLExecuteQueryOperator
    arguments = {"sql": "select 1", "conn_id": "nowhere"}

    @pytest.fixture
    def slow_task(self, server: Connection) -> Any:
        return SQLExecuteQueryOperator(task_id="slow", conn_id="warehouse", sql=["select 1", SLEEP])


class TestStopCheck(Stopped, OperatorContract):
    operator = SQLCheckOperator
    arguments = {"sql": "select 1", "conn_id": "nowhere"}

    @pytest.fixture
    def slow_task(self, server: Connection) -> Any:
        return SQLCheckOperator(task_id="slow", conn_id="warehouse", sql=SLEEP)


class TestStopSensor(Stopped, OperatorContract):
    operator = SqlSensor
    arguments = {"sql": "select 1", "conn_id": "nowhere"}

    @pytest.fixture
    def slow_task(self, server: Connection) -> Any:
        return SqlSensor(task_id="slow", conn_id="warehouse", sql=SLEEP)


class TestStopTransfer(Stopped, OperatorContract):
    operator = GenericTransfer
    arguments = {
        "sql": "select 1",
        "destination_table": "t",
        "source_conn_id": "nowhere",
        "destination_conn_id": "nowhere",
    }

    @pytest.fixture
    def slow_task(self, server: Connection) -> Any:
        return GenericTransfer(
            task_id="slow",
            source_conn_id="warehouse",
            destination_conn_id="warehouse",
            destination_table="t",
            sql=f"select 1 from ({SLEEP}) s",
            preoperator="create table t (id int)",
        )


def test_a_statement_timeout_is_the_server_s(server: Connection) -> None:
    began = time.monotonic()
    task = SQLExecuteQueryOperator(task_id="slow", conn_id="warehouse", sql=SLEEP, statement_timeout=0.5)
    with pytest.raises(StatementTimeout, match=r"'warehouse': a statement took longer than the .* 0\.5 s"):
        run_task(task)
    assert time.monotonic() - began < 60


# Checks


def test_checks_of_columns_of_all_types_are_one_query(sales: PostgresHook) -> None:
    task = SQLColumnCheckOperator(
        task_id="check",
        conn_id="warehouse",
        table="Sales",
        column_mapping={
            "id": {"unique_check": {"equal_to": 0}},
            "day": {"min": {"geq_to": datetime.date(2024, 5, 1)}, "max": {"less_than": "2024-05-09"}},
            "amount": {"max": {"equal_to": 20}, "min": {"geq_to": 0, "partition_clause": "\"order\" not like '50%'"}},
            "order": {"null_check": {"equal_to": 1}},
        },
    )
    records = run_task(task).result
    assert [record["value"] for record in records] == [
        0,
        datetime.date(2024, 5, 1),
        datetime.date(2024, 5, 8),
        decimal.Decimal("20.00"),
        decimal.Decimal("10.50"),
        1,
    ]


def test_conditions_are_true_or_false_or_null(sales: PostgresHook) -> None:
    checks = {
        "enough": {"check_statement": "count(*) = 3"},
        "positive": {"check_statement": "amount > 0"},
        "percent": {"check_statement": "\"order\" like '%%'", "partition_clause": '"order" is not null'},
    }
    task = SQLTableCheckOperator(task_id="check", conn_id="warehouse", table="public.Sales", checks=checks)
    with pytest.raises(CheckFailed, match=r"1 of 3 not passed\.\n  positive: amount > 0 is False, wanted True"):
        run_task(task)
    kept = run_task(task, check=False).result
    assert [(record["name"], record["passed"]) for record in kept] == [
        ("enough", True),
        ("positive", False),
        ("percent", True),
    ]


def test_days_are_compared_by_a_column_of_dates(sales: PostgresHook) -> None:
    def compare(threshold: float) -> Any:
        task = SQLIntervalCheckOperator(
            task_id="check",
            conn_id="warehouse",
            table="Sales",
            date_filter_column="day",
            metrics_thresholds={"count(*)": threshold, "sum(case when \"order\" like 'a%' then 1 else 0 end)": 2},
        )
        return run_task(task, logical_date=datetime.datetime(2024, 5, 8, tzinfo=datetime.UTC)).result

    assert [record["value"] for record in compare(2.5)] == [2.0, None]
    with pytest.raises(CheckFailed, match=r"max_over_min is 2\.0, wanted < 2, current 2, reference 1"):
        compare(2)


@pytest.mark.parametrize(
    ("sql", "followed"), [("select true", "yes"), ("select 1.0 - 1.0", "no"), ("select 'f'", "no")]
)
def test_a_branch_follows_what_the_server_says(server: Connection, sql: str, followed: str) -> None:
    with DAG("d") as dag:
        branch = BranchSQLOperator(
            task_id="branch",
            conn_id="warehouse",
            sql=sql,
            follow_task_ids_if_true="yes",
            follow_task_ids_if_false="no",
        )
        branch >> [EmptyOperator(task_id="yes"), EmptyOperator(task_id="no")]
    states = dag.test().task_states
    assert {task_id for task_id in ("yes", "no") if states[task_id] == "success"} == {followed}


# Rows


def test_tables_are_loaded_whole_or_not_at_all(sales: PostgresHook, ask: Ask) -> None:
    def load(rows: Any, **options: Any) -> Any:
        task = SQLInsertRowsOperator(
            task_id="load",
            conn_id="warehouse",
            table_name="Sales",
            rows=rows,
            preoperator='truncate "Sales"; create table if not exists note (text text)',
            **options,
        )
        return run_task(task).result

    good = [{"id": 7, "amount": decimal.Decimal("1.25")}, {"id": 8, "amount": None}]
    with pytest.raises(SqlError, match="Task 'load' failed on connection 'warehouse': UniqueViolation"):
        load([*good, {"id": 7, "amount": 0}])
    assert ask('select count(*) from "Sales"') == [(3,)]
    assert ask("select to_regclass('note')") == [(None,)]
    assert load(good, postoperator="insert into note values ('done')") == 2
    assert ask('select id, amount from "Sales" order by id') == [(7, decimal.Decimal("1.25")), (8, None)]
    assert ask("select * from note") == [("done",)]


def test_a_transfer_that_fails_leaves_the_target_as_it_was(sales: PostgresHook, ask: Ask) -> None:
    def copy(sql: str) -> Any:
        task = GenericTransfer(
            task_id="copy",
            source_conn_id="warehouse",
            destination_conn_id="warehouse",
            destination_table="Sales",
            sql=sql,
            preoperator='truncate "Sales"',
            insert_args={"target_fields": ["id", "amount"], "commit_every": 10},
        )
        return run_task(task).result

    with pytest.raises(SqlError, match=r"from 'warehouse' to 'warehouse': .*division by zero"):
        copy("select n, 1 / (20000 - n) from generate_series(1, 30000) n")
    assert ask('select count(*) from "Sales"') == [(3,)]
    assert copy("select n, n * 0.5 from generate_series(1, 30000) n") == {"rows_read": 30000, "rows_written": 30000}
    assert ask('select count(*), max(amount) from "Sales"') == [(30000, 15000)]


def test_sessions_keep_temporary_tables_and_transactions_undo_ddl(hook: PostgresHook, ask: Ask) -> None:
    with hook.session():
        hook.run("create temp table seen (id int)")
        assert hook.insert_rows("seen", [(1,), (2,)]) == 2
        assert [len(rows) for rows in hook.get_records_by_chunks("select * from seen", chunksize=1)] == [1, 1]

    def fail() -> None:
        with hook.transaction():
            hook.run("create table kept (id int)")
            hook.insert_rows("kept", [(1,)])
            assert hook.get_first("select count(*) from kept") == (1,)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert ask("select to_regclass('kept')") == [(None,)]
    with pytest.raises(SqlError, match=r"something in this transaction\(\) failed"), hook.transaction():
        swallow(hook)


def swallow(hook: PostgresHook) -> None:
    with pytest.raises(Exception, match="missing"):
        hook.run("select * from missing")


MEASURE = """
import resource, sys
from tradewind_postgres import PostgresHook

hook = PostgresHook("warehouse")
sql = "select n as id, repeat('x', 200) as name, n * 1.5 as amount from generate_series(1, {}) n"
def read(number):
    return sum(len(chunk) for chunk in hook.get_df_by_chunks(sql.format(number), chunksize=5000, df_type=sys.argv[1]))
assert read(20_000) == 20_000
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert read(1_000_000) == 1_000_000
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.parametrize("df_type", ["pandas", "arrow"])
def test_frames_in_chunks_need_constant_memory(server: Connection, df_type: str) -> None:
    """Of a result of more than 200 MB, which a client-side cursor would fetch whole."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, df_type], env=dict(os.environ), capture_output=True, text=True, timeout=250
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 50  # MB
