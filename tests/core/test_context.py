"""What a task sees while it runs."""

from __future__ import annotations

import datetime
import logging
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import msgspec
import pytest

from tradewind import secrets
from tradewind.context import (
    Context,
    MemoryTaskApi,
    TaskApi,
    build_context,
    build_run_context,
    get_current_context,
    set_current_context,
)
from tradewind.dag import DAG
from tradewind.errors import (
    BrokenVariable,
    ConnectionNotFound,
    ParamError,
    TemplateError,
    TradewindError,
    UnknownContextKey,
    VariableNotFound,
    XComError,
)
from tradewind.operators.empty import EmptyOperator
from tradewind.records import Run, TaskInstance
from tradewind.states import RunState, RunType, TaskState
from tradewind.template import render

pytestmark = pytest.mark.usefixtures("fresh_secrets")

AT = datetime.datetime(2025, 11, 21, tzinfo=datetime.UTC)
DAY = datetime.timedelta(days=1)


@pytest.fixture
def task() -> EmptyOperator:
    with DAG("sales", schedule="@daily", start_date=AT - 30 * DAY, params={"days": 7, "table": "a"}):
        return EmptyOperator(task_id="load", params={"table": "b"}, inlets=["in"], outlets=["out"])


@pytest.fixture
def context(task: EmptyOperator, execution: Any) -> Context:
    found: Context = execution.context(task)
    return found


# -- keys --------------------------------------------------------------------------------------------------------------


def test_dates_and_names(context: Context) -> None:
    expected = {
        "logical_date": AT,
        "data_interval_start": AT,
        "data_interval_end": AT + DAY,
        "ds": "2025-11-21",
        "ds_nodash": "20251121",
        "ts": "2025-11-21T00:00:00+00:00",
        "ts_nodash": "20251121T000000",
        "ts_nodash_with_tz": "20251121T000000+0000",
        "run_id": "scheduled__2025-11-21T00:00:00+00:00",
        "task_instance_key_str": "sales__load__20251121",
        "try_number": 1,
        "test_mode": False,
        "inlets": ["in"],
        "outlets": ["out"],
        "exception": None,
        "reason": None,
    }
    assert {key: context[key] for key in expected} == expected
    assert context["ti"] is context["task_instance"]
    assert context["ti"].task is context["task"]
    assert context["dag"].dag_id == context["dag_run"].dag_id == "sales"


def test_every_key_of_the_features_table_is_there(context: Context) -> None:
    table = """conn dag dag_run data_interval_start data_interval_end ds ds_nodash ts ts_nodash ts_nodash_with_tz
    logical_date run_id task task_instance ti task_instance_key_str params var macros inlets outlets
    prev_data_interval_start_success prev_data_interval_end_success prev_start_date_success prev_end_date_success
    expanded_ti_count map_index_template try_number exception reason templates_dict test_mode task_reschedule_count
    execution_date next_ds next_ds_nodash prev_ds prev_ds_nodash tomorrow_ds tomorrow_ds_nodash yesterday_ds
    yesterday_ds_nodash next_execution_date prev_execution_date"""
    wanted = table.split()
    assert [name for name in wanted if name not in context] == []
    everything = context.as_keywords()
    assert set(wanted) <= everything.keys()


def test_the_context_reads_like_a_dictionary(context: Context) -> None:
    assert context.get("nope") is None
    assert {**context}["ds"] == "2025-11-21"
    assert len(context) == len(list(context)) == len(dict(context))
    context["mine"] = 1
    assert (context | {"mine": 2})["mine"] == 2
    assert context.pop("mine") == 1
    assert "mine" not in context


def test_an_unknown_key_offers_the_nearest(context: Context) -> None:
    with pytest.raises(UnknownContextKey, match="The context has no 'logical_dat'; did you mean 'logical_date'"):
        context["logical_dat"]
    with pytest.raises(KeyError):
        context["zzz"]
    with pytest.raises(KeyError):
        del context["zzz"]


def test_lazy_values_are_made_once_and_only_when_asked_for() -> None:
    made = []
    context = Context({"a": 1}, lazy={"b": lambda: made.append(1) or len(made)})
    assert (len(context), "b" in context, made) == (2, True, [])
    assert (context["b"], context["b"], made) == (1, 1, [1])


def test_a_copy_does_not_change_the_context(context: Context) -> None:
    clone = context.copy()
    clone["ds"] = "x"
    assert context["ds"] == "2025-11-21"


# -- what Airflow 3 removed --------------------------------------------------------------------------------------------


def test_removed_keys_have_the_values_that_airflow_2_gave_them(context: Context) -> None:
    assert {key: context[key] for key in context if key.endswith(("_ds", "_ds_nodash", "execution_date"))} == {
        "execution_date": AT,
        "next_execution_date": AT + DAY,
        "prev_execution_date": AT - DAY,
        "next_ds": "2025-11-22",
        "next_ds_nodash": "20251122",
        "prev_ds": "2025-11-20",
        "prev_ds_nodash": "20251120",
        "yesterday_ds": "2025-11-20",
        "yesterday_ds_nodash": "20251120",
        "tomorrow_ds": "2025-11-22",
        "tomorrow_ds_nodash": "20251122",
    }


def test_neighbours_follow_the_schedule_and_not_the_calendar(execution: Any, new_run: Callable[..., Run]) -> None:
    with DAG("sales", schedule="0 0 * * 1-5", start_date=AT - 30 * DAY):
        task = EmptyOperator(task_id="load")
    monday = datetime.datetime(2025, 11, 24, tzinfo=datetime.UTC)
    execution.run = new_run(at=monday)
    assert execution.context(task)["prev_ds"] == "2025-11-21"
    assert execution.context(task)["yesterday_ds"] == "2025-11-23"


def test_a_run_triggered_by_hand_has_no_neighbours(
    task: EmptyOperator, execution: Any, new_run: Callable[..., Run]
) -> None:
    execution.run = new_run(type=RunType.MANUAL)
    context = execution.context(task)
    assert context["prev_ds"] == context["next_ds"] == "2025-11-21"


def test_a_removed_key_is_noted_once(context: Context, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        context.as_keywords()
        assert caplog.messages == []
        context["execution_date"]
        context["execution_date"]
    assert caplog.messages == ["The context key 'execution_date' is gone in Airflow 3; write logical_date instead."]


# -- the run before ----------------------------------------------------------------------------------------------------


def test_the_newest_success_before_this_run(execution: Any, task: EmptyOperator, new_run: Callable[..., Run]) -> None:
    ended = AT + DAY + datetime.timedelta(minutes=5)
    execution.api.runs = [
        new_run(at=AT - 3 * DAY, state=RunState.SUCCESS),
        new_run(at=AT - 2 * DAY, state=RunState.SUCCESS, ended_at=ended),
        new_run(at=AT - DAY, state=RunState.FAILED),
        new_run("other", at=AT - DAY, state=RunState.SUCCESS),
        new_run(at=AT + DAY, state=RunState.SUCCESS),
    ]
    context = execution.context(task)
    assert context["prev_data_interval_start_success"] == AT - 2 * DAY
    assert context["prev_data_interval_end_success"] == AT - DAY
    assert context["prev_start_date_success"] == AT - DAY
    assert context["prev_end_date_success"] == ended


def test_without_a_success_before_there_is_none(context: Context) -> None:
    assert context["prev_start_date_success"] is None
    assert render("{{ prev_data_interval_end_success or 'never' }}", context) == "never"


def test_the_outside_is_asked_once_and_only_if_needed(task: EmptyOperator, new_run: Callable[..., Run]) -> None:
    class Counting(MemoryTaskApi):
        asked = 0

        def previous_success(self, dag_id: str, logical_date: datetime.datetime) -> Run | None:
            self.asked += 1
            return None

    api = Counting()
    context = build_context(task.dag, task, new_run(), TaskInstance("load", try_number=1), api)
    render("{{ ds }} {{ ti.task_id }} {% for x in [1] %}{{ params.days }}{% endfor %}", context)
    assert api.asked == 0
    context.as_keywords()
    assert api.asked == 1


# -- params ------------------------------------------------------------------------------------------------------------


def test_params_of_the_task_win_over_those_of_the_dag_and_conf_over_both(
    task: EmptyOperator, execution: Any, new_run: Callable[..., Run]
) -> None:
    execution.run = new_run(conf={"days": 3, "more": True})
    context = execution.context(task)
    assert context["params"] == {"days": 3, "table": "b", "more": True}
    assert render("{{ params.table }} {{ dag_run.conf.more }} {{ dag_run.conf.get('x', 1) }}", context) == "b True 1"


def test_params_that_break_their_schema_are_an_error(execution: Any, new_run: Callable[..., Run]) -> None:
    from tradewind.params import Param

    with DAG("sales", schedule=None, params={"days": Param(1, type="integer")}):
        task = EmptyOperator(task_id="load")
    execution.run = new_run(conf={"days": "x"})
    with pytest.raises(ParamError, match="days"):
        execution.context(task)["params"]


# -- connections and variables -----------------------------------------------------------------------------------------


def test_variables_by_name(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_VAR_BUCKET", "b1")
    monkeypatch.setenv("AIRFLOW_VAR_LIMITS", '{"rows": [1, 2]}')
    template = "{{ var.value.bucket }} {{ var.value['bucket'] }} {{ var.json.limits.rows[1] }}"
    assert render(template + " {{ var.value.get('no', 'x') }}", context) == "b1 b1 2 x"
    assert context["var"].json.get("limits") == {"rows": [1, 2]}
    assert context["var"].json.get("nope", {}) == {}


def test_a_missing_variable_is_an_error(context: Context) -> None:
    with pytest.raises(TemplateError, match="nope") as caught:
        render("{{ var.value.nope }}", context)
    assert isinstance(caught.value.__cause__, VariableNotFound)


def test_a_broken_variable_is_never_the_default(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_VAR_LIMITS", "{")
    with pytest.raises(BrokenVariable):
        context["var"].json.get("limits", "default")


def test_connections_by_name(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", "generic://me:pw@db.example:5432/sales")
    assert render("{{ conn.warehouse.host }}:{{ conn.warehouse.port }}/{{ conn['warehouse'].schema }}", context) == (
        "db.example:5432/sales"
    )
    assert context["conn"].get("nope", {"host": "h"}) == {"host": "h"}
    with pytest.raises(ConnectionNotFound):
        context["conn"]["nope"]


def test_secrets_are_masked_from_the_moment_they_are_read(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", "generic://me:s3same-pw@db/?api_key=k3y-value")
    monkeypatch.setenv("AIRFLOW_VAR_API_TOKEN", "t0ken-value")
    monkeypatch.setenv("AIRFLOW_VAR_BUCKET", "plain-value")
    render("{{ conn.warehouse.host }}{{ var.value.api_token }}{{ var.value.bucket }}", context)
    shown = secrets.redact("s3same-pw k3y-value t0ken-value plain-value")
    assert shown == "*** *** *** plain-value"


# -- ti and dag_run ----------------------------------------------------------------------------------------------------


def test_ti_knows_itself(context: Context) -> None:
    ti = context["ti"]
    assert (ti.dag_id, ti.task_id, ti.run_id, ti.map_index) == ("sales", "load", context["run_id"], -1)
    assert (ti.try_number, ti.max_tries, ti.state, ti.operator) == (1, 0, TaskState.RUNNING, "EmptyOperator")
    assert ti.start_date == AT + DAY
    assert ti.get_dagrun().run_id == ti.dag_run.run_id == context["run_id"]
    assert ti.get_template_context() is context
    assert ti.log_url.startswith("file://")
    assert unquote(ti.log_url).endswith("/sales/scheduled__2025-11-21T00:00:00+00:00/load/1.log")
    assert repr(ti) == "<TaskInstance sales.load of scheduled__2025-11-21T00:00:00+00:00, try 1>"


def test_skips_are_collected_once_each(context: Context) -> None:
    ti = context["ti"]
    ti.skip(["a", "b", "a"])
    ti.skip(["b", "c"])
    assert ti.skips == ["a", "b", "c"]


def test_dag_run_knows_the_run(task: EmptyOperator, execution: Any, new_run: Callable[..., Run]) -> None:
    execution.run = new_run(type=RunType.MANUAL, conf={"x": 1})
    for task_id, state in (("load", TaskState.RUNNING), ("old", TaskState.FAILED)):
        execution.api.record_task(execution.run, TaskInstance(task_id, state=state))
    run = execution.context(task)["dag_run"]
    assert (run.run_type, run.external_trigger, run.conf) == ("manual", True, {"x": 1})
    assert run.execution_date == run.logical_date == AT
    assert [found.task_id for found in run.get_task_instances()] == ["load", "old"]
    assert [found.task_id for found in run.get_task_instances(state="failed")] == ["old"]
    assert run.get_task_instance("old").state == TaskState.FAILED
    assert run.get_task_instance("nope") is None


def test_a_sensor_knows_when_its_first_look_was(task: EmptyOperator, execution: Any) -> None:
    first = AT + datetime.timedelta(hours=30)
    context = execution.context(task)
    assert (context["task_reschedule_count"], context["ti"].first_started_at) == (0, AT + DAY)
    for minutes in range(3):
        execution.api.record_reschedule(context["ti"].key, first + datetime.timedelta(minutes=minutes))
    later = execution.context(task)
    assert (later["task_reschedule_count"], later["ti"].first_started_at) == (3, first)


def test_the_context_of_a_run_as_a_whole(task: EmptyOperator, new_run: Callable[..., Run]) -> None:
    context = build_run_context(task.dag, new_run(conf={"days": 1}), MemoryTaskApi(), reason="all_success")
    assert (context["ds"], context["reason"], context["params"]["days"]) == ("2025-11-21", "all_success", 1)
    assert "ti" not in context


# -- XComs -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def ti(context: Context, execution: Any) -> Any:
    """A task instance in a run where `one` returned 1, `two` 2, and the mapped `many` 10, 11, 12."""
    for task_id, map_index, value in [("one", -1, 1), ("two", -1, 2), *(("many", n, 10 + n) for n in (1, 0, 2))]:
        push(execution, task_id, value, map_index=map_index)
    return context["ti"]


def push(execution: Any, task_id: str, value: Any, key: str = "return_value", **more: Any) -> None:
    run = more.pop("run", execution.run)
    instance = TaskInstance(task_id, try_number=1, dispatch=1, **more)
    build_context(None, None, run, instance, execution.api)["ti"].xcom_push(key, value)


def test_pull_one_or_several(ti: Any) -> None:
    assert ti.xcom_pull("one") == 1
    assert ti.xcom_pull(task_ids=["two", "one"]) == [2, 1]
    assert ti.xcom_pull(task_ids=("one",)) == [1]


def test_a_missing_value_is_the_default_in_its_place(ti: Any) -> None:
    assert ti.xcom_pull("nope") is None
    assert ti.xcom_pull("nope", default=7) == 7
    assert ti.xcom_pull(["one", "nope", "two"]) == [1, None, 2]
    assert ti.xcom_pull("one", key="other", default="x") == "x"


def test_pull_from_a_mapped_task(ti: Any) -> None:
    assert ti.xcom_pull("many") == [10, 11, 12]
    assert ti.xcom_pull("many", map_indexes=1) == 11
    assert ti.xcom_pull("many", map_indexes=[2, 0, 9], default="-") == [12, 10, "-"]
    assert ti.xcom_pull(["one", "many"]) == [1, [10, 11, 12]]


def test_pull_without_task_ids_prefers_what_the_task_pushed_itself(ti: Any, execution: Any) -> None:
    push(execution, "one", "from one", key="note")
    push(execution, "two", "from two", key="note")
    assert ti.xcom_pull(key="note") == "from two"
    ti.xcom_push("note", "own")
    push(execution, "two", "newer", key="note")
    assert ti.xcom_pull(key="note") == "own"
    assert ti.xcom_pull(key="nothing", default="d") == "d"


def test_pull_from_earlier_runs(ti: Any, execution: Any, new_run: Callable[..., Run]) -> None:
    earlier, older, later = new_run(at=AT - DAY), new_run(at=AT - 2 * DAY), new_run(at=AT + DAY)
    execution.api.runs = [older, earlier, later, execution.run]
    for run, value in ((older, "older"), (earlier, "earlier"), (later, "later")):
        push(execution, "daily", value, run=run)
    assert ti.xcom_pull("daily") is None
    assert ti.xcom_pull("daily", include_prior_dates=True) == "earlier"
    assert ti.xcom_pull("one", include_prior_dates=True) == 1
    assert ti.xcom_pull("daily", run_id=older.run_id) == "older"


def test_pull_from_another_dag(ti: Any, execution: Any, new_run: Callable[..., Run]) -> None:
    push(execution, "one", "other", run=new_run("stock"))
    assert ti.xcom_pull("one", dag_id="stock") == "other"
    assert ti.xcom_pull("one") == 1


def test_a_pushed_value_that_cannot_travel_names_task_and_key(ti: Any) -> None:
    with pytest.raises(XComError, match="The XCom 'it' of task load of DAG sales cannot be passed on"):
        ti.xcom_push("it", object())


def test_a_pushed_value_that_is_too_large_is_refused(ti: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADEWIND_MAX_XCOM_BYTES", "100")
    ti.xcom_push("it", "x" * 98)
    with pytest.raises(XComError, match="102 bytes, and the setting max_xcom_bytes allows 100"):
        ti.xcom_push("it", "x" * 100)


@pytest.mark.parametrize("key", ["", None, 7])
def test_keys_are_text(ti: Any, key: Any) -> None:
    with pytest.raises(XComError, match="needs a key"):
        ti.xcom_push(key, 1)


def test_pull_names_a_bad_key(ti: Any) -> None:
    with pytest.raises(XComError, match="xcom_pull in task load of DAG sales needs a key"):
        ti.xcom_pull("one", key=None)


def test_templates_pull(ti: Any, context: Context) -> None:
    assert render("{{ ti.xcom_pull('one') + ti.xcom_pull(task_ids='two') }}", context) == "3"


def test_clearing_forgets_one_task_instance(ti: Any, execution: Any) -> None:
    ti.xcom_push("a", 1)
    execution.api.xcom_clear(ti.key)
    assert ti.xcom_pull("load", key="a") is None
    assert ti.xcom_pull("one") == 1


def test_memory_is_a_task_api() -> None:
    api: TaskApi = MemoryTaskApi()
    assert api.task_instances("sales", "r") == []


# -- the current context -----------------------------------------------------------------------------------------------


def test_the_current_context_is_that_of_the_running_task(context: Context) -> None:
    with set_current_context(context):
        assert get_current_context() is context
        with set_current_context(context.copy()) as inner:
            assert get_current_context() is inner
        assert get_current_context() is context
    with pytest.raises(TradewindError, match="where no task is running"):
        get_current_context()


def test_threads_that_a_task_starts_have_its_context(context: Context) -> None:
    found = []
    with set_current_context(context):
        thread = threading.Thread(target=lambda: found.append(get_current_context()))
        thread.start()
        thread.join()
    assert found == [context]


def test_importing_the_context_is_light() -> None:
    code = (
        "import sys, tradewind.context\n"
        "heavy = {'sqlalchemy', 'jinja2', 'click', 'rich', 'alembic', 'cryptography'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_no_warning_comes_from_making_a_context(task: EmptyOperator, new_run: Callable[..., Run]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        context = build_context(task.dag, task, new_run(), TaskInstance("load"), MemoryTaskApi())
        assert msgspec.structs.asdict(context["ti"].key)["task_id"] == "load"
