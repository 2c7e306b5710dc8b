"""Makes the context of one attempt, and that of a run's own callbacks."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from tradewind.context.accessors import ConnectionAccessor, Variables
from tradewind.context.api import TaskApi
from tradewind.context.mapping import Context
from tradewind.context.memos import Memos
from tradewind.context.run import DagRunContext
from tradewind.context.task_instance import TaskInstanceContext
from tradewind.params import ParamsDict, resolve
from tradewind.records import Run, TaskInstance
from tradewind.states import RunType
from tradewind.template import filters, macros

_DAY = datetime.timedelta(days=1)

#: Names that Airflow 3 took away -> what to write instead.
REMOVED = {
    "execution_date": "logical_date",
    "next_execution_date": "data_interval_end",
    "prev_execution_date": "data_interval_start",
    "prev_execution_date_success": "prev_data_interval_start_success",
    "next_ds": "{{ data_interval_end | ds }}",
    "next_ds_nodash": "{{ data_interval_end | ds_nodash }}",
    "prev_ds": "{{ macros.ds_add(ds, -1) }} or what the schedule asks for",
    "prev_ds_nodash": "{{ macros.ds_add(ds, -1) }} or what the schedule asks for",
    "yesterday_ds": "{{ macros.ds_add(ds, -1) }}",
    "yesterday_ds_nodash": "{{ macros.ds_add(ds, -1) | replace('-', '') }}",
    "tomorrow_ds": "{{ macros.ds_add(ds, 1) }}",
    "tomorrow_ds_nodash": "{{ macros.ds_add(ds, 1) | replace('-', '') }}",
}


def build_context(
    dag: Any,
    task: Any,
    run: Run,
    instance: TaskInstance,
    api: TaskApi,
    *,
    params: Mapping[str, Any] | None = None,
    exception: BaseException | None = None,
    reason: str | None = None,
    test_mode: bool = False,
) -> Context:
    """The context of one attempt of `task`.

    Unless `params` are handed in, they are those of DAG and task with the run's conf laid over them.
    """
    ti = TaskInstanceContext(run, instance, api, task=task)
    context = build_run_context(dag, run, api, params=params, exception=exception, reason=reason, test_mode=test_mode)
    context.update(
        {
            "task": task,
            "ti": ti,
            "task_instance": ti,
            "task_instance_key_str": f"{run.dag_id}__{instance.task_id}__{filters.ds_nodash(run.logical_date)}",
            "try_number": instance.try_number,
            "inlets": list(getattr(task, "inlets", None) or []),
            "outlets": list(getattr(task, "outlets", None) or []),
            "map_index_template": getattr(task, "map_index_template", None),
            "templates_dict": None,
            "expanded_ti_count": None,
        }
    )
    if params is None:
        context.add_lazy("params", lambda: _params(run, dag, task))
    context.add_lazy("task_reschedule_count", lambda: api.reschedules(ti.key)[0])
    ti._context = context
    return context


def build_run_context(
    dag: Any,
    run: Run,
    api: TaskApi,
    *,
    params: Mapping[str, Any] | None = None,
    exception: BaseException | None = None,
    reason: str | None = None,
    test_mode: bool = False,
) -> Context:
    """The context of a run as a whole, for DAG-level callbacks: no task, no `ti`."""
    values = {
        "dag": dag,
        "dag_run": DagRunContext(run, api),
        "run_id": run.run_id,
        "memos": Memos(run.dag_id, run.run_id, api),
        "var": Variables(),
        "conn": ConnectionAccessor(),
        "macros": macros,
        "exception": exception,
        "reason": reason,
        "test_mode": test_mode,
        **_dates(run),
    }
    if params is not None:
        values["params"] = dict(params)
    lazy = {"params": lambda: _params(run, dag), **_previous(run, api), **_removed(dag, run)}
    return Context(values, lazy=lazy, removed=REMOVED)


def _params(run: Run, *owners: Any) -> dict[str, Any]:
    """The params that DAG and task declare, the task's over the DAG's, and the run's conf over both."""
    declared = ParamsDict()
    for owner in owners:
        declared = declared.merged(ParamsDict(getattr(owner, "params", None)))
    return resolve(declared.schemas(), run.conf, run.dag_id)


def _dates(run: Run) -> dict[str, Any]:
    at = run.logical_date
    return {
        "logical_date": at,
        "data_interval_start": run.data_interval_start,
        "data_interval_end": run.data_interval_end,
        "ds": filters.ds(at),
        "ds_nodash": filters.ds_nodash(at),
        "ts": filters.ts(at),
        "ts_nodash": filters.ts_nodash(at),
        "ts_nodash_with_tz": filters.ts_nodash_with_tz(at),
    }


def _previous(run: Run, api: TaskApi) -> dict[str, Callable[[], Any]]:
    """What is known of the newest successful run before this one; asked once, and only if somebody wants it."""

    @cache
    def previous() -> Run | None:
        return api.previous_success(run.dag_id, run.logical_date)

    def part(name: str) -> Callable[[], Any]:
        return lambda: getattr(previous(), name, None)

    return {
        "prev_data_interval_start_success": part("data_interval_start"),
        "prev_data_interval_end_success": part("data_interval_end"),
        "prev_start_date_success": part("started_at"),
        "prev_end_date_success": part("ended_at"),
        "prev_execution_date_success": part("logical_date"),
    }


def _removed(dag: Any, run: Run) -> dict[str, Callable[[], Any]]:
    """The names that Airflow 3 took away, with the values that Airflow 2 gave them."""
    at = run.logical_date

    def written(moment: Callable[[], datetime.datetime], *, dashes: bool = True) -> Callable[[], str | None]:
        return lambda: filters.ds(moment()) if dashes else filters.ds_nodash(moment())

    def following() -> datetime.datetime:
        return run.data_interval_end if _is_scheduled(run) else at

    def previous() -> datetime.datetime:
        return _previous_date(dag, run) if _is_scheduled(run) else at

    moments: dict[str, Callable[[], datetime.datetime]] = {
        "next": following,
        "prev": previous,
        "yesterday": lambda: at - _DAY,
        "tomorrow": lambda: at + _DAY,
    }
    found: dict[str, Callable[[], Any]] = {
        "execution_date": lambda: at,
        "next_execution_date": following,
        "prev_execution_date": previous,
    }
    for name, moment in moments.items():
        found[f"{name}_ds"] = written(moment)
        found[f"{name}_ds_nodash"] = written(moment, dashes=False)
    return found


def _is_scheduled(run: Run) -> bool:
    """Runs that somebody triggered have no neighbours: Airflow gave their own date for the next and previous ones."""
    return run.type in (RunType.SCHEDULED, RunType.BACKFILL)


def _previous_date(dag: Any, run: Run) -> datetime.datetime:
    """Logical date that the schedule gave the run before this one."""
    schedule = getattr(dag, "schedule", None)
    if schedule is not None and hasattr(schedule, "manual_interval"):
        before: datetime.datetime = schedule.manual_interval(run.data_interval_start).start
        return before
    return run.logical_date - (run.data_interval_end - run.data_interval_start)
