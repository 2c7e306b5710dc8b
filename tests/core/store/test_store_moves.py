"""What a scheduler writes: all of it or nothing, and only under its own lease."""

from __future__ import annotations

import datetime
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tradewind.records import Moves, Outcome, RunMove, TaskInstance, TaskMove
from tradewind.states import RunState, TaskState
from tradewind.store import Applied, Store
from tradewind.store.postgres import PostgresDatabase

MOMENTS = st.datetimes(
    min_value=datetime.datetime(1970, 1, 2), max_value=datetime.datetime(9000, 1, 1), timezones=st.timezones()
)
DATETIME = datetime.datetime
MAYBE = st.none() | MOMENTS
NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=250)
TASKS = st.builds(
    TaskInstance,
    task_id=st.just("t0"),
    state=st.none() | st.sampled_from(TaskState),
    try_number=st.integers(0, 1000),
    max_tries=st.integers(0, 1000),
    dispatch=st.integers(0, 1000),
    scheduled_at=MAYBE,
    queued_at=MAYBE,
    started_at=MAYBE,
    ended_at=MAYBE,
    next_at=MAYBE,
    host=st.none() | NAMES,
    pid=st.none() | st.integers(0, 2**31 - 1),
    process=st.none() | NAMES,
    skips=st.lists(st.text()).map(tuple),
    reason=st.text(),
)


def in_utc(task: TaskInstance) -> TaskInstance:
    moments = {name: value for name in task.__struct_fields__ if isinstance(value := getattr(task, name), DATETIME)}
    return replace(task, **{name: value.astimezone(datetime.UTC) for name, value in moments.items()})


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chain=st.lists(TASKS, min_size=1, max_size=3))
def test_what_is_written_is_what_is_read(store: Store, sample: Any, chain: list[TaskInstance]) -> None:
    run = store.find_run("sales", "run-1") or sample.run()
    for after in chain:
        before = store.task(run.id, "t0")
        # History is keyed by dispatch, which a real scheduler never uses twice.
        with store.database.write() as connection:
            connection.exec_driver_sql("DELETE FROM attempts")
        assert store.apply(run, Moves((TaskMove(before, after),))).written
        expected = in_utc(after)
        if isinstance(store.database, PostgresDatabase):  # takes no NULs
            expected = replace(expected, reason=expected.reason.replace("\0", "?"))
        assert store.task(run.id, "t0") == expected


def test_a_move_that_no_longer_fits_keeps_the_whole_event_from_being_written(store: Store, sample: Any) -> None:
    run = sample.run(tasks=3)
    key = sample.queue(run)
    sample.start(key)
    lost, waiting = store.task(run.id, "t0"), store.task(run.id, "t1")
    store.finish_attempt(key, Outcome(TaskState.SUCCESS, sample.now))
    given_up = TaskMove(lost, replace(lost, state=TaskState.FAILED))
    follows = TaskMove(waiting, replace(waiting, state=TaskState.UPSTREAM_FAILED))
    request = store.add_request("clear", "sales", "run-1")
    moves = Moves((given_up, follows), RunMove(run, replace(run, state=RunState.FAILED)))
    assert store.apply(run, moves, handled_requests=[request]) == Applied(ok=True, refused=[given_up])
    assert store.task(run.id, "t0").state is TaskState.SUCCESS
    assert store.task(run.id, "t1").state is None
    assert store.run("sales", "run-1") == run
    assert [asked.id for asked in store.requests()] == [request]
    assert len(store.attempts(run.id, "t0")) == 1


def test_a_move_made_for_an_earlier_dispatch_is_refused(store: Store, sample: Any) -> None:
    run = sample.run()
    sample.queue(run, dispatch=1)
    seen = store.task(run.id, "t0")
    sample.move(run, "t0", TaskState.SCHEDULED)
    sample.queue(run, dispatch=2)
    late = TaskMove(seen, replace(seen, state=TaskState.FAILED))
    assert store.apply(run, Moves((late,))).refused == [late]
    assert store.task(run.id, "t0").state is TaskState.QUEUED


def test_everything_of_an_event_is_written_together(store: Store, sample: Any) -> None:
    run = sample.run(tasks=3)
    tasks = store.tasks(run.id)
    request = store.add_request("clear", "sales", "run-1", {"task_ids": ["t0"]})
    started = replace(run, state=RunState.RUNNING, started_at=sample.now, reason="why", callback_due=True)
    moves = Moves(
        tuple(TaskMove(task, replace(task, state=TaskState.SCHEDULED, try_number=1)) for task in tasks),
        RunMove(run, started),
    )
    assert store.apply(run, moves, handled_requests=[request]).written
    assert store.run("sales", "run-1") == started
    assert {task.state for task in store.tasks(run.id)} == {TaskState.SCHEDULED}
    assert store.requests() == []


def test_a_scheduler_that_lost_the_lease_writes_nothing(store: Store, sample: Any) -> None:
    run = sample.run()
    [taken] = store.claim_runs("scheduler-b", sample.now, dead=[sample.scheduler])
    task = store.task(run.id, "t0")
    move = TaskMove(task, replace(task, state=TaskState.SCHEDULED))
    assert store.apply(run, Moves((move,))) == Applied(ok=False)
    assert store.apply(run, Moves(run=RunMove(run, replace(run, state=RunState.FAILED)))) == Applied(ok=False)
    assert not store.callback_done(run)
    assert store.task(run.id, "t0") == task
    assert store.run("sales", "run-1") == taken
    assert store.apply(taken, Moves((move,))).written


def test_a_run_without_a_lease_is_not_written(store: Store, sample: Any) -> None:
    store.save_parsed(sample.parsed(sample.spec()), sample.now)
    run = store.create_run(sample.new_run(), sample.now)
    assert run is not None
    assert not store.apply(run, Moves(run=RunMove(run, replace(run, state=RunState.RUNNING)))).ok


def test_a_move_of_a_run_never_touches_its_lease(store: Store, sample: Any) -> None:
    run = sample.run()
    after = replace(run, state=RunState.RUNNING, owner="somebody", epoch=99)
    assert store.apply(run, Moves(run=RunMove(run, after))).written
    stored = store.run("sales", "run-1")
    assert (stored.owner, stored.epoch) == (run.owner, run.epoch)


@pytest.mark.parametrize("after", [TaskState.FAILED, TaskState.UP_FOR_RETRY, TaskState.SUCCESS, TaskState.SKIPPED])
def test_a_try_that_the_scheduler_ends_is_kept_as_history(store: Store, sample: Any, after: TaskState) -> None:
    run = sample.run()
    sample.start(sample.queue(run), seconds=3)
    sample.move(run, "t0", after, ended_at=sample.later(seconds=9), reason="lost")
    [attempt] = store.attempts(run.id, "t0")
    assert (attempt.state, attempt.try_number, attempt.reason, attempt.pid) == (after, 1, "lost", 42)
    assert (attempt.started_at, attempt.ended_at) == (sample.later(seconds=3), sample.later(seconds=9))


def test_a_try_stopped_by_a_clear_is_kept_as_history(store: Store, sample: Any) -> None:
    run = sample.run()
    sample.start(sample.queue(run))
    sample.move(run, "t0", TaskState.RESTARTING)
    assert store.attempts(run.id, "t0") == []
    sample.move(run, "t0", None, ended_at=None, started_at=None)
    [attempt] = store.attempts(run.id, "t0")
    assert (attempt.state, attempt.reason) == (TaskState.RESTARTING, "cleared while it ran")


@pytest.mark.parametrize("before", [None, TaskState.SCHEDULED, TaskState.UP_FOR_RETRY])
def test_what_ends_without_a_process_leaves_no_history(store: Store, sample: Any, before: TaskState | None) -> None:
    run = sample.run()
    if before:
        sample.move(run, "t0", before)
    sample.move(run, "t0", TaskState.SUCCESS)
    assert store.attempts(run.id, "t0") == []


def test_a_sign_of_life_is_not_put_back(store: Store, sample: Any) -> None:
    run = sample.run()
    key = sample.queue(run)
    sample.start(key)
    seen = store.task(run.id, "t0")
    store.heartbeat(key, sample.later(minutes=5))
    stop = TaskMove(seen, replace(seen, state=TaskState.RESTARTING))
    assert store.apply(run, Moves((stop,))).written
    assert store.task(run.id, "t0").heartbeat_at == sample.later(minutes=5)
    sample.move(run, "t0", None, heartbeat_at=None)
    assert store.task(run.id, "t0").heartbeat_at is None


def test_the_callback_of_an_ended_run_is_due_till_it_has_run(store: Store, sample: Any) -> None:
    run = sample.run()
    ended = replace(run, state=RunState.SUCCESS, ended_at=sample.now, callback_due=True)
    store.apply(run, Moves(run=RunMove(run, ended)))
    assert store.run("sales", "run-1").callback_due
    assert store.callback_done(ended)
    assert not store.run("sales", "run-1").callback_due


def test_the_callback_of_an_earlier_end_does_not_stand_for_that_of_the_last(store: Store, sample: Any) -> None:
    run = sample.run()
    first = replace(run, state=RunState.FAILED, ended_at=sample.now, callback_due=True)
    store.apply(run, Moves(run=RunMove(run, first)))
    store.apply(first, Moves(run=RunMove(first, replace(first, ended_at=sample.later(minutes=1)))))
    assert not store.callback_done(first)
    assert store.run("sales", "run-1").callback_due


def test_many_moves_at_once(store: Store, sample: Any, tmp_path: Path) -> None:
    run = sample.run(tasks=500)
    moves = tuple(TaskMove(task, replace(task, state=TaskState.SKIPPED)) for task in store.tasks(run.id))
    sample.move(run, "t7", TaskState.SCHEDULED)
    refused = store.apply(run, Moves(moves)).refused
    assert [move.before.task_id for move in refused] == ["t7"]
    assert Counter(task.state for task in store.tasks(run.id)) == {None: 499, TaskState.SCHEDULED: 1}
    assert store.apply(run, Moves(tuple(move for move in moves if move not in refused))).written
    assert Counter(task.state for task in store.tasks(run.id))[TaskState.SKIPPED] == 499
