"""Several schedulers on one database: limits that all of them share, runs that are made once, and taking over."""

from __future__ import annotations

import datetime

import pytest

from tests.simulation.bench import NOW, Bench, chain
from tests.simulation.machine import PlayedExecutor
from tradewind.records import DagSpec, NewRun, Outcome, TaskSpec
from tradewind.schedule import DeltaSchedule
from tradewind.scheduler.loop import Loop
from tradewind.states import RunType, TaskState


@pytest.fixture(params=["postgres", "mysql"])
def bench(request, tmp_path, kept_databases):
    """A bench on a server; `join` adds a scheduler."""
    made = []

    def make(*specs, **settings):
        made.append(Bench(tmp_path, *specs, database_url=kept_databases(request.param), **settings))
        return made[-1]

    yield make
    for one in made:
        one.close()


def join(here, name):
    """One more scheduler on the bench."""
    here.store.register_scheduler(name, "here", 99, "", here.now)
    executor = PlayedExecutor(here.settings, here.machine)
    loop = Loop(here.store, executor, here.settings, name=name, clock=lambda: here.now)
    loop.desk.take_in_changes()
    loop.claim()
    return loop


def pooled(dag_id, count=4, slots=1):
    tasks = tuple(TaskSpec(f"t{n}", "P", pool="narrow", pool_slots=slots) for n in range(count))
    return DagSpec(dag_id, tasks)


def at_work(here):
    return sorted((process.key.dag_id, process.key.task_id) for process in here.machine.processes.values())


def test_a_pool_is_one_for_all(bench):
    here = bench(pooled("a"), pooled("b"))
    here.outside.set_pool("narrow", 3)
    here.trigger("a")
    other = join(here, "other")
    here.made += 1
    here.outside.create_run(new("b"), here.now)
    for _ in range(3):
        other.step(0)
        here.turn()
    assert {run.owner for run in here.store.runs()} == {"s1", "other"}
    assert len(at_work(here)) == 3
    here.finish("t0")
    for _ in range(2):
        other.step(0)
        here.turn()
    assert len(at_work(here)) == 3
    while at_work(here):
        for process in list(here.machine.processes.values()):
            if not process.started:
                here.outside.start_attempt(process.key, here.now, "here", process.pid, "")
            here.outside.finish_attempt(process.key, Outcome(TaskState.SUCCESS, here.now))
            here.end(process)
        other.step(0)
        here.turn()
        assert len(at_work(here)) <= 3
    assert {str(run.state) for run in here.store.runs()} == {"success"}


def new(dag_id):
    return NewRun(dag_id, "other-run", RunType.MANUAL, NOW, NOW, NOW)


def test_a_scheduler_that_does_not_know_yet_that_it_is_not_alone_takes_no_slot_too_many(bench):
    """The other one came between its look at who is there and its next hand-over."""
    here = bench(pooled("a", slots=2), pooled("b", slots=2))
    here.outside.set_pool("narrow", 3)
    other = join(here, "other")
    here.outside.create_run(new("b"), here.now)
    other.step(0)
    assert len(at_work(here)) == 1
    here.loop.desk.take_in_changes = lambda: None  # it does not look
    here.loop.dispatcher.beside = False
    here.loop.dispatcher.pools = here.store.pools()
    here.outside.create_run(new("a"), here.now)
    here.loop.claim()
    here.turn(2)
    assert [dag_id for dag_id, _ in at_work(here)] == ["b"]
    assert here.loop.dispatcher.beside
    del here.loop.desk.take_in_changes
    here.outside.set_pool("narrow", 4)
    here.later(2)
    assert [dag_id for dag_id, _ in at_work(here)] == ["a", "b"]


def test_runs_by_schedule_are_made_once_and_no_more_than_may_be(bench):
    hourly = {"schedule": DeltaSchedule(3600.0), "start_date": NOW - datetime.timedelta(hours=9), "catchup": True}
    here = bench(chain("a", max_active_runs=2, **hourly), chain("b", max_active_runs=3, **hourly))
    others = [join(here, "x"), join(here, "y")]
    for _ in range(4):
        for loop in others:
            loop.step(0)
        here.turn()
    assert here.store.unfinished_runs() == {"a": 2, "b": 3}
    owners = {(run.dag_id, run.owner) for run in here.store.runs()}
    assert len(owners) == 2


def test_what_a_dead_scheduler_had_goes_on_with_another(bench):
    here = bench(chain("a", count=2))
    here.trigger("a")
    other = join(here, "other")
    assert other.board.runs == {}
    process = here.record("t0")
    other.claim(["s1"])
    here.store.forget_scheduler("s1")
    here.end(process)
    other.step(0)
    other.step(0)
    assert here.states("a") == {"t0": "success", "t1": "queued"}
    here.turn()  # the dead one wakes up: whatever it does, nothing comes of it
    assert {run.owner for run in here.store.runs()} == {"other"}
    assert here.states("a") == {"t0": "success", "t1": "queued"}
