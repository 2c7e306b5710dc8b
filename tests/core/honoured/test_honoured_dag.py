"""What a DAG takes: when it runs, how often at once, what ends it, and what is known of it."""

import datetime

import pytest

from tradewind import DAG, Param, TaskFailed
from tradewind.errors import DagError, ParamError, UsageError
from tradewind.operators.python import PythonOperator
from tradewind.parser import load_dags
from tradewind.records import NewRun
from tradewind.states import RunState, RunType, TaskState

DAY = datetime.timedelta(days=1)


def at(day, hour=0):
    return datetime.datetime(2026, 3, day, hour, tzinfo=datetime.UTC)


def make(**arguments):
    with DAG("d", **arguments) as dag:
        PythonOperator(task_id="t", python_callable=print)
    return dag


def refuse():
    raise TaskFailed("no")


# -- when -------------------------------------------------------------------------------------------------------------


def test_schedule_start_date_end_date_and_catchup_make_the_runs(played):
    """The clock of the played scheduler starts on the second of March."""
    dag = make(schedule="@daily", start_date=at(1) - 4 * DAY, end_date=at(1), catchup=True)
    played.add(dag)
    assert [run.logical_date for run in played.runs(dag)] == [at(1) - DAY * n for n in (4, 3, 2, 1, 0)]
    played.turn(days=5)
    assert len(played.runs(dag)) == 5


def test_without_catchup_only_the_latest_interval_is_run(played):
    dag = make(schedule=DAY, start_date=at(1) - 10 * DAY, catchup=False)
    played.add(dag)
    assert [run.logical_date for run in played.runs(dag)] == [at(1)]
    played.turn(days=3)
    assert [run.logical_date for run in played.runs(dag)] == [at(1), at(4)]


@pytest.mark.parametrize("older", ["schedule_interval", "timetable"])
def test_older_names_of_schedule(older):
    assert make(**{older: "@hourly"}).spec().schedule == make(schedule="@hourly").spec().schedule


def test_is_paused_upon_creation(played):
    dag = make(schedule="@daily", start_date=at(1), is_paused_upon_creation=True)
    played.add(dag)
    assert played.runs(dag) == []
    played.store.set_paused("d", False)
    played.turn()
    assert [run.type for run in played.runs(dag)] == [RunType.SCHEDULED]
    assert not played.store._paused_at_creation  # so the DAG's own word decided


# -- how many ---------------------------------------------------------------------------------------------------------


def test_max_active_runs_queues_the_others(played):
    dag = make(max_active_runs=1)
    played.add(dag)
    first, second = (played.trigger(dag, logical_date=at(day)) for day in (1, 2))
    assert (played.state(first), played.state(second)) == ("running", "queued")
    played.end("t", first)
    assert (played.state(first), played.state(second)) == ("success", "running")


@pytest.mark.parametrize("name", ["max_active_tasks", "concurrency"])
def test_max_active_tasks_is_per_run(played, name):
    with DAG("d", **{name: 1}) as dag:
        PythonOperator(task_id="a", python_callable=print)
        PythonOperator(task_id="b", python_callable=print)
    played.add(dag)
    first, second = (played.trigger(dag, logical_date=at(day)) for day in (1, 2))
    assert (played.held(first), played.held(second)) == (["a"], ["a"])
    played.end("a", first)
    assert played.held(first) == ["b"]


# -- how it ends ------------------------------------------------------------------------------------------------------


def test_dagrun_timeout_ends_the_run(played):
    dag = make(dagrun_timeout=datetime.timedelta(minutes=1))
    played.add(dag)
    run = played.trigger(dag)
    played.turn(seconds=59)
    assert played.state(run) == "running"
    played.turn(seconds=1)
    assert (played.state(run), played.states(run)) == ("failed", {"t": "failed"})
    assert [key.task_id for key in played.executor.cancelled] == ["t"]


@pytest.mark.parametrize("name", ["fail_fast", "fail_stop"])
def test_fail_fast_ends_the_other_tasks(played, name):
    with DAG("d", **{name: True}) as dag:
        PythonOperator(task_id="a", python_callable=print)
        PythonOperator(task_id="b", python_callable=print) >> PythonOperator(task_id="c", python_callable=print)
    played.add(dag)
    run = played.trigger(dag)
    played.end("a", run, state=TaskState.FAILED)
    assert played.states(run) == {"a": "failed", "b": "failed", "c": "skipped"}
    assert [key.task_id for key in played.executor.cancelled] == ["b"]


def test_fail_fast_in_one_process():
    with DAG("d", fail_fast=True) as dag:
        PythonOperator(task_id="a", python_callable=refuse, priority_weight=9)
        PythonOperator(task_id="b", python_callable=print)
    ended = dag.test()
    assert ended.task_states == {"a": TaskState.FAILED, "b": TaskState.SKIPPED}
    assert ended.state is RunState.FAILED


def test_max_consecutive_failed_dag_runs_pauses_the_dag(played):
    dag = make(max_consecutive_failed_dag_runs=2)
    played.add(dag)
    runs = [played.trigger(dag, logical_date=at(day)) for day in (1, 2, 3, 4)]
    played.end("t", runs[0], state=TaskState.FAILED)
    played.end("t", runs[1])
    played.end("t", runs[2], state=TaskState.FAILED)
    assert not played.store.dag("d").paused
    played.end("t", runs[3], state=TaskState.FAILED)
    assert played.store.dag("d").paused


def test_later_runs_that_have_not_ended_do_not_hide_failures(played):
    dag = make(max_consecutive_failed_dag_runs=2)
    played.add(dag)
    runs = [played.trigger(dag, logical_date=at(day)) for day in (1, 2, 3, 4)]
    for run in runs[:2]:
        played.end("t", run, state=TaskState.FAILED)
    assert played.store.dag("d").paused


@pytest.mark.parametrize(("function", "told"), [(print, ["good"]), (refuse, ["bad"])])
def test_on_success_callback_and_on_failure_callback_of_the_dag(function, told):
    heard = []
    callbacks = {
        "on_success_callback": lambda context: heard.append("good"),
        "on_failure_callback": [lambda context: heard.append("bad")],
    }
    with DAG("d", **callbacks) as dag:
        PythonOperator(task_id="t", python_callable=function)
    dag.test()
    assert heard == told


def test_callbacks_of_the_dag_are_handed_to_the_executor(played):
    dag = make(on_failure_callback=print)
    played.add(dag)
    run = played.trigger(dag)
    played.end("t", run)
    assert [(argv.kind, argv.key.task_id) for argv in played.executor.held.values()] == [("callback", "")]


@pytest.mark.parametrize(("wanted", "keys"), [(True, 2), (False, 1)])
def test_rerun_with_latest_version_says_which_version_a_cleared_run_gets(played, wanted, keys):
    dag = make(rerun_with_latest_version=wanted)
    played.add(dag)
    run = played.trigger(dag)
    played.end("t", run)
    with dag:
        PythonOperator(task_id="new", python_callable=print)
    played.add(dag)
    played.store.add_request("clear", "d", run.run_id, {"task_ids": None})
    played.turn()
    assert len(played.held(run)) == keys


# -- which runs -------------------------------------------------------------------------------------------------------


def test_allowed_run_types_refuses_a_trigger(played):
    dag = make(schedule="@daily", start_date=at(1), allowed_run_types="scheduled")
    played.add(dag)
    assert [run.type for run in played.runs(dag)] == [RunType.SCHEDULED]
    with pytest.raises(UsageError, match=r"'d' takes no manual runs .*allowed_run_types: scheduled"):
        played.trigger(dag)
    backfill = NewRun("d", "b", RunType.BACKFILL, at(1), at(1), at(1))
    with pytest.raises(UsageError, match="takes no backfill runs"):
        played.store.create_run(backfill, played.now)
    assert len(played.runs(dag)) == 1


def test_allowed_run_types_refuses_a_schedule():
    with pytest.raises(DagError, match=r"schedule .* leave scheduled runs out"):
        make(schedule="@daily", allowed_run_types=["manual"]).spec()
    assert make(allowed_run_types=[RunType.MANUAL]).spec().allowed_run_types == (RunType.MANUAL,)
    with pytest.raises(DagError, match="'allowed_run_types': 'hand' is not a valid RunType; there are scheduled, "):
        make(allowed_run_types="hand")


def test_allowed_run_types_are_no_matter_for_a_rehearsal():
    assert make(schedule="@daily", start_date=at(1), allowed_run_types="scheduled").test().state is RunState.SUCCESS


# -- what it hands on, and what is known of it ------------------------------------------------------------------------


def test_default_args_reach_every_task():
    with DAG("d", default_args={"retries": 3, "start_date": at(1)}) as dag:
        PythonOperator(task_id="t", python_callable=print)
    assert (dag.spec().tasks[0].retries, dag.spec().start_date) == (3, at(1))


def test_params_are_checked_against_their_schema():
    dag = make(params={"n": Param(1, type="integer", maximum=5)})
    assert dag.test(run_conf={"n": 5}).state is RunState.SUCCESS
    with pytest.raises(ParamError, match="n"):
        dag.test(run_conf={"n": 6})


def test_what_people_read_is_in_the_spec():
    spec = make(
        description="what it does",
        dag_display_name="Daily!",
        doc_md="# docs",
        tags=["b", "a"],
        owner_links={"ann": "https://example.org/ann", "bob": "mailto:bob@example.org"},
    ).spec()
    assert (spec.description, spec.label, spec.doc_md, spec.tags) == ("what it does", "Daily!", "# docs", ("a", "b"))
    assert spec.owner_links == {"ann": "https://example.org/ann", "bob": "mailto:bob@example.org"}


@pytest.mark.parametrize("link", ["example.org", "javascript:alert(1)", None])
def test_owner_links_are_web_or_mail_addresses(link):
    with pytest.raises(DagError, match="'owner_links': the link of 'ann' must begin with https://"):
        make(owner_links={"ann": link})


def test_auto_register_false_leaves_a_dag_to_be_named(tmp_path):
    path = tmp_path / "dags.py"
    path.write_text(
        "from tradewind import DAG\n"
        "def make():\n"
        "    with DAG('registered'): pass\n"
        "    with DAG('unseen', auto_register=False): pass\n"
        "    with DAG('named', auto_register=False) as dag: pass\n"
        "    return dag\n"
        "dag = make()\n"
    )
    assert sorted(load_dags(path)) == ["named", "registered"]


# -- without effect ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["deadline", "access_control", "disable_bundle_versioning", "sla_miss_callback"])
def test_what_has_no_effect_says_so(name):
    with pytest.warns(UserWarning, match=f"The argument '{name}' of DAG 'd' has no effect yet: ") as caught:
        DAG("d", **{name: print})
    assert (len(caught), caught[0].filename) == (1, __file__)
    DAG("d", **{name: None})


def test_words_about_old_screens_are_taken_in_silence():
    DAG("d", default_view="graph", orientation="LR", full_filepath="/x")
