"""What decides when a task may start: dates, the past, priority, limits."""

import datetime

import pytest

from tradewind import DAG
from tradewind.errors import DagError
from tradewind.operators.empty import EmptyOperator
from tradewind.operators.python import BranchPythonOperator, PythonOperator
from tradewind.scheduler.why import why
from tradewind.states import RunState, TaskState

DAY = datetime.timedelta(days=1)


def at(day):
    return datetime.datetime(2026, 3, day, tzinfo=datetime.UTC)


def python(task_id, **arguments):
    return PythonOperator(task_id=task_id, python_callable=print, **arguments)


def two_runs(played, dag):
    played.add(dag)
    return played.trigger(dag, logical_date=at(1)), played.trigger(dag, logical_date=at(2))


# -- dates and time ---------------------------------------------------------------------------------------------------


def test_start_date_and_end_date_leave_a_task_out():
    with DAG("d") as dag:
        python("late", start_date="2026-03-10")
        python("early", end_date="2026-03-01")
        python("now", start_date="2026-03-05", end_date="2026-03-05")
    assert dag.test("2026-03-05").task_states == {"late": "removed", "early": "removed", "now": "success"}


def test_execution_timeout_ends_the_task():
    with DAG("d") as dag:
        PythonOperator(
            task_id="t", python_callable=lambda: __import__("threading").Event().wait(30), execution_timeout=0.05
        )
    ended = dag.test().get_task_instance("t")
    assert (ended.state, ended.reason.split(":")[0]) == (TaskState.FAILED, "TaskTimeout")


# -- the past ---------------------------------------------------------------------------------------------------------


def test_depends_on_past_waits_for_the_same_task_of_the_run_before(played):
    with DAG("d") as dag:
        python("t", depends_on_past=True)
    first, second = two_runs(played, dag)
    assert played.held(second) == []
    played.end("t", first)
    assert played.held(second) == ["t"]


def test_ignore_first_depends_on_past_is_about_the_first_run(played):
    with DAG("d") as dag:
        python("goes", depends_on_past=True)
        python("waits", depends_on_past=True, ignore_first_depends_on_past=False)
    played.add(dag)
    run = played.trigger(dag)
    assert played.held(run) == ["goes"]
    told = why(played.store, played.loop.settings, "d", run.run_id, "waits")
    assert any("there is no run before this one" in reason for reason in told)


def test_an_in_process_run_that_cannot_go_on_ends_and_says_why():
    with DAG("d") as dag:
        python("waits", depends_on_past=True, ignore_first_depends_on_past=False) >> python("after")
    ended = dag.test()
    assert ended.state is RunState.FAILED
    assert "nothing can go on: waits: it depends on its past" in ended.run.reason


def test_wait_for_downstream_waits_for_what_follows_it_in_the_run_before(played):
    with DAG("d") as dag:
        python("t", wait_for_downstream=True) >> python("after")
    first, second = two_runs(played, dag)
    played.end("t", first)
    assert played.held(second) == []
    played.end("after", first)
    assert played.held(second) == ["t"]


@pytest.mark.parametrize("waits", [True, False])
def test_wait_for_past_depends_before_skipping(played, waits):
    """Skipped by its trigger rule, and by a branch."""
    with DAG("d") as dag:
        start = python("start")
        by_rule = python(
            "by_rule", depends_on_past=True, wait_for_past_depends_before_skipping=waits, trigger_rule="one_failed"
        )
        branch = BranchPythonOperator(task_id="branch", python_callable=lambda: "start")
        by_branch = python("by_branch", depends_on_past=True, wait_for_past_depends_before_skipping=waits)
        start >> by_rule
        branch >> by_branch
    first, second = two_runs(played, dag)
    played.end("start", second)
    played.end("branch", second, skips=["by_branch"])
    waiting = None if waits else "skipped"
    assert (played.states(second)["by_rule"], played.states(second)["by_branch"]) == (waiting, waiting)
    told = why(played.store, played.loop.settings, "d", second.run_id, "by_rule")
    assert any("depends on its past" in reason for reason in told) is waits

    played.end("branch", first)
    played.end("by_branch", first)
    played.end("start", first, state=TaskState.FAILED)
    played.end("by_rule", first)
    assert (played.states(second)["by_rule"], played.states(second)["by_branch"]) == ("skipped", "skipped")


def test_upstream_failed_does_not_wait_for_the_past(played):
    with DAG("d") as dag:
        python("start") >> python("t", depends_on_past=True, wait_for_past_depends_before_skipping=True)
    _, second = two_runs(played, dag)
    played.end("start", second, state=TaskState.FAILED)
    assert played.states(second)["t"] == "upstream_failed"


# -- order ------------------------------------------------------------------------------------------------------------


def started_in_order(played, dag):
    """The order in which tasks get the only place there is."""
    played.add(dag)
    played.trigger(dag)
    order = []
    while played.held():
        order += played.held()
        played.end(order[-1])
    return order


def test_priority_weight_says_who_goes_first(played):
    with DAG("d", max_active_tasks=1) as dag:
        python("low")
        python("high", priority_weight=10)
        python("middle", priority_weight=5)
    assert started_in_order(played, dag) == ["high", "middle", "low"]


@pytest.mark.parametrize(
    ("rule", "order"),
    [
        ("downstream", ["a", "b", "c"]),  # long ways first: a carries the weight of b
        ("upstream", ["c", "a", "b"]),
        ("absolute", ["c", "a", "b"]),
        (lambda ti: {"a": 1, "b": 9, "c": 5}[ti.task_id], ["c", "a", "b"]),
    ],
)
def test_weight_rule_sums_the_weights(played, rule, order):
    with DAG("d", max_active_tasks=1, default_args={"weight_rule": rule}) as dag:
        python("a") >> python("b", priority_weight=3)
        python("c", priority_weight=2)
    assert started_in_order(played, dag) == order


def test_weight_rule_may_be_a_strategy_of_ones_own():
    class Twice:
        def get_weight(self, ti):
            return ti.task.priority_weight * 2

    with DAG("d") as dag:
        python("a", priority_weight=3, weight_rule=Twice()) >> python("b", priority_weight=4)
    assert [task.priority for task in dag.spec().tasks] == [6, 4]
    with DAG("d") as broken:
        python("a", weight_rule=lambda ti: ti.nothing)
    with pytest.raises(DagError, match="Task 'a': its weight_rule could not tell its priority"):
        broken.spec()


# -- limits -----------------------------------------------------------------------------------------------------------


def test_pool_and_pool_slots(played):
    played.store.set_pool("narrow", 3)
    with DAG("d") as dag:
        for name in ("a", "b"):
            python(name, pool="narrow", pool_slots=2)
        python("c", pool="narrow")
        python("free")
    played.add(dag)
    run = played.trigger(dag)
    assert played.held(run) == ["a", "c", "free"]
    played.end("a", run)
    assert played.held(run) == ["c", "free", "b"]


def test_max_active_tis_per_dag_counts_all_runs(played):
    with DAG("d") as dag:
        python("t", max_active_tis_per_dag=1)
    first, second = two_runs(played, dag)
    assert (played.held(first), played.held(second)) == (["t"], [])
    played.end("t", first)
    assert played.held(second) == ["t"]


def test_max_active_tis_per_dagrun_counts_one_run(played):
    """A task has one instance in a run till there is mapping: the cap of one must not hold back another run."""
    with DAG("d") as dag:
        python("t", max_active_tis_per_dagrun=1)
    first, second = two_runs(played, dag)
    assert (played.held(first), played.held(second)) == (["t"], ["t"])
    assert dag.spec().tasks[0].max_active_tis_per_dagrun == 1


def test_queue_executor_and_its_config_are_handed_on():
    with DAG("d") as dag:
        task = python("t", queue="big", executor="local", executor_config={"image": "x"})
    spec = dag.spec().tasks[0]
    assert (spec.queue, spec.executor, task.executor_config) == ("big", "local", {"image": "x"})


def test_trigger_rule_is_read_from_its_older_names():
    with DAG("d") as dag:
        EmptyOperator(task_id="t", trigger_rule="none_failed_or_skipped")
    assert dag.spec().tasks[0].trigger_rule == "none_failed_min_one_success"


# -- without effect ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [("run_as_user", "nobody"), ("resources", {"cpus": 1}), ("start_from_trigger", True), ("executor", "elsewhere")],
)
def test_what_has_no_effect_says_so_once_for_a_dag(name, value):
    dag = DAG("d", default_args={name: value})
    with pytest.warns(UserWarning, match=f"The argument {name!r} of task 'a' has no effect yet: ") as caught:
        python("a", dag=dag)
    assert caught[0].filename == __file__
    python("b", dag=dag)  # a second warning would be an error


def test_sla_says_that_it_has_no_effect():
    with pytest.warns(DeprecationWarning, match="'sla': it has no effect"):
        python("t", sla=DAY)


def test_old_names_warn_and_work():
    with pytest.warns(DeprecationWarning, match="max_active_tis_per_dag"):
        assert python("t", task_concurrency=2).max_active_tis_per_dag == 2
    with pytest.warns(DeprecationWarning, match="always provided"):
        python("t", provide_context=True)
