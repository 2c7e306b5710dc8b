"""`Transfer` in a DAG: templates in its endpoints, what is refused when the DAG is read, timeouts, XComs."""

from __future__ import annotations

import datetime
import pickle
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import ClassVar

import pytest

from tradewind.dag import DAG
from tradewind.errors import DagError
from tradewind.operator import BaseOperator
from tradewind.operators import PythonOperator
from tradewind.template import render_fields
from tradewind.transfer import LocalFile, Source, Transfer

START = datetime.datetime(2025, 1, 1, tzinfo=datetime.UTC)


@dataclass(frozen=True, repr=False)
class Page(Source):
    template_fields: ClassVar[Sequence[str]] = ("url",)
    url: str
    _: KW_ONLY
    pages: int = 1
    token: str = field(default="", repr=False)

    def reader(self):
        raise NotImplementedError


def test_templates_in_endpoints_are_rendered_and_the_dag_keeps_what_was_written(execution, tmp_path):
    (tmp_path / "2025-11-21.csv").write_text("a\n1\n")
    with DAG("sales", schedule=None, start_date=START):
        task = Transfer(
            task_id="load",
            source=LocalFile(f"{tmp_path}/{{{{ ds }}}}.csv"),
            sink=LocalFile(f"{tmp_path}/out/{{{{ ds_nodash }}}}.csv"),
            columns={"a": "{{ dag.dag_id }}"},
        )
    assert execution.execute(task)["rows"] == 1
    assert (tmp_path / "out" / "20251121.csv").read_text() == "sales\n1\n"
    assert "{{ ds }}" in task.source.path


def test_the_result_of_another_task_may_stand_in_an_endpoint(tmp_path):
    with DAG("sales", schedule=None, start_date=START):
        name = PythonOperator(task_id="name", python_callable=lambda: str(tmp_path / "a.csv"))
        load = Transfer(task_id="load", source=LocalFile(name.output), sink=LocalFile("b.csv"))
    assert load.upstream_task_ids == {"name"}


def test_it_runs_in_a_dag_and_what_it_moved_is_its_xcom(tmp_path):
    (tmp_path / "a.csv").write_text("a,b\n1,x\n2,\n")
    seen = []
    with DAG("sales", schedule=None, start_date=START) as dag:
        load = Transfer(task_id="load", source=LocalFile(tmp_path / "a.csv"), sink=LocalFile(tmp_path / "b.jsonl"))
        PythonOperator(task_id="after", python_callable=seen.append, op_args=[load.output["rows"]])
    dag.test()
    assert seen == [2]
    assert (tmp_path / "b.jsonl").read_text() == '{"a":"1","b":"x"}\n{"a":"2","b":null}\n'


def test_a_file_has_the_delimiter_that_it_is_to_have(tmp_path):
    """Though what comes is CSV already, with commas."""
    (tmp_path / "a.csv").write_text('a,b\n1,"x;y"\n')
    sink = LocalFile(tmp_path / "b.csv", delimiter=";")
    Transfer(task_id="load", source=LocalFile(tmp_path / "a.csv"), sink=sink).execute({})
    assert (tmp_path / "b.csv").read_text() == 'a;b\n1;"x;y"\n'


def test_making_a_dag_opens_nothing_and_its_spec_is_made(tmp_path):
    with DAG("sales", schedule=None, start_date=START) as dag:
        task = Transfer(task_id="load", source=LocalFile(tmp_path / "no" / "a.csv"), sink=LocalFile(tmp_path / "b.csv"))
    assert dag.spec().tasks[0].operator == "Transfer"
    assert [*tmp_path.iterdir()] == []
    assert pickle.loads(pickle.dumps(task.source)) == task.source


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"source": "a.csv"}, "Task 'load': a str is no source that rows can be read from"),
        ({"sink": Page("x")}, "Task 'load': a Page is no sink that rows can be written to"),
        ({"progress": 0}, "progress=0 must be a number of seconds above 0"),
    ],
)
def test_what_cannot_be_meant_is_refused_when_the_dag_is_read(arguments, message):
    with pytest.raises(DagError, match=message):
        Transfer(**{"task_id": "load", "source": LocalFile("a.csv"), "sink": LocalFile("b.csv"), **arguments})


def test_an_endpoint_shows_what_was_given_and_no_secret():
    assert repr(Page("x")) == "Page(url='x')"
    assert repr(Page("x", pages=2, token="s3cret")) == "Page(url='x', pages=2)"
    assert repr(LocalFile("a.csv", delimiter=";")) == "LocalFile(path='a.csv', delimiter=';')"


def test_templates_are_rendered_in_frozen_endpoints_without_touching_the_original():
    class Holder(BaseOperator):
        template_fields = ("page",)

        def __init__(self, *, page, **kwargs):
            super().__init__(**kwargs)
            self.page = page

    task = Holder(task_id="x", page=Page("{{ ds }}", token="{{ ds }}"))
    copy = task.prepare_for_execution()
    render_fields(copy, {"ds": "2025-01-01"})
    assert (copy.page.url, copy.page.token, task.page.url) == ("2025-01-01", "{{ ds }}", "{{ ds }}")


@pytest.mark.slow
def test_execution_timeout_ends_it_and_leaves_the_target(tmp_path, execution, memory):
    """With the runner's own interrupts: see `tradewind.runner.interrupts`."""
    from tradewind.errors import TaskTimeout
    from tradewind.runner.interrupts import Interrupts

    (tmp_path / "b.csv").write_text("old")

    def endless():
        while True:
            yield [(1,)]

    task = Transfer(task_id="load", source=memory.source({"a": "int"}, endless), sink=LocalFile(tmp_path / "b.csv"))
    with pytest.raises(TaskTimeout), Interrupts().watch("task load", on_kill=task.on_kill, timeout=0.5):
        task.execute({})
    assert (tmp_path / "b.csv").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["b.csv"]
