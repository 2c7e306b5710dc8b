"""What follows from what: `decide` on hand-made runs."""

import datetime

import pytest
from msgspec.structs import replace

from tradewind.records import DagSpec, Moves, Run, TaskInstance, TaskSpec
from tradewind.scheduler.decide import blocked_by_past, decide, fail_fast, give_up, start
from tradewind.scheduler.live import LiveRun, build_graph
from tradewind.states import RunState, RunType, TaskState, TriggerRule

NOW = datetime.datetime(2026, 1, 2, 3, 4, tzinfo=datetime.UTC)
LATER = NOW + datetime.timedelta(minutes=1)


def run_of(**changes):
    day = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    run = Run(1, "d", "r", RunType.MANUAL, RunState.QUEUED, day, day, day, "v", queued_at=day)
    return replace(run, **changes)


def live_of(*tasks, **spec):
    dag = DagSpec("d", tuple(tasks), **spec)
    return LiveRun.build(run_of(), dag, [], build_graph(dag))


def task(task_id, *upstream, **fields):
    return TaskSpec(task_id, "Op", upstream=tuple(upstream), **fields)


def begin(live):
    moves = start(live, NOW)
    commit(live, moves)
    return states(moves)


def commit(live, moves):
    for move in moves.tasks:
        live.put(move.after)
    live.run = moves.run.after if moves.run else live.run


def states(moves):
    return {move.after.task_id: move.after.state for move in moves.tasks}


def end(live, task_id, state=TaskState.SUCCESS, **fields):
    """Let a task end, and commit what follows."""
    live.put(replace(live.instances[task_id], state=state, **fields))
    moves = decide(live, [task_id], LATER)
    commit(live, moves)
    return states(moves)


def test_a_chain_runs_one_after_the_other():
    live = live_of(task("a"), task("b", "a"), task("c", "b"))
    assert begin(live) == {"a": TaskState.SCHEDULED}
    assert live.run.state is RunState.RUNNING
    assert end(live, "a") == {"b": TaskState.SCHEDULED}
    assert end(live, "b") == {"c": TaskState.SCHEDULED}
    assert end(live, "c") == {}
    assert live.run.state is RunState.SUCCESS


def test_deciding_changes_nothing_by_itself():
    live = live_of(task("a"), task("b", "a"))
    begin(live)
    live.put(replace(live.instances["a"], state=TaskState.SUCCESS))
    first, second = decide(live, ["a"], NOW), decide(live, ["a"], NOW)
    assert first == second
    assert live.instances["b"].state is None


def test_the_first_try_has_number_one():
    live = live_of(task("a"))
    begin(live)
    assert live.instances["a"].try_number == 1


def test_a_failure_runs_down_to_the_end_of_the_run():
    live = live_of(task("a"), task("b", "a"), task("c", "b"), task("d", "c"))
    begin(live)
    after = end(live, "a", TaskState.FAILED)
    assert after == dict.fromkeys("bcd", TaskState.UPSTREAM_FAILED)
    assert live.run.state is RunState.FAILED
    assert live.run.reason == "failed: a"  # what failed, and not the leaf, which did not even run
    assert [live.instances[name].reason for name in "bc"] == [
        "it needs a, which failed",
        "it needs b, which could not run",
    ]


def test_reasons_name_a_few_tasks_of_many():
    many = [f"t{number}" for number in range(8)]
    live = live_of(*map(task, many), task("join", *many, trigger_rule=TriggerRule.ONE_SUCCESS))
    begin(live)
    for name in many:
        end(live, name, TaskState.FAILED)
    assert live.instances["join"].reason == "it needs t0, t1, t2, t3, t4 and 3 more, which failed"
    assert live.run.reason == "failed: t0, t1, t2, t3, t4 and 3 more"


def test_a_leaf_that_ends_well_saves_the_run():
    """A clean-up with all_done is the only leaf: Airflow's rule, and a known trap."""
    live = live_of(task("a"), task("tidy", "a", trigger_rule=TriggerRule.ALL_DONE))
    begin(live)
    assert end(live, "a", TaskState.FAILED) == {"tidy": TaskState.SCHEDULED}
    end(live, "tidy")
    assert live.run.state is RunState.SUCCESS


def test_skips_cascade_and_stop_at_a_join():
    live = live_of(
        task("branch"),
        task("left", "branch"),
        task("right", "branch"),
        task("after_right", "right"),
        task("join", "left", "after_right", trigger_rule=TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS),
    )
    begin(live)
    after = end(live, "branch", skips=("right",))
    assert after == {"left": TaskState.SCHEDULED, "right": TaskState.SKIPPED, "after_right": TaskState.SKIPPED}
    assert end(live, "left") == {"join": TaskState.SCHEDULED}


def test_a_skip_by_a_branch_overrides_the_trigger_rule():
    live = live_of(task("branch"), task("left", "branch", trigger_rule=TriggerRule.ALWAYS))
    commit(live, Moves())
    live.run = replace(live.run, state=RunState.RUNNING)
    assert end(live, "branch", skips=("left",)) == {"left": TaskState.SKIPPED}


def test_a_short_circuit_skips_what_is_far_behind():
    live = live_of(task("stop"), task("a", "stop"), task("b", "a", trigger_rule=TriggerRule.ALL_DONE))
    begin(live)
    after = end(live, "stop", skips=("a", "b"))
    assert after == {"a": TaskState.SKIPPED, "b": TaskState.SKIPPED}
    assert live.run.state is RunState.SUCCESS


def test_a_cleared_task_stays_skipped_while_its_branch_says_so():
    live = live_of(task("branch"), task("left", "branch"))
    begin(live)
    end(live, "branch", skips=("left",))
    live.run = replace(live.run, state=RunState.RUNNING)
    live.put(replace(live.instances["left"], state=None))
    assert states(decide(live, ["left"], NOW)) == {"left": TaskState.SKIPPED}


def test_a_cleared_branch_takes_its_skips_back():
    live = live_of(task("branch"), task("left", "branch"))
    begin(live)
    end(live, "branch", skips=("left",))
    live.run = replace(live.run, state=RunState.RUNNING)
    for task_id in ("branch", "left"):
        live.put(replace(live.instances[task_id], state=None, skips=()))
    assert states(decide(live, ["branch", "left"], NOW)) == {"branch": TaskState.SCHEDULED}


def test_an_empty_task_needs_no_process():
    live = live_of(task("a", empty=True), task("b", "a", empty=True), task("c", "b"))
    assert begin(live) == {"a": TaskState.SUCCESS, "b": TaskState.SUCCESS, "c": TaskState.SCHEDULED}


def test_a_run_of_empty_tasks_ends_at_once():
    live = live_of(task("a", empty=True), task("b", "a", empty=True))
    begin(live)
    assert live.run.state is RunState.SUCCESS
    assert live.run.started_at == NOW


def test_a_dag_without_tasks_succeeds():
    live = live_of()
    begin(live)
    assert live.run.state is RunState.SUCCESS


def test_a_retry_waits_till_it_is_due():
    live = live_of(task("a"))
    begin(live)
    live.put(replace(live.instances["a"], state=TaskState.UP_FOR_RETRY, next_at=LATER))
    assert not decide(live, ["a"], NOW)
    moves = decide(live, ["a"], LATER)
    assert [(m.after.state, m.after.try_number, m.after.next_at) for m in moves.tasks] == [
        (TaskState.SCHEDULED, 2, None)
    ]


def test_a_sensors_next_look_is_the_same_try():
    live = live_of(task("a"))
    begin(live)
    live.put(replace(live.instances["a"], state=TaskState.UP_FOR_RESCHEDULE, next_at=NOW))
    moves = decide(live, ["a"], NOW)
    assert moves.tasks[0].after.try_number == 1


def test_a_task_outside_its_dates_is_left_out_and_hinders_nobody():
    soon = datetime.datetime(2027, 1, 1, tzinfo=datetime.UTC)
    live = live_of(task("a"), task("new", start_date=soon), task("b", "a", "new"))
    assert begin(live) == {"a": TaskState.SCHEDULED, "new": TaskState.REMOVED}
    assert end(live, "a") == {"b": TaskState.SCHEDULED}


def test_a_queued_run_moves_nothing():
    live = live_of(task("a"))
    assert not decide(live, ["a"], NOW)


class TestPast:
    def test_the_first_run_has_no_past(self):
        live = live_of(task("a", depends_on_past=True))
        assert begin(live) == {"a": TaskState.SCHEDULED}

    def test_unless_told_to_mind_it(self):
        live = live_of(task("a", depends_on_past=True, ignore_first_depends_on_past=False))
        assert begin(live) == {}
        assert "no run before" in blocked_by_past(live.spec.tasks[0], live, None)

    @pytest.mark.parametrize(
        ("state", "waits"),
        [(TaskState.SUCCESS, False), (TaskState.SKIPPED, False), (TaskState.FAILED, True), (None, True)],
    )
    def test_it_waits_for_the_run_before(self, state, waits):
        live = live_of(task("a", depends_on_past=True))
        assert bool(start(live, NOW, {"a": state}).tasks) is not waits

    def test_it_waits_for_what_comes_behind_in_the_run_before(self):
        live = live_of(task("a", wait_for_downstream=True), task("b", "a"))
        assert not start(live, NOW, {"a": TaskState.SUCCESS, "b": TaskState.RUNNING}).tasks
        assert start(live, NOW, {"a": TaskState.SUCCESS, "b": TaskState.SUCCESS}).tasks

    def test_a_task_that_is_new_in_the_dag_does_not_wait(self):
        live = live_of(task("new", depends_on_past=True))
        assert start(live, NOW, {"other": TaskState.FAILED}).tasks


def test_giving_up_fails_what_runs_and_skips_what_does_not():
    live = live_of(task("a"), task("b", "a"))
    begin(live)
    live.put(replace(live.instances["a"], state=TaskState.RUNNING))
    moves = give_up(live, NOW, "time is over")
    assert states(moves) == {"a": TaskState.FAILED, "b": TaskState.SKIPPED}
    assert moves.run.after.state is RunState.FAILED
    assert moves.run.after.reason == "time is over"


def test_failing_fast_spares_teardowns():
    live = live_of(
        task("a"),
        task("b"),
        task("c", "b"),
        task("down", "c", teardown=True, trigger_rule=TriggerRule.ALL_DONE),
    )
    begin(live)
    live.put(replace(live.instances["a"], state=TaskState.FAILED))
    live.put(replace(live.instances["b"], state=TaskState.RUNNING))
    moves = fail_fast(live, NOW, "a")
    assert states(moves) == {"b": TaskState.FAILED, "c": TaskState.SKIPPED}
    assert moves.run is None
    commit(live, moves)
    assert states(decide(live, ["b", "c"], NOW)) == {"down": TaskState.SCHEDULED}


def test_a_failed_teardown_does_not_fail_the_run():
    live = live_of(task("a"), task("down", "a", teardown=True, trigger_rule=TriggerRule.ALL_DONE))
    begin(live)
    end(live, "a")
    end(live, "down", TaskState.FAILED)
    assert live.run.state is RunState.SUCCESS


def test_the_callback_of_a_dag_is_due_when_its_run_ends():
    live = live_of(task("a"), has_run_callbacks=True)
    begin(live)
    end(live, "a")
    assert live.run.callback_due


def test_work_is_proportional_to_the_downstream_not_to_the_dag():
    wide = [task(f"t{n}") for n in range(3000)]
    live = live_of(*wide, task("join", *(one.task_id for one in wide)))
    begin(live)

    class Counted(dict):
        reads = 0

        def __getitem__(self, key):
            Counted.reads += 1
            return super().__getitem__(key)

    live.instances = Counted(live.instances)
    live.put(replace(TaskInstance("t7"), state=TaskState.SUCCESS))
    Counted.reads = 0
    assert not decide(live, ["t7"], NOW)
    assert Counted.reads < 20
