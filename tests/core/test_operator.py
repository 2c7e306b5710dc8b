"""Operators: their keywords, default arguments, order, sensors, setups, and the spec that each becomes."""

from __future__ import annotations

import datetime
import itertools
import time
import warnings
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.dag import DAG, TaskGroup
from tradewind.errors import (
    DagError,
    MissingArgument,
    SensorTimeout,
    TaskFailed,
    TaskRescheduled,
    TaskSkipped,
    TaskTimeout,
    UnknownArgument,
    XComError,
)
from tradewind.operator import (
    BaseOperator,
    BaseSensor,
    EdgeModifier,
    ExceptionRetryPolicy,
    Label,
    OperatorArguments,
    PokeReturnValue,
    XComArg,
    chain,
    chain_linear,
    cross_downstream,
    task_spec,
)
from tradewind.operator.arguments import OLD_NAMES, READERS, accepted
from tradewind.states import TriggerRule, WeightRule


class Nothing(BaseOperator):
    """Does nothing."""

    is_empty = True

    def execute(self, context):
        return None


class Copy(BaseOperator):
    """An operator as a stranger writes it."""

    template_fields = ("source", "target")

    def __init__(self, *, source, target="out", conn_id=None, **kwargs):
        super().__init__(**kwargs)
        self.source, self.target, self.conn_id = source, target, conn_id

    def execute(self, context):
        return self.source


class SafeCopy(Copy):
    """Strangers build on each other's operators."""

    def __init__(self, retries_inside=0, **kwargs):
        super().__init__(retries=5, **kwargs)
        self.retries_inside = retries_inside


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch, tmp_path):
    monkeypatch.setenv("TRADEWIND_HOME", str(tmp_path / "home"))


def utc(*parts):
    return datetime.datetime(*parts, tzinfo=datetime.UTC)


def edges(dag):
    return {(before, task.task_id) for task in dag.spec().tasks for before in task.upstream}


# -- keywords ---------------------------------------------------------------------------------------------------------

EVERYTHING = {
    "owner": "me",
    "task_display_name": "Task!",
    "doc": "d",
    "doc_md": "# d",
    "doc_json": "{}",
    "doc_yaml": "a: 1",
    "doc_rst": "d",
    "retries": 3,
    "retry_delay": 10,
    "retry_exponential_backoff": True,
    "max_retry_delay": datetime.timedelta(minutes=1),
    "retry_policy": ExceptionRetryPolicy([]),
    "start_date": "2024-01-01",
    "end_date": datetime.date(2024, 2, 1),
    "execution_timeout": 1.5,
    "depends_on_past": True,
    "ignore_first_depends_on_past": False,
    "wait_for_downstream": True,
    "wait_for_past_depends_before_skipping": True,
    "priority_weight": 4,
    "weight_rule": "absolute",
    "trigger_rule": "one_failed",
    "pool": "p",
    "pool_slots": 2,
    "max_active_tis_per_dag": 3,
    "max_active_tis_per_dagrun": 4,
    "queue": "q",
    "executor": "local",
    "executor_config": {"a": 1},
    "resources": {"cpus": 1},
    "run_as_user": "nobody",
    "on_execute_callback": print,
    "on_success_callback": [print],
    "on_failure_callback": (print, repr),
    "on_retry_callback": print,
    "on_skipped_callback": print,
    "pre_execute": print,
    "post_execute": print,
    "email": "a@example.org",
    "email_on_retry": False,
    "email_on_failure": False,
    "params": {"x": 1},
    "do_xcom_push": False,
    "multiple_outputs": True,
    "inlets": "in",
    "outlets": ["out"],
    "map_index_template": "{{ x }}",
    "render_template_as_native_obj": True,
    "template_fields": ("a",),
    "template_ext": (".sql",),
    "template_fields_renderers": {"a": "sql"},
    "logger_name": "mine",
    "allow_nested_operators": False,
    "start_from_trigger": True,
    "start_trigger_args": object(),
    "ui_color": "#111",
    "ui_fgcolor": "#222",
    "operator_extra_links": [object()],
}


def test_every_keyword_is_taken_and_kept():
    with DAG("d") as dag, pytest.warns(UserWarning, match="has no effect yet"):
        task = BaseOperator(task_id="t", **EVERYTHING)
    spec = dag.spec().tasks[0]
    not_kept_here = {"task_id", "dag", "task_group", "default_args", *OLD_NAMES}
    assert set(EVERYTHING) | not_kept_here == set(OperatorArguments.__annotations__) == set(READERS)
    assert (spec.retries, spec.retry_delay, spec.retry_exponential_backoff, spec.max_retry_delay) == (
        3,
        10.0,
        2.0,
        60.0,
    )
    assert (spec.start_date, spec.end_date, spec.execution_timeout) == (utc(2024, 1, 1), utc(2024, 2, 1), 1.5)
    assert (spec.depends_on_past, spec.ignore_first_depends_on_past, spec.wait_for_downstream) == (True, False, True)
    assert (spec.priority, spec.trigger_rule, task.weight_rule) == (4, TriggerRule.ONE_FAILED, WeightRule.ABSOLUTE)
    assert (spec.pool, spec.pool_slots, spec.queue, spec.executor) == ("p", 2, "q", "local")
    assert (spec.max_active_tis_per_dag, spec.max_active_tis_per_dagrun) == (3, 4)
    assert (spec.owner, spec.label, spec.doc_md) == ("me", "Task!", "# d")
    for name in ("on_execute_callback", "on_success_callback", "on_retry_callback", "on_skipped_callback"):
        assert getattr(task, name) == [print]
    assert task.on_failure_callback == [print, repr]
    assert (task.email, task.inlets, task.outlets) == (["a@example.org"], ["in"], ["out"])
    assert dict(task.params) == {"x": 1}
    assert task.execution_timeout == datetime.timedelta(seconds=1.5)
    for name in ("retry_policy", "executor_config", "resources", "run_as_user", "start_trigger_args", "doc_json"):
        assert getattr(task, name) is EVERYTHING[name]
    assert task.log.name == "mine"


def test_defaults_are_those_of_airflow():
    with DAG("d"):
        task = Nothing(task_id="t", retries=None, execution_timeout=None, pool=None)
    assert (task.retries, task.retry_delay, task.execution_timeout) == (0, datetime.timedelta(minutes=5), None)
    assert (task.trigger_rule, task.weight_rule, task.pool, task.queue) == (
        "all_success",
        "downstream",
        "default_pool",
        "default",
    )
    assert (task.owner, task.do_xcom_push, task.email_on_failure) == ("airflow", True, True)
    assert task.ignore_first_depends_on_past


def test_an_unknown_keyword_is_refused_with_the_nearest_name_of_the_whole_hierarchy():
    for wrong, right in (("retires", "retries"), ("sorce", "source"), ("retries_insid", "retries_inside")):
        with pytest.raises(UnknownArgument, match=f"SafeCopy 't' takes no argument '{wrong}'; did you mean '{right}'"):
            SafeCopy(task_id="t", source="s", **{wrong: 1})
    assert {"source", "target", "conn_id", "retries_inside", "task_id", "pool"} <= accepted(SafeCopy)


def test_an_unknown_keyword_of_a_class_without_kwargs_is_refused_too():
    class Closed(BaseOperator):
        def __init__(self, task_id, size=1):
            super().__init__(task_id=task_id)
            self.size = size

    with pytest.raises(UnknownArgument, match="Closed 't' takes no argument 'sise'; did you mean 'size'"):
        Closed(task_id="t", sise=2)
    with DAG("d", default_args={"size": 3, "retries": 2}):
        task = Closed(task_id="t")
    assert (task.size, task.retries) == (3, 2)


def test_keywords_that_a_class_takes_out_of_kwargs_are_its_own():
    class Picky(BaseOperator):
        def __init__(self, **kwargs):
            self.region = kwargs.pop("region")
            super().__init__(**kwargs)

    assert Picky(task_id="t", region="eu").region == "eu"


def test_a_missing_keyword_is_named():
    with pytest.raises(MissingArgument, match="SafeCopy 't' needs the argument 'source'"):
        SafeCopy(task_id="t")
    with pytest.raises(MissingArgument, match="Nothing None needs the argument 'task_id'"):
        Nothing()
    assert issubclass(MissingArgument, TypeError)


def test_a_missing_keyword_that_was_misspelt_is_named_as_it_was_spelt():
    with pytest.raises(MissingArgument, match="needs the argument 'source'; is 'sorce' meant to be it"):
        SafeCopy(task_id="t", sorce="s")


def test_arguments_by_position_are_refused():
    with pytest.raises(UnknownArgument, match=r"Nothing takes keywords only, as in Nothing\(task_id=...\), not 't'"):
        Nothing("t")


def test_forgetting_super_is_an_error_that_says_so():
    class Forgetful(BaseOperator):
        def __init__(self, **kwargs):
            self.x = 1

    with pytest.raises(DagError, match=r"Forgetful.__init__ does not call super\(\).__init__"):
        Forgetful(task_id="t")


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("retries", "many", "invalid literal"),
        ("retries", -1, "the least is 0"),
        ("retry_delay", "5 min", "a timedelta or a number of seconds is wanted"),
        ("execution_timeout", -1, "cannot be negative"),
        ("trigger_rule", "all_sucess", "did you mean 'all_success'"),
        ("weight_rule", "custom", "there is no weight rule 'custom'"),
        ("pool_slots", 0, "the least is 1"),
        ("on_failure_callback", "notify", "a callable or a list of callables"),
        ("start_date", "soon", "not a date in ISO form"),
        ("owner", 7, "text is wanted"),
        ("email", [1], "text or a list of texts"),
        ("retry_exponential_backoff", "yes", "a factor is wanted"),
    ],
)
def test_a_value_that_cannot_be_used_names_operator_task_and_argument(name, value, told):
    with pytest.raises(DagError, match=f"Nothing 't': the argument '{name}': .*{told}"):
        Nothing(task_id="t", **{name: value})


@pytest.mark.parametrize("bad", ["a b", "a/b", "", "x" * 251, 3, None])
def test_task_ids_are_checked(bad):
    with pytest.raises(DagError, match="id"):
        Nothing(task_id=bad)


def test_an_id_may_be_too_long_through_its_groups():
    with DAG("d"), TaskGroup("g" * 200), pytest.raises(DagError, match="251 characters"):
        Nothing(task_id="t" * 50)


@given(st.text(max_size=260))
def test_any_text_is_a_task_id_or_refused_as_one(text):
    fine = 0 < len(text) <= 250 and all(letter.isalnum() or letter in "_-." for letter in text)
    if fine:
        assert Nothing(task_id=text).task_id == text
    else:
        with pytest.raises(DagError, match="task id"):
            Nothing(task_id=text)


def test_old_keywords_work_and_warn():
    with pytest.warns(DeprecationWarning, match="task_concurrency.*max_active_tis_per_dag") as caught:
        task = Nothing(task_id="t", task_concurrency=2)
    assert caught[0].filename == __file__
    assert task.max_active_tis_per_dag == 2
    with pytest.warns(DeprecationWarning, match="always provided"):
        Copy(task_id="t", source="s", provide_context=True)
    with pytest.warns(DeprecationWarning, match="no effect"):
        Nothing(task_id="t", sla=datetime.timedelta(1))
    assert Nothing(task_id="t", trigger_rule="dummy").trigger_rule is TriggerRule.ALWAYS
    assert Nothing(task_id="t", trigger_rule="none_failed_or_skipped").trigger_rule == "none_failed_min_one_success"


def test_old_keywords_in_default_args_are_meant_for_others():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with DAG("d", default_args={"provide_context": True, "sla": 3, "unknown_to_all": 1, "task_id": "x"}):
            assert Nothing(task_id="t").task_id == "t"


# -- default arguments ------------------------------------------------------------------------------------------------


def test_explicit_wins_over_group_wins_over_dag():
    defaults = {"owner": "dag", "queue": "dag", "pool": "dag", "source": "dag", "retries": 1}
    with DAG("d", default_args=defaults), TaskGroup("g", default_args={"queue": "group", "pool": "group"}):
        task = Copy(task_id="t", pool="own", default_args={"conn_id": "mine"})
    assert (task.owner, task.queue, task.pool) == ("dag", "group", "own")
    assert (task.source, task.conn_id, task.target) == ("dag", "mine", "out")


def test_required_arguments_may_come_from_default_args():
    with DAG("d", default_args={"source": "s", "retries_inside": 2}):
        task = SafeCopy(task_id="t")
    assert (task.source, task.retries_inside) == ("s", 2)


def test_what_a_class_says_to_its_base_is_not_overridden_by_default_args():
    with DAG("d", default_args={"retries": 1}):
        assert SafeCopy(task_id="t", source="s").retries == 5
        assert Copy(task_id="u", source="s").retries == 1


def test_none_given_explicitly_keeps_default_args_out():
    with DAG("d", default_args={"execution_timeout": 60}):
        assert Nothing(task_id="t", execution_timeout=None).execution_timeout is None
        assert Nothing(task_id="u").execution_timeout == datetime.timedelta(minutes=1)


def test_default_args_of_the_author_are_not_changed():
    defaults = {"params": {"a": 1}, "retries": 2}
    with DAG("d", default_args=defaults):
        Nothing(task_id="t")
    assert defaults == {"params": {"a": 1}, "retries": 2}


# -- without a DAG ----------------------------------------------------------------------------------------------------


def test_an_operator_works_without_a_dag():
    task = Copy(task_id="t", source="s", start_date=datetime.datetime(2024, 1, 1))
    assert task.execute({}) == "s"
    assert not task.has_dag()
    assert (task.upstream_task_ids, task.get_flat_relatives(), task.label) == (set(), [], "t")
    with pytest.raises(DagError, match="Task 't' belongs to no DAG"):
        _ = task.dag
    with pytest.raises(DagError, match="'t' and 'u' belong to no DAG"):
        task >> Nothing(task_id="u")


def test_naive_dates_without_a_dag_are_in_the_default_zone(monkeypatch):
    monkeypatch.setenv("TRADEWIND_DEFAULT_TIMEZONE", "Asia/Tokyo")
    task = Nothing(task_id="t", start_date=datetime.datetime(2024, 1, 1))
    assert task.start_date == datetime.datetime(2024, 1, 1, tzinfo=ZoneInfo("Asia/Tokyo"))


def test_a_task_without_a_dag_joins_that_of_its_neighbour():
    lonely = Nothing(task_id="lonely")
    with DAG("d") as dag:
        Nothing(task_id="a") >> lonely
    assert lonely.dag is dag
    assert edges(dag) == {("a", "lonely")}


def test_a_task_that_could_not_be_made_leaves_no_trace():
    class Breaks(BaseOperator):
        template_fields = ("value",)

        def __init__(self, value, **kwargs):
            super().__init__(**kwargs)
            self.value = value
            before >> self
            raise ValueError("no")

    with DAG("d") as dag, TaskGroup("g") as group:
        before = Nothing(task_id="before")
        with pytest.raises(ValueError, match="no"):
            Breaks(task_id="t", value=1)
        Nothing(task_id="t")
    assert list(group.children) == ["g.before", "g.t"]
    assert edges(dag) == set()


def test_an_operator_without_execute_says_so():
    with pytest.raises(NotImplementedError, match="BaseOperator defines no execute"):
        BaseOperator(task_id="t").execute({})


def test_hooks_given_as_arguments_are_called():
    seen = []
    task = Nothing(task_id="t", pre_execute=seen.append, post_execute=lambda *got: seen.append(got))
    task.pre_execute("context")
    task.post_execute("context", 3)
    assert seen == ["context", ("context", 3)]


# -- order ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def five():
    with DAG("d") as dag:
        yield dag, [Nothing(task_id=name) for name in "abcde"]


def test_arrows_and_lists(five):
    dag, (a, b, c, d, e) = five
    assert a >> [b, c] >> d is d
    e << d
    [a, b] >> e
    [d] << a
    assert edges(dag) == {(x, y) for x, y in ("ab", "ac", "bd", "cd", "de", "ae", "be", "ad")}


def test_set_upstream_and_downstream(five):
    dag, (a, b, c, d, e) = five
    a.set_downstream([b, [c, d]])
    e.set_upstream((b, c))
    assert edges(dag) == {(x, y) for x, y in ("ab", "ac", "ad", "be", "ce")}
    assert a.downstream_task_ids == {"b", "c", "d"}
    assert e.upstream_list == [b, c]
    assert a.get_direct_relatives() == [b, c, d]
    assert e.get_flat_relative_ids(upstream=True) == {"a", "b", "c"}
    assert a.get_flat_relatives() == [b, c, d, e]


def test_chain_joins_lists_pair_by_pair(five):
    dag, (a, b, c, d, e) = five
    f = Nothing(task_id="f", dag=dag)
    chain(a, [b, c], [d, e], f)
    assert edges(dag) == {(x, y) for x, y in ("ab", "ac", "bd", "ce", "df", "ef")}
    with pytest.raises(DagError, match="these have 2 and 1 members"):
        chain([a, b], [c])


def test_chain_linear_joins_lists_each_with_each(five):
    dag, (a, b, c, d, e) = five
    chain_linear(a, [b, c], [d, e])
    assert edges(dag) == {(x, y) for x, y in ("ab", "ac", "bd", "be", "cd", "ce")}
    with pytest.raises(DagError, match="at least two"):
        chain_linear(a)


def test_cross_downstream(five):
    dag, (a, b, c, d, _) = five
    cross_downstream([a, b], [c, d])
    assert edges(dag) == {(x, y) for x, y in ("ac", "ad", "bc", "bd")}


def test_labels_go_on_the_edges(five):
    dag, (a, b, c, d, e) = five
    a >> Label("one") >> [b, c]
    d << Label("two") << b
    chain(c, EdgeModifier("three"), e)
    chain_linear([d], Label("four"), e)
    assert edges(dag) == {(x, y) for x, y in ("ab", "ac", "bd", "ce", "de")}
    labels = {task.task_id: task.edge_labels for task in dag.spec().tasks if task.edge_labels}
    assert labels == {"a": {"b": "one", "c": "one"}, "b": {"d": "two"}, "c": {"e": "three"}, "d": {"e": "four"}}


def test_only_nodes_stand_beside_arrows(five):
    _, (a, *_) = five
    with pytest.raises(DagError, match=r"not str \('b'\)"):
        a >> "b"
    with pytest.raises(DagError, match="not NoneType"):
        [None] >> a


def test_tasks_of_different_dags_are_not_joined():
    with DAG("one"):
        a = Nothing(task_id="a")
    with DAG("two"):
        b = Nothing(task_id="b")
    with pytest.raises(DagError, match="'a' of DAG 'one' and 'b' of DAG 'two'"):
        a >> b


# -- results as arguments ---------------------------------------------------------------------------------------------


def test_results_in_template_fields_make_edges():
    with DAG("d") as dag:
        a, b = Nothing(task_id="a"), Nothing(task_id="b")
        Copy(task_id="c", source={"x": [a.output, (b.output["k"],)]})
        Copy(task_id="e", source="s", conn_id=a.output)  # not a template field
    assert edges(dag) == {("a", "c"), ("b", "c")}


def test_results_can_be_ordered_and_written_into_text():
    with DAG("d") as dag:
        a, b = Nothing(task_id="a"), Nothing(task_id="b")
        a.output >> b
        text = f"{a.output['k'][0]}"
    assert edges(dag) == {("a", "b")}
    assert text == "{{ task_instance.xcom_pull(task_ids='a', dag_id='d', key='return_value')['k'][0] }}"
    assert a.output == XComArg(a) != a.output["k"]
    assert len({a.output, XComArg(a)}) == 1
    assert repr(a.output["k"]) == "XComArg('a')['k']"


def test_a_result_is_not_known_while_the_dag_is_written():
    arg = XComArg(Nothing(task_id="a"))
    with pytest.raises(TypeError, match="known only when the task has run"):
        list(arg)
    with pytest.raises(TypeError, match="known only when the task has run"):
        arg[1:2]
    assert bool(arg)


class Pulls:
    """The part of a task instance that results need."""

    def __init__(self, pushed):
        self.pushed = pushed

    def xcom_pull(self, task_ids, dag_id, key, default):
        return self.pushed.get((task_ids, key), default)


def test_results_are_resolved_by_key_or_by_item():
    pushed = {("a", "return_value"): {"x": {"y": 1}, "z": [5, 6]}, ("a", "z"): [7]}
    context = {"ti": Pulls(pushed)}
    a, b = XComArg(Nothing(task_id="a")), XComArg(Nothing(task_id="b"))
    assert a.resolve(context) == pushed["a", "return_value"]
    assert a["x"]["y"].resolve(context) == 1
    assert a["z"][0].resolve(context) == 7  # pushed under a key of its own: multiple_outputs, or by hand
    assert b.resolve(context) is None
    with pytest.raises(XComError, match=r"result of task 'a' has no item 'w': it has 'x', 'z'"):
        a["w"].resolve(context)
    with pytest.raises(XComError, match="no item 'u': it is a int"):
        a["x"]["y"]["u"].resolve(context)
    with pytest.raises(XComError, match="Task 'b' returned nothing"):
        b["k"].resolve(context)
    with pytest.raises(XComError, match="pushed nothing under the key 'k'"):
        XComArg(b.operator, "k").resolve(context)


def test_rendering_resolves_results_and_leaves_the_original_alone():
    with DAG("d"):
        a = Nothing(task_id="a")
        task = Copy(task_id="t", source=[a.output, "{{ ds }}"])
    copy = task.prepare_for_execution()
    copy.render_template_fields({"ti": Pulls({("a", "return_value"): "{{ not a template }}"}), "ds": "2024-01-01"})
    assert copy.source == ["{{ not a template }}", "2024-01-01"]
    assert task.source == [a.output, "{{ ds }}"]
    assert task.render_template("{{ ds }}", {"ds": 1}) == "1"


def test_template_fields_must_be_a_tuple():
    class Slip(BaseOperator):
        template_fields = "sql"

    with pytest.raises(DagError, match=r"template_fields is the text 'sql'; it must be a tuple: \('sql',\)"):
        Slip(task_id="t")


# -- empty tasks ------------------------------------------------------------------------------------------------------


def test_only_tasks_that_change_nothing_need_no_process():
    class Busy(Nothing):
        def execute(self, context):
            return 1

    assert task_spec(Nothing(task_id="t")).empty
    assert not task_spec(Nothing(task_id="t", on_success_callback=print)).empty
    assert not task_spec(Nothing(task_id="t", pre_execute=print)).empty
    assert not task_spec(Nothing(task_id="t", outlets=["x"])).empty
    assert not task_spec(Busy(task_id="t")).empty
    assert not task_spec(Copy(task_id="t", source="s")).empty


# -- setup and teardown -----------------------------------------------------------------------------------------------


def test_setups_and_teardowns_are_in_the_spec():
    with DAG("d") as dag:
        setup, work, clean = (Nothing(task_id=name) for name in ("setup", "work", "clean"))
        setup >> work >> clean.as_teardown(setups=setup, on_failure_fail_dagrun=True)
    spec = {task.task_id: task for task in dag.spec().tasks}
    assert (spec["setup"].setup, spec["work"].setup, spec["clean"].setup) == (True, False, False)
    assert (spec["clean"].teardown, spec["clean"].teardown_fails_run) == (True, True)
    assert spec["clean"].trigger_rule == "all_done_setup_success"
    assert spec["clean"].upstream == ("setup", "work")


def test_a_with_block_puts_tasks_between_setup_and_teardown():
    with DAG("d") as dag:
        setup, clean = Nothing(task_id="setup"), Nothing(task_id="clean")
        setup.as_setup() >> clean.as_teardown()
        with clean:
            a, b, c = (Nothing(task_id=name) for name in "abc")
            a >> [b, c]
        Nothing(task_id="outside")
    assert edges(dag) == {
        ("setup", "a"),
        ("a", "b"),
        ("a", "c"),
        ("b", "clean"),
        ("c", "clean"),
        ("setup", "clean"),
    }


def test_with_blocks_of_setups_nest():
    with DAG("d") as dag:
        outer_setup, outer_clean = Nothing(task_id="s1").as_setup(), Nothing(task_id="t1")
        with outer_setup >> outer_clean.as_teardown():
            inner = Nothing(task_id="s2").as_setup()
            with inner:
                Nothing(task_id="work")
    assert edges(dag) == {("s1", "t1"), ("s1", "s2"), ("s2", "work"), ("work", "t1")}


def test_a_task_is_not_both_setup_and_teardown():
    task = Nothing(task_id="t").as_setup()
    with pytest.raises(DagError, match="is a setup already"):
        task.as_teardown()
    with pytest.raises(DagError, match="is a teardown already"):
        Nothing(task_id="u").as_teardown().as_setup()
    with pytest.raises(DagError, match="neither a setup nor a teardown"), Nothing(task_id="v"):
        pass


# -- sensors ----------------------------------------------------------------------------------------------------------


class Answers(BaseSensor):
    """Gives the prepared answers one by one; an exception among them is raised."""

    def __init__(self, answers, **kwargs):
        super().__init__(**{"poke_interval": 0.001, **kwargs})
        self.answers = list(answers)

    def poke(self, context):
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, BaseException):
            raise answer
        return answer


class Instance:
    def __init__(self, seconds_ago):
        self.first_started_at = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=seconds_ago)


def test_a_sensor_looks_until_it_finds():
    sensor = Answers(answers=[False, False, True], task_id="s")
    assert sensor.execute({}) is None
    assert sensor.answers == [True]


def test_a_sensor_may_pass_a_value_on():
    assert Answers(answers=[PokeReturnValue(False, 1), PokeReturnValue(True, {"rows": 2})], task_id="s").execute(
        {}
    ) == {"rows": 2}


def test_a_sensor_gives_up_at_its_timeout_and_not_an_interval_later():
    began = time.monotonic()
    with pytest.raises(SensorTimeout, match=r"Sensor 's' waited 0 s, and its timeout is 0\.05 s"):
        Answers(answers=[False], task_id="s", timeout=0.05, poke_interval=3600).execute({})
    assert time.monotonic() - began < 60


def test_a_timeout_of_zero_looks_once():
    assert Answers(answers=[True], task_id="s", timeout=0).execute({}) is None
    with pytest.raises(SensorTimeout):
        Answers(answers=[False, True], task_id="s", timeout=0).execute({})


@pytest.mark.parametrize("how", ["soft_fail", "never_fail"])
def test_a_timeout_may_skip_instead(how):
    with pytest.raises(TaskSkipped):
        Answers(answers=[False], task_id="s", timeout=0, **{how: True}).execute({})
    with pytest.raises(TaskSkipped):
        Answers(answers=[TaskFailed("gone")], task_id="s", **{how: True}).execute({})
    with pytest.raises(TaskSkipped):
        Answers(answers=[TaskTimeout("too long")], task_id="s", **{how: True}).execute({})


def test_errors_while_looking():
    error = RuntimeError("no network")
    with pytest.raises(RuntimeError):
        Answers(answers=[error], task_id="s").execute({})
    with pytest.raises(RuntimeError):
        Answers(answers=[error], task_id="s", soft_fail=True).execute({})
    with pytest.raises(TaskSkipped, match="RuntimeError: no network"):
        Answers(answers=[error], task_id="s", never_fail=True).execute({})
    assert Answers(answers=[error, error, True], task_id="s", silent_fail=True).execute({}) is None
    with pytest.raises(TaskFailed):
        Answers(answers=[TaskFailed("gone"), True], task_id="s", silent_fail=True).execute({})


def test_a_rescheduled_sensor_gives_its_place_back():
    before = datetime.datetime.now(datetime.UTC)
    with pytest.raises(TaskRescheduled) as raised:
        Answers(answers=[False], task_id="s", mode="reschedule", poke_interval=30).execute({})
    waited = (raised.value.at - before).total_seconds()
    assert 29 < waited < 40


def test_the_timeout_counts_from_the_first_look_across_reschedules():
    sensor = Answers(answers=[False], task_id="s", mode="reschedule", poke_interval=30, timeout=100)
    with pytest.raises(TaskRescheduled) as raised:
        sensor.execute({"ti": Instance(90)})
    left = (raised.value.at - datetime.datetime.now(datetime.UTC)).total_seconds()
    assert left <= 10  # the last look is at the timeout
    with pytest.raises(SensorTimeout, match="waited 101 s"):
        sensor.execute({"ti": Instance(101)})


def test_a_poking_sensor_counts_from_its_own_start():
    assert Answers(answers=[False, True], task_id="s", timeout=100).execute({"ti": Instance(5000)}) is None


def test_backoff_doubles_up_to_the_longest_wait():
    sensor = Answers(answers=[False], task_id="s", poke_interval=10, exponential_backoff=True, max_wait=50)
    elapsed, waits = 0.0, []
    for _ in range(5):
        waits.append(sensor.next_wait(elapsed))
        elapsed += waits[-1]
    assert waits == [10, 20, 40, 50, 50]
    assert Answers(answers=[False], task_id="s", poke_interval=10).next_wait(1e9) == 10
    assert Answers(answers=[False], task_id="s", poke_interval=0, exponential_backoff=True).next_wait(5) == 0
    assert Answers(answers=[False], task_id="s", poke_interval=1, exponential_backoff=True).next_wait(1e30) < float(
        "inf"
    )


def test_sensor_keywords_are_checked():
    sensor = Answers(
        answers=[True], task_id="s", poke_interval=datetime.timedelta(minutes=1), timeout=datetime.timedelta(hours=1)
    )
    assert (sensor.poke_interval, sensor.timeout, sensor.mode) == (60.0, 3600.0, "poke")
    with pytest.raises(DagError, match="Answers 's': there is no mode 'reschedul'; did you mean 'reschedule'"):
        Answers(answers=[True], task_id="s", mode="reschedul")
    with pytest.raises(DagError, match="exclude each other"):
        Answers(answers=[True], task_id="s", soft_fail=True, never_fail=True)
    with pytest.raises(DagError, match="the argument 'timeout'"):
        Answers(answers=[True], task_id="s", timeout="1 h")
    with DAG("d", default_args={"mode": "reschedule", "timeout": 5}):
        sensor = Answers(answers=[True], task_id="s")
    assert (sensor.reschedule, sensor.timeout) == (True, 5.0)


def test_a_sensor_without_poke_says_so():
    with pytest.raises(NotImplementedError, match="defines no poke"):
        BaseSensor(task_id="s").execute({})


# -- speed ------------------------------------------------------------------------------------------------------------


def test_two_thousand_tasks_are_defined_and_specified_quickly():
    def build():
        began = time.process_time()
        with DAG(
            "d", schedule="@daily", start_date="2024-01-01", default_args={"retries": 2, "retry_delay": 60}
        ) as dag:
            tasks = [Nothing(task_id=f"t{number}") for number in range(2000)]
            for first, second in itertools.pairwise(tasks):
                first >> second
        assert len(dag.spec().tasks) == 2000
        return time.process_time() - began

    assert min(build() for _ in range(3)) < 0.3
