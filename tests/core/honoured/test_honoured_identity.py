"""What a task is called, where it belongs, what is written about it, and what it passes on."""

import logging

import pytest

from tradewind import DAG, BaseOperator, TaskGroup
from tradewind.operators.bash import BashOperator
from tradewind.operators.python import PythonOperator
from tradewind.states import TaskState


class Shows(BaseOperator):
    """Returns its rendered fields."""

    template_fields = ("text",)

    def __init__(self, text=None, other=None, **kwargs):
        super().__init__(**kwargs)
        self.text = text
        self.other = other

    def execute(self, context):
        return [self.text, self.other]


def spec_of(**arguments):
    with DAG("d") as dag:
        BaseOperator(task_id="t", **arguments)
    return dag.spec().tasks[0]


def shown(dag_arguments=None, **arguments):
    with DAG("d", **(dag_arguments or {})) as dag:
        Shows(task_id="t", **arguments)
    return dag.test().xcom("t")


def test_task_id_dag_and_task_group_place_a_task():
    dag = DAG("d")
    with DAG("other"):
        one = BaseOperator(task_id="one", dag=dag)
    with dag:
        group = TaskGroup("g")
    two = BaseOperator(task_id="two", task_group=group)
    assert (one.dag, two.dag, two.task_group) == (dag, dag, group)
    assert dag.spec().dag_id == "d"
    assert [(task.task_id, task.group) for task in dag.spec().tasks] == [("g.two", "g"), ("one", None)]


def test_default_args_of_dag_group_and_task_fill_what_is_not_given():
    with DAG("d", default_args={"retries": 1, "owner": "dag", "not_for_this_one": 1}) as dag:
        BaseOperator(task_id="a")
        with TaskGroup("g", default_args={"retries": 2}):
            BaseOperator(task_id="b", default_args={"owner": "task"})
            BaseOperator(task_id="c", retries=3)
    assert {task.task_id: (task.retries, task.owner) for task in dag.spec().tasks} == {
        "a": (1, "dag"),
        "g.b": (2, "task"),
        "g.c": (3, "dag"),
    }


def test_owner_and_task_display_name_are_in_the_spec():
    spec = spec_of(owner="ann", task_display_name="Load it!")
    assert (spec.owner, spec.label) == ("ann", "Load it!")


@pytest.mark.parametrize("name", ["doc", "doc_json", "doc_yaml", "doc_rst"])
def test_docs_are_in_the_spec(name):
    assert spec_of(**{name: "about it"}).docs == {name: "about it"}
    assert spec_of(doc_md="# about it").doc_md == "# about it"


def test_logger_name_names_the_log(caplog):
    class Logs(BaseOperator):
        def execute(self, context):
            self.log.warning("here")

    with DAG("d") as dag:
        Logs(task_id="mine", logger_name="of.mine")
        Logs(task_id="usual")
    with caplog.at_level(logging.WARNING):
        dag.test()
    assert sorted(record.name for record in caplog.records if record.message == "here") == [
        "of.mine",
        "tradewind.task.Logs",
    ]


def test_looks_are_kept_for_who_draws_them():
    task = BaseOperator(task_id="t", ui_color="#111", ui_fgcolor="#222", operator_extra_links=["x"])
    assert (task.ui_color, task.ui_fgcolor, task.operator_extra_links) == ("#111", "#222", ["x"])
    assert BaseOperator(task_id="u").ui_color == "#fff"


# -- data -------------------------------------------------------------------------------------------------------------


def test_do_xcom_push_false_keeps_the_result():
    with DAG("d") as dag:
        PythonOperator(task_id="kept", python_callable=lambda: 1, do_xcom_push=False)
        PythonOperator(task_id="pushed", python_callable=lambda: 1)
    ended = dag.test()
    assert (ended.xcom("kept"), ended.xcom("pushed")) == (None, 1)


def test_multiple_outputs_are_pushed_key_by_key():
    with DAG("d") as dag:
        PythonOperator(task_id="t", python_callable=lambda: {"a": 1, "b": 2}, multiple_outputs=True)
        PythonOperator(task_id="wrong", python_callable=lambda: [1], multiple_outputs=True)
    ended = dag.test()
    assert (ended.xcom("t", "a"), ended.xcom("t", "b"), ended.xcom("t")) == (1, 2, {"a": 1, "b": 2})
    assert ended.task_states["wrong"] is TaskState.FAILED


def test_inlets_outlets_and_map_index_template_are_in_the_context():
    with DAG("d") as dag:
        PythonOperator(
            task_id="t",
            python_callable=lambda inlets, outlets, map_index_template: [inlets, outlets, map_index_template],
            inlets="a",
            outlets=["b", "c"],
            map_index_template="{{ x }}",
        )
    assert dag.test().xcom("t") == [["a"], ["b", "c"], "{{ x }}"]


def test_params_of_the_task_win():
    text = "{{ params.a }} {{ params.b }}"
    assert shown({"params": {"a": 1, "b": 1}}, params={"b": 2}, text=text)[0] == "1 2"


def test_template_fields_given_to_one_task_replace_those_of_its_class():
    fields = {"text": "{{ 1 + 1 }}", "other": "{{ 1 + 1 }}"}
    assert shown(**fields) == ["2", "{{ 1 + 1 }}"]
    assert shown(**fields, template_fields=("other",)) == ["{{ 1 + 1 }}", "2"]
    renderers = {"text": "sql"}
    assert Shows(task_id="t", template_fields_renderers=renderers).template_fields_renderers == renderers


def test_template_ext_names_the_files_that_are_templates(tmp_path):
    (tmp_path / "q.sql").write_text("select {{ 1 + 1 }}")
    searched = {"template_searchpath": str(tmp_path)}
    assert shown(searched, text="q.sql")[0] == "q.sql"
    assert shown(searched, text="q.sql", template_ext=(".sql",))[0] == "select 2"


def test_render_template_as_native_obj_of_a_task_wins_over_the_dag():
    assert shown(text="{{ [1, 2] }}")[0] == "[1, 2]"
    assert shown(text="{{ [1, 2] }}", render_template_as_native_obj=True)[0] == [1, 2]
    native = {"render_template_as_native_obj": True}
    assert shown(native, text="{{ [1, 2] }}")[0] == [1, 2]
    assert shown(native, text="{{ [1, 2] }}", render_template_as_native_obj=False)[0] == "[1, 2]"


def test_start_trigger_args_are_kept_for_when_tasks_can_wait_without_a_process():
    arguments = object()
    assert BashOperator(task_id="t", bash_command="", start_trigger_args=arguments).start_trigger_args is arguments
