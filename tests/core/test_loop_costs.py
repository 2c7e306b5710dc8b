"""What an event costs the scheduler must not grow with what else there is."""

from __future__ import annotations

import datetime
import sys

import pytest

from tests.simulation.bench import NOW, Bench, chain
from tradewind.records import DagSpec, NewRun, TaskSpec
from tradewind.schedule import CronSchedule
from tradewind.states import RunType


def calls(action):
    """How many functions are called, in Python and in C: a clock that does not depend on the machine."""
    count = 0

    def tick(frame, event, argument):
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(tick)
    try:
        action()
    finally:
        sys.setprofile(None)
    return count


def wide(size):
    return [DagSpec("d", tuple(TaskSpec(f"t{n}", "P") for n in range(size)), max_active_tasks=2)]


def linked(size):
    tasks = (TaskSpec(f"t{n}", "P", depends_on_past=True, upstream=(f"t{n - 1}",) if n else ()) for n in range(size))
    return [DagSpec("d", tuple(tasks), max_active_tasks=2)]


def with_others(size):
    others = [chain(f"other{n}", schedule=CronSchedule("0 0 * * *"), start_date=NOW) for n in range(size)]
    return [chain(count=3), *others]


def busy(size):
    """So many DAGs have a run that is held up, and would be planned anew if there were room."""
    every = {"schedule": CronSchedule("* * * * *"), "start_date": NOW - datetime.timedelta(days=1)}
    return [chain(count=3), *(chain(f"other{n}", max_active_runs=1, **every) for n in range(size))]


@pytest.mark.parametrize("make", [wide, linked, with_others, busy])
def test_an_ended_task_costs_the_same_beside_many_others(make, tmp_path):
    cost = {}
    for size in (10, 100):
        here = Bench(tmp_path / str(size), *make(size), parallelism=1000)
        run = here.trigger("d")
        here.later(120)
        here.finish("t0", run)  # once, for what is read and planned the first time
        process = here.record("t1", run)
        here.end(process)
        cost[size] = calls(here.turn)
        here.close()
    assert cost[100] < 1.3 * cost[10] + 400, cost


def test_an_ended_task_costs_the_same_beside_many_queued_runs(tmp_path):
    cost = {}
    for size in (10, 300):
        here = Bench(tmp_path / str(size), chain(count=3, max_active_runs=4))
        for number in range(size):
            at = NOW + datetime.timedelta(seconds=number)
            here.outside.create_run(NewRun("d", f"run{number}", RunType.MANUAL, at, at, at), NOW)
        here.turn()
        here.finish("t0")
        here.end(here.record("t1"))
        cost[size] = calls(here.turn)
        here.close()
    assert cost[300] < 1.3 * cost[10], cost
