"""BranchSQLOperator and SqlSensor: what a query's first value means to them."""

from __future__ import annotations

import datetime
import decimal
import time
from pathlib import Path
from typing import Any

import pytest

from tradewind.dag import DAG
from tradewind.errors import DagError, TaskSkipped
from tradewind.operators import EmptyOperator
from tradewind_sql import BranchSQLOperator, CheckFailed, SqlError, SqliteHook, SqlSensor

ENDLESS = "with recursive n(i) as (select 1 union all select i + 1 from n) select max(i) from n"


@pytest.fixture
def hook(hook: SqliteHook) -> SqliteHook:
    hook.run("create table t (id integer, name text)")
    hook.insert_rows("t", [(1, "a"), (2, "b")])
    return hook


def followed(sql: str, **options: Any) -> set[str]:
    """The tasks that were not skipped."""
    with DAG("d") as dag:
        branch = BranchSQLOperator(
            task_id="branch",
            conn_id="warehouse",
            sql=sql,
            follow_task_ids_if_true="yes",
            follow_task_ids_if_false=["no", "never"],
            **options,
        )
        branch >> [EmptyOperator(task_id=task_id) for task_id in ("yes", "no", "never")]
    states = dag.test().task_states
    assert states.pop("branch") == "success"
    return {task_id for task_id, state in states.items() if state == "success"}


@pytest.mark.parametrize("value", ["1", "-1", "0.5", "'yes'", "' TRUE '", "'t'", "'on'", "'1'", "count(*)"])
def test_a_true_value_follows_the_first_branch(hook: SqliteHook, value: str) -> None:
    assert followed(f"select {value} from t") == {"yes"}


@pytest.mark.parametrize("value", ["0", "0.0", "'no'", "'F'", "'off'", "'0'", "count(*) - 2"])
def test_a_false_value_follows_the_other_one(hook: SqliteHook, value: str) -> None:
    assert followed(f"select {value} from t") == {"no", "never"}


def test_the_query_of_a_branch_is_templated_and_takes_parameters(hook: SqliteHook) -> None:
    assert followed("select id = ? from t where name = '{{ 'a' }}'", parameters=[1]) == {"yes"}


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("select 1 where 0", "the query returned zero rows"),
        ("select 'maybe'", "the query gave 'maybe', which is neither true nor false"),
        ("select null", "the query gave None"),
        ("select * from missing", "failed on connection 'warehouse': OperationalError: no such table"),
    ],
)
def test_anything_else_fails_the_branch(hook: SqliteHook, sql: str, told: str) -> None:
    task = BranchSQLOperator(
        task_id="branch", conn_id="warehouse", sql=sql, follow_task_ids_if_true="a", follow_task_ids_if_false="b"
    )
    with pytest.raises(SqlError, match="Task 'branch'") as caught:
        task.execute({})
    assert told in str(caught.value)


def test_decimals_and_dates_of_other_databases(hook: SqliteHook) -> None:
    task = BranchSQLOperator(task_id="b", sql="", follow_task_ids_if_true="a", follow_task_ids_if_false="b")
    assert task._is_true(decimal.Decimal("0.00")) is False
    with pytest.raises(SqlError, match="neither true nor false"):
        task._is_true(datetime.date(2024, 5, 1))


# SqlSensor


def sensor(sql: str, **options: Any) -> SqlSensor:
    return SqlSensor(task_id="wait", conn_id="warehouse", sql=sql, **options)


@pytest.mark.parametrize(
    ("row", "done"),
    [("1", True), ("'x'", True), ("0.1", True), ("0", False), ("'0'", False), ("''", False), ("null", False)],
)
def test_the_first_value_says_whether_the_wait_is_over(hook: SqliteHook, row: str, done: bool) -> None:
    assert sensor(f"select {row}, 'else'").poke({}) is done


def test_no_row_means_not_yet_or_a_failure(hook: SqliteHook) -> None:
    assert sensor("select 1 where 0").poke({}) is False
    assert sensor("delete from t").poke({}) is False
    with pytest.raises(CheckFailed, match="Sensor 'wait': the query returned zero rows"):
        sensor("select 1 where 0", fail_on_empty=True).poke({})


def test_functions_decide_about_what_was_selected(hook: SqliteHook) -> None:
    sql = "select id, name from t where id = ?"
    options: dict[str, Any] = {"parameters": [2], "selector": lambda row: row[1]}
    assert sensor(sql, success=lambda name: name == "b", **options).poke({}) is True
    assert sensor(sql, success=lambda name: name == "c", **options).poke({}) is False
    assert sensor(sql, success=lambda name: 1, failure=lambda name: name == "x", **options).poke({}) is True
    with pytest.raises(CheckFailed, match="its failure criterion is met by 'b'"):
        sensor(sql, success=lambda name: True, failure=lambda name: name == "b", **options).poke({})
    with pytest.raises(DagError, match="'wait': success must be a function, not 'yes'"):
        sensor(sql, success="yes")


def test_rows_of_a_dict_cursor_are_understood(hook: SqliteHook) -> None:
    waiting = sensor("select 1")
    waiting._first_row = lambda: {"n": 0}  # type: ignore[method-assign]
    assert waiting.poke({}) is False
    waiting.selector = lambda row: row["n"] + 1
    assert waiting.poke({}) is True


def test_an_error_names_sensor_and_connection(hook: SqliteHook) -> None:
    with pytest.raises(SqlError, match="Sensor 'wait' failed on connection 'warehouse': OperationalError: no such"):
        sensor("select * from missing").poke({})
    with pytest.raises(TaskSkipped):
        sensor("select * from missing", never_fail=True).execute({})


def test_a_sensor_waits_for_what_somebody_else_writes(hook: SqliteHook, tmp_path: Path) -> None:
    looks: list[int] = []

    class Filling(SqlSensor):
        def poke(self, context: Any) -> bool:
            looks.append(1)
            if len(looks) == 3:
                SqliteHook("warehouse").run("insert into t values (3, '2024-05-01')")
            return super().poke(context)

    (tmp_path / "arrived.sql").write_text("select count(*) from t where name = '{{ ds }}'", encoding="utf-8")
    with DAG("d", template_searchpath=str(tmp_path)) as dag:
        Filling(task_id="wait", conn_id="{{ 'warehouse' }}", sql="arrived.sql", poke_interval=0.01)
    assert dag.test(logical_date="2024-05-01").state == "success"
    assert len(looks) == 3


def test_one_look_may_take_so_long_only(hook: SqliteHook) -> None:
    began = time.monotonic()
    with pytest.raises(SqlError, match=r"statement_timeout of 0\.2 s"):
        sensor(ENDLESS, statement_timeout=0.2).poke({})
    with pytest.raises(SqlError, match=r"statement_timeout of 0\.2 s"):
        sensor(ENDLESS, hook_params={"statement_timeout": 0.2}).poke({})
    assert time.monotonic() - began < 60


def test_a_sensor_that_is_stopped_cancels_its_look(hook: SqliteHook) -> None:
    waiting = sensor("select 1", selector=lambda row: waiting.on_kill())
    waiting.on_kill()  # nothing runs
    assert waiting.poke({}) is False
    with DAG("d") as dag:
        SqlSensor(task_id="wait", conn_id="warehouse", sql=ENDLESS, execution_timeout=datetime.timedelta(seconds=0.3))
    began = time.monotonic()
    run = dag.test()
    assert run.state == "failed"
    assert "execution_timeout" in run.get_task_instance("wait").reason
    assert time.monotonic() - began < 60
