"""The operators of tradewind-sql on a real MariaDB or MySQL: what depends on the server."""

from __future__ import annotations

import datetime
import decimal
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from tradewind.connection import Connection
from tradewind.dag import DAG
from tradewind.operators import EmptyOperator
from tradewind.testing import OperatorContract, run_task
from tradewind_mysql import MySqlHook
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

Ask = Callable[[str], Any]

SLEEP = "select sleep(90)"


@pytest.fixture
def server(server: Connection, monkeypatch: pytest.MonkeyPatch) -> Connection:
    """The connection behind `warehouse`."""
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", server.get_uri())
    return server


@pytest.fixture
def ask(server: Connection) -> Iterator[Ask]:
    """Asks the database with nothing but the driver."""
    with closing(MySqlHook(connection=server).get_conn()) as conn:
        conn.autocommit(True)

        def ask(sql: str) -> Any:
            with conn.cursor() as cursor:
                cursor.execute(sql)
                return list(cursor.fetchall())

        yield ask


@pytest.fixture
def sales(server: Connection) -> MySqlHook:
    hook = MySqlHook("warehouse")
    hook.run("create table `Sales` (id int primary key, day date, amount decimal(10, 2), `order` text) engine=InnoDB")
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
            "select count(*) from information_schema.processlist"
            " where command = 'Query' and db = database() and id <> connection_id()"
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
    def slow_task(self, sales: MySqlHook) -> Any:
        return GenericTransfer(
            task_id="slow",
            source_conn_id="warehouse",
            destination_conn_id="warehouse",
            destination_table="Sales",
            sql=f"select s.s from ({SLEEP} as s) s",
            preoperator="delete from Sales",
        )


def test_a_statement_timeout_is_the_server_s(sales: MySqlHook) -> None:
    began = time.monotonic()
    sql = "select count(*) from Sales a, Sales b where sleep(10) = 0"
    task = SQLExecuteQueryOperator(task_id="slow", conn_id="warehouse", sql=sql, statement_timeout=0.5)
    with pytest.raises(StatementTimeout, match=r"a statement took longer than the statement_timeout of 0\.5 s"):
        run_task(task)
    assert time.monotonic() - began < 60


# Checks


def test_checks_of_columns_of_all_types_are_one_query(sales: MySqlHook) -> None:
    task = SQLColumnCheckOperator(
        task_id="check",
        conn_id="warehouse",
        table="Sales",
        column_mapping={
            "id": {"unique_check": {"equal_to": 0}},
            "day": {"min": {"geq_to": datetime.date(2024, 5, 1)}, "max": {"less_than": "2024-05-09"}},
            "amount": {"max": {"equal_to": 20}, "min": {"geq_to": 0, "partition_clause": "`order` not like '50%'"}},
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


def test_conditions_are_true_or_false_or_null(sales: MySqlHook) -> None:
    checks = {
        "enough": {"check_statement": "count(*) = 3"},
        "positive": {"check_statement": "amount > 0"},
        "percent": {"check_statement": "`order` like '%%'", "partition_clause": "`order` is not null"},
    }
    task = SQLTableCheckOperator(task_id="check", conn_id="warehouse", table="`Sales`", checks=checks)
    with pytest.raises(CheckFailed, match=r"1 of 3 not passed\.\n  positive: amount > 0 is False, wanted True"):
        run_task(task)
    kept = run_task(task, check=False).result
    assert [(record["name"], record["passed"]) for record in kept] == [
        ("enough", True),
        ("positive", False),
        ("percent", True),
    ]


def test_days_are_compared_by_a_column_of_dates(sales: MySqlHook) -> None:
    def compare(threshold: float) -> Any:
        task = SQLIntervalCheckOperator(
            task_id="check",
            conn_id="warehouse",
            table="Sales",
            date_filter_column="day",
            metrics_thresholds={"count(*)": threshold, "sum(case when `order` like 'a%' then 1 else 0 end)": 2},
        )
        return run_task(task, logical_date=datetime.datetime(2024, 5, 8, tzinfo=datetime.UTC)).result

    assert [record["value"] for record in compare(2.5)] == [2.0, None]
    with pytest.raises(CheckFailed, match=r"max_over_min is 2\.0, wanted < 2, current 2, reference 1"):
        compare(2)


@pytest.mark.parametrize(
    ("sql", "followed"), [("select true", "yes"), ("select sum(id) - 6 from Sales", "no"), ("select 'f'", "no")]
)
def test_a_branch_follows_what_the_server_says(sales: MySqlHook, sql: str, followed: str) -> None:
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


def test_tables_are_loaded_whole_or_not_at_all(sales: MySqlHook, ask: Ask) -> None:
    def load(rows: Any, **options: Any) -> Any:
        task = SQLInsertRowsOperator(
            task_id="load",
            conn_id="warehouse",
            table_name="Sales",
            rows=rows,
            preoperator="delete from Sales where id < 2; delete from Sales",
            **options,
        )
        return run_task(task).result

    good = [{"id": 7, "amount": decimal.Decimal("1.25")}, {"id": 8, "amount": None}]
    with pytest.raises(SqlError, match="Task 'load' failed on connection 'warehouse': IntegrityError"):
        load([*good, {"id": 7, "amount": 0}])
    assert ask("select count(*) from Sales") == [(3,)]
    assert load(good, postoperator="update Sales set `order` = 'done'") == 2
    assert ask("select id, amount, `order` from Sales order by id") == [
        (7, decimal.Decimal("1.25"), "done"),
        (8, None, "done"),
    ]


def test_a_transfer_that_fails_leaves_the_target_as_it_was(sales: MySqlHook, ask: Ask) -> None:
    ask("create table numbers (n int primary key) engine=InnoDB")
    MySqlHook("warehouse").insert_rows("numbers", ((number,) for number in range(30_000)), commit_every=0)

    def copy(sql: str) -> Any:
        task = GenericTransfer(
            task_id="copy",
            source_conn_id="warehouse",
            destination_conn_id="warehouse",
            destination_table="Sales",
            sql=sql,
            preoperator="delete from Sales",
            insert_args={"target_fields": ["id", "amount"], "commit_every": 10},
        )
        return run_task(task).result

    with pytest.raises(SqlError, match="from 'warehouse' to 'warehouse': IntegrityError"):
        copy("select n % 25000, 1 from numbers")
    assert ask("select count(*) from Sales") == [(3,)]
    assert copy("select n, n * 0.5 from numbers") == {"rows_read": 30000, "rows_written": 30000}
    assert ask("select count(*), max(amount) from Sales") == [(30000, decimal.Decimal("14999.50"))]


def test_sessions_keep_temporary_tables_and_transactions_undo(sales: MySqlHook, ask: Ask) -> None:
    with sales.session():
        sales.run("create temporary table seen (id int)")
        assert sales.insert_rows("seen", [(1,), (2,)]) == 2
        assert [len(rows) for rows in sales.get_records_by_chunks("select * from seen", chunksize=1)] == [1, 1]

    def fail() -> None:
        with sales.transaction():
            sales.insert_rows("Sales", [(9, None, 0, "")])
            assert sales.get_first("select count(*) from Sales") == (4,)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert ask("select count(*) from Sales") == [(3,)]
    with pytest.raises(SqlError, match=r"something in this transaction\(\) failed"), sales.transaction():
        swallow(sales)


def swallow(hook: MySqlHook) -> None:
    with pytest.raises(Exception, match="missing"):
        hook.run("select * from missing")


MEASURE = """
import resource, sys
from tradewind_mysql import MySqlHook

hook = MySqlHook("warehouse")
digits = "(select 0 d union all select 1 union all select 2 union all select 3 union all select 4 union all select 5"
digits += " union all select 6 union all select 7 union all select 8 union all select 9)"
sql = "select a.d as id, repeat('x', 200) as name, b.d * 1.5 as amount from " + ", ".join(
    f"{digits} {name}" for name in "abcdef"
)
def read(limit):
    chunks = hook.get_df_by_chunks(f"{sql} limit {limit}", chunksize=5000, df_type=sys.argv[1])
    return sum(len(chunk) for chunk in chunks)
assert read(20_000) == 20_000
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert read(1_000_000) == 1_000_000
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_frames_in_chunks_need_constant_memory(server: Connection) -> None:
    """Of a result of more than 200 MB, which a plain cursor would fetch whole."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, "polars"], env=dict(os.environ), capture_output=True, text=True, timeout=250
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 50  # MB
