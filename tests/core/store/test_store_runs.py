"""Runs: made once, found, deleted."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from msgspec.structs import replace

from tradewind.errors import NotFound, StoreError, UsageError
from tradewind.records import Moves, RunMove, TaskInstance, spec_hash
from tradewind.states import RunState, TaskState
from tradewind.store import Store


def test_a_new_run_is_queued_and_has_a_task_instance_for_each_task(store: Store, sample: Any) -> None:
    store.save_parsed(sample.parsed(sample.spec(tasks=3)), sample.now)
    new = sample.new_run(conf={"day": "2026-01-01", "deep": [1, {"x": None}]})
    run = store.create_run(new, sample.later(minutes=1))
    assert run is not None
    assert (run.state, run.queued_at, run.conf) == (RunState.QUEUED, sample.later(minutes=1), new.conf)
    assert (run.logical_date, run.data_interval_end) == (new.logical_date, new.data_interval_end)
    assert (run.owner, run.epoch, run.callback_due) == (None, 0, False)
    assert store.tasks(run.id) == [TaskInstance(f"t{i}", max_tries=i) for i in range(3)]
    assert store.run("sales", "run-1") == run
    assert store.run_by_id(run.id) == run


def test_a_run_id_is_taken_once(store: Store, sample: Any) -> None:
    store.save_parsed(sample.parsed(sample.spec(), sample.spec("other")), sample.now)
    assert store.create_run(sample.new_run(), sample.now)
    assert store.create_run(sample.new_run(), sample.now) is None
    assert store.create_run(sample.new_run("other"), sample.now)
    assert len(store.runs()) == 2


def test_a_run_keeps_the_version_it_was_made_with(store: Store, sample: Any) -> None:
    old, new = sample.spec(tasks=1), sample.spec(tasks=2)
    store.save_parsed(sample.parsed(old), sample.now)
    first = store.create_run(sample.new_run(run_id="first"), sample.now)
    store.save_parsed(sample.parsed(new, source="second"), sample.now)
    second = store.create_run(sample.new_run(run_id="second"), sample.now)
    assert [run.version for run in (first, second)] == [spec_hash(old), spec_hash(new)]
    assert [len(store.tasks(run.id)) for run in (first, second)] == [1, 2]
    assert store.run("sales", "first").version == spec_hash(old)


def test_a_run_of_what_does_not_exist_is_refused(store: Store, sample: Any) -> None:
    store.save_parsed(sample.parsed(sample.spec()), sample.now)
    with pytest.raises(NotFound, match="'sales'"):
        store.create_run(sample.new_run("salse"), sample.now)
    assert store.runs() == []


def test_conf_that_json_cannot_hold_is_refused(store: Store, sample: Any) -> None:
    store.save_parsed(sample.parsed(sample.spec()), sample.now)
    with pytest.raises(UsageError, match="JSON"):
        store.create_run(sample.new_run(conf={"x": object()}), sample.now)
    assert store.runs() == []


def test_a_date_without_a_time_zone_is_refused_and_nothing_is_left_behind(store: Store, sample: Any) -> None:
    store.save_parsed(sample.parsed(sample.spec()), sample.now)
    naive = datetime.datetime(2026, 1, 1)
    with pytest.raises(StoreError, match="time zone"):
        store.create_run(replace(sample.new_run(), logical_date=naive), sample.now)
    assert store.runs() == []


def test_a_dag_without_tasks_has_runs_too(store: Store, sample: Any) -> None:
    store.save_parsed(sample.parsed(sample.spec(tasks=0)), sample.now)
    run = store.create_run(sample.new_run(), sample.now)
    assert run is not None
    assert store.tasks(run.id) == []


def test_listing(store: Store, sample: Any) -> None:
    store.save_parsed(sample.parsed(sample.spec("a"), sample.spec("b")), sample.now)
    for day in (2, 0, 1):
        store.create_run(sample.new_run("a", f"a{day}", day), sample.now)
    store.create_run(sample.new_run("b", "b9", 9), sample.now)
    assert [run.run_id for run in store.runs()] == ["b9", "a2", "a1", "a0"]
    assert [run.run_id for run in store.runs("a", limit=2)] == ["a2", "a1"]
    assert [run.run_id for run in store.runs("a", newest_first=False)] == ["a0", "a1", "a2"]
    assert [run.run_id for run in store.runs(earliest=sample.later(days=1), latest=sample.later(days=2))] == [
        "a2",
        "a1",
    ]
    assert [run.run_id for run in store.runs("a", earliest=sample.later(days=1, seconds=1))] == ["a2"]
    assert [run.run_id for run in store.runs("a", latest=sample.later(days=1, seconds=-1))] == ["a0"]
    assert store.runs("a", RunState.RUNNING) == []
    assert len(store.runs(state=RunState.QUEUED)) == 4


def test_the_run_before(store: Store, sample: Any) -> None:
    for day in range(3):
        run = sample.run(run_id=f"r{day}", day=day)
        state = RunState.SUCCESS if day == 0 else RunState.FAILED
        assert store.apply(run, Moves(run=RunMove(run, replace(run, state=state)))).written
    before = store.previous_run("sales", sample.later(days=2))
    assert before is not None
    assert before.run_id == "r1"
    succeeded = store.previous_run("sales", sample.later(days=2), RunState.SUCCESS)
    assert succeeded is not None
    assert succeeded.run_id == "r0"
    assert store.previous_run("sales", sample.now) is None


def test_runs_that_have_not_ended_are_counted_by_dag(store: Store, sample: Any) -> None:
    assert store.unfinished_runs() == {}
    run = sample.run()
    store.create_run(sample.new_run(run_id="waits"), sample.now)
    store.apply(run, Moves(run=RunMove(run, replace(run, state=RunState.RUNNING))))
    assert store.unfinished_runs() == {"sales": 2}
    run = store.run("sales", "run-1")
    store.apply(run, Moves(run=RunMove(run, replace(run, state=RunState.FAILED))))
    assert store.unfinished_runs() == {"sales": 1}


def test_a_deleted_run_is_gone_with_all_that_belongs_to_it(store: Store, sample: Any) -> None:
    run = sample.run()
    key = sample.queue(run)
    with pytest.raises(UsageError, match="1 of its tasks"):
        store.delete_run("sales", "run-1")
    sample.start(key)
    store.task_api().xcom_put(key, "x", "1")
    sample.move(run, "t0", TaskState.FAILED)
    store.add_request("clear", "sales", "run-1")
    store.delete_run("sales", "run-1")
    assert store.find_run("sales", "run-1") is None
    assert store.run_by_id(run.id) is None
    assert store.attempts(run.id, "t0") == []
    assert store.task_api().xcom_get("sales", "run-1", "t0", "x") is None
    assert store.requests() == []
    with pytest.raises(NotFound):
        store.delete_run("sales", "run-1")


def test_the_key_of_a_deleted_run_is_never_used_again(store: Store, sample: Any) -> None:
    old = sample.run()
    store.delete_run("sales", "run-1")
    new = store.create_run(sample.new_run(), sample.now)
    assert new is not None
    assert new.id > old.id


def test_an_unknown_run_is_an_error_with_the_nearest_name(store: Store, sample: Any) -> None:
    sample.run(run_id="manual__2026-01-01")
    with pytest.raises(NotFound, match="did you mean 'manual__2026-01-01'"):
        store.run("sales", "manual__2026-01-02")
    with pytest.raises(NotFound, match="no DAG 'nope'"):
        store.run("nope", "x")


def test_a_run_moves_to_the_newest_version_and_gets_the_tasks_it_lacks(store: Store, sample: Any) -> None:
    run = sample.run(tasks=2)
    sample.move(run, "t0", TaskState.SUCCESS)
    store.save_parsed(sample.parsed(sample.spec(tasks=3), source="second"), sample.now)
    assert store.renew_run(run)
    renewed = store.run("sales", "run-1")
    assert renewed.version == spec_hash(sample.spec(tasks=3))
    assert (renewed.owner, renewed.epoch) == (run.owner, run.epoch)
    assert [(task.task_id, task.state) for task in store.tasks(run.id)] == [
        ("t0", TaskState.SUCCESS),
        ("t1", None),
        ("t2", None),
    ]
    assert store.task(run.id, "t2").max_tries == 2


def test_a_scheduler_that_lost_the_lease_renews_nothing(store: Store, sample: Any) -> None:
    run = sample.run()
    store.claim_runs("scheduler-b", sample.now, dead=[sample.scheduler])
    store.save_parsed(sample.parsed(sample.spec(tasks=3), source="second"), sample.now)
    assert not store.renew_run(run)
    assert store.run("sales", "run-1").version == run.version
