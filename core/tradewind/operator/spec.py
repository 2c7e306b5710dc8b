"""Turns an operator into its `TaskSpec`: what the scheduler must know, nothing that is needed to run it."""

from __future__ import annotations

import datetime

from tradewind.operator.task import BaseOperator
from tradewind.operator.values import as_utc
from tradewind.records import TaskSpec

#: Anything of these means that even an empty task needs a process.
_WORK = (
    "on_execute_callback",
    "on_success_callback",
    "on_failure_callback",
    "on_retry_callback",
    "on_skipped_callback",
    "inlets",
    "outlets",
    "_pre_execute",
    "_post_execute",
)

#: Texts about a task beside its `doc_md`.
_DOCS = ("doc", "doc_json", "doc_yaml", "doc_rst")


def task_spec(
    task: BaseOperator,
    *,
    priority: int | None = None,
    dag_start: datetime.datetime | None = None,
    dag_end: datetime.datetime | None = None,
) -> TaskSpec:
    """The spec of one task. `priority` is its summed weight; the DAG's own dates need no repeating in it."""
    start, end = as_utc(task.start_date), as_utc(task.end_date)
    group = task.task_group
    timeout, longest = task.execution_timeout, task.max_retry_delay
    labels = task.dag.edge_labels if task.has_dag() else {}
    return TaskSpec(
        task_id=task.task_id,
        operator=task.task_type,
        upstream=tuple(sorted(task.upstream_task_ids)),
        trigger_rule=task.trigger_rule,
        retries=task.retries,
        retry_delay=task.retry_delay.total_seconds(),
        retry_exponential_backoff=task.retry_exponential_backoff,
        max_retry_delay=None if longest is None else longest.total_seconds(),
        execution_timeout=None if timeout is None else timeout.total_seconds(),
        start_date=None if start == dag_start else start,
        end_date=None if end == dag_end else end,
        depends_on_past=task.depends_on_past,
        ignore_first_depends_on_past=task.ignore_first_depends_on_past,
        wait_for_downstream=task.wait_for_downstream,
        wait_for_past_depends_before_skipping=task.wait_for_past_depends_before_skipping,
        priority=task.priority_weight if priority is None else priority,
        pool=task.pool,
        pool_slots=task.pool_slots,
        max_active_tis_per_dag=task.max_active_tis_per_dag,
        max_active_tis_per_dagrun=task.max_active_tis_per_dagrun,
        queue=task.queue,
        executor=task.executor,
        group=group.group_id if group is not None else None,
        empty=needs_no_process(task),
        short_circuits_all=bool(getattr(task, "ignore_downstream_trigger_rules", False)),
        setup=task.is_setup,
        teardown=task.is_teardown,
        teardown_fails_run=task.is_teardown and task.on_failure_fail_dagrun,
        owner=task.owner,
        label=task.task_display_name,
        doc_md=task.doc_md,
        docs={name: text for name in _DOCS if (text := getattr(task, name)) is not None},
        has_failure_callbacks=_tells_of_failures(task),
        edge_labels={
            after: labels[task.task_id, after] for after in task._downstream if (task.task_id, after) in labels
        }
        if labels
        else {},
    )


def _tells_of_failures(task: BaseOperator) -> bool:
    """Whether a callback or mail of the task is about a try that failed."""
    mails = bool(task.email) and (task.email_on_failure or task.email_on_retry)
    return bool(mails or task.on_failure_callback or task.on_retry_callback)


def needs_no_process(task: BaseOperator) -> bool:
    """Whether running the task changes nothing at all: it is empty and nobody is to be told."""
    cls = type(task)
    if not cls.is_empty or any(getattr(task, name, None) for name in _WORK):
        return False
    declared = next(known for known in cls.__mro__ if known.__dict__.get("is_empty"))
    methods = ("execute", "pre_execute", "post_execute")
    return all(getattr(cls, name) is getattr(declared, name) for name in methods)
