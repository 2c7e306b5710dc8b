"""Clear, mark and end: what they change in a run."""

import datetime

import pytest
from msgspec.structs import replace

from tradewind.errors import NotFound, UsageError
from tradewind.records import DagSpec, Request, Run, TaskSpec
from tradewind.scheduler import requests
from tradewind.scheduler.live import LiveRun, build_graph
from tradewind.states import RunState, RunType, TaskState

NOW = datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)


@pytest.fixture
def live():
    """a >> b >> c, where a succeeded, b failed after its second try, and c never ran; the run has failed."""
    tasks = [TaskSpec("a", "Op"), TaskSpec("b", "Op", upstream=("a",), retries=1), TaskSpec("c", "Op", upstream=("b",))]
    spec = DagSpec("d", tuple(tasks))
    run = Run(1, "d", "r", RunType.MANUAL, RunState.FAILED, NOW, NOW, NOW, "v", queued_at=NOW, ended_at=NOW)
    live = LiveRun.build(run, spec, [], build_graph(spec))
    live.put(replace(live.instances["a"], state=TaskState.SUCCESS, try_number=1))
    live.put(replace(live.instances["b"], state=TaskState.FAILED, try_number=2, max_tries=1, ended_at=NOW))
    live.put(replace(live.instances["c"], state=TaskState.UPSTREAM_FAILED))
    return live


def ask(live, kind, **arguments):
    return requests.moves_of(Request(1, kind, "d", "r", arguments), live, NOW)


def after(moves):
    return {move.after.task_id: move.after.state for move in moves.tasks}


def test_clearing_gives_tries_anew_and_the_numbering_goes_on(live):
    moves = ask(live, "clear", task_ids=["b"])
    (move,) = moves.tasks
    assert (move.after.state, move.after.try_number, move.after.max_tries) == (None, 2, 3)
    assert move.after.ended_at is None
    assert moves.run.after.state is RunState.QUEUED
    assert moves.run.after.started_at is None, "a dagrun_timeout must not run from the first start"


def test_what_a_clear_concerns(live):
    assert set(after(ask(live, "clear", task_ids=["b"], downstream=True))) == {"b", "c"}
    assert set(after(ask(live, "clear", task_ids=["b"], upstream=True))) == {"a", "b"}
    assert set(after(ask(live, "clear", task_ids=None))) == {"a", "b", "c"}
    assert set(after(ask(live, "clear", task_ids=None, only_failed=True))) == {"b", "c"}


def test_clearing_a_running_task_restarts_it(live):
    live.run = replace(live.run, state=RunState.RUNNING)
    live.put(replace(live.instances["b"], state=TaskState.RUNNING))
    moves = ask(live, "clear", task_ids=["b"])
    assert after(moves) == {"b": TaskState.RESTARTING}
    assert moves.run is None


def test_clearing_what_has_not_run_changes_nothing(live):
    live.put(replace(live.instances["c"], state=None))
    assert not ask(live, "clear", task_ids=["c"])


def test_marking_a_task_lets_the_run_go_on(live):
    moves = ask(live, "set_task_state", task_ids=["b"], state="success")
    assert after(moves) == {"b": TaskState.SUCCESS}
    assert moves.run.after.state is RunState.QUEUED


def test_marking_a_run_ends_what_is_left(live):
    live.run = replace(live.run, state=RunState.RUNNING)
    live.put(replace(live.instances["b"], state=TaskState.RUNNING))
    live.put(replace(live.instances["c"], state=None))
    assert after(ask(live, "set_run_state", state="failed")) == {"b": TaskState.FAILED, "c": TaskState.SKIPPED}
    assert after(ask(live, "set_run_state", state="success")) == {"b": TaskState.SUCCESS, "c": TaskState.SUCCESS}


@pytest.mark.parametrize(
    ("kind", "arguments", "error", "told"),
    [
        ("clear", {"task_ids": ["x"]}, NotFound, "no task 'x'"),
        ("set_task_state", {"task_ids": ["a"], "state": "running"}, UsageError, "'running'"),
        ("set_run_state", {"state": "skipped"}, UsageError, "'skipped'"),
        ("dance", {}, UsageError, "'dance'"),
    ],
)
def test_nonsense_is_refused(live, kind, arguments, error, told):
    with pytest.raises(error, match=told):
        ask(live, kind, **arguments)
