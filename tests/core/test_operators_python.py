"""PythonOperator and the operators that branch or stop on what a function says."""

from __future__ import annotations

import asyncio
import datetime
import functools
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tradewind import secrets
from tradewind.dag import DAG, TaskGroup
from tradewind.errors import DagError, TradewindError
from tradewind.operator.call import name_of
from tradewind.operators.empty import EmptyOperator
from tradewind.operators.python import BranchPythonOperator, PythonOperator, ShortCircuitOperator

pytestmark = pytest.mark.usefixtures("fresh_secrets")

START = datetime.datetime(2025, 1, 1, tzinfo=datetime.UTC)


def python(function: Callable[..., Any], **more: Any) -> PythonOperator:
    with DAG("sales", schedule=None, start_date=START, params={"n": 3}):
        return PythonOperator(task_id="load", python_callable=function, **more)


# -- arguments ---------------------------------------------------------------------------------------------------------


def test_own_arguments_are_templated_and_passed(execution: Any) -> None:
    task = python(
        lambda *args, **kwargs: (args, kwargs["x"]), op_args=["{{ ds }}", 1], op_kwargs={"x": ["{{ params.n }}"]}
    )
    assert execution.execute(task) == (("2025-11-21", 1), ["3"])


def test_a_function_gets_what_it_names_of_the_context(execution: Any) -> None:
    def function(ds: str, ti: Any, *, params: Any, own: int = 5, run_id: str = "default") -> Any:
        return ds, ti.task_id, params, own, run_id

    assert execution.execute(python(function)) == ("2025-11-21", "load", {"n": 3}, 5, execution.run.run_id)


def test_a_function_with_keywords_gets_the_whole_context(execution: Any) -> None:
    result = execution.execute(python(lambda **kwargs: kwargs))
    assert {"ds", "ti", "execution_date", "prev_start_date_success", "conn"} <= result.keys()


def test_getting_the_whole_context_notes_nothing(execution: Any, caplog: pytest.LogCaptureFixture) -> None:
    execution.execute(python(lambda **kwargs: None))
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_own_arguments_win_over_the_context(execution: Any) -> None:
    assert execution.execute(python(lambda ds: ds, op_kwargs={"ds": "mine"})) == "mine"
    assert execution.execute(python(lambda ds, **rest: (ds, "ds" in rest), op_args=["mine"])) == ("mine", False)


def test_an_argument_that_the_function_does_not_take_is_an_error(execution: Any) -> None:
    with pytest.raises(TypeError, match="tabel"):
        execution.execute(python(lambda table="x": table, op_kwargs={"tabel": 1}))


def test_only_what_is_named_is_asked_for(execution: Any) -> None:
    context = execution.context(python(print))
    context.add_lazy("costly", lambda: pytest.fail("nobody asked for it"))
    assert PythonOperator(task_id="x", python_callable=lambda ds: ds).execute(context) == "2025-11-21"


class Callable_:
    def __call__(self, ds: str) -> str:
        return ds

    def method(self, ds: str) -> str:
        return ds


def decorated(function: Any) -> Any:
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return wrapper


@pytest.mark.parametrize(
    "function",
    [
        Callable_(),
        Callable_().method,
        functools.partial(lambda a, ds: ds, 1),
        decorated(lambda ds: ds),
    ],
)
def test_all_kinds_of_functions_are_called(function: Any, execution: Any) -> None:
    assert execution.execute(python(function)) == "2025-11-21"


def test_a_function_that_does_not_tell_its_parameters_is_called(execution: Any) -> None:
    assert execution.execute(python(max, op_args=[1, 2])) == 2


def test_an_async_function_is_run_to_its_end(execution: Any) -> None:
    async def function(ds: str) -> str:
        await asyncio.sleep(0)
        return ds

    assert execution.execute(python(function)) == "2025-11-21"


def test_a_generator_is_refused_for_nothing_of_it_would_run(execution: Any) -> None:
    def function() -> Any:
        yield 1

    with pytest.raises(TradewindError, match="is a generator, so none of it has run"):
        execution.execute(python(function))


def test_templates_dict_reaches_the_function_rendered(execution: Any, tmp_path: Path) -> None:
    (tmp_path / "q.sql").write_text("select '{{ ds }}'")
    task = python(
        lambda templates_dict: templates_dict, templates_dict={"q": "q.sql", "d": "{{ ds }}"}, templates_exts=[".sql"]
    )
    task.dag.template_searchpath = [str(tmp_path)]
    assert execution.execute(task) == {"q": "select '2025-11-21'", "d": "2025-11-21"}
    assert task.templates_dict == {"q": "q.sql", "d": "{{ ds }}"}


def test_without_endings_no_file_is_read(execution: Any) -> None:
    assert execution.execute(python(lambda x: x, op_kwargs={"x": "q.sql"})) == "q.sql"


def test_what_is_no_function_is_refused_when_the_dag_is_made() -> None:
    with pytest.raises(DagError, match="python_callable must be a function, not 'load'"):
        python("load")  # type: ignore[arg-type]


# -- logs --------------------------------------------------------------------------------------------------------------


def test_the_result_is_logged_masked_and_cut(execution: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    secrets.mask_secret("hunter2-very-secret")
    execution.execute(python(lambda: ["hunter2-very-secret", "x" * 10_000]))
    assert "returned ['***', 'xxx" in caplog.messages[-1]
    assert len(caplog.messages[-1]) < 3_000


def test_the_result_may_be_kept_out_of_the_log(execution: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    execution.execute(python(lambda: "private", show_return_value_in_logs=False))
    assert "private" not in caplog.text


# -- branches ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def branch() -> Callable[..., Any]:
    """A branch >> a >> join, >> b >> c >> join, >> join, >> group.first >> group.last, >> clean (a teardown)."""

    def make(choice: Any, kind: Any = BranchPythonOperator, **more: Any) -> Any:
        with DAG("sales", schedule=None, start_date=START):
            task = kind(task_id="branch", python_callable=lambda: choice, **more)
            a, b, c, join = (EmptyOperator(task_id=name) for name in ("a", "b", "c", "join"))
            with TaskGroup("group"):
                first, last = EmptyOperator(task_id="first"), EmptyOperator(task_id="last")
            clean = EmptyOperator(task_id="clean").as_teardown()
            task >> [a, b, join, first, clean]
            a >> join
            b >> c >> join
            first >> last
            EmptyOperator(task_id="elsewhere")
        return task

    return make


@pytest.mark.parametrize(
    ("choice", "skips"),
    [
        ("a", {"b", "group.first"}),
        ("b", {"a", "group.first"}),
        ("join", {"a", "b", "group.first"}),
        (["a", "b"], {"group.first"}),
        (("a",), {"b", "group.first"}),
        ({"a", "c", "b"}, {"group.first"}),
        ("group", {"a", "b", "join"}),
        (["group", "a"], {"b"}),
        (None, {"a", "b", "join", "group.first"}),
        ([], {"a", "b", "join", "group.first"}),
    ],
)
def test_what_is_not_followed_is_skipped(choice: Any, skips: set[str], branch: Any, execution: Any) -> None:
    result, ti = execution.execute_with_ti(branch(choice))
    assert result == choice
    assert set(ti.skips) == skips


def test_an_unknown_branch_is_an_error_that_offers_the_nearest(branch: Any, execution: Any) -> None:
    with pytest.raises(TradewindError) as caught:
        execution.execute(branch("joint"))
    assert str(caught.value) == (
        "Branch 'branch' chose 'joint', which is not a task or task group of DAG 'sales'; did you mean 'join'? "
        "Directly downstream of it: a, b, clean, group.first, join."
    )


@pytest.mark.parametrize("choice", ["c", "elsewhere", ["a", "c"], "branch"])
def test_a_branch_that_it_does_not_lead_to_is_an_error(choice: Any, branch: Any, execution: Any) -> None:
    with pytest.raises(TradewindError, match="which it does not lead to directly"):
        execution.execute(branch(choice))


@pytest.mark.parametrize("choice", [True, 1, 1.5, {"a": 1}])
def test_a_choice_of_another_type_is_an_error(choice: Any, branch: Any, execution: Any) -> None:
    with pytest.raises(TradewindError, match=f"not {type(choice).__name__}"):
        execution.execute(branch(choice))


# -- short circuit -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("result", [True, "x", [0]])
def test_a_true_result_skips_nothing(result: Any, branch: Any, execution: Any) -> None:
    value, ti = execution.execute_with_ti(branch(result, ShortCircuitOperator))
    assert (value, ti.skips) == (result, [])


@pytest.mark.parametrize("result", [False, None, [], 0])
def test_a_false_result_skips_everything_downstream(result: Any, branch: Any, execution: Any) -> None:
    value, ti = execution.execute_with_ti(branch(result, ShortCircuitOperator))
    assert value == result
    assert set(ti.skips) == {"a", "b", "c", "join", "group.first", "group.last"}


def test_a_false_result_may_leave_the_rest_to_the_trigger_rules(branch: Any, execution: Any) -> None:
    task = branch(False, ShortCircuitOperator, ignore_downstream_trigger_rules=False)
    assert set(execution.execute_with_ti(task)[1].skips) == {"a", "b", "join", "group.first"}


def test_functions_are_called_by_their_own_name_in_messages():
    def fetch():
        return 1

    class Reader:
        def read(self):
            return 1

    assert [name_of(one) for one in (fetch, Reader().read, len)] == ["fetch", "Reader.read", "len"]
