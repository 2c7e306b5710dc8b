"""Operators that choose by the date, and the one for the latest run only."""

from __future__ import annotations

import datetime
import subprocess
import sys
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import pytest

import tradewind.operators
from tradewind.dag import DAG
from tradewind.errors import DagError
from tradewind.operator import BaseOperator
from tradewind.operator.clock import within
from tradewind.operator.weekday import WeekDay
from tradewind.operators import (
    BaseBranchOperator,
    BranchDateTimeOperator,
    BranchDayOfWeekOperator,
    BranchMixin,
    DummyOperator,
    EmptyOperator,
    LatestOnlyOperator,
    SkipMixin,
)
from tradewind.records import Run
from tradewind.states import RunState, RunType

BERLIN = ZoneInfo("Europe/Berlin")
AT = datetime.datetime(2025, 11, 21, tzinfo=datetime.UTC)  # a Friday
DAY = datetime.timedelta(days=1)
HOUR = datetime.timedelta(hours=1)


def branch(kind: Any, *, zone: datetime.tzinfo = datetime.UTC, schedule: Any = "@daily", **more: Any) -> Any:
    with DAG("sales", schedule=schedule, start_date=datetime.datetime(2025, 1, 1, tzinfo=zone)):
        task = kind(task_id="branch", **more)
        task >> [EmptyOperator(task_id="yes"), EmptyOperator(task_id="no")]
    return task


def skipped(execution: Any, task: Any) -> set[str]:
    return set(execution.execute_with_ti(task)[1].skips)


BRANCHES = {"follow_task_ids_if_true": "yes", "follow_task_ids_if_false": ["no"]}


def test_an_operator_may_choose_in_its_own_way(execution: Any) -> None:
    class Own(BaseBranchOperator):
        def choose_branch(self, context: Any) -> str:
            return "yes" if context["ds"] == "2025-11-21" else "no"

    assert skipped(execution, branch(Own)) == {"no"}


@pytest.mark.parametrize("bases", [(BaseOperator, SkipMixin), (SkipMixin, BaseOperator), (BaseOperator, BranchMixin)])
def test_any_operator_may_skip_tasks(bases: tuple[type, ...], execution: Any) -> None:
    class Own(*bases):  # type: ignore[misc]
        def execute(self, context: Any) -> None:
            self.skip_all_except(ti=context["ti"], branch_task_ids=["yes"])

    assert skipped(execution, branch(Own)) == {"no"}


# -- date and time -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lower", "upper", "inside"),
    [
        (AT, AT, True),
        (AT + HOUR, None, False),
        (AT - HOUR, None, True),
        (None, AT - HOUR, False),
        (None, AT + HOUR, True),
        (datetime.datetime(2025, 11, 21), datetime.datetime(2025, 11, 22), True),
        (datetime.time(0), datetime.time(1), True),
        (datetime.time(1), datetime.time(2), False),
        (datetime.time(22), datetime.time(6), True),
        (datetime.time(22), datetime.time(23, 59), False),
        (datetime.time(1), None, False),
        (None, datetime.time(1), True),
        (datetime.time(1, tzinfo=BERLIN), datetime.time(2, tzinfo=BERLIN), True),
    ],
)
def test_branch_by_the_logical_date(lower: Any, upper: Any, inside: bool, execution: Any) -> None:
    task = branch(
        BranchDateTimeOperator, target_lower=lower, target_upper=upper, use_task_logical_date=True, **BRANCHES
    )
    assert skipped(execution, task) == ({"no"} if inside else {"yes"})


def test_branch_by_the_present_moment(execution: Any) -> None:
    now = datetime.datetime.now(datetime.UTC)
    task = branch(BranchDateTimeOperator, target_lower=now - HOUR, target_upper=now + HOUR, **BRANCHES)
    assert skipped(execution, task) == {"no"}


def test_times_are_meant_in_the_zone_of_the_dag(execution: Any) -> None:
    times = {"target_lower": datetime.time(1), "target_upper": datetime.time(1), "use_task_execution_date": True}
    assert skipped(execution, branch(BranchDateTimeOperator, zone=BERLIN, **times, **BRANCHES)) == {"no"}
    assert skipped(execution, branch(BranchDateTimeOperator, **times, **BRANCHES)) == {"yes"}


@pytest.mark.parametrize("hour", range(24))
def test_a_span_over_midnight_has_no_gap(hour: int) -> None:
    moment = AT.replace(hour=hour, minute=30)
    night = within(moment, datetime.time(22), datetime.time(6))
    day = within(moment, datetime.time(6), datetime.time(22))
    assert night is not day


@pytest.mark.parametrize(
    ("lower", "upper", "message"), [(None, None, "at least one"), (AT, datetime.time(1), "of the same kind")]
)
def test_ends_that_say_nothing_are_refused(lower: Any, upper: Any, message: str) -> None:
    with pytest.raises(DagError, match=message):
        branch(BranchDateTimeOperator, target_lower=lower, target_upper=upper, **BRANCHES)


# -- day of the week ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "hit"),
    [
        ("Friday", True),
        ("friday", True),
        (WeekDay.FRIDAY, True),
        ({"Monday", "FRIDAY"}, True),
        ([WeekDay.MONDAY], False),
        ("Saturday", False),
    ],
)
def test_branch_by_day_of_the_week(days: Any, hit: bool, execution: Any) -> None:
    task = branch(BranchDayOfWeekOperator, week_day=days, use_task_logical_date=True, **BRANCHES)
    assert skipped(execution, task) == ({"no"} if hit else {"yes"})


def test_the_day_is_that_in_the_zone_of_the_dag(execution: Any, new_run: Callable[..., Run]) -> None:
    execution.run = new_run(at=AT - HOUR)  # Thursday 23:00 UTC, Friday midnight in Berlin
    task = branch(BranchDayOfWeekOperator, zone=BERLIN, week_day="Friday", use_task_execution_day=True, **BRANCHES)
    assert skipped(execution, task) == {"no"}


def test_today_is_one_of_all_days(execution: Any) -> None:
    assert skipped(execution, branch(BranchDayOfWeekOperator, week_day=list(WeekDay), **BRANCHES)) == {"no"}


@pytest.mark.parametrize("days", ["Fryday", [], 5, ["Monday", None]])
def test_what_is_no_day_is_refused(days: Any) -> None:
    with pytest.raises(DagError, match="day of the week"):
        branch(BranchDayOfWeekOperator, week_day=days, **BRANCHES)


# -- latest only -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("days_ago", "skips"), [(1, set()), (2, {"yes", "no"}), (30, {"yes", "no"})])
def test_only_the_latest_run_goes_on(
    days_ago: int, skips: set[str], execution: Any, new_run: Callable[..., Run]
) -> None:
    midnight = datetime.datetime.now(datetime.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    execution.run = new_run(at=midnight - days_ago * DAY)
    assert skipped(execution, branch(LatestOnlyOperator)) == skips


def test_a_run_is_the_latest_till_the_interval_after_its_own_is_over(
    execution: Any, new_run: Callable[..., Run]
) -> None:
    full_hour = datetime.datetime.now(datetime.UTC).replace(minute=0, second=0, microsecond=0)
    task = branch(LatestOnlyOperator, schedule=HOUR)
    for ended, skips in ((full_hour, set()), (full_hour - HOUR, {"yes", "no"})):
        execution.run = new_run(at=ended - HOUR, data_interval_end=ended)
        assert skipped(execution, task) == skips


@pytest.mark.parametrize(
    ("type", "schedule", "skips"),
    [
        (RunType.MANUAL, "@daily", set()),
        (RunType.OPERATOR_TRIGGERED, "@daily", set()),
        (RunType.BACKFILL, "@daily", {"yes", "no"}),
        (RunType.SCHEDULED, "@once", set()),
    ],
)
def test_which_old_runs_go_on(
    type: RunType, schedule: str, skips: set[str], execution: Any, new_run: Callable[..., Run]
) -> None:
    execution.run = new_run(at=AT - 300 * DAY, type=type, state=RunState.RUNNING)
    assert skipped(execution, branch(LatestOnlyOperator, schedule=schedule)) == skips


# -- names -------------------------------------------------------------------------------------------------------------


def test_an_empty_operator_does_nothing(execution: Any) -> None:
    assert DummyOperator is EmptyOperator
    assert EmptyOperator.is_empty
    assert execution.execute(EmptyOperator(task_id="x")) is None


def test_every_name_is_there_and_is_documented() -> None:
    assert tradewind.operators.__all__ == sorted(tradewind.operators._PLACES)
    for name in tradewind.operators.__all__:
        found = getattr(tradewind.operators, name)
        assert found.__doc__, name
        assert found.__module__ == f"tradewind.operators.{tradewind.operators._PLACES[name]}" or name == "DummyOperator"
        if isinstance(found, type) and issubclass(found, BaseOperator):
            assert isinstance(found.template_fields, tuple)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'BushOperator'"):
        tradewind.operators.BushOperator  # noqa: B018


def test_importing_the_package_loads_no_operator() -> None:
    code = (
        "import sys, tradewind.operators\n"
        "assert 'tradewind.operators.email' not in sys.modules and 'smtplib' not in sys.modules\n"
        "from tradewind.operators import BashOperator\n"
        "assert 'tradewind.operators.email' not in sys.modules and 'jinja2' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
