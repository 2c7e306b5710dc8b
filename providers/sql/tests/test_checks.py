"""Checks of query results: what passes, what fails and how that is told, and the records that both leave behind."""

from __future__ import annotations

import datetime
import decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tradewind import xcom
from tradewind.dag import DAG
from tradewind.errors import DagError, TaskFailed
from tradewind_sql import (
    CheckFailed,
    SQLCheckOperator,
    SqlError,
    SQLIntervalCheckOperator,
    SqliteHook,
    SQLThresholdCheckOperator,
    SQLValueCheckOperator,
)
from tradewind_sql.check_results import CheckResult, meets


@pytest.fixture
def hook(hook: SqliteHook) -> SqliteHook:
    hook.run("create table t (id integer, name text)")
    hook.insert_rows("t", [(1, "a"), (2, "b")])
    return hook


class Pushed:
    """Stands where `ti` is in a context, and keeps what is pushed."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def xcom_push(self, key: str, value: Any) -> None:
        self.values[key] = xcom.loads(xcom.dumps(value))


def check(sql: str, **options: Any) -> Any:
    return SQLCheckOperator(task_id="check", conn_id="warehouse", sql=sql, **options).execute({})


def value(sql: str, pass_value: Any, **options: Any) -> Any:
    operator = SQLValueCheckOperator(task_id="check", conn_id="warehouse", sql=sql, pass_value=pass_value, **options)
    return operator.execute({})


# Results


def test_the_records_of_a_check_have_one_form(hook: SqliteHook) -> None:
    expected = {
        "name": "n",
        "column": "n",
        "check": "value",
        "value": 2,
        "expected": {"is": True},
        "tolerance": None,
        "passed": True,
        "details": {},
    }
    records = check("select count(*) as n from t")
    assert records == [expected]
    assert xcom.loads(xcom.dumps(records)) == records
    [record] = value("select count(*) as n from t", 2, tolerance=0.5)
    assert record == {**expected, "expected": {"equal_to": 2}, "tolerance": 0.5}
    assert [found["name"] for found in check("select 1 as a, 1 as b, 1 as b")] == ["a", "2", "3"]


def test_the_records_are_kept_also_when_the_task_fails(hook: SqliteHook) -> None:
    ti = Pushed()
    task = SQLCheckOperator(task_id="check", conn_id="warehouse", sql="select 1 as good, 0 as bad")
    with pytest.raises(CheckFailed):
        task.execute({"ti": ti})
    kept = ti.values["return_value"]
    assert [(record["name"], record["value"], record["passed"]) for record in kept] == [
        ("good", 1, True),
        ("bad", 0, False),
    ]
    task.do_xcom_push = False
    ti.values.clear()
    with pytest.raises(CheckFailed):
        task.execute({"ti": ti})
    assert ti.values == {}


def test_a_value_that_only_the_driver_knows_becomes_text() -> None:
    class Odd:
        def __str__(self) -> str:
            return "odd"

    found = CheckResult("n", None, "value", [Odd()], {"equal_to": Odd()}, None, False, {"current": (1, Odd())})
    record = found.record()
    assert (record["value"], record["expected"], record["details"]) == (
        ["odd"],
        {"equal_to": "odd"},
        {"current": [1, "odd"]},
    )
    assert xcom.loads(xcom.dumps(record)) == record


# SQLCheckOperator


@pytest.mark.parametrize("row", ["1", "1, 'a', 0.1", "'0'", "-1"])
def test_a_check_holds_if_all_values_are_true(hook: SqliteHook, row: str) -> None:
    assert all(record["passed"] for record in check(f"select {row}"))


@pytest.mark.parametrize(
    ("row", "failed"),
    [("0 as a", ["a"]), ("1 as a, null as b", ["b"]), ("'' as a, 1 as b, 0.0 as c", ["a", "c"])],
)
def test_a_failed_check_names_each_value(hook: SqliteHook, row: str, failed: list[str]) -> None:
    with pytest.raises(CheckFailed) as caught:
        check(f"select {row}")
    first, *lines = str(caught.value).splitlines()
    assert (
        first == f"Task 'check': check on connection 'warehouse' failed: {len(failed)} of {row.count('as')} not passed."
    )
    assert [line.split(":")[0].strip() for line in lines[: len(failed)]] == failed
    assert all(line.endswith(", wanted True") for line in lines[: len(failed)])
    assert lines[len(failed) :] == ["Query:", f"select {row}"]


def test_no_row_fails_any_check(hook: SqliteHook) -> None:
    for run in (
        lambda: check("select 1 where 0"),
        lambda: value("select 1 where 0", 1),
        lambda: check("delete from t"),
        lambda: threshold("select 1 where 0", 0, 1),
        lambda: threshold("select 1", "select 1 where 0", 1),
    ):
        with pytest.raises(CheckFailed, match="returned zero rows"):
            run()


def test_checks_take_parameters_and_retry_only_if_wanted(hook: SqliteHook) -> None:
    check("select count(*) from t where id = ?", parameters=[1])
    value("select name from t where id = :id", "b", parameters={"id": 2})
    with pytest.raises(TaskFailed, match="1 of 1 not passed"):
        check("select 0", retry_on_failure=False)
    with pytest.raises(TaskFailed, match="no such table"):
        value("select * from missing", 1, retry_on_failure=False)


# SQLValueCheckOperator


@pytest.mark.parametrize(
    ("sql", "pass_value", "tolerance"),
    [
        ("select 2", 2, None),
        ("select 2, 2.0, '2'", "2", None),
        ("select 'a', 'a'", "a", None),
        ("select '2024-05-01'", datetime.date(2024, 5, 1), None),
        ("select 9007199254740993", 9007199254740993, None),
        ("select 0.1", 0.1, None),
        ("select 95, 105", 100, 0.05),
        ("select 50", 100, 1),
        ("select -95, -105", -100, "0.05"),
        ("select 0", 0, 0.5),
    ],
)
def test_values_that_are_wanted_pass(hook: SqliteHook, sql: str, pass_value: Any, tolerance: Any) -> None:
    value(sql, pass_value, tolerance=tolerance)


@pytest.mark.parametrize(
    ("sql", "pass_value", "tolerance", "told"),
    [
        ("select 2 as a, 3 as b", 2, None, ["b: value is 3, wanted = 2"]),
        ("select 'a' as a, 'b' as b", "a", None, ["b: value is 'b', wanted = 'a'"]),
        ("select null as a", 0, None, ["a: value is NULL, wanted = 0"]),
        ("select 'many' as a", 5, None, ["a: value is 'many', wanted = 5"]),
        ("select 9007199254740992 as a", 9007199254740993, None, ["a: value is 9007199254740992, wanted ="]),
        (
            "select 94 as a, 95 as b, 106 as c",
            100,
            0.05,
            ["a: value is 94, wanted = 100, tolerance 5%", "c: value is 106"],
        ),
        ("select -106 as a", -100, 0.05, ["a: value is -106, wanted = -100, tolerance 5%"]),
    ],
)
def test_values_that_are_not_wanted_are_told(
    hook: SqliteHook, sql: str, pass_value: Any, tolerance: Any, told: list[str]
) -> None:
    with pytest.raises(CheckFailed) as caught:
        value(sql, pass_value, tolerance=tolerance)
    lines = [line.strip() for line in str(caught.value).splitlines()[1:]]
    for line, start in zip(lines, told, strict=False):
        assert line.startswith(start)
    assert lines[len(told) :] == ["Query:", sql]


def test_a_tolerance_must_be_a_share(hook: SqliteHook) -> None:
    for wrong in ("some", -0.1):
        with pytest.raises(DagError, match=f"'check': tolerance={wrong!r} is not a share"):
            value("select 1", 1, tolerance=wrong)


numbers = st.one_of(st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(numbers, numbers)
def test_numbers_are_equal_to_themselves_only(one: float, other: float) -> None:
    assert meets(one, {"equal_to": one})
    assert meets(other, {"equal_to": one}) == (decimal.Decimal(str(one)) == decimal.Decimal(str(other)))


# Bounds


@pytest.mark.parametrize(
    ("value", "expected", "tolerance", "passed"),
    [
        (10, {"geq_to": 10}, None, True),
        (9, {"geq_to": 10}, None, False),
        (9, {"geq_to": 10}, 0.1, True),
        (8.99, {"geq_to": 10}, 0.1, False),
        (10, {"greater_than": 10}, None, False),
        (9, {"greater_than": 10}, 0.1, False),
        (9.01, {"greater_than": 10}, 0.1, True),
        (11, {"leq_to": 10}, 0.1, True),
        (11.01, {"leq_to": 10}, 0.1, False),
        (11, {"less_than": 10}, 0.1, False),
        (10.99, {"less_than": 10}, 0.1, True),
        (0.3, {"equal_to": 0.3}, None, True),
        (decimal.Decimal("0.30"), {"equal_to": 0.3}, None, True),
        (-11, {"geq_to": -10}, 0.1, True),  # a share of a negative bound leaves room too
        (-9, {"leq_to": -10}, 0.1, True),
        (0.1, {"equal_to": 0}, 0.5, False),  # there is no share of nothing
        (5, {"geq_to": 1, "less_than": 5}, None, False),
        (4, {"geq_to": 1, "less_than": 5}, None, True),
        (None, {"leq_to": 5}, None, False),
        ("b", {"greater_than": "a"}, None, True),
        ("text", {"less_than": 5}, None, False),
        (datetime.date(2024, 5, 2), {"greater_than": datetime.date(2024, 5, 1)}, None, True),
        (datetime.date(2024, 5, 2), {"leq_to": "2024-05-01"}, None, False),
        ("2024-05-02", {"leq_to": datetime.datetime(2024, 5, 2)}, None, True),
        (datetime.datetime(2024, 5, 2, tzinfo=datetime.UTC), {"geq_to": "2024-05-02"}, None, True),
        ("someday", {"geq_to": datetime.date(2024, 5, 2)}, None, True),  # as texts
    ],
)
def test_bounds_and_tolerance(value: Any, expected: Any, tolerance: Any, passed: bool) -> None:
    assert meets(value, expected, tolerance) is passed


def test_a_tolerance_of_a_date_is_an_error() -> None:
    with pytest.raises(ValueError, match="makes sense for numbers only"):
        meets("2024-05-02", {"geq_to": datetime.date(2024, 5, 2)}, 0.1)


# SQLThresholdCheckOperator


def threshold(sql: str, low: Any, high: Any, **options: Any) -> Any:
    return SQLThresholdCheckOperator(
        task_id="check", conn_id="warehouse", sql=sql, min_threshold=low, max_threshold=high, **options
    ).execute({})


@pytest.mark.parametrize(
    ("low", "high"), [(2, 2), ("1", "3.5"), ("select 2", "select max(id) from t"), (None, 2), (2, None), (None, None)]
)
def test_thresholds_are_numbers_or_queries_and_included(hook: SqliteHook, low: Any, high: Any) -> None:
    [record] = threshold("select count(*) as n from t", low, high)
    assert (record["column"], record["value"], record["check"], record["passed"]) == ("n", 2, "threshold", True)


@pytest.mark.parametrize(
    ("low", "high", "told"),
    [
        (3, 5, "is 2, wanted >= 3 and <= 5"),
        (0, "select 1.5", "wanted >= 0 and <= 1.5"),
        ("select 3", None, "wanted >= 3"),
    ],
)
def test_a_value_outside_is_told_with_both_thresholds(hook: SqliteHook, low: Any, high: Any, told: str) -> None:
    with pytest.raises(CheckFailed) as caught:
        threshold("select count(*) from t", low, high)
    assert told in str(caught.value)


def test_thresholds_may_be_wrong_in_other_ways(hook: SqliteHook) -> None:
    with pytest.raises(CheckFailed, match="is NULL, wanted >= 0"):
        threshold("select null", 0, 1)
    with pytest.raises(SqlError, match="gave 'x', which is not a number"):
        threshold("select 1", "select 'x'", 1)


def test_all_queries_of_a_check_use_one_connection(hook: SqliteHook, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Any] = []
    get_conn = SqliteHook.get_conn

    def counted(self: SqliteHook) -> Any:
        opened.append(get_conn(self))
        return opened[-1]

    monkeypatch.setattr(SqliteHook, "get_conn", counted)
    threshold("select 1", "select 0", "select 2")
    assert len(opened) == 1


def test_push_hears_of_everything(hook: SqliteHook) -> None:
    heard: list[Any] = []

    class Told(SQLThresholdCheckOperator):
        def push(self, meta_data: dict[str, Any]) -> None:
            heard.append(meta_data)

    options: dict[str, Any] = {"task_id": "t", "conn_id": "warehouse", "sql": "select 5"}
    Told(**options, min_threshold=1, max_threshold=9).execute({})
    with pytest.raises(CheckFailed):
        Told(**options, min_threshold=6, max_threshold=9).execute({})
    assert heard == [
        {"result": 5, "task_id": "t", "min_threshold": 1, "max_threshold": 9, "within_threshold": True},
        {"result": 5, "task_id": "t", "min_threshold": 6, "max_threshold": 9, "within_threshold": False},
    ]


# SQLIntervalCheckOperator


@pytest.fixture
def sales(hook: SqliteHook) -> SqliteHook:
    hook.run('create table "Sales" (ds text, amount numeric, name text)')
    rows = [("2024-05-01", 10, "a%"), ("2024-05-01", 30, "b"), ("2024-05-08", 50, "a%"), ("2024-05-08", -100, "c")]
    hook.insert_rows("Sales", rows)
    return hook


def interval(metrics: dict[str, float], **options: Any) -> Any:
    with DAG("d"):
        task = SQLIntervalCheckOperator(
            task_id="check", conn_id="warehouse", table="Sales", metrics_thresholds=metrics, **options
        )
    copy = task.prepare_for_execution()
    copy.render_template_fields({"ds": "2024-05-08", "macros": Macros})
    return copy.execute({})


class Macros:
    @staticmethod
    def ds_add(ds: str, days: int) -> str:
        return str(datetime.date.fromisoformat(ds) + datetime.timedelta(days))


def test_metrics_are_compared_with_those_of_some_days_before(sales: SqliteHook) -> None:
    records = interval({"count(*)": 1.5, "max(amount)": 2, "sum(name like 'a%')": 1.1})
    assert [record["value"] for record in records] == [1.0, pytest.approx(5 / 3), 1.0]
    assert records[1]["details"] == {"current": 50, "reference": 30}
    assert records[1]["expected"] == {"less_than": 2}
    assert interval({"count(*)": 2}, days_back=7) == interval({"count(*)": 2})
    [record] = interval({"max(amount)": 1}, ratio_formula="relative_diff")
    assert (record["check"], record["value"]) == ("relative_diff", pytest.approx(2 / 3))


def test_a_ratio_that_reaches_its_threshold_fails(sales: SqliteHook) -> None:
    with pytest.raises(CheckFailed) as caught:
        interval({"count(*)": 1, "max(amount)": 1.5, "min(ds)": 2})
    told = str(caught.value)
    assert "3 of 3 not passed" in told
    assert "count(*): max_over_min is 1.0, wanted < 1, current 2, reference 2" in told
    assert "max(amount): max_over_min is 1.666" in told
    assert "Days compared: 2024-05-08 and 2024-05-01, table Sales" in told


def test_metrics_on_both_sides_of_zero_never_pass(sales: SqliteHook) -> None:
    for formula in ("max_over_min", "relative_diff"):
        with pytest.raises(CheckFailed, match="sum"):
            interval({"sum(amount)": 2}, ratio_formula=formula)
    with pytest.raises(CheckFailed):
        interval({"-max(amount)": 1.5})


def test_zero_is_ignored_or_not_and_null_never(sales: SqliteHook) -> None:
    zero = {"sum(name = 'b') * 0": 2.0}
    assert interval(zero)[0]["value"] is None
    with pytest.raises(CheckFailed, match="max_over_min is NULL"):
        interval(zero, ignore_zero=False)
    with pytest.raises(CheckFailed, match="current 50"):
        interval({"max(amount)": 99}, days_back=3)
    assert interval({"count(*)": 99}, days_back=3)[0]["passed"]


def test_wrong_settings_of_an_interval_are_found_with_the_dag() -> None:
    with pytest.raises(DagError, match="no ratio_formula 'min'; known are max_over_min, relative_diff"):
        SQLIntervalCheckOperator(task_id="t", table="x", metrics_thresholds={"a": 1}, ratio_formula="min")
    with pytest.raises(DagError, match="nothing would be checked"):
        SQLIntervalCheckOperator(task_id="t", table="x", metrics_thresholds={})
