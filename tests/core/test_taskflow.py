"""TaskFlow: DAGs, tasks and groups made of functions."""

from __future__ import annotations

import datetime
import sys
import textwrap
from collections.abc import Mapping
from typing import Annotated, Any, TypedDict

import pytest

from tradewind import plugins, xcom
from tradewind.context import MemoryTaskApi, build_context
from tradewind.dag import DAG, TaskGroup
from tradewind.errors import DagError, MissingArgument, ParamError, TradewindError, UnknownArgument
from tradewind.operator import BaseOperator, XComArg, collect_dags
from tradewind.operators.bash import BashOperator
from tradewind.operators.python import BranchPythonOperator, PythonOperator, ShortCircuitOperator
from tradewind.params import Param
from tradewind.records import Run, TaskInstance, TaskKey
from tradewind.sensors.python import PythonSensor
from tradewind.states import RunState, RunType, TaskState
from tradewind.taskflow import dag, setup, task, task_group, teardown

AT = datetime.datetime(2024, 3, 1, tzinfo=datetime.UTC)


class Nothing(BaseOperator):
    """Does nothing."""

    def execute(self, context):
        return None


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch, tmp_path):
    monkeypatch.setenv("TRADEWIND_HOME", str(tmp_path / "home"))


def edges(dag):
    return {(before, task.task_id) for task in dag.spec().tasks for before in task.upstream}


def run_all(dag, conf=None):
    """Run every task in order with a real context; gives what each returned."""
    api, results = MemoryTaskApi(), {}
    run = Run(1, dag.dag_id, "r", RunType.MANUAL, RunState.RUNNING, AT, AT, AT, "v", AT, conf=conf or {})
    for each in dag.topological_sort():
        running = each.prepare_for_execution()
        instance = TaskInstance(each.task_id, state=TaskState.RUNNING, try_number=1, started_at=AT)
        context = build_context(dag, running, run, instance, api)
        running.render_template_fields(context)
        result = results[each.task_id] = running.execute(context)
        key = TaskKey(dag.dag_id, "r", each.task_id)
        if result is not None:
            api.xcom_put(key, "return_value", xcom.dumps(result))
        if each.multiple_outputs:
            for name, value in result.items():
                api.xcom_put(key, name, xcom.dumps(value))
    return results


# -- @task ------------------------------------------------------------------------------------------------------------


def test_functions_pass_values_on():
    @task
    def numbers() -> list[int]:
        return [1, 2, 3]

    @task
    def total(values, *, factor=1):
        """Sum them up."""
        return sum(values) * factor

    @task()
    def show(label, value):
        return f"{label}: {value}"

    with DAG("d") as found:
        show("total", total(numbers(), factor=2))
    assert edges(found) == {("numbers", "total"), ("total", "show")}
    assert run_all(found) == {"numbers": [1, 2, 3], "total": 12, "show": "total: 12"}
    assert found.get_task("total").doc_md == "Sum them up."
    assert found.spec().tasks[0].operator == "PythonOperator"


def test_arguments_are_templates_and_context_names_are_given():
    @task
    def load(day, ds, ti, where="out", **context):
        return [day, ds, ti.task_id, where, context["run_id"]]

    with DAG("d") as found:
        load("{{ ds_nodash }}")
    assert run_all(found) == {"load": ["20240301", "2024-03-01", "load", "out", "r"]}


def test_results_may_stand_anywhere_in_arguments():
    @task
    def make():
        return {"a": {"b": [10, 20]}}

    @task
    def use(deep, listed, text):
        return [deep, listed, text]

    with DAG("d") as found:
        made = make()
        use(made["a"]["b"][1], [{"x": made["a"]}], f"got {made['a']}")
    assert edges(found) == {("make", "use")}
    assert run_all(found)["use"] == [20, [{"x": {"b": [10, 20]}}], "got {'b': [10, 20]}"]


def test_a_second_call_gets_a_number():
    @task
    def f(x):
        return x

    with DAG("d") as found:
        f(1)
        f(2)
        with TaskGroup("g"):
            f(3)
            f(4)
        f(5)
    assert found.task_ids == ["f", "f__1", "g.f", "g.f__1", "f__2"]


def test_operator_keywords_are_given_to_the_decorator_or_overridden():
    @task(task_id="one", retries=3, pool="p")
    def f():
        return 1

    with DAG("d", default_args={"owner": "me", "retries": 1}):
        first, second = f(), f.override(task_id="two", retries=5)()
        third = f.override(pool="q")()
    assert [arg.operator.task_id for arg in (first, second, third)] == ["one", "two", "one__1"]
    assert [arg.operator.retries for arg in (first, second, third)] == [3, 5, 3]
    assert [arg.operator.pool for arg in (first, second, third)] == ["p", "p", "q"]
    assert first.operator.owner == "me"


def test_the_plain_function_stays_reachable():
    @task
    def double(x):
        """Twice."""
        return 2 * x

    assert double.function(4) == 8
    assert (double.__name__, double.__doc__) == ("double", "Twice.")
    assert double(3).operator.execute({}) == 6  # without any DAG


def test_a_wrong_call_is_found_when_the_dag_is_written():
    @task
    def f(x, y, ds, execution_date=None):
        return x

    with DAG("d"):
        with pytest.raises(MissingArgument, match=r"The task function 'f' needs the argument 'y'\."):
            f(1)
        with pytest.raises(UnknownArgument, match=r"'f' cannot be called like this: got an unexpected keyword.*'z'"):
            f(1, 2, z=3)
        with pytest.raises(UnknownArgument, match="too many positional"):
            f(1, 2, 3, 4, 5)
        f(1, y=2)


def test_an_unknown_keyword_of_the_decorator_is_refused():
    @task(retires=3)
    def f():
        return 1

    with DAG("d"), pytest.raises(UnknownArgument, match="PythonOperator 'f' takes no argument 'retires'"):
        f()


def test_what_cannot_be_decorated():
    with pytest.raises(DagError, match=r"@task.bash decorates functions and takes keywords only"):
        task.bash("my_id")
    with pytest.raises(DagError, match="'f' is decorated with @task twice"):

        @task.bash
        @task
        def f():
            return 1


def test_a_result_orders_tasks_like_its_task():
    @task
    def f():
        return 1

    with DAG("d") as found:
        Nothing(task_id="a") >> f() >> [Nothing(task_id="b"), Nothing(task_id="c")]
    assert edges(found) == {("a", "f"), ("f", "b"), ("f", "c")}


# -- multiple outputs -------------------------------------------------------------------------------------------------


class Row(TypedDict):
    a: int


def _returns(annotation):
    def f():
        return {}

    f.__annotations__["return"] = annotation
    return f


@pytest.mark.parametrize(
    ("annotation", "several"),
    [
        (dict, True),
        (dict[str, int], True),
        (Mapping[str, Any], True),
        (Row, True),
        (Annotated[dict, "x"], True),
        (dict | Mapping[str, int], True),
        (dict | None, False),
        (list[dict], False),
        (int, False),
        (None, False),
        (Any, False),
        ("dict[str, int]", True),
        ("NotAnywhere", False),
    ],
)
def test_several_outputs_are_read_from_the_annotation(annotation, several):
    with DAG("d"):
        assert task(_returns(annotation))().operator.multiple_outputs is several


def test_several_outputs_may_be_said():
    with DAG("d"):
        assert task(multiple_outputs=True)(_returns(None))().operator.multiple_outputs
        assert not task(multiple_outputs=False)(_returns(dict))().operator.multiple_outputs
        assert not task(_returns(dict)).override(multiple_outputs=False)().operator.multiple_outputs


def test_entries_of_several_outputs_are_used_one_by_one():
    @task
    def make() -> dict[str, int]:
        return {"a": 1, "b": 2}

    @task
    def use(x):
        return x

    with DAG("d") as found:
        use(make()["b"])
    assert run_all(found)["use"] == 2


# -- @task.<name> -----------------------------------------------------------------------------------------------------


def test_registered_decorators_make_their_operators():
    def f():
        return "x"

    with DAG("d"):
        found = {
            PythonOperator: task.python(f)(),
            BranchPythonOperator: task.branch(f)(),
            ShortCircuitOperator: task.short_circuit(ignore_downstream_trigger_rules=False)(f)(),
            PythonSensor: task.sensor(poke_interval=5, mode="reschedule")(f)(),
        }
        bash = task.bash(f)()
    assert all(type(arg.operator) is cls for cls, arg in found.items())
    assert isinstance(bash.operator, BashOperator)
    assert bash.operator.task_type == "BashOperator"
    sensor = found[PythonSensor].operator
    assert (sensor.poke_interval, sensor.mode) == (5.0, "reschedule")
    assert found[ShortCircuitOperator].operator.dag.spec().tasks


def test_short_circuits_say_in_the_spec_how_far_they_skip():
    with DAG("d") as found:
        task.short_circuit(task_id="far")(lambda: True)()
        task.short_circuit(task_id="near", ignore_downstream_trigger_rules=False)(lambda: True)()
    assert {spec.task_id: spec.short_circuits_all for spec in found.spec().tasks} == {"far": True, "near": False}


def test_a_bash_function_returns_the_command():
    @task
    def name():
        return "world"

    @task.bash(env={"GREETING": "hello"})
    def greet(who, ds):
        return f"echo $GREETING {who} {ds} {{{{ run_id }}}}"

    with DAG("d") as found:
        greet(name())
    assert edges(found) == {("name", "greet")}
    assert run_all(found)["greet"] == "hello world 2024-03-01 r"
    assert run_all(found)["greet"] == "hello world 2024-03-01 r"  # the first run left the task as it was


def test_a_bash_function_must_return_a_command():
    with DAG("d"):
        arg = task.bash(lambda: None, task_id="t")()
    with pytest.raises(TradewindError, match=r"Task 't': .* returned nothing; it must return the bash_command"):
        arg.operator.execute({})


def test_a_sensor_function_says_whether_to_wait():
    answers = [False, True]

    @task.sensor(poke_interval=0.001)
    def ready(ds):
        return answers.pop(0)

    with DAG("d") as found:
        ready()
    run_all(found)
    assert answers == []


def test_an_unknown_decorator_names_the_known_ones():
    with pytest.raises(AttributeError, match=r"There is no @task.spark: .*bash, branch, python, sensor, short_circuit"):
        _ = task.spark
    assert not hasattr(task, "__wrapped__")


PROVIDER = """
from tradewind.hookspecs import hookimpl
from tradewind.operator import BaseOperator

class SqlOperator(BaseOperator):
    template_fields = ("sql", "table")

    def __init__(self, *, sql, table="t", **kwargs):
        super().__init__(**kwargs)
        self.sql, self.table = sql, table

    def execute(self, context):
        return self.sql

class Vague(BaseOperator):
    pass

@hookimpl
def register_task_decorators(register):
    register("b1_sql", f"{__name__}:SqlOperator")
    register("b1_vague", f"{__name__}:Vague")
"""


def test_a_providers_operator_becomes_a_decorator(monkeypatch, tmp_path):
    (tmp_path / "b1_provider.py").write_text(PROVIDER)
    monkeypatch.syspath_prepend(str(tmp_path))
    registry = plugins.current().named["register_task_decorators"]
    for name, cls in (("b1_sql", "SqlOperator"), ("b1_vague", "Vague")):
        monkeypatch.setitem(registry, name, f"b1_provider:{cls}")

    @task.b1_sql(table="x")
    def rows(limit):
        return f"select {limit} -- {{{{ ds }}}}"

    with DAG("d") as found:
        rows(5)
    assert run_all(found) == {"rows": "select 5 -- 2024-03-01"}
    with pytest.raises(DagError, match="Vague cannot be made of a function"):
        task.b1_vague(lambda: 1)


# -- @task_group ------------------------------------------------------------------------------------------------------


def test_a_group_function_groups_its_tasks():
    @task
    def f(x):
        return x

    @task_group(default_args={"retries": 4})
    def both(x):
        """Two steps."""
        return f(f(x))

    with DAG("d") as found:
        result = both(1)
        again = both(result)
        both.override(group_id="named")(2)
    assert isinstance(again, XComArg)
    assert [group.group_id for group in found.task_groups] == ["both", "both__1", "named"]
    assert edges(found) == {
        ("both.f", "both.f__1"),
        ("both.f__1", "both__1.f"),
        ("both__1.f", "both__1.f__1"),
        ("named.f", "named.f__1"),
    }
    assert found.task_groups[0].tooltip == "Two steps."
    assert found.get_task("both.f").retries == 4


def test_a_group_function_that_returns_nothing_gives_the_group():
    @task_group("loads")
    def f():
        Nothing(task_id="t")

    with DAG("d") as found:
        f() >> Nothing(task_id="end")
    assert edges(found) == {("loads.t", "end")}


def test_group_functions_take_keywords_of_groups():
    with pytest.raises(UnknownArgument, match="@task_group 'f' takes no argument 'tooltipp'; did you mean 'tooltip'"):

        @task_group(tooltipp="x")
        def f():
            return None

    with pytest.raises(DagError, match="decorates functions"):
        task_group(3)


# -- @dag -------------------------------------------------------------------------------------------------------------


def test_a_dag_function_makes_a_dag():
    @dag(schedule="@daily", start_date=AT, tags=["x"])
    def report():
        """What it reports."""
        Nothing(task_id="t")

    with collect_dags() as collected:
        made = report()
    assert collected == [made]
    spec = made.spec()
    assert (spec.dag_id, spec.doc_md, spec.tags, spec.schedule.summary) == (
        "report",
        "What it reports.",
        ("x",),
        "0 0 * * *",
    )


def test_ways_to_name_a_dag_function():
    def f():
        return None

    assert dag(f)().dag_id == "f"
    assert dag()(f)().dag_id == "f"
    assert dag("a")(f)().dag_id == "a"
    assert dag("a", "about it")(f)().description == "about it"
    assert dag(dag_id="b", catchup=True)(f)().catchup
    with pytest.raises(UnknownArgument, match="shedule"):
        dag(shedule=None)(f)()


def test_parameters_of_a_dag_function_are_params_of_the_dag():
    @task
    def use(days, text):
        return [days, text]

    @dag(params={"days": Param(1, type="integer")})
    def report(days=7, city="Berlin"):
        use(days, f"in {city}")

    made = report(city="Rome")
    assert made.spec().params == {"days": {"type": "integer", "default": 7}, "city": {"default": "Rome"}}
    assert run_all(made)["use"] == [7, "in Rome"]
    assert run_all(made, conf={"days": 2})["use"] == [2, "in Rome"]
    with pytest.raises(ParamError, match="'days' must be integer"):
        run_all(made, conf={"days": "two"})
    with pytest.raises(UnknownArgument, match=r"The DAG function 'report': .*'town'"):
        report(town="x")


def test_a_parameter_without_a_default_must_be_given_to_each_run():
    @dag
    def report(day):
        task(lambda x: x, task_id="t")(day)

    made = report()
    assert made.spec().params == {"day": {}}
    assert run_all(made, conf={"day": "mon"}) == {"t": "mon"}
    with pytest.raises(ParamError, match="needs a value for the param 'day'"):
        run_all(made)


# -- @setup and @teardown ---------------------------------------------------------------------------------------------


def test_setup_and_teardown_functions():
    @setup
    def start():
        return "cluster"

    @task
    def work():
        return 1

    @teardown(on_failure_fail_dagrun=True)
    @task(retries=2)
    def stop(name):
        return name

    with DAG("d") as found:
        begun = start()
        with stop(begun):
            work()
    spec = {item.task_id: item for item in found.spec().tasks}
    assert edges(found) == {("start", "work"), ("start", "stop"), ("work", "stop")}
    assert (spec["start"].setup, spec["stop"].teardown, spec["stop"].teardown_fails_run) == (True, True, True)
    assert spec["stop"].retries == 2
    assert spec["stop"].trigger_rule == "all_done_setup_success"


def test_results_can_be_made_setups_and_teardowns():
    @task
    def f():
        return 1

    with DAG("d") as found:
        start, work, stop = f(), f(), f()
        start >> work >> stop.as_teardown(setups=start)
        again = f.override(task_id="g")().as_setup()
    assert found.get_task("f").is_setup
    assert found.get_task("f__2").is_teardown
    assert again.operator.is_setup
    assert setup(f).override(task_id="h")._copy({}).is_setup


def test_groups_are_not_setups():
    @task_group
    def g():
        return None

    with pytest.raises(DagError, match="Task groups cannot be marked with @setup"):
        setup(g)


def test_the_classic_example_works_as_it_is_written(tmp_path):
    code = textwrap.dedent("""
        from datetime import datetime
        from tradewind import dag, task

        @dag(schedule=None, start_date=datetime(2024, 1, 1), catchup=False, tags=["example"])
        def tutorial():
            @task()
            def extract():
                return {"1001": 301.27, "1002": 433.21}

            @task(multiple_outputs=True)
            def transform(orders: dict):
                return {"total": sum(orders.values())}

            @task()
            def load(total: float):
                return f"Total: {total:.2f}"

            load(transform(extract())["total"])

        tutorial()
    """)
    with collect_dags("tutorial_file") as found:
        exec(compile(code, str(tmp_path / "tutorial.py"), "exec"), {"__name__": "tutorial_file"})
    assert found[0].line == code.splitlines().index("tutorial()") + 1
    assert run_all(found[0])["load"] == "Total: 734.48"
    assert "tutorial_file" not in sys.modules


class TestConditions:
    """`@task.run_if` and `@task.skip_if`."""

    @pytest.mark.parametrize(
        ("decorator", "answer", "state", "told"),
        [
            (task.run_if, True, TaskState.SUCCESS, ""),
            (task.run_if, (True, "not told"), TaskState.SUCCESS, ""),
            (task.run_if, False, TaskState.SKIPPED, "Task 'work' is skipped by its @task.run_if."),
            (task.run_if, (False, "no data today"), TaskState.SKIPPED, "no data today"),
            (task.skip_if, False, TaskState.SUCCESS, ""),
            (task.skip_if, True, TaskState.SKIPPED, "Task 'work' is skipped by its @task.skip_if."),
            (task.skip_if, (True, None), TaskState.SKIPPED, "Task 'work' is skipped by its @task.skip_if."),
        ],
    )
    def test_the_answer_decides(self, decorator, answer, state, told, run_task):
        asked = []

        @decorator(lambda context: asked.append(context["ti"].task_id) or answer)
        @task
        def work():
            return 1

        with DAG("d", schedule=None):
            done = run_task(work().operator)
        assert (done.state, done.reason) == (state, told and f"TaskSkipped: {told}")
        assert done.result == (1 if state is TaskState.SUCCESS else None)
        assert asked == ["work"]

    def test_conditions_add_up_and_other_keywords_stay(self, run_task):
        @task.skip_if(lambda context: context["params"]["off"], "it is off")
        @task.run_if(lambda context: context["ti"].task_id != "never")
        @task.bash(retries=2, pre_execute=lambda context: order.append("mine"))
        def work():
            return "echo done"

        order = []
        with DAG("d", schedule=None, params={"off": False}):
            one, never = work().operator, work.override(task_id="never")().operator
        assert (type(one).__name__, one.retries) == ("BashOperator", 2)
        assert run_task(one).result == "done"
        assert run_task(one, conf={"off": True}).reason == "TaskSkipped: it is off"
        assert run_task(never).state is TaskState.SKIPPED
        assert order == ["mine"] * 3

    def test_it_stands_above_a_task_decorator(self):
        with pytest.raises(DagError, match=r"@task.run_if stands above a @task decorator, not above .*work itself"):

            @task
            @task.run_if(lambda context: True)
            def work(): ...

        with pytest.raises(DagError, match=r"@task.skip_if takes a function of the context"):
            task.skip_if(True)
