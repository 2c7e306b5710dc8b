"""Runs one task, or renders it, in this process, with values held in memory: for `tasks test` and `tasks render`."""

from __future__ import annotations

import datetime
import logging
import sys
from typing import TYPE_CHECKING, Any

import click

from tradewind.cli.exit_codes import FAILED
from tradewind.cli.values import warn_of_strange_params
from tradewind.states import RunState, TaskState

if TYPE_CHECKING:
    from tradewind.dag import DAG
    from tradewind.operator import BaseOperator
    from tradewind.records import Run, TaskInstance


def try_task(dag: DAG, task_id: str, logical_date: datetime.datetime | None, conf: dict[str, Any]) -> int:
    """Carry out one attempt and print what it returned; answers the exit code."""
    from tradewind import secrets
    from tradewind.context import MemoryTaskApi
    from tradewind.runner.execution import execute_task
    from tradewind.xcom import RETURN_KEY, loads

    task, run, instance = _given(dag, task_id, logical_date, conf)
    api = MemoryTaskApi()
    log_to_terminal()
    outcome = execute_task(dag, task, run, instance, api, test_mode=True)
    returned = api.xcom_get(dag.dag_id, run.run_id, task_id, RETURN_KEY)
    if returned is not None:
        click.echo(f"returned {secrets.redact(repr(loads(returned)))}")
    ended = f"{task_id}: {outcome.state}" + (f" ({outcome.reason})" if outcome.reason else "")
    click.echo(secrets.redact(ended))
    return FAILED if outcome.state in (TaskState.FAILED, TaskState.UP_FOR_RETRY) else 0


def rendered_fields(
    dag: DAG, task_id: str, logical_date: datetime.datetime | None, conf: dict[str, Any]
) -> dict[str, Any]:
    """The template fields of a task, rendered and masked."""
    from tradewind import secrets
    from tradewind.context import MemoryTaskApi, build_context

    task, run, instance = _given(dag, task_id, logical_date, conf)
    task = task.prepare_for_execution()
    task.render_template_fields(build_context(dag, task, run, instance, MemoryTaskApi(), test_mode=True))
    return {name: secrets.redact(getattr(task, name), name) for name in task.template_fields}


def _given(
    dag: DAG, task_id: str, logical_date: datetime.datetime | None, conf: dict[str, Any]
) -> tuple[BaseOperator, Run, TaskInstance]:
    """The task, and the run and task instance that it believes itself to be in."""
    from tradewind.records import TaskInstance
    from tradewind.scheduler.in_process import run_of

    task = dag.get_task(task_id)
    spec = dag.spec()
    run = run_of(spec, logical_date, conf, RunState.RUNNING)
    warn_of_strange_params(dag.dag_id, spec.params, conf)
    running = TaskInstance(task_id, state=TaskState.RUNNING, try_number=1, dispatch=1, started_at=run.started_at)
    return task, run, running


def log_to_terminal(level: str | None = None) -> None:
    """Send log records to stderr, masked."""
    from tradewind import secrets, settings

    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%H:%M:%S"))
    handler.addFilter(secrets.MaskingFilter())
    logging.basicConfig(level=level or settings.read().log_level, handlers=[handler], force=True)
    logging.getLogger("alembic").setLevel(logging.WARNING)  # its steps are nobody's business
