"""A short soak as a test, and each check of the soak shown to find what it is there for."""

import os
import subprocess
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from tests.soak import checks
from tests.soak.__main__ import soak
from tests.soak.checks import Asked, Facts, Story
from tests.soak.journal import FOLDER
from tests.soak.world import World
from tradewind.states import RunState

RUN = ("serial", "r1")
FIRST = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.slow
def test_a_short_soak(tmp_path):
    wrong, figures = soak(tmp_path, "sqlite", seed=20260101, seconds=4)
    assert wrong == []
    assert not figures.startswith("0 runs"), figures


def line(kind, task="t", pid=7, run=RUN, **words):
    return {"kind": kind, "pid": pid, "dag": run[0], "run": run[1], "task": task, **words}


def story(run=RUN, date=FIRST, pids=(7,), state="success"):
    """A run with one task, done at the first go unless there are more pids."""
    task = SimpleNamespace(task_id="t", state=state, pid=pids[-1])
    attempts = [SimpleNamespace(task_id="t", state=state, pid=pid) for pid in pids]
    ended = SimpleNamespace(dag_id=run[0], run_id=run[1], state=RunState(state), logical_date=date, callback_due=False)
    return Story(ended, [task], {"t": attempts})


CALLED = [line("called", task=None, what="success"), line("called", what="success")]
GOOD = {
    "journal": [line("begun"), line("done"), *CALLED],
    "stories": [story()],
    "asked": Asked(made={RUN}),
}

#: No date for the eighth second.
GAP = [story(("ticks", str(seconds)), FIRST + timedelta(seconds=seconds)) for seconds in (0, 4, 12)]

DOCTORED = {
    checks.nothing_runs_twice_at_once: {"journal": [*GOOD["journal"], line("twice at once")]},
    checks.what_is_green_was_done: {"journal": [line("begun"), *CALLED]},
    checks.what_was_done_is_known: {"journal": [*GOOD["journal"], line("begun", pid=8)]},
    checks.nothing_green_is_done_again: {
        "journal": [*GOOD["journal"], *GOOD["journal"]],
        "stories": [story(pids=(7, 7))],
    },
    checks.no_run_is_lost: {"asked": Asked(made={RUN, ("graph", "r2")})},
    checks.the_schedule_has_no_gaps: {"stories": GAP, "asked": Asked(marked={story.name for story in GAP})},
    checks.every_run_ends_as_it_should: {
        "journal": [line("begun"), line("called", task=None, what="failure"), line("called", what="failure")],
        "stories": [story(state="failed")],
    },
    checks.every_callback_is_called: {"journal": [line("begun"), line("done"), CALLED[0]]},
}


def test_nothing_is_found_where_nothing_is_wrong():
    assert checks.violations(Facts(**GOOD)) == []


@pytest.mark.parametrize("check", checks.CHECKS, ids=lambda check: check.__name__)
def test_a_check_finds_what_it_is_there_for_and_the_others_do_not(check):
    found = checks.violations(Facts(**GOOD | DOCTORED[check]))
    assert found
    assert all(one.startswith(check.__name__) for one in found)


@pytest.mark.parametrize(
    ("tasks", "active", "limit"),
    [
        ([("graph", "r1", "pooled0"), ("graph", "r1", "pooled1"), ("ticks", "t1", "b")], {}, "pool"),
        ([("serial", f"r{number}", "t0") for number in range(7)], {}, "parallelism"),
        ([("graph", "r1", task) for task in ("left", "right", "flaky", "bash", "sensor")], {}, "max_active_tasks"),
        ([], {"serial": 2}, "max_active_runs"),
    ],
)
def test_a_limit_that_does_not_hold_is_noticed(tasks, active, limit):
    (found,) = checks.over_the_limits(tasks, active, alone=True)
    assert found.startswith(limit)
    assert not list(checks.over_the_limits(tasks[1:], dict.fromkeys(active, 1), alone=True))


def test_what_schedulers_leave_behind_is_noticed(tmp_path):
    with World(tmp_path, "sqlite", seed=1) as world:
        left = subprocess.Popen(["sleep", "600"], env={**os.environ, FOLDER: str(tmp_path)})
        world.stop(patience=0)
        assert f"left behind: process {left.pid}" in world.wrong
    assert left.wait() == -9
