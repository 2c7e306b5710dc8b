"""The scheduler's loop on a real store, with played processes: mishaps one at a time, each with what must follow."""

from __future__ import annotations

import datetime

import pytest

from tests.simulation.bench import NOW, Bench, PlayedWatch, broken, chain, side_by_side
from tradewind.records import DagSpec, NewRun, TaskSpec
from tradewind.schedule import CronSchedule
from tradewind.scheduler.admit import Usage
from tradewind.states import RunState, RunType, TaskState


@pytest.fixture
def bench(tmp_path):
    made = []

    def make(*specs, **settings):
        made.append(Bench(tmp_path, *specs, **settings))
        return made[-1]

    yield make
    for one in made:
        one.close()


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


@pytest.mark.parametrize("limit", ["pool", "max_active_tasks", "parallelism"])
def test_an_attempt_that_was_told_to_stop_takes_its_place_until_it_has(bench, limit):
    pool = {"pool": "narrow"} if limit == "pool" else {}
    tasks = tuple(TaskSpec(name, "P", **pool) for name in "ab")
    more = {"max_active_tasks": 1} if limit == "max_active_tasks" else {}
    here = bench(DagSpec("d", tasks, **more), **({"parallelism": 1} if limit == "parallelism" else {}))
    here.store.set_pool("narrow", 1)
    here.trigger("d")
    old = here.begin("a")
    here.ask("set_task_state", "d", task_ids=["a"], state="failed")
    here.turn(3)
    assert here.states("d") == {"a": "failed", "b": "scheduled"}
    here.end(old, -15)
    here.turn()
    assert here.states("d") == {"a": "failed", "b": "queued"}
    here.finish("b")
    assert here.state("d") == "failed"
    assert here.loop.board.usage == Usage()


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
