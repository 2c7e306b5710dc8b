"""Turns a DAG into its `DagSpec`, and checks it on the way: circles, params, trigger rules."""

from __future__ import annotations

from types import SimpleNamespace

from tradewind.dag import order
from tradewind.dag.definition import DagDefinition
from tradewind.errors import DagError
from tradewind.operator import BaseOperator, task_spec
from tradewind.operator.values import as_utc
from tradewind.records import DagSpec, GroupSpec, TaskSpec
from tradewind.schedule import Never
from tradewind.states import RunType, TriggerRule, WeightRule


def dag_spec(dag: DagDefinition) -> DagSpec:
    """The spec of a DAG: the same for the same file. Raises DagError, ParamError."""
    dag.settle_groups()
    params = dag.params.schemas()
    if not isinstance(dag.schedule, Never):
        dag.params.validate(dag.dag_id)  # nobody is there to give values to a scheduled run
    if dag.fail_fast:
        _check_fail_fast(dag)
    _check_run_types(dag)
    start, end = as_utc(dag.start_date), as_utc(dag.end_date)
    return DagSpec(
        dag_id=dag.dag_id,
        tasks=_tasks(dag),
        schedule=dag.schedule,
        timezone=dag.timezone_name,
        start_date=start,
        end_date=end,
        catchup=dag.catchup,
        max_active_runs=dag.max_active_runs,
        max_active_tasks=dag.max_active_tasks,
        max_consecutive_failed_runs=dag.max_consecutive_failed_dag_runs,
        dagrun_timeout=None if dag.dagrun_timeout is None else dag.dagrun_timeout.total_seconds(),
        fail_fast=dag.fail_fast,
        paused_on_creation=dag.is_paused_upon_creation,
        has_run_callbacks=bool(dag.on_success_callback or dag.on_failure_callback),
        allowed_run_types=tuple(dag.allowed_run_types),
        rerun_with_latest_version=dag.rerun_with_latest_version,
        params=params,
        groups=tuple(sorted(_groups(dag), key=lambda group: group.group_id)),
        tags=tuple(sorted(set(dag.tags))),
        owner_links=dict(dag.owner_links),
        description=dag.description,
        label=dag.dag_display_name,
        doc_md=dag.doc_md,
        line=dag.line,
    )


def topological_ids(dag: DagDefinition) -> list[str]:
    return order.topological(dag.dag_id, *_edges(dag))


def _edges(dag: DagDefinition) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    upstream = {task_id: list(task._upstream) for task_id, task in dag.task_dict.items()}
    downstream = {task_id: list(task._downstream) for task_id, task in dag.task_dict.items()}
    return upstream, downstream


def _tasks(dag: DagDefinition) -> tuple[TaskSpec, ...]:
    upstream, downstream = _edges(dag)
    found = order.topological(dag.dag_id, upstream, downstream)
    weights = {task_id: task.priority_weight for task_id, task in dag.task_dict.items()}
    own = {task_id: _own_weight(task) for task_id, task in dag.task_dict.items() if callable(task.weight_rule)}
    rules = {
        task_id: WeightRule.ABSOLUTE if callable(task.weight_rule) else task.weight_rule
        for task_id, task in dag.task_dict.items()
    }
    priorities = {**order.summed_weights(found, upstream, downstream, weights, rules), **own}
    start, end = as_utc(dag.start_date), as_utc(dag.end_date)
    return tuple(
        task_spec(dag.task_dict[task_id], priority=priorities[task_id], dag_start=start, dag_end=end)
        for task_id in found
    )


def _own_weight(task: BaseOperator) -> int:
    """The priority that a task's own strategy gives it, asked once, when the DAG is read."""
    assert callable(task.weight_rule)
    ti = SimpleNamespace(task=task, task_id=task.task_id, dag_id=task.dag_id, map_index=-1, try_number=1)
    try:
        return int(task.weight_rule(ti))
    except Exception as error:
        told = f"{type(error).__name__}: {error}"
        raise DagError(f"Task {task.task_id!r}: its weight_rule could not tell its priority: {told}.") from error


def _groups(dag: DagDefinition) -> list[GroupSpec]:
    return [
        GroupSpec(
            group_id=group_id,
            parent=group.parent_group.group_id if group.parent_group is not None else None,
            label=group.group_display_name or None,
            tooltip=group.tooltip,
        )
        for group_id, group in dag.task_group_dict.items()
    ]


def _check_run_types(dag: DagDefinition) -> None:
    allowed = dag.allowed_run_types
    if allowed and RunType.SCHEDULED not in allowed and not isinstance(dag.schedule, Never):
        raise DagError(
            f"DAG {dag.dag_id!r} has the schedule {dag.schedule.summary!r}, and its allowed_run_types "
            f"({', '.join(allowed)}) leave scheduled runs out; add 'scheduled' or take the schedule away."
        )


def _check_fail_fast(dag: DagDefinition) -> None:
    for task in dag.tasks:
        if task.trigger_rule is not TriggerRule.ALL_SUCCESS and not task.is_teardown:
            raise DagError(
                f"DAG {dag.dag_id!r} has fail_fast=True, so its tasks can only have the trigger rule all_success; "
                f"task {task.task_id!r} has {task.trigger_rule}."
            )
