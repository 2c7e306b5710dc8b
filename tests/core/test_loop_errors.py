"""The scheduler's loop when the database or an executor fails: nothing is lost, and the others go on."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulation.bench import Bench, PlayedWatch, broken, chain, side_by_side
from tradewind.errors import StoreError
from tradewind.records import ImportFailure, Outcome, ParsedFile
from tradewind.states import TaskState


@pytest.fixture
def bench(tmp_path):
    made = []

    def make(*specs, **settings):
        made.append(Bench(tmp_path, *specs, **settings))
        return made[-1]

    yield make
    for one in made:
        one.close()


# -- errors of the database ------------------------------------------------------------------------------------------


def test_a_file_that_could_not_be_saved_is_saved_later(bench):
    here = bench()
    files = [ParsedFile(f"/dags/{name}.py", "h" * 16, "", (chain(name),)) for name in ("a", "b")]
    here.loop.watch = PlayedWatch(*files)
    with broken(here.store, "save_parsed", times=1):
        here.turn()
    assert [dag.dag_id for dag in here.outside.dags()] == ["b"]
    here.later(2)
    assert [dag.dag_id for dag in here.outside.dags()] == ["a", "b"]


def test_an_older_reading_of_a_file_does_not_overwrite_a_newer_one(bench):
    here = bench()
    older = ParsedFile("/dags/a.py", "1" * 16, "", (chain("a"),))
    here.loop.watch = PlayedWatch(older)
    with broken(here.store, "save_parsed"):
        here.turn()
    here.loop.watch.found = ["/dags/a.py"]
    here.turn()
    here.later(2)
    assert here.outside.dags() == []


def test_a_file_that_cannot_be_saved_holds_up_nothing(bench):
    here = bench(chain(count=1))
    here.loop.watch = PlayedWatch(ParsedFile("/dags/a.py", "h" * 16, "", (), ImportFailure("/dags/a.py", "x")))
    with broken(here.store, "save_parsed"):
        here.trigger("d")
        here.finish("t0")
    assert here.state("d") == "success"


def test_a_run_that_could_not_be_released_can_still_be_cleared(bench):
    here = bench(chain(count=1))
    here.trigger("d")
    with broken(here.store, "release_run"):
        here.finish("t0")
    here.later(2)
    here.ask("clear", "d", task_ids=None)
    here.turn()
    assert here.states("d") == {"t0": "queued"}


def test_runs_that_were_claimed_and_could_not_be_read_are_read_later(bench):
    here = bench(chain(count=1))
    with broken(here.store, "tasks"), pytest.raises(StoreError):
        here.trigger("d")
    here.later(2)
    assert here.states("d") == {"t0": "queued"}


def test_an_error_after_a_clear_was_written_leaves_no_task_undecided(bench):
    here = bench(side_by_side())
    here.trigger("d")
    here.finish("a")
    here.begin("b")
    here.outside.add_request("clear", "d", "run1", {"task_ids": ["a"]})
    with broken(here.store, "apply", after=1):
        here.turn()
    assert here.states("d")["a"] == "None"
    here.later(2)
    assert here.states("d")["a"] == "queued"


def test_a_cleared_run_that_could_not_be_read_again_is_cleared_later(bench):
    here = bench(chain(count=1))
    here.trigger("d")
    here.finish("t0", state=TaskState.FAILED)
    here.save(chain(count=2))
    with broken(here.store, "version", after=1):
        here.ask("clear", "d", task_ids=None)
    here.later(2)
    here.turn(2)
    assert here.states("d") == {"t0": "queued", "t1": "None"}


def test_a_clear_that_clears_nothing_leaves_the_run_with_the_version_that_it_had(bench):
    """Else it would have ended well with tasks that never ran."""
    here = bench(chain(count=1))
    here.trigger("d")
    here.finish("t0")
    before = here.outside.run("d", "run1").version
    here.save(chain(count=2))
    here.ask("clear", "d", task_ids=None, only_failed=True)
    here.ask("clear", "d", task_ids=["no such task"])
    assert here.states("d") == {"t0": "success"}
    assert (here.state("d"), here.outside.run("d", "run1").version) == ("success", before)


# -- executors -------------------------------------------------------------------------------------------------------


def test_an_executor_that_raises_is_as_one_that_cannot_start_the_attempt(bench):
    here = bench(chain(count=1), chain("other", count=1))

    def refuse(*given: Any, **named: Any) -> None:
        raise ConnectionError("the broker is away (played)")

    here.executor.submit = refuse
    here.trigger("d")
    here.turn()
    del here.executor.submit
    here.later(60)
    here.finish("t0")
    assert here.state("d") == "success"


def test_an_attempt_that_cannot_be_started_is_not_tried_again_at_once(bench):
    here = bench(chain(count=1))
    here.trigger("d")
    here.end(here.process("t0"), 1)
    here.turn(2)
    assert (here.waiting(), here.states("d")) == ([], {"t0": "scheduled"})
    here.boot()
    here.turn()
    assert here.waiting() == []
    here.later(60)
    here.finish("t0")
    assert here.state("d") == "success"


def test_an_attempt_that_can_never_be_started_fails(bench):
    here = bench(chain(count=1))
    here.trigger("d")
    for _ in range(3):
        here.end(here.process("t0"), 1)
        here.turn()
        here.later(600)
    assert here.state("d") == "failed"


@pytest.fixture
def far(bench):
    """A task that began on another machine, whose scheduler is dead: its process cannot be looked at from here."""
    here = bench(chain(count=1, task={"retries": 1, "retry_delay": 1.0}), lost_after=60.0)
    here.trigger("d")
    here.far = here.begin("t0").key
    here.machine.processes.clear()
    here.boot()
    here.turn()
    return here


def test_an_attempt_on_another_machine_is_lost_only_without_signs_of_life(far):
    for _ in range(5):
        far.later(50)
        assert far.outside.heartbeat(far.far, far.now)
    assert far.states("d") == {"t0": "running"}
    far.later(70)
    far.later(2)
    assert far.states("d") == {"t0": "queued"}
    assert far.outside.task(far.outside.run("d", "run1").id, "t0").try_number == 2


def test_an_attempt_on_another_machine_that_ends_well_is_noticed(far):
    assert far.outside.finish_attempt(far.far, Outcome(TaskState.SUCCESS, far.now))
    far.later(6)
    assert far.state("d") == "success"
    assert not far.loop.board.runs


def test_an_attempt_on_another_machine_can_be_marked(far):
    far.ask("set_task_state", "d", task_ids=["t0"], state="success")
    far.later(6)
    assert far.state("d") == "success"
    assert (far.loop.dispatcher.in_flight, far.loop.dispatcher.elsewhere) == ({}, {})


def test_a_dag_deleted_under_an_attempt_on_another_machine_stops_nothing(far):
    assert far.outside.finish_attempt(far.far, Outcome(TaskState.SUCCESS, far.now))
    far.outside.delete_dag("d")
    far.later(6)
    far.later(2)
    assert not far.loop.board.runs
    assert (far.loop.dispatcher.in_flight, far.loop.dispatcher.elsewhere) == ({}, {})
