"""What the process of an attempt records, and what it may not."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from tradewind.errors import NotFound
from tradewind.records import Outcome
from tradewind.states import TaskState
from tradewind.store import Store


def test_an_attempt_starts_once(store: Store, sample: Any) -> None:
    run = sample.run()
    key = sample.queue(run)
    started = store.start_attempt(key, sample.later(seconds=1), "here", 42, "p-42")
    assert started is not None
    its_run, task, version = started
    assert its_run == run
    assert version == store.version("sales", run.version)
    assert task == store.task(run.id, "t0")
    assert (task.state, task.started_at, task.heartbeat_at) == (
        TaskState.RUNNING,
        sample.later(seconds=1),
        sample.later(seconds=1),
    )
    assert (task.host, task.pid, task.process) == ("here", 42, "p-42")
    assert store.start_attempt(key, sample.now, "there", 43, "p-43") is None
    assert store.task(run.id, "t0") == task


@pytest.mark.parametrize(
    "wrong",
    [{"dispatch": 2}, {"dispatch": 0}, {"task_id": "t1"}, {"run_id": "x"}, {"dag_id": "x"}, {"map_index": 0}],
    ids=str,
)
def test_nothing_starts_under_another_key(store: Store, sample: Any, wrong: dict[str, Any]) -> None:
    run = sample.run()
    key = sample.queue(run)
    assert not sample.start(replace(key, **wrong))
    assert store.task(run.id, "t0").state is TaskState.QUEUED


def test_an_end_is_recorded_once_and_kept_as_history(store: Store, sample: Any) -> None:
    run = sample.run()
    key = sample.queue(run)
    sample.start(key, seconds=1)
    outcome = Outcome(TaskState.SUCCESS, sample.later(seconds=5), skips=("t1",), reason="branch")
    assert store.finish_attempt(key, outcome)
    task = store.task(run.id, "t0")
    assert (task.state, task.ended_at, task.skips, task.reason) == (
        TaskState.SUCCESS,
        sample.later(seconds=5),
        ("t1",),
        "branch",
    )
    assert not store.finish_attempt(key, Outcome(TaskState.FAILED, sample.now))
    [attempt] = store.attempts(run.id, "t0")
    assert (attempt.state, attempt.try_number, attempt.reason) == (TaskState.SUCCESS, 1, "branch")
    assert (attempt.started_at, attempt.ended_at) == (sample.later(seconds=1), sample.later(seconds=5))
    assert (attempt.host, attempt.pid) == ("here", 42)


def test_a_reason_with_half_characters_is_recorded_all_the_same(store: Store, sample: Any) -> None:
    run = sample.run()
    key = sample.queue(run)
    sample.start(key)
    assert store.finish_attempt(key, Outcome(TaskState.FAILED, sample.now, reason="no file 'caf\udce9.csv' ö"))
    assert store.task(run.id, "t0").reason == "no file 'caf?.csv' ö"


def test_a_retry_is_due_at_its_time_and_starts_afresh(store: Store, sample: Any) -> None:
    run = sample.run()
    key = sample.queue(run)
    sample.start(key)
    outcome = Outcome(TaskState.UP_FOR_RETRY, sample.later(seconds=1), next_at=sample.later(seconds=9), reason="boom")
    assert store.finish_attempt(key, outcome)
    assert store.task(run.id, "t0").next_at == sample.later(seconds=9)
    again = sample.queue(run, dispatch=2, try_number=2)
    sample.start(again, seconds=10)
    task = store.task(run.id, "t0")
    assert (task.started_at, task.ended_at) == (sample.later(seconds=10), None)
    assert store.finish_attempt(again, Outcome(TaskState.SUCCESS, sample.later(seconds=11)))
    assert [(attempt.try_number, attempt.state) for attempt in store.attempts(run.id, "t0")] == [
        (1, TaskState.UP_FOR_RETRY),
        (2, TaskState.SUCCESS),
    ]


def test_an_attempt_that_was_given_up_records_nothing(store: Store, sample: Any) -> None:
    run = sample.run()
    key = sample.queue(run)
    sample.start(key)
    sample.move(run, "t0", TaskState.UP_FOR_RETRY, ended_at=sample.now, reason="lost")
    before = store.task(run.id, "t0")
    assert not store.heartbeat(key, sample.later(minutes=1))
    assert not store.finish_attempt(key, Outcome(TaskState.SUCCESS, sample.now))
    assert store.task(run.id, "t0") == before
    sample.queue(run, dispatch=2, try_number=2)
    assert not sample.start(key)
    assert not store.heartbeat(key, sample.later(minutes=1))


def test_an_attempt_that_is_to_be_restarted_is_told_to_stop(store: Store, sample: Any) -> None:
    run = sample.run()
    key = sample.queue(run)
    sample.start(key)
    assert store.heartbeat(key, sample.later(seconds=7))
    assert store.task(run.id, "t0").heartbeat_at == sample.later(seconds=7)
    sample.move(run, "t0", TaskState.RESTARTING)
    assert not store.heartbeat(key, sample.later(seconds=8))
    assert not store.finish_attempt(key, Outcome(TaskState.SUCCESS, sample.now))


def test_looks_of_a_sensor_are_one_try(store: Store, sample: Any) -> None:
    run = sample.run()
    api = store.task_api()
    for look in range(3):
        key = sample.queue(run, dispatch=look + 1)
        assert api.reschedules(key) == ((0, None) if look == 0 else (look, sample.later(seconds=0)))
        sample.start(key, seconds=look * 10)
        given_back = Outcome(TaskState.UP_FOR_RESCHEDULE, sample.now, next_at=sample.later(seconds=look * 10 + 5))
        assert store.finish_attempt(key, given_back)
        assert store.task(run.id, "t0").next_at == given_back.next_at
    assert store.attempts(run.id, "t0") == []
    last = sample.queue(run, dispatch=4)
    sample.start(last, seconds=30)
    store.finish_attempt(last, Outcome(TaskState.FAILED, sample.later(seconds=31)))
    [attempt] = store.attempts(run.id, "t0")
    assert (attempt.started_at, attempt.ended_at) == (sample.later(seconds=0), sample.later(seconds=31))


def test_a_new_try_of_a_sensor_begins_to_count_anew(store: Store, sample: Any) -> None:
    run = sample.run()
    first = sample.queue(run)
    sample.start(first)
    store.finish_attempt(first, Outcome(TaskState.UP_FOR_RESCHEDULE, sample.now, next_at=sample.now))
    second = sample.queue(run, dispatch=2, try_number=2)
    assert store.task_api().reschedules(second) == (0, None)
    sample.start(second, seconds=60)
    store.finish_attempt(second, Outcome(TaskState.UP_FOR_RESCHEDULE, sample.now, next_at=sample.now))
    assert store.task_api().reschedules(second) == (1, sample.later(seconds=60))


def test_an_unknown_task_is_an_error_with_the_nearest_name(store: Store, sample: Any) -> None:
    run = sample.run(tasks=1)
    with pytest.raises(NotFound, match="did you mean 't0'"):
        store.task(run.id, "t00")
