"""Ids on the command line, which the shell can complete: those of DAGs, tasks, runs and connections."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

F = TypeVar("F", bound=Callable[..., Any])

#: So many runs are offered, the newest ones.
MOST_RUNS = 50


class Id(click.ParamType):  # type: ignore[type-arg]  # click 8.1 has no type argument here
    """An id, taken as it is: whether there is one is for the command to say."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return str(value)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        with suppress(Exception):  # completing must never disturb the line that is being typed
            return [CompletionItem(one) for one in self.known(ctx.params) if one.startswith(incomplete)]
        return []

    @abstractmethod
    def known(self, given: dict[str, Any]) -> Collection[str]:
        """The ids that there are. `given`: the values that stand before it on the line."""


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


class ConnId(Id):
    """The id of a connection. Sources that cost money or a network round trip are not asked while somebody types."""

    name = "CONN_ID"

    def known(self, given: dict[str, Any]) -> Collection[str]:
        from tradewind import secrets

        found: set[str] = set()
        for source in secrets.sources():
            if not source.slow:
                with suppress(Exception):  # the others may have it
                    found.update(source.conn_ids() or ())
        return sorted(found)


def dag_argument(command: F) -> F:
    """Adds the argument DAG_ID; the command gets it as `dag_id`."""
    return click.argument("dag_id", type=DagId())(command)


def task_argument(command: F) -> F:
    """Adds the argument TASK_ID; the command gets it as `task_id`."""
    return click.argument("task_id", type=TaskId())(command)


def run_argument(command: F) -> F:
    """Adds the argument RUN, which may be left out; the command gets it as `run`."""
    return click.argument("run", type=RunName(), required=False)(command)


def conn_argument(command: F) -> F:
    """Adds the argument CONN_ID; the command gets it as `conn_id`."""
    return click.argument("conn_id", type=ConnId())(command)
