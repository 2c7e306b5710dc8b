"""DAGs: their keywords, how they are filled, and the spec that they become."""

from __future__ import annotations

import datetime
import itertools
import os
import subprocess
import sys
import textwrap
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind import plugins
from tradewind.dag import DAG, DagArguments
from tradewind.dag.arguments import READERS
from tradewind.dag.order import summed_weights, topological
from tradewind.dag.zones import zone_name
from tradewind.errors import (
    DagCycle,
    DagError,
    DuplicateTask,
    NotFound,
    ParamError,
    ScheduleError,
    SettingError,
    UnknownArgument,
    UsageError,
)
from tradewind.operator import BaseOperator, collect_dags
from tradewind.params import Param
from tradewind.records import spec_from_json, spec_hash, to_json
from tradewind.schedule import ContinuousSchedule, CronSchedule, DeltaSchedule, Never
from tradewind.states import WeightRule


class Nothing(BaseOperator):
    """Does nothing."""

    def execute(self, context):
        return None


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch, tmp_path):
    monkeypatch.setenv("TRADEWIND_HOME", str(tmp_path / "home"))


def utc(*parts):
    return datetime.datetime(*parts, tzinfo=datetime.UTC)


# -- keywords ---------------------------------------------------------------------------------------------------------

EVERYTHING = {
    "start_date": "2024-01-01",
    "end_date": datetime.date(2025, 1, 1),
    "catchup": True,
    "default_args": {"retries": 2},
    "params": {"x": 1},
    "max_active_tasks": 3,
    "max_active_runs": 2,
    "max_consecutive_failed_dag_runs": 4,
    "dagrun_timeout": datetime.timedelta(hours=1),
    "deadline": None,
    "fail_fast": True,
    "is_paused_upon_creation": True,
    "allowed_run_types": ["manual", "scheduled"],
    "on_success_callback": print,
    "on_failure_callback": [print, repr],
    "sla_miss_callback": print,
    "template_searchpath": "sql",
    "template_undefined": None,
    "user_defined_macros": {"m": max},
    "user_defined_filters": {"f": min},
    "jinja_environment_kwargs": {"trim_blocks": True},
    "render_template_as_native_obj": True,
    "tags": {"b", "a"},
    "owner_links": {"me": "mailto:me"},
    "dag_display_name": "Daily!",
    "doc_md": "# Docs",
    "access_control": {},
    "auto_register": False,
    "rerun_with_latest_version": True,
    "disable_bundle_versioning": True,
    "default_view": "graph",
    "orientation": "LR",
    "full_filepath": "/x",
}


def test_every_keyword_is_taken():
    with pytest.warns(UserWarning, match="has no effect yet"):
        dag = DAG("d", "what it does", "@daily", **EVERYTHING)
    spec = dag.spec()
    assert {*EVERYTHING, "schedule_interval", "timetable", "concurrency", "fail_stop"} == set(
        DagArguments.__annotations__
    )
    assert set(DagArguments.__annotations__) | {"description"} == set(READERS)
    assert spec.description == "what it does"
    assert spec.schedule == CronSchedule("0 0 * * *", "UTC")
    assert (spec.start_date, spec.end_date) == (utc(2024, 1, 1), utc(2025, 1, 1))
    assert (spec.max_active_tasks, spec.max_active_runs, spec.max_consecutive_failed_runs) == (3, 2, 4)
    assert (spec.dagrun_timeout, spec.catchup, spec.fail_fast, spec.paused_on_creation) == (3600.0, True, True, True)
    assert spec.tags == ("a", "b")
    assert (spec.label, spec.doc_md, spec.has_run_callbacks) == ("Daily!", "# Docs", True)
    assert dag.on_failure_callback == [print, repr]
    assert dag.on_success_callback == [print]
    assert dag.template_searchpath == ["sql"]


def test_old_names_are_taken():
    dag = DAG("d", schedule_interval=datetime.timedelta(hours=6), concurrency=5, fail_stop=True)
    assert dag.spec().schedule == DeltaSchedule(6 * 3600)
    assert (dag.max_active_tasks, dag.fail_fast) == (5, True)
    assert isinstance(DAG("d", timetable="@continuous").schedule, ContinuousSchedule)
    assert isinstance(DAG("d").schedule, Never)


def test_an_unknown_keyword_is_refused_with_the_nearest_one():
    with pytest.raises(UnknownArgument, match=r"DAG 'd' takes no argument 'shedule'; did you mean 'schedule'\?"):
        DAG("d", shedule="@daily")


def test_two_schedules_are_refused():
    with pytest.raises(DagError, match="more than one of schedule, schedule_interval, timetable"):
        DAG("d", schedule=None, schedule_interval="@daily")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("dagrun_timeout", "1 hour"),
        ("max_active_runs", 0),
        ("on_failure_callback", "print"),
        ("start_date", "yesterday"),
        ("start_date", 20240101),
        ("doc_md", 3),
        ("description", ["x"]),
    ],
)
def test_a_value_that_cannot_be_used_names_dag_and_argument(name, value):
    with pytest.raises(DagError, match=f"DAG 'd': the argument '{name}': "):
        DAG("d", **{name: value})


@pytest.mark.parametrize("bad", ["", "a b", "x" * 251, "a/b", None, 7])
def test_ids_are_checked(bad):
    with pytest.raises(DagError):
        DAG(bad)


def test_letters_of_any_language_may_stand_in_ids():
    assert DAG("größe-1.x_й").dag_id == "größe-1.x_й"


def test_settings_give_the_defaults(monkeypatch):
    monkeypatch.setenv("TRADEWIND_MAX_ACTIVE_RUNS_PER_DAG", "3")
    monkeypatch.setenv("AIRFLOW__CORE__MAX_ACTIVE_TASKS_PER_DAG", "5")
    monkeypatch.setenv("TRADEWIND_CATCHUP_BY_DEFAULT", "yes")
    monkeypatch.setenv("TRADEWIND_DEFAULT_TASK_RETRIES", "2")
    monkeypatch.setenv("TRADEWIND_DEFAULT_TASK_RETRY_DELAY", "7")
    with DAG("d") as dag:
        Nothing(task_id="t")
        Nothing(task_id="u", retries=0, retry_delay=1)
    spec = dag.spec()
    assert (spec.max_active_runs, spec.max_active_tasks, spec.catchup) == (3, 5, True)
    assert [(task.retries, task.retry_delay) for task in spec.tasks] == [(2, 7.0), (0, 1.0)]


# -- dates and zones --------------------------------------------------------------------------------------------------


def test_naive_dates_are_in_the_default_time_zone(monkeypatch):
    monkeypatch.setenv("TRADEWIND_DEFAULT_TIMEZONE", "Europe/Berlin")
    dag = DAG("d", schedule="0 6 * * *", start_date=datetime.datetime(2024, 7, 1))
    spec = dag.spec()
    assert spec.start_date == utc(2024, 6, 30, 22)
    assert spec.timezone == "Europe/Berlin"
    assert spec.schedule == CronSchedule("0 6 * * *", "Europe/Berlin")


def test_the_zone_of_the_start_date_is_that_of_the_dag():
    with DAG(
        "d", schedule="@daily", start_date=datetime.datetime(2024, 1, 1, tzinfo=ZoneInfo("America/New_York"))
    ) as dag:
        Nothing(task_id="t", end_date=datetime.datetime(2024, 7, 1))
    spec = dag.spec()
    assert spec.timezone == "America/New_York"
    assert spec.tasks[0].end_date == utc(2024, 7, 1, 4)


def test_the_start_date_may_stand_in_default_args():
    with DAG("d", default_args={"start_date": utc(2024, 1, 1), "end_date": "2024-02-01"}) as dag:
        Nothing(task_id="t")
        Nothing(task_id="u", start_date=utc(2024, 1, 5))
    spec = dag.spec()
    assert (spec.start_date, spec.end_date) == (utc(2024, 1, 1), utc(2024, 2, 1))
    assert [task.start_date for task in spec.tasks] == [None, utc(2024, 1, 5)]


@pytest.mark.parametrize(
    ("zone", "name"),
    [
        (datetime.UTC, "UTC"),
        (ZoneInfo("Asia/Kolkata"), "Asia/Kolkata"),
        (datetime.timezone(datetime.timedelta(hours=2)), "Etc/GMT-2"),
        (datetime.timezone(datetime.timedelta(hours=-3)), "Etc/GMT+3"),
        (datetime.timezone(datetime.timedelta(hours=5, minutes=30)), None),
    ],
)
def test_names_of_zones(zone, name):
    assert zone_name(zone) == name
    if name is not None:
        moment = datetime.datetime(2024, 1, 1)
        assert ZoneInfo(name).utcoffset(moment) == zone.utcoffset(moment)


def test_a_zone_without_a_name_is_refused():
    with pytest.raises(ScheduleError, match="DAG 'd': its start_date is in UTC\\+05:30"):
        DAG("d", start_date="2024-01-01T00:00:00+05:30")


def test_an_unknown_default_zone_is_an_error(monkeypatch):
    monkeypatch.setenv("TRADEWIND_DEFAULT_TIMEZONE", "Europe/Berlim")
    with pytest.raises(SettingError, match=r"The setting default_timezone: .*Europe/Berlin"):
        DAG("d")


# -- filling ----------------------------------------------------------------------------------------------------------


def test_tasks_join_the_open_dag_or_the_named_one():
    named = DAG("named")
    with DAG("outer") as outer:
        a = Nothing(task_id="a")
        with DAG("inner") as inner:
            b = Nothing(task_id="b")
        c = Nothing(task_id="c")
        d = Nothing(task_id="d", dag=named)
    assert [task.dag for task in (a, b, c, d)] == [outer, inner, outer, named]
    assert not Nothing(task_id="e").has_dag()


def test_a_dag_may_be_entered_twice():
    dag = DAG("d")
    with dag:
        a = Nothing(task_id="a")
        with dag:
            b = Nothing(task_id="b")
        a >> b
    with dag:
        Nothing(task_id="c")
    assert dag.task_ids == ["a", "b", "c"]
    assert (dag.roots, dag.leaves) == ([a, dag.get_task("c")], [b, dag.get_task("c")])


def test_a_second_task_of_the_same_id_is_refused():
    with DAG("d") as dag:
        first = Nothing(task_id="t")
        with pytest.raises(DuplicateTask, match="DAG 'd' has a task 't' already"):
            Nothing(task_id="t")
    assert dag.tasks == [first]


def test_a_task_made_outside_can_be_added():
    dag, task = DAG("d"), Nothing(task_id="t")
    dag.add_task(task)
    dag.add_tasks([task])
    assert task.dag is dag
    with pytest.raises(DagError, match="belongs to the DAG 'd' already"):
        DAG("e").add_task(task)


def test_an_unknown_task_is_not_found_and_the_nearest_is_named():
    with DAG("d") as dag:
        Nothing(task_id="extract")
    assert dag.has_task("extract")
    assert "extract" in dag
    with pytest.raises(NotFound, match=r"DAG 'd' has no task 'extrakt'; did you mean 'extract'\?"):
        dag.get_task("extrakt")


# -- the spec ---------------------------------------------------------------------------------------------------------


def test_a_circle_is_shown():
    with DAG("d") as dag:
        a, b, c, e = (Nothing(task_id=name) for name in ("a", "b", "c", "e"))
        a >> b >> c >> b
        c >> e
    with pytest.raises(DagCycle, match="DAG 'd': tasks wait for each other in a circle: b >> c >> b"):
        dag.spec()
    with pytest.raises(DagCycle):
        dag.topological_sort()


def test_a_task_that_waits_for_itself_is_a_circle():
    with DAG("d") as dag:
        a = Nothing(task_id="a")
        a >> a
    with pytest.raises(DagCycle, match="a >> a"):
        dag.spec()


def test_the_spec_is_the_same_whatever_the_order_of_definition():
    def build(names):
        with DAG("d", tags=set(names)) as dag:
            tasks = {name: Nothing(task_id=name) for name in names}
            for name in names:
                if name != "z":
                    tasks[name] >> tasks["z"]
        return spec_hash(dag.spec().__class__(**{**_fields(dag.spec()), "line": 0}))

    assert build(["a", "b", "z"]) == build(["z", "b", "a"])


def _fields(spec):
    return {name: getattr(spec, name) for name in spec.__struct_fields__}


def test_a_file_with_sets_in_it_has_the_same_hash_in_every_process(tmp_path):
    file = tmp_path / "my_dag.py"
    file.write_text(
        textwrap.dedent("""
        from tradewind.dag import DAG
        from tradewind.operator import BaseOperator
        from tradewind.records import spec_hash
        with DAG("d", schedule="@daily", start_date="2024-01-01", tags={"x", "y", "z"}, params={"b": 1, "a": 2}) as dag:
            last = BaseOperator(task_id="last")
            for name in {"one", "two", "three", "four"}:
                BaseOperator(task_id=name) >> last
        print(spec_hash(dag.spec()))
        """)
    )
    hashes = {
        subprocess.run(
            [sys.executable, str(file)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(hashes) == 1


def test_the_spec_survives_json():
    with DAG("d", schedule="@daily", start_date="2024-01-01", params={"x": Param(1, type="integer")}) as dag:
        Nothing(task_id="a", retries=3, execution_timeout=5) >> Nothing(task_id="b")
    assert spec_from_json(to_json(dag.spec())) == dag.spec()


def test_a_scheduled_dag_needs_params_that_hold_without_anybody():
    with pytest.raises(ParamError, match="DAG 'd' needs a value for the param 'day'"):
        DAG("d", schedule="@daily", params={"day": Param(type="string")}).spec()
    with pytest.raises(ParamError, match="cannot take 'x' for the param 'n'"):
        DAG("d", schedule="@daily", params={"n": Param("x", type="integer")}).spec()
    assert "day" in DAG("d", params={"day": Param(type="string")}).spec().params


def test_params_in_default_args_are_params_of_the_dag():
    dag = DAG("d", params={"a": 1}, default_args={"params": {"b": 2}})
    assert dict(dag.params) == {"a": 1, "b": 2}
    assert "params" not in dag.default_args


def test_fail_fast_goes_with_all_success_only():
    with DAG("d", fail_fast=True) as dag:
        Nothing(task_id="t", trigger_rule="all_done")
    with pytest.raises(DagError, match=r"fail_fast=True.*task 't' has all_done"):
        dag.spec()


def test_the_docs_may_be_a_file_beside_the_dag(tmp_path):
    (tmp_path / "about.md").write_text("# About")
    code = "from tradewind.dag import DAG\ndag = DAG('d', doc_md='about.md')\nother = DAG('e', doc_md='gone.md')"
    found = {"__name__": "my_file"}
    exec(compile(code, str(tmp_path / "my_dag.py"), "exec"), found)
    assert (found["dag"].doc_md, found["other"].doc_md) == ("# About", "gone.md")


def test_priorities_are_summed_by_the_rule():
    with DAG("d") as dag:
        a, b, c, d = (Nothing(task_id=name, priority_weight=weight) for name, weight in zip("abcd", (1, 10, 100, 1000)))
        a >> [b, c] >> d
    assert _priorities(dag) == {"a": 1111, "b": 1010, "c": 1100, "d": 1000}
    for task in dag.tasks:
        task.weight_rule = WeightRule.UPSTREAM
    assert _priorities(dag) == {"a": 1, "b": 11, "c": 101, "d": 1111}
    b.weight_rule = WeightRule.ABSOLUTE
    assert _priorities(dag)["b"] == 10


def _priorities(dag):
    return {task.task_id: task.priority for task in dag.spec().tasks}


@given(st.data())
def test_any_graph_is_ordered_and_weighed_or_shows_a_real_circle(data):
    size = data.draw(st.integers(1, 7))
    names = [str(number) for number in range(size)]
    pairs = data.draw(st.sets(st.tuples(st.sampled_from(names), st.sampled_from(names))))
    upstream = {name: [a for a, b in pairs if b == name] for name in names}
    downstream = {name: [b for a, b in pairs if a == name] for name in names}
    try:
        order = topological("d", upstream, downstream)
    except DagCycle as error:
        circle = str(error).partition("circle: ")[2].partition(".")[0].split(" >> ")
        assert circle[0] == circle[-1]
        assert all((a, b) in pairs for a, b in itertools.pairwise(circle))
        return
    assert sorted(order) == names
    assert all(order.index(a) < order.index(b) for a, b in pairs)
    weights = {name: data.draw(st.integers(-5, 5)) for name in names}
    rules = dict.fromkeys(names, WeightRule.DOWNSTREAM)
    found = summed_weights(order, upstream, downstream, weights, rules)
    assert found == {name: sum(weights[other] for other in _reach(name, downstream)) for name in names}


def _reach(name, edges):
    found, pending = {name}, [name]
    while pending:
        for other in edges[pending.pop()]:
            if other not in found:
                found.add(other)
                pending.append(other)
    return found


# -- who is told of a DAG ---------------------------------------------------------------------------------------------


def test_dags_are_collected_when_they_are_entered():
    with collect_dags() as found:
        with DAG("a") as a:
            pass
        with a:
            pass
        DAG("not_entered")
        with DAG("shy", auto_register=False):
            pass
    with DAG("too_late"):
        pass
    assert found == [a]


def test_ids_with_a_space_are_refused_before_anything_is_collected():
    with collect_dags() as found, pytest.raises(DagError):
        DAG("not valid")
    assert found == []


def test_dags_of_imported_modules_are_left_out_and_those_of_factories_are_not(tmp_path, monkeypatch):
    (tmp_path / "b1_other_dags.py").write_text(
        "from tradewind.dag import DAG\n"
        "with DAG('theirs'): pass\n"
        "def factory(name):\n    with DAG(name) as dag: pass\n    return dag\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    code = "import b1_other_dags\n\nb1_other_dags.factory('mine')\n"
    with collect_dags("dag_file_x") as found:
        exec(compile(code, str(tmp_path / "main_dags.py"), "exec"), {"__name__": "dag_file_x"})
    assert [(dag.dag_id, dag.fileloc, dag.line) for dag in found] == [("mine", str(tmp_path / "main_dags.py"), 3)]
    assert found[0].folder == str(tmp_path)


def test_a_dag_knows_the_file_and_line_that_made_it():
    dag = DAG("d")
    assert dag.fileloc == __file__
    assert dag.line == test_a_dag_knows_the_file_and_line_that_made_it.__code__.co_firstlineno + 1
    assert dag.spec().line == dag.line


# -- running it -------------------------------------------------------------------------------------------------------


RUNNER = """
class Run:
    def __init__(self, **got):
        self.state = "failed" if got["conf"].get("break") else "success"
        self.got = got

def run(dag, **options):
    return Run(dag=dag, **options)
"""


@pytest.fixture
def _recorded_runner(monkeypatch, tmp_path):
    """Another DAG runner, registered where a plugin would register it; it gives back what it was handed."""
    (tmp_path / "recorded_runner.py").write_text(RUNNER)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "recorded_runner", raising=False)
    monkeypatch.setitem(plugins.current().named["register_dag_runners"], "in_process", "recorded_runner:run")


@pytest.mark.usefixtures("_recorded_runner")
def test_dag_test_hands_over_to_the_registered_runner():
    dag = DAG("d", start_date=datetime.datetime(2024, 1, 1, tzinfo=ZoneInfo("Europe/Berlin")))
    run = dag.test("2024-07-01", {"x": 1}, mark=True)
    assert run.got == {
        "dag": dag,
        "logical_date": datetime.datetime(2024, 7, 1, tzinfo=ZoneInfo("Europe/Berlin")),
        "conf": {"x": 1},
        "mark": True,
    }
    assert dag.test(execution_date=utc(2024, 1, 1), conf={"y": 2}).got["logical_date"] == utc(2024, 1, 1)
    assert dag.test().got == {"dag": dag, "logical_date": None, "conf": {}}
    with pytest.raises(UsageError, match="DAG 'd' cannot be run for that logical date: 'tomorrow'"):
        dag.test("tomorrow")


@pytest.mark.usefixtures("_recorded_runner")
def test_dag_cli_runs_lists_and_fails(capsys):
    with DAG("d") as dag:
        Nothing(task_id="a") >> Nothing(task_id="b")
    dag.cli([])
    assert capsys.readouterr().out == "d: success\n"
    with pytest.raises(SystemExit) as ended:
        dag.cli(["test", "2024-01-01", "--conf", '{"break": true}'])
    assert ended.value.code == 1
    capsys.readouterr()
    dag.cli(["tasks"])
    assert capsys.readouterr().out == "a (Nothing)\nb (Nothing) after a\n"
    dag.cli(["spec"])
    assert spec_from_json(capsys.readouterr().out) == dag.spec()
    for wrong in (["test", "--conf", "["], ["test", "--conf", "3"], ["test", "soon"]):
        with pytest.raises(SystemExit) as ended:
            dag.cli(wrong)
        assert ended.value.code == 2
        assert capsys.readouterr().err.strip()
