"""Who works on which run."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from tradewind.records import Moves, RunMove
from tradewind.states import RunState
from tradewind.store import Store


def ids(runs: list[Any]) -> list[str]:
    return [run.run_id for run in runs]


def make_runs(store: Store, sample: Any, count: int) -> None:
    store.save_parsed(sample.parsed(sample.spec()), sample.now)
    for day in range(count):
        store.create_run(sample.new_run(run_id=f"r{day}", day=day), sample.now)


def test_a_run_is_claimed_once(store: Store, sample: Any) -> None:
    make_runs(store, sample, 3)
    for name in ("a", "b"):
        store.register_scheduler(name, "here", 1, "p", sample.now)
    claimed = store.claim_runs("a", sample.now)
    assert ids(claimed) == ["r0", "r1", "r2"]
    assert {(run.owner, run.epoch) for run in claimed} == {("a", 1)}
    assert claimed == store.runs(newest_first=False)
    assert store.claim_runs("b", sample.now) == []
    assert store.claim_runs("a", sample.now) == []


def test_a_dead_schedulers_runs_go_to_another_under_a_new_epoch(store: Store, sample: Any) -> None:
    make_runs(store, sample, 2)
    for name in ("a", "b"):
        store.register_scheduler(name, "here", 1, "p", sample.now)
    store.claim_runs("a", sample.now)
    taken = store.claim_runs("b", sample.now, dead=["a"])
    assert {(run.owner, run.epoch) for run in taken} == {("b", 2)}


def test_runs_of_an_owner_that_nobody_knows_can_be_claimed(store: Store, sample: Any) -> None:
    make_runs(store, sample, 1)
    store.register_scheduler("a", "here", 1, "p", sample.now)
    store.register_scheduler("b", "here", 2, "p", sample.now)
    store.claim_runs("a", sample.now)
    store.forget_scheduler("a")
    assert not store.scheduler_heartbeat("a", sample.later(seconds=1))
    assert [run.epoch for run in store.claim_runs("b", sample.now)] == [2]


def test_the_oldest_come_first_and_no_more_than_asked(store: Store, sample: Any) -> None:
    make_runs(store, sample, 5)
    assert ids(store.claim_runs("a", sample.now, limit=2)) == ["r0", "r1"]
    assert ids(store.claim_runs("a", sample.now, dead=[], limit=2)) == ["r0", "r1"]  # "a" was never registered
    store.register_scheduler("a", "here", 1, "p", sample.now)
    assert ids(store.claim_runs("a", sample.now, limit=9)) == ["r2", "r3", "r4"]


def test_an_ended_run_is_claimed_only_for_its_callback_or_a_request(store: Store, sample: Any) -> None:
    run = sample.run()
    ended = replace(run, state=RunState.SUCCESS, ended_at=sample.now, callback_due=True)
    store.apply(run, Moves(run=RunMove(run, ended)))
    [taken] = store.claim_runs("b", sample.now, dead=[sample.scheduler])
    assert taken.callback_due
    store.callback_done(taken)
    store.release_run(taken)
    assert store.claim_runs("b", sample.now) == []
    store.add_request("clear", "sales", "run-1")
    assert ids(store.claim_runs("b", sample.now)) == ["run-1"]


def test_a_scheduler_registers_only_beside_those_that_it_knows_to_be_dead(store: Store, sample: Any) -> None:
    assert store.register_scheduler("a", "here", 1, "p", sample.now, beside=[])
    assert not store.register_scheduler("b", "here", 2, "p", sample.now, beside=[])
    assert [info.id for info in store.schedulers()] == ["a"]
    assert store.register_scheduler("a", "here", 1, "p", sample.now, beside=[])
    assert store.register_scheduler("b", "here", 2, "p", sample.now, beside=["a", "c"])
    assert store.register_scheduler("c", "here", 3, "p", sample.now)


def test_a_request_does_not_take_a_run_from_a_living_scheduler(store: Store, sample: Any) -> None:
    sample.run()
    store.add_request("clear", "sales", "run-1")
    assert store.claim_runs("b", sample.now) == []


def test_the_runs_of_a_dag_belong_to_one_scheduler(store: Store, sample: Any) -> None:
    if store.takes_one_scheduler:
        return
    make_runs(store, sample, 3)
    store.save_parsed(sample.parsed(sample.spec("other"), path="/dags/other.py"), sample.now)
    store.create_run(sample.new_run("other", "o0", day=5), sample.now)
    for name in ("a", "b"):
        store.register_scheduler(name, "here", 1, "p", sample.now)
    first, second = store.claim_runs("a", sample.now, limit=2)
    assert ids(store.claim_runs("b", sample.now)) == ["o0"]
    store.create_run(sample.new_run("other", "o1", day=6), sample.now)
    assert ids(store.claim_runs("a", sample.now)) == ["r2"]
    assert ids(store.claim_runs("b", sample.now)) == ["o1"]
    for run in (first, second):
        store.release_run(run)
    assert store.claim_runs("b", sample.now) == []  # "a" has r2 still
    assert len(store.claim_runs("b", sample.now, dead=["a"])) == 3


def test_releasing(store: Store, sample: Any) -> None:
    for day in range(3):
        store.save_parsed(sample.parsed(sample.spec(f"dag{day}"), path=f"/dags/{day}.py"), sample.now)
        store.create_run(sample.new_run(f"dag{day}", run_id=f"r{day}", day=day), sample.now)
    store.register_scheduler("a", "here", 1, "p", sample.now)
    store.register_scheduler("b", "here", 2, "p", sample.now)
    first, second, _ = store.claim_runs("a", sample.now)
    store.release_run(first)
    assert ids(store.claim_runs("b", sample.now)) == ["r0"]
    store.release_run(first)  # which is b's by now
    assert store.run("dag0", "r0").owner == "b"
    store.release("a")
    assert [run.owner for run in store.runs(newest_first=False)] == ["b", None, None]
    assert not store.apply(second, Moves(run=RunMove(second, replace(second, state=RunState.RUNNING)))).ok


def test_schedulers_are_listed_with_their_last_sign_of_life(store: Store, sample: Any) -> None:
    store.register_scheduler("a", "here", 1, "p1", sample.now)
    store.register_scheduler("b", "there", 2, "p2", sample.later(seconds=5))
    assert store.scheduler_heartbeat("a", sample.later(seconds=9))
    first, second = store.schedulers()
    assert (first.id, first.host, first.pid, first.process) == ("a", "here", 1, "p1")
    assert (first.started_at, first.heartbeat_at) == (sample.now, sample.later(seconds=9))
    assert second.heartbeat_at == sample.later(seconds=5)
    store.register_scheduler("a", "here", 7, "p7", sample.later(seconds=20))
    assert [scheduler.pid for scheduler in store.schedulers()] == [2, 7]


def test_more_runs_than_one_statement_takes_values(store: Store, sample: Any) -> None:
    make_runs(store, sample, 1)
    assert len(store.claim_runs("a", sample.now, dead=[f"dead-{n}" for n in range(2000)])) == 1
