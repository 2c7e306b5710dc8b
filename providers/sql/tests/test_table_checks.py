"""Checks of tables: one query, plain names quoted, conditions kept apart, and what counts as passed."""

from __future__ import annotations

import datetime
import logging
from typing import Any

import pytest

from tradewind.dag import DAG
from tradewind.errors import DagError
from tradewind.operators import EmptyOperator
from tradewind_sql import CheckFailed, SQLColumnCheckOperator, SqlError, SqliteHook, SQLTableCheckOperator


@pytest.fixture
def hook(hook: SqliteHook) -> SqliteHook:
    hook.run('create table "Sales" (id integer, "order" text, "Total %" numeric, day text)')
    hook.insert_rows(
        "Sales",
        [(1, "a", 10, "2024-05-01"), (2, "b", 20, "2024-05-01"), (2, None, 90, "2024-05-02"), (3, "c", None, None)],
    )
    return hook


def columns(mapping: dict[str, Any], **options: Any) -> list[dict[str, Any]]:
    options = {"task_id": "check", "conn_id": "warehouse", "table": "Sales", **options}
    return SQLColumnCheckOperator(column_mapping=mapping, **options).execute({})


def conditions(checks: dict[str, Any], **options: Any) -> list[dict[str, Any]]:
    options = {"task_id": "check", "conn_id": "warehouse", "table": "Sales", **options}
    return SQLTableCheckOperator(checks=checks, **options).execute({})


# SQLColumnCheckOperator


def test_all_checks_of_columns_are_one_query(hook: SqliteHook, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    records = columns(
        {
            "id": {"null_check": {"equal_to": 0}, "distinct_check": {"equal_to": 3}, "unique_check": {"equal_to": 1}},
            '"Total %"': {"min": {"geq_to": 10}, "max": {"less_than": 100, "greater_than": 20}},
            "order": {"null_check": {"leq_to": 1, "tolerance": 0.5, "partition_clause": "id > 1 or id is null"}},
            "lower(day)": {"max": {"less_than": datetime.date(2024, 6, 1)}},
        }
    )
    assert [(record["name"], record["value"]) for record in records] == [
        ("id:null_check", 0),
        ("id:distinct_check", 3),
        ("id:unique_check", 1),
        ('"Total %":min', 10),
        ('"Total %":max', 90),
        ("order:null_check", 1),
        ("lower(day):max", "2024-05-02"),
    ]
    assert all(record["passed"] for record in records)
    assert records[5] == {
        "name": "order:null_check",
        "column": "order",
        "check": "null_check",
        "value": 1,
        "expected": {"leq_to": 1},
        "tolerance": 0.5,
        "passed": True,
        "details": {"partition_clause": "id > 1 or id is null"},
    }
    assert caplog.text.count("Running statement") == 1
    assert caplog.text.count('FROM "Sales"') == 2  # checks of the same rows share one look at them


def test_the_failed_checks_are_named_with_value_and_bound(hook: SqliteHook) -> None:
    with pytest.raises(CheckFailed) as caught:
        columns(
            {
                "id": {"unique_check": {"equal_to": 0}, "max": {"leq_to": 3}},
                "order": {"null_check": {"equal_to": 0, "partition_clause": "day is not null"}},
            },
            partition_clause="id > 1",
        )
    first, *lines = str(caught.value).splitlines()
    assert first == "Task 'check': check on connection 'warehouse' failed: 2 of 3 not passed."
    assert lines[:2] == [
        "  id:unique_check: unique_check is 1, wanted = 0",
        "  order:null_check: null_check is 1, wanted = 0, partition_clause 'day is not null'",
    ]


def test_conditions_keep_to_themselves(hook: SqliteHook) -> None:
    """Without brackets the one with `or` would let rows in that the other one keeps out."""
    [record] = columns(
        {"id": {"max": {"equal_to": 1, "partition_clause": "id = 1 or id = 3 -- and no more"}}},
        partition_clause="id < 3 or id is null -- all",
    )
    assert record["value"] == 1


def test_a_table_may_be_sql_of_its_own(hook: SqliteHook) -> None:
    for table in ("(select id from Sales where id < 3) small -- not all", 'main."Sales"', "`Sales`"):
        [record] = columns({"id": {"max": {"less_than": 4}}}, table=table, partition_clause="id = 2")
        assert record["value"] == 2
    [record] = conditions({"n": {"check_statement": "count(*) = 1"}}, table="Sales -- all", partition_clause="id = 1")
    assert record["passed"]


def test_no_rows_count_as_zero_or_fail(hook: SqliteHook) -> None:
    [record] = columns({"id": {"max": {"equal_to": 0}}}, partition_clause="id > 99")
    assert (record["value"], record["passed"]) == (None, True)
    with pytest.raises(CheckFailed, match="max is NULL, wanted = 0"):
        columns({"id": {"max": {"equal_to": 0}}}, partition_clause="id > 99", accept_none=False)
    with pytest.raises(CheckFailed, match="min is NULL, wanted >= 5"):
        columns({"id": {"min": {"geq_to": 5}}}, partition_clause="id > 99")


@pytest.mark.parametrize("text", ["id = 1; drop table Sales", "id = 1;", "-- nothing", ";"])
def test_a_condition_cannot_end_the_query(hook: SqliteHook, text: str) -> None:
    with pytest.raises(SqlError, match=r"partition_clause=.* cannot be part of a query"):
        columns({"id": {"max": {"equal_to": 3}}}, partition_clause=text)
    with pytest.raises(SqlError, match=r"cannot be part of a query|OperationalError: near"):
        columns({"id": {"max": {"equal_to": 3}}}, table=f"Sales where {text}")
    with pytest.raises(SqlError, match="cannot be part of a query"):
        conditions({"n": {"check_statement": "1 = 1", "partition_clause": text}})
    with pytest.raises(SqlError, match=r"check_statement=.* cannot be part of a query"):
        conditions({"n": {"check_statement": text}})
    assert hook.get_first('select count(*) from "Sales"') == (4,)
    columns({"id": {"max": {"equal_to": 3}}}, partition_clause="day is null or day <> ';'")


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ({"is_prime": {"equal_to": 1}}, "there is no such check; known are null_check, distinct_check"),
        ({"max": {}}, "it is compared with nothing"),
        ({"max": {"tolerance": 0.1}}, "it is compared with nothing"),
        ({"max": {"equals": 5}}, "unknown: equals; give one or two of equal_to, geq_to"),
        ({"max": {"equal_to": 5, "geq_to": 5}}, "equal_to, geq_to exclude each other"),
        ({"max": {"greater_than": 5, "geq_to": 5}}, "exclude each other"),
        ({"max": {"less_than": 5, "leq_to": 5}}, "exclude each other"),
        ({"max": {"greater_than": 5, "less_than": 5}}, "nothing is > 5 and < 5"),
        ({"max": {"greater_than": 5, "leq_to": 5}}, "nothing is > 5 and <= 5"),
        ({"max": {"geq_to": 6, "leq_to": 5}}, "nothing is >= 6 and <= 5"),
        ({"max": {"equal_to": 5, "tolerance": "some"}}, "tolerance='some' is not a share"),
    ],
)
def test_a_wrong_mapping_is_found_with_the_dag(wanted: Any, told: str) -> None:
    with pytest.raises(DagError, match=r"Task 'check': .* of column 'id': .*") as caught:
        SQLColumnCheckOperator(task_id="check", table="t", column_mapping={"id": wanted})
    assert told in str(caught.value)


def test_bounds_that_meet_are_possible() -> None:
    SQLColumnCheckOperator(task_id="c", table="t", column_mapping={"id": {"max": {"geq_to": 5, "leq_to": 5}}})
    templated = {"id": {"max": {"geq_to": "{{ params.low }}", "leq_to": "{{ params.high }}"}}}
    SQLColumnCheckOperator(task_id="c", table="t", column_mapping=templated)
    for mapping in ({}, {"id": {}}):
        with pytest.raises(DagError, match="nothing would be checked"):
            SQLColumnCheckOperator(task_id="c", table="t", column_mapping=mapping)


def test_a_subclass_may_bring_its_own_checks(hook: SqliteHook) -> None:
    class More(SQLColumnCheckOperator):
        column_checks = {**SQLColumnCheckOperator.column_checks, "mean": "AVG({column})"}

    task = More(task_id="c", conn_id="warehouse", table="Sales", column_mapping={"id": {"mean": {"equal_to": 2}}})
    assert task.execute({})[0]["value"] == 2


# SQLTableCheckOperator


def test_conditions_are_of_the_table_or_of_each_row(hook: SqliteHook, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    records = conditions(
        {
            "enough": {"check_statement": "count(*) = 4"},
            "positive": {"check_statement": 'id > 0 and coalesce("Total %", 1) > 0 -- each'},
            "dated": {"check_statement": "day like '2024%'", "partition_clause": "day is not null"},
        }
    )
    assert [(record["name"], record["value"], record["passed"]) for record in records] == [
        ("enough", True, True),
        ("positive", True, True),
        ("dated", True, True),
    ]
    assert records[0]["check"] == "count(*) = 4"
    assert caplog.text.count("Running statement") == 1


def test_a_condition_that_is_not_true_somewhere_fails(hook: SqliteHook) -> None:
    with pytest.raises(CheckFailed) as caught:
        conditions(
            {
                "small": {"check_statement": '"Total %" < 50'},  # NULL is not true
                "enough": {"check_statement": "count(*) >= 4"},
                "many": {"check_statement": "count(*) > 4"},
            }
        )
    told = str(caught.value)
    assert "2 of 3 not passed" in told
    assert 'small: "Total %" < 50 is False, wanted True' in told
    assert "many: count(*) > 4 is False, wanted True" in told


def test_no_rows_fail_a_condition_unless_accepted(hook: SqliteHook) -> None:
    rows = {"positive": {"check_statement": "id > 0"}}
    with pytest.raises(CheckFailed, match="id > 0 is NULL"):
        conditions(rows, partition_clause="id > 99")
    [record] = conditions(rows, partition_clause="id > 99", accept_none=True)
    assert (record["value"], record["passed"]) == (None, True)


@pytest.mark.parametrize("checks", [{}, {"a": {}}, {"a": {"check_statement": ""}}, {"a": {"check": "1"}}])
def test_wrong_checks_are_found_with_the_dag(checks: Any) -> None:
    with pytest.raises(DagError, match="Task 'check'"):
        SQLTableCheckOperator(task_id="check", table="t", checks=checks)


# In a run


def test_results_are_there_for_later_tasks_also_of_a_check_that_failed(hook: SqliteHook) -> None:
    with DAG("d") as dag:
        good = SQLColumnCheckOperator(
            task_id="good",
            conn_id="warehouse",
            table="{{ params.table }}",
            column_mapping={"id": {"max": {"equal_to": "{{ 1 + 2 }}"}}},
            partition_clause="day = '{{ ds }}' or day is null",
            params={"table": "Sales"},
        )
        bad = SQLTableCheckOperator(
            task_id="bad", conn_id="warehouse", table="Sales", checks={"few": {"check_statement": "count(*) < 4"}}
        )
        [good, bad] >> EmptyOperator(task_id="after", trigger_rule="all_done")
    run = dag.test(logical_date="2024-05-01")
    assert {task_id: str(state) for task_id, state in run.task_states.items()} == {
        "good": "success",
        "bad": "failed",
        "after": "success",
    }
    assert [(record["name"], record["passed"]) for record in run.xcom("good")] == [("id:max", True)]
    assert [(record["name"], record["passed"]) for record in run.xcom("bad")] == [("few", False)]
