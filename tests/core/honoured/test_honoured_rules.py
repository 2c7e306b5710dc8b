"""Every `trigger_rule`, by tasks that really end this way or that."""

import pytest

from tradewind import DAG, TaskFailed, TaskSkipped, TriggerRule
from tradewind.operators.python import PythonOperator
from tradewind.states import TaskState


def ends(how):
    def work():
        if how == "failed":
            raise TaskFailed("on purpose")
        if how == "skipped":
            raise TaskSkipped("on purpose")

    return work


def state_after(rule, *upstream):
    """How a task with this rule ends whose upstream tasks end like these ("upstream_failed" among them)."""
    with DAG("d") as dag:
        task = PythonOperator(task_id="t", python_callable=print, trigger_rule=rule)
        for number, how in enumerate(upstream):
            before = PythonOperator(task_id=f"u{number}", python_callable=ends(how))
            before >> task
            if how == "upstream_failed":
                PythonOperator(task_id=f"v{number}", python_callable=ends("failed")) >> before
    return dag.test().task_states["t"]


S, F, K, U = "success", "failed", "skipped", "upstream_failed"

RUNS, SKIPPED, REFUSED = TaskState.SUCCESS, TaskState.SKIPPED, TaskState.UPSTREAM_FAILED

#: rule -> how the task ends after which ends upstream
ENDS = {
    "all_success": {(S, S): RUNS, (S, F): REFUSED, (S, K): SKIPPED, (S, U): REFUSED},
    "all_failed": {(F, F): RUNS, (F, U): RUNS, (F, S): SKIPPED, (F, K): SKIPPED},
    "all_done": {(S, F): RUNS, (K, U): RUNS},
    "all_done_min_one_success": {(S, F): RUNS, (S, K): RUNS, (F, K): REFUSED, (K, K): SKIPPED},
    "one_success": {(S, F): RUNS, (S, K): RUNS, (F, F): REFUSED, (K, K): SKIPPED},
    "one_failed": {(S, F): RUNS, (S, U): RUNS, (S, K): SKIPPED, (S, S): SKIPPED},
    "one_done": {(S, K): RUNS, (F, K): RUNS, (K, K): SKIPPED, (U, U): SKIPPED},
    "none_failed": {(S, K): RUNS, (K, K): RUNS, (S, F): REFUSED, (S, U): REFUSED},
    "none_failed_min_one_success": {(S, K): RUNS, (K, K): SKIPPED, (S, F): REFUSED},
    "none_skipped": {(S, F): RUNS, (S, U): RUNS, (S, K): SKIPPED},
    "all_skipped": {(K, K): RUNS, (K, S): SKIPPED, (K, F): SKIPPED},
    "always": {(S, F): RUNS, (K, U): RUNS},
}


@pytest.mark.parametrize(("rule", "upstream"), [(rule, upstream) for rule, ends in ENDS.items() for upstream in ends])
def test_trigger_rule_by_how_the_tasks_before_ended(rule, upstream):
    assert state_after(rule, *upstream) is ENDS[rule][upstream]


@pytest.mark.parametrize(("setup", "work", "state"), [(S, F, RUNS), (S, S, RUNS), (F, S, REFUSED), (K, S, SKIPPED)])
def test_all_done_setup_success_looks_at_setups_alone(setup, work, state):
    with DAG("d") as dag:
        first = PythonOperator(task_id="setup", python_callable=ends(setup)).as_setup()
        middle = PythonOperator(task_id="work", python_callable=ends(work))
        last = PythonOperator(task_id="teardown", python_callable=print).as_teardown(setups=first)
        first >> middle >> last
    assert last.trigger_rule is TriggerRule.ALL_DONE_SETUP_SUCCESS
    assert dag.test().task_states["teardown"] is state


def test_every_trigger_rule_is_tried():
    assert {*ENDS, "all_done_setup_success"} == set(TriggerRule)


@pytest.mark.parametrize("rule", ["one_success", "one_failed", "one_done", "always"])
def test_rules_that_need_one_do_not_wait_for_the_others(played, rule):
    with DAG("d") as dag:
        task = PythonOperator(task_id="t", python_callable=print, trigger_rule=rule)
        [PythonOperator(task_id=name, python_callable=print) for name in ("quick", "slow")] >> task
    played.add(dag)
    run = played.trigger(dag)
    assert ("t" in played.held(run)) is (rule == "always")
    played.end("quick", run, state=TaskState.FAILED if rule == "one_failed" else TaskState.SUCCESS)
    assert "t" in played.held(run)
    assert "slow" in played.held(run)
