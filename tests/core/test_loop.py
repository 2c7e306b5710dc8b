"""The scheduler's loop on a real store, with played processes: mishaps one at a time, each with what must follow."""

from __future__ import annotations

import datetime
import sys
from typing import Any

import pytest

from tests.simulation.world import Machine, PlayedExecutor, replace_settings
from tradewind.errors import StoreError
from tradewind.executor.contract import Ended
from tradewind.records import DagSpec, ImportFailure, NewRun, Outcome, ParsedFile, TaskSpec
from tradewind.schedule import CronSchedule
from tradewind.scheduler.loop import Loop
from tradewind.states import RunState, RunType, TaskState
from tradewind.store import Store

NOW = datetime.datetime(2026, 5, 4, 12, 0, tzinfo=datetime.UTC)


class Bench:
    """A scheduler, its database, and a second way into that for everybody else."""

    def __init__(self, folder: Any, *specs: DagSpec, **settings: Any) -> None:
        self.now = NOW
        self.settings = replace_settings(folder, **settings)
        self.store = Store(settings=self.settings)
        self.outside = Store(settings=self.settings)
        self.store.upgrade()
        self.machine = Machine()
        self.boots = 0
        self.made = 0
        self.save(*specs)
        self.boot()

    def save(self, *specs: DagSpec) -> None:
        for spec in specs:
            self.outside.save_parsed(ParsedFile(f"/dags/{spec.dag_id}.py", "h" * 16, "", (spec,)), self.now)

    def boot(self) -> None:
        """Start a scheduler; the one before is dead, and what was not told to it is lost."""
        self.machine.ended.clear()
        self.boots += 1
        dead = [info.id for info in self.store.schedulers()]
        self.store.register_scheduler(f"s{self.boots}", "here", self.boots, "", self.now)
        self.executor = PlayedExecutor(self.settings, self.machine)
        self.loop = Loop(self.store, self.executor, self.settings, name=f"s{self.boots}", clock=lambda: self.now)
        self.loop.desk.take_in_changes()
        self.loop.claim(dead)
        for name in dead:
            self.store.forget_scheduler(name)

    def turn(self, times: int = 1) -> None:
        for _ in range(times):
            self.loop.step(0)

    def later(self, seconds: float) -> None:
        self.now += datetime.timedelta(seconds=seconds)
        self.turn()

    def trigger(self, dag_id: str, day: int = 0) -> str:
        """Make a run, and let it begin."""
        self.made += 1
        at = NOW + datetime.timedelta(days=day)
        name = f"run{self.made}"
        assert self.outside.create_run(NewRun(dag_id, name, RunType.MANUAL, at, at, at), self.now)
        self.turn()
        return name

    def process(self, task_id: str, run_id: str = "run1") -> Any:
        """The process that was started last for a task; a callback has an empty task id."""
        found = [p for p in self.machine.processes.values() if (p.key.task_id, p.key.run_id) == (task_id, run_id)]
        assert found, f"there is no process of {task_id!r} in {run_id}; there are those of {self.waiting()[:20]}"
        return found[-1]

    def begin(self, task_id: str, run_id: str = "run1") -> Any:
        process = self.process(task_id, run_id)
        assert self.outside.start_attempt(process.key, self.now, "here", process.pid, "")
        return process

    def record(self, task_id: str, run_id: str = "run1", state: TaskState = TaskState.SUCCESS, **more: Any) -> Any:
        """The attempt records its end, of which the scheduler does not know yet."""
        process = self.begin(task_id, run_id)
        assert self.outside.finish_attempt(process.key, Outcome(state, self.now, **more))
        return process

    def end(self, process: Any, exit_code: int | None = 0) -> None:
        del self.machine.processes[process.key]
        self.machine.ended.append(Ended(process.key, exit_code))

    def finish(self, task_id: str, run_id: str = "run1", state: TaskState = TaskState.SUCCESS, **more: Any) -> None:
        self.end(self.record(task_id, run_id, state, **more))
        self.turn()

    def ask(self, kind: str, dag_id: str, run_id: str = "run1", **arguments: Any) -> None:
        self.outside.add_request(kind, dag_id, run_id, arguments)
        self.turn()

    def states(self, dag_id: str, run_id: str = "run1") -> dict[str, str]:
        run = self.outside.run(dag_id, run_id)
        return {task.task_id: str(task.state) for task in self.outside.tasks(run.id)}

    def state(self, dag_id: str, run_id: str = "run1") -> str:
        return str(self.outside.run(dag_id, run_id).state)

    def waiting(self) -> list[str]:
        """Tasks that have a process."""
        return sorted(p.key.task_id for p in self.machine.processes.values())


@pytest.fixture
def bench(tmp_path):
    made = []

    def make(*specs, **settings):
        made.append(Bench(tmp_path, *specs, **settings))
        return made[-1]

    yield make
    for one in made:
        one.store.close()
        one.outside.close()


class broken:
    """Within the block, one verb of a store fails; `after` calls that still go well."""

    def __init__(self, store: Store, verb: str, after: int = 0, times: int = 10**9) -> None:
        self.store, self.verb, self.after, self.times = store, verb, after, times

    def __enter__(self) -> None:
        real = getattr(self.store, self.verb)

        def fail(*given: Any, **named: Any) -> Any:
            self.after -= 1
            if self.after >= 0 or self.after < -self.times:
                return real(*given, **named)
            raise StoreError("the disk is full (played)")

        setattr(self.store, self.verb, fail)

    def __exit__(self, *_: object) -> None:
        delattr(self.store, self.verb)


def chain(dag_id="d", count=2, task=None, **more):
    tasks = [TaskSpec(f"t{n}", "P", upstream=(f"t{n - 1}",) if n else (), **(task or {})) for n in range(count)]
    return DagSpec(dag_id, tuple(tasks), **more)


# -- the run before --------------------------------------------------------------------------------------------------


PAST = {"task": {"depends_on_past": True}, "count": 1}


def test_a_run_goes_on_when_the_one_before_it_is_marked_by_hand(bench):
    here = bench(chain(**PAST))
    here.trigger("d", day=0)
    here.trigger("d", day=1)
    here.begin("t0")
    assert here.states("d", "run2") == {"t0": "None"}
    here.ask("set_run_state", "d", state="success")
    assert here.states("d", "run2") == {"t0": "queued"}


def test_a_run_goes_on_when_the_time_of_the_one_before_it_is_over(bench):
    """What had not started is skipped then, which is a good past."""
    tasks = (TaskSpec("a", "P"), TaskSpec("b", "P", upstream=("a",), depends_on_past=True))
    here = bench(DagSpec("d", tasks, dagrun_timeout=60.0))
    here.trigger("d", day=0)
    here.begin("a")
    here.later(30)
    here.trigger("d", day=1)
    here.finish("a", "run2")
    assert here.states("d", "run2") == {"a": "success", "b": "None"}
    here.later(40)
    assert here.state("d") == "failed"
    assert here.states("d", "run2") == {"a": "success", "b": "queued"}


def test_a_run_goes_on_when_the_one_before_it_is_deleted(bench):
    here = bench(chain(**PAST))
    here.trigger("d", day=0)
    here.finish("t0", state=TaskState.FAILED)
    here.trigger("d", day=1)
    assert here.states("d", "run2") == {"t0": "None"}
    here.ask("delete_run", "d")
    assert here.states("d", "run2") == {"t0": "queued"}


def test_a_task_that_waits_for_downstream_goes_on(bench):
    here = bench(chain(count=2, task={"wait_for_downstream": True}))
    here.trigger("d", day=0)
    here.trigger("d", day=1)
    here.finish("t0")
    assert here.states("d", "run2") == {"t0": "None", "t1": "None"}
    here.finish("t1")
    assert here.states("d", "run2") == {"t0": "queued", "t1": "None"}


def test_an_error_while_the_next_run_is_nudged_concerns_the_next_run(bench):
    here = bench(chain(**PAST))
    here.trigger("d", day=0)
    here.trigger("d", day=1)
    here.end(here.record("t0"))
    with broken(here.store, "apply", after=1):
        here.turn()
    assert here.state("d") == "success"
    here.later(2)
    assert here.states("d", "run2") == {"t0": "queued"}


# -- failing fast ----------------------------------------------------------------------------------------------------


def side_by_side(**more):
    return DagSpec("d", (TaskSpec("a", "P"), TaskSpec("b", "P")), **more)


def test_a_lost_attempt_fails_fast_too(bench):
    here = bench(side_by_side(fail_fast=True))
    here.trigger("d")
    here.begin("b")
    here.end(here.begin("a"), -9)
    here.turn()
    assert here.states("d") == {"a": "failed", "b": "failed"}
    assert here.process("b").told_to_stop


def test_a_failure_that_a_dead_scheduler_did_not_see_fails_fast(bench):
    here = bench(side_by_side(fail_fast=True))
    here.trigger("d")
    here.begin("b")
    here.end(here.record("a", state=TaskState.FAILED))
    here.boot()
    here.turn()
    assert here.states("d") == {"a": "failed", "b": "failed"}


def test_a_cleared_task_is_not_ended_for_an_old_failure(bench):
    here = bench(side_by_side(fail_fast=True))
    here.trigger("d")
    here.begin("b")
    here.finish("a", state=TaskState.FAILED)
    here.end(here.process("b"), -15)
    here.turn()
    here.later(10)
    here.ask("clear", "d", task_ids=["b"])
    here.turn()
    here.boot()
    here.turn()
    here.finish("b")
    assert here.states("d") == {"a": "failed", "b": "success"}


# -- callbacks of runs -----------------------------------------------------------------------------------------------


def test_deleting_a_good_run_tells_nobody_that_it_failed(bench):
    here = bench(chain(count=1, has_run_callbacks=True, max_consecutive_failed_runs=1))
    here.trigger("d")
    here.finish("t0")
    here.end(here.process(""))
    here.turn()
    here.ask("delete_run", "d")
    assert here.outside.runs("d") == []
    assert here.waiting() == []
    assert not here.outside.dag("d").paused


def test_deleting_a_running_run_stops_it_first_and_tells_nobody(bench):
    """A run of the same name may be made at once: nothing of the old one must be left to write into it."""
    here = bench(chain(count=1, has_run_callbacks=True, task={"has_failure_callbacks": True}))
    here.trigger("d")
    here.begin("t0")
    here.ask("delete_run", "d")
    assert here.waiting() == ["t0"]
    assert here.process("t0").told_to_stop
    assert here.state("d") == "failed"
    here.end(here.process("t0"), -15)
    here.later(2)
    assert here.outside.runs("d") == []
    assert here.outside.requests() == []
    assert (here.waiting(), here.loop.board.runs) == ([], {})


def test_deleting_a_run_stops_its_callback(bench):
    here = bench(chain(count=1, has_run_callbacks=True))
    here.trigger("d")
    here.finish("t0")
    here.ask("delete_run", "d")
    assert here.process("").told_to_stop
    here.end(here.process(""), -15)
    here.later(2)
    assert here.outside.runs("d") == []
    assert here.waiting() == []


def test_a_callback_is_not_forgotten_when_an_error_came_between_and_an_attempt_still_stops(bench):
    here = bench(chain(count=1, has_run_callbacks=True, dagrun_timeout=60.0, max_consecutive_failed_runs=3))
    here.trigger("d")
    here.begin("t0")
    with broken(here.store, "runs"):
        here.later(61)
    here.later(2)
    here.end(here.process("t0"), -15)
    here.turn()
    here.end(here.process(""))
    here.turn()
    assert not here.outside.run("d", "run1").callback_due
    assert not here.loop.board.runs


def test_a_run_that_ends_again_while_its_first_callback_runs_gets_a_second_one(bench):
    here = bench(chain(count=1, has_run_callbacks=True))
    here.trigger("d")
    here.finish("t0")
    first = here.process("")
    was = here.outside.run("d", "run1")
    here.later(5)
    here.ask("clear", "d", task_ids=None)
    here.turn()
    here.finish("t0")
    assert here.waiting() == ["", ""]
    here.outside.callback_done(was)  # as the first callback's own process does
    here.end(first)
    here.turn()
    assert here.outside.run("d", "run1").callback_due
    here.end(here.process(""))
    here.turn()
    assert not here.outside.run("d", "run1").callback_due
    assert not here.loop.board.runs


# -- DAGs that go ----------------------------------------------------------------------------------------------------


def test_a_dag_deleted_under_an_attempt_that_has_just_ended(bench):
    here = bench(chain())
    here.trigger("d")
    process = here.record("t0")
    here.outside.delete_dag("d")
    here.end(process)
    here.turn(2)
    assert not here.loop.board.runs


def test_runs_of_a_deleted_dag_take_no_place_when_the_dag_comes_back(bench):
    here = bench(chain(count=1, max_active_runs=1, task={"retries": 1}))
    here.trigger("d")
    tomorrow = here.now + datetime.timedelta(days=1)
    here.finish("t0", state=TaskState.UP_FOR_RETRY, next_at=tomorrow)
    here.outside.delete_dag("d")
    here.turn()
    here.save(chain(count=1, max_active_runs=1))
    here.trigger("d")
    assert here.states("d", "run2") == {"t0": "queued"}


def test_the_file_of_a_deleted_dag_is_read_again(bench):
    here = bench(chain(), chain("other"))
    here.loop.watch = PlayedWatch()
    here.outside.delete_dag("d")
    here.turn()
    assert here.loop.watch.again == ["/dags/d.py"]


def test_a_paused_dag_stays_paused_when_its_file_goes(bench):
    here = bench(chain(count=1))
    here.outside.set_paused("d", True)
    here.trigger("d")
    assert here.state("d") == "queued"
    here.outside.remove_file("/dags/d.py")
    here.turn(2)
    assert here.state("d") == "queued"


def test_a_run_whose_file_goes_is_carried_on(bench):
    here = bench(chain(count=2))
    here.trigger("d")
    here.outside.remove_file("/dags/d.py")
    here.finish("t0")
    here.finish("t1")
    assert here.state("d") == "success"


def test_an_ended_run_whose_file_is_gone_can_be_cleared(bench):
    here = bench(chain(count=1))
    here.trigger("d")
    here.finish("t0", state=TaskState.FAILED)
    here.outside.remove_file("/dags/d.py")
    here.turn()
    here.ask("clear", "d", task_ids=None)
    here.turn()
    here.finish("t0")
    assert here.state("d") == "success"


def test_a_schedule_whose_dag_is_deleted_at_that_moment_stops_nothing(bench):
    spec = chain(count=1, schedule=CronSchedule("0 * * * *"), start_date=NOW, catchup=True)
    here = bench(spec, chain("other", count=1))
    here.now += datetime.timedelta(hours=1)
    real = here.store.create_run
    here.store.create_run = lambda *given: here.outside.delete_dag("d") or real(*given)
    here.turn()
    del here.store.create_run
    here.trigger("other")
    assert here.waiting() == ["t0"]


def test_a_request_about_a_run_that_is_gone_is_dropped(bench):
    here = bench(chain())
    here.trigger("d")
    here.finish("t0")
    here.finish("t1")
    here.outside.add_request("clear", "d", "run1", {})
    here.outside.delete_dag("d")
    here.turn()
    assert here.outside.requests() == []


# -- never twice at once ---------------------------------------------------------------------------------------------


def test_a_task_starts_again_only_when_its_marked_attempt_is_gone(bench):
    here = bench(side_by_side())
    here.trigger("d")
    old = here.begin("a")
    here.ask("set_task_state", "d", task_ids=["a"], state="failed")
    here.ask("clear", "d", task_ids=["a"])
    here.turn(3)
    assert here.waiting() == ["a", "b"]
    assert here.states("d")["a"] == "scheduled"
    here.end(old, -15)
    here.turn()
    assert here.states("d")["a"] == "queued"
    assert here.waiting() == ["a", "b"]


def test_an_attempt_that_a_dead_scheduler_told_to_stop_is_waited_for(bench):
    here = bench(side_by_side())
    here.trigger("d")
    old = here.begin("a")
    here.ask("set_task_state", "d", task_ids=["a"], state="failed")
    here.boot()
    here.ask("clear", "d", task_ids=["a"])
    here.turn(3)
    assert here.states("d")["a"] == "scheduled"
    here.end(old, -15)
    here.turn()
    assert here.states("d")["a"] == "queued"


def test_a_run_made_anew_under_an_old_name_waits_for_what_is_left_of_the_old_one(bench):
    here = bench(chain(count=1))
    here.trigger("d")
    old = here.begin("t0")
    here.ask("set_run_state", "d", state="failed")
    here.outside.delete_dag("d")
    here.turn()
    here.save(chain(count=1))
    here.made = 0
    here.trigger("d")
    assert (here.states("d"), here.waiting()) == ({"t0": "scheduled"}, ["t0"])
    here.end(old, -15)
    here.turn()
    here.finish("t0")
    assert here.state("d") == "success"


# -- errors of the database ------------------------------------------------------------------------------------------


class PlayedWatch:
    def __init__(self, *found):
        self.found = list(found)
        self.again = []

    def take(self):
        found, self.found = self.found, []
        return found

    def read_again(self, path):
        self.again.append(path)


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


# -- new versions ----------------------------------------------------------------------------------------------------


def test_a_cleared_run_forgets_timers_and_attempts_of_tasks_that_its_new_version_lacks(bench):
    here = bench(DagSpec("d", (TaskSpec("a", "P", retries=1), TaskSpec("b", "P"), TaskSpec("c", "P"))))
    here.trigger("d")
    here.finish("a", state=TaskState.UP_FOR_RETRY, next_at=here.now + datetime.timedelta(seconds=60))
    here.finish("c")
    here.begin("b")
    here.ask("set_run_state", "d", state="failed")
    here.save(DagSpec("d", (TaskSpec("c", "P"),)))
    here.ask("clear", "d", task_ids=None)
    here.turn()
    here.end(here.process("b"), -15)
    here.later(100)
    here.finish("c")
    assert here.state("d") == "success"
    assert not here.loop.board.runs


# -- months ----------------------------------------------------------------------------------------------------------


def test_nothing_is_left_in_memory_of_runs_that_ended(bench):
    here = bench(
        DagSpec(
            "d",
            (
                TaskSpec("a", "P", retries=1, retry_delay=1.0),
                TaskSpec("b", "P", upstream=("a",), max_active_tis_per_dag=1, max_active_tis_per_dagrun=1),
            ),
            has_run_callbacks=True,
            dagrun_timeout=100.0,
        )
    )
    for number in range(1, 4):
        name = here.trigger("d", day=number)
        here.end(here.process("a", name), 1)
        here.turn()
        here.later(60)
        here.finish("a", name)
        here.ask("clear", "d", name, task_ids=["a"])
        here.turn()
        here.finish("a", name)
        here.end(here.begin("b", name), -9)
        here.turn()
        here.end(here.process("", name))
        here.turn()
        assert here.state("d", name) == "failed"
    here.later(200)
    loop, usage = here.loop, here.loop.board.usage
    left = [usage.pools, usage.runs, usage.dag_tasks, usage.run_tasks, loop.board.runs, loop.board.ready]
    left += [loop.dispatcher.in_flight, loop.dispatcher.callbacks, loop._stale, loop.board._timers]
    assert [len(one) for one in left] == [0] * len(left)


# -- the clock -------------------------------------------------------------------------------------------------------


def test_a_clock_that_is_put_back_does_not_put_off_what_an_error_left_behind(bench):
    here = bench(chain(count=1))
    here.trigger("d")
    process = here.record("t0")
    here.end(process)
    with broken(here.store, "task"):
        here.turn()
    here.later(-3600)
    assert here.state("d") == "success"


def test_times_beyond_the_end_of_time_stop_nothing(bench):
    for_ever = datetime.timedelta.max.total_seconds()
    task = {"retries": 1, "retry_delay": for_ever}
    strange = chain("strange", schedule=CronSchedule("0 0 * * *", "Atlantis/Capital"), start_date=NOW)
    here = bench(chain(count=1, dagrun_timeout=for_ever, task=task), strange)
    here.trigger("d")
    here.end(here.begin("t0"), -9)
    here.turn()
    assert (here.state("d"), here.states("d")) == ("running", {"t0": "up_for_retry"})
    here.ask("set_task_state", "d", task_ids=["t0"], state="success")
    assert here.state("d") == "success"


# -- many ------------------------------------------------------------------------------------------------------------


def test_queued_runs_start_oldest_first_when_there_is_room(bench):
    here = bench(chain(count=1, max_active_runs=2))
    for day in (3, 1, 2, 0):
        here.outside.create_run(
            NewRun("d", f"day{day}", RunType.MANUAL, NOW + datetime.timedelta(days=day), NOW, NOW), NOW
        )
    here.turn()
    assert sorted(run.run_id for run in here.outside.runs("d", state=RunState.RUNNING)) == ["day0", "day1"]
    here.finish("t0", "day0")
    assert here.state("d", "day2") == "running"
    assert here.state("d", "day3") == "queued"


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
        here.store.close()
        here.outside.close()
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
        here.store.close()
        here.outside.close()
    assert cost[300] < 1.3 * cost[10], cost
