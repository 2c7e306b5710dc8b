"""Whether and when a task is tried again."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.operator import RetryAction, RetryDecision
from tradewind.records import TaskSpec
from tradewind.runner.retries import JITTER, LONGEST_DELAY, after_failure, delay
from tradewind.states import TaskState

NOW = datetime.datetime(2024, 5, 1, 12, tzinfo=datetime.UTC)


def spec(**fields: float) -> TaskSpec:
    return TaskSpec("t", "PythonOperator", **fields)  # type: ignore[arg-type]


def test_a_task_is_tried_again_until_its_retries_are_used() -> None:
    task = spec(retries=2, retry_delay=60)
    assert after_failure(task, 1, 2, NOW) == (TaskState.UP_FOR_RETRY, NOW + datetime.timedelta(minutes=1))
    assert after_failure(task, 2, 2, NOW) == (TaskState.UP_FOR_RETRY, NOW + datetime.timedelta(minutes=1))
    assert after_failure(task, 3, 2, NOW) == (TaskState.FAILED, None)


def test_a_task_without_retries_fails_at_once() -> None:
    assert after_failure(spec(), 1, 0, NOW) == (TaskState.FAILED, None)


def test_a_retry_policy_chooses_the_delay_or_the_end_and_adds_no_tries() -> None:
    task = spec(retries=2, retry_delay=60, max_retry_delay=100)
    for wait in (500, datetime.timedelta(seconds=500)):
        soon = after_failure(task, 1, 2, NOW, RetryDecision.retry(wait))
        assert soon == (TaskState.UP_FOR_RETRY, NOW + datetime.timedelta(seconds=500))
    usual = TaskState.UP_FOR_RETRY, NOW + datetime.timedelta(minutes=1)
    assert after_failure(task, 1, 2, NOW, RetryDecision.retry()) == usual
    assert after_failure(task, 1, 2, NOW, RetryDecision(RetryAction.DEFAULT, retry_delay=500)) == usual
    assert after_failure(task, 1, 2, NOW, RetryDecision.fail()) == (TaskState.FAILED, None)
    assert after_failure(task, 3, 2, NOW, RetryDecision.retry(1)) == (TaskState.FAILED, None)


@pytest.mark.parametrize("factor", [0, 1])
def test_the_delay_stays_the_same_without_backoff(factor: float) -> None:
    task = spec(retry_delay=7.5, retry_exponential_backoff=factor)
    assert [delay(task, number, NOW) for number in (1, 2, 9)] == [7.5] * 3


def test_a_fixed_delay_is_not_cut_at_a_day_but_at_its_own_limit() -> None:
    assert delay(spec(retry_delay=LONGEST_DELAY * 3), 1, NOW) == LONGEST_DELAY * 3
    assert delay(spec(retry_delay=100, max_retry_delay=30), 1, NOW) == 30


def test_the_delay_grows_by_the_factor_with_a_little_on_top() -> None:
    task = spec(retry_delay=10, retry_exponential_backoff=3)
    for number, base in ((1, 10), (2, 30), (3, 90)):
        assert base <= delay(task, number, NOW) <= base * (1 + JITTER)


def test_a_growing_delay_never_passes_its_limit_or_a_day() -> None:
    assert delay(spec(retry_delay=10, retry_exponential_backoff=2, max_retry_delay=25), 9, NOW) == 25
    assert delay(spec(retry_delay=10, retry_exponential_backoff=2), 100_000, NOW) == LONGEST_DELAY


@given(
    st.floats(0, 1e6), st.floats(0, 1e3), st.integers(1, 10**6), st.one_of(st.none(), st.floats(0, 1e6)), st.datetimes()
)
def test_a_delay_is_always_a_number_of_seconds_and_always_the_same(
    base: float, factor: float, number: int, longest: float | None, now: datetime.datetime
) -> None:
    task = spec(retry_delay=base, retry_exponential_backoff=factor, max_retry_delay=longest)  # type: ignore[arg-type]
    found = delay(task, number, now)
    assert 0 <= found <= max(base, LONGEST_DELAY if longest is None else longest)
    assert found == delay(task, number, now)
