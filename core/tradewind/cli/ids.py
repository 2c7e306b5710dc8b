"""Ids of what the metadata database knows, on the command line: the shell completes DAGs, tasks and runs."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, TypeVar

import click

from tradewind.cli.values import Id

F = TypeVar("F", bound=Callable[..., Any])

#: So many runs are offered, the newest ones.
MOST_RUNS = 50


class DagId(Id):
    name = "DAG_ID"

    def known(self, given: dict[str, Any]) -> Collection[str]:
        from tradewind.cli.given import existing_store

        with existing_store() as store:
            return [dag.dag_id for dag in store.dags()]


class TaskId(Id):
    """The id of a task of the DAG that stands before it."""

    name = "TASK_ID"

    def known(self, given: dict[str, Any]) -> Collection[str]:
        from tradewind.cli.given import existing_store

        with existing_store() as store:
            return [task.task_id for task in store.dag(given["dag_id"]).spec.tasks]


class RunName(Id):
    """A run of the DAG that stands before it, by its id or logical date."""

    name = "RUN"

    def known(self, given: dict[str, Any]) -> Collection[str]:
        from tradewind.cli.given import existing_store

        with existing_store() as store:
            return [run.run_id for run in store.runs(given["dag_id"], limit=MOST_RUNS)]


def dag_argument(command: F) -> F:
    """Adds the argument DAG_ID; the command gets it as `dag_id`."""
    return click.argument("dag_id", type=DagId())(command)


def task_argument(command: F) -> F:
    """Adds the argument TASK_ID; the command gets it as `task_id`."""
    return click.argument("task_id", type=TaskId())(command)


def run_argument(command: F) -> F:
    """Adds the argument RUN, which may be left out; the command gets it as `run`."""
    return click.argument("run", type=RunName(), required=False)(command)
