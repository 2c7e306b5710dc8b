"""Which DAG, task group and setup scope new tasks belong to, and who is told of new DAGs.

These context variables live below `dag`, so that operators need not import it. What an operator must know of its DAG
and group is written down here as two protocols.
"""

from __future__ import annotations

import datetime
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from types import FrameType
from typing import Any, Protocol

from tradewind.params import ParamsDict
from tradewind.settings import Settings
from tradewind.states import TriggerRule


class TaskLike(Protocol):
    """What relations, groups and setups know of a task."""

    task_id: str
    is_setup: bool
    is_teardown: bool
    on_failure_fail_dagrun: bool
    trigger_rule: TriggerRule

    @property
    def upstream_task_ids(self) -> set[str]: ...

    @property
    def downstream_task_ids(self) -> set[str]: ...

    @property
    def upstream_list(self) -> Sequence[TaskLike]: ...

    @property
    def downstream_list(self) -> Sequence[TaskLike]: ...

    def join(self, after: Any, label: str | None = None) -> None: ...


class DagLike(Protocol):
    """What an operator knows of its DAG."""

    dag_id: str
    default_args: dict[str, Any]
    params: ParamsDict
    task_dict: dict[str, Any]
    edge_labels: dict[tuple[str, str], str]
    warned_of: set[str]

    @property
    def settings(self) -> Settings: ...

    @property
    def timezone(self) -> datetime.tzinfo: ...

    @property
    def task_group(self) -> Any: ...

    def register_task(self, task: Any) -> None: ...

    def register_group(self, group: Any) -> None: ...

    def forget_task(self, task: Any) -> None: ...

    def unique_id(self, wanted: str) -> str: ...


class GroupLike(Protocol):
    """What an operator knows of its task group."""

    dag: Any
    default_args: dict[str, Any]

    @property
    def group_id(self) -> str | None: ...

    def child_id(self, label: str) -> str: ...

    def add(self, child: Any) -> None: ...

    def forget(self, child: Any) -> None: ...


class Collector:
    """Gathers the DAGs that a module makes while it is loaded."""

    def __init__(self, module: str | None) -> None:
        self.module = module
        self.dags: list[Any] = []


current_dag: ContextVar[Any] = ContextVar("current_dag", default=None)
current_group: ContextVar[Any] = ContextVar("current_group", default=None)
_collector: ContextVar[Collector | None] = ContextVar("collector", default=None)


@contextmanager
def collect_dags(module: str | None = None) -> Iterator[list[Any]]:
    """Yield a list that every DAG entered with `with`, or made by a `@dag` function, adds itself to.

    `module` is the `__name__` that the DAG file is executed under: DAGs of other modules that it imports are left out
    then, since they belong to those files. DAGs with `auto_register=False` never add themselves.
    """
    collector = Collector(module)
    token = _collector.set(collector)
    try:
        yield collector.dags
    finally:
        _collector.reset(token)


def register_dag(dag: Any) -> None:
    """Tell whoever collects DAGs of this one, once."""
    collector = _collector.get()
    if collector is None or not dag.auto_register or any(dag is known for known in collector.dags):
        return
    if collector.module is None or collector.module == _loading_module():
        collector.dags.append(dag)


def is_loading() -> bool:
    """Whether a DAG file is being read, by the scheduler or another reader, and not run as a script."""
    collector = _collector.get()
    return collector is not None and collector.module is not None


def where_made() -> tuple[str, int]:
    """File and line that make the DAG under construction.

    While a DAG file is loaded that is a place in this file, even if a factory in another one does the work; otherwise
    it is the nearest caller outside tradewind.
    """
    collector = _collector.get()
    wanted = collector.module if collector else None
    nearest: tuple[str, int] | None = None
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        name = frame.f_globals.get("__name__", "")
        if not _is_own(name):
            nearest = nearest or (frame.f_code.co_filename, frame.f_lineno)
            if wanted is None or (frame.f_code.co_name == "<module>" and name != wanted):
                break
            if frame.f_code.co_name == "<module>":
                return frame.f_code.co_filename, frame.f_lineno
        frame = frame.f_back
    return nearest or ("<unknown>", 0)


def _loading_module() -> str | None:
    """`__name__` of the module whose top level is being executed, innermost first."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_name == "<module>":
            name: str | None = frame.f_globals.get("__name__")
            return name
        frame = frame.f_back
    return None


def _is_own(name: str) -> bool:
    return name.startswith(("tradewind.operator", "tradewind.dag", "tradewind.taskflow"))


def effective_scope(arguments: Mapping[str, Any]) -> tuple[DagLike | None, GroupLike | None, dict[str, Any]]:
    """DAG, group and default arguments of a task that is about to be made with these keywords.

    Default arguments of the DAG yield to those of the group, and these to the task's own `default_args`.
    """
    group: GroupLike | None = arguments.get("task_group")
    dag: DagLike | None = arguments.get("dag") or (group.dag if group is not None else None) or current_dag.get()
    if dag is None:
        return None, group, dict(arguments.get("default_args") or {})
    if group is None:
        open_group: GroupLike | None = current_group.get()
        group = open_group if open_group is not None and open_group.dag is dag else dag.task_group
    defaults = dag.default_args
    for more in (group.default_args, arguments.get("default_args")):
        if more:
            defaults = {**defaults, **more}
    return dag, group, defaults
