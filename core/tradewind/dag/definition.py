"""What a DAG is made of: its keywords, and the tasks and groups that join it."""

from __future__ import annotations

import datetime
import os
import warnings
from collections.abc import Iterable, Mapping, Sequence
from contextvars import Token
from functools import cached_property
from pathlib import Path
from typing import Any, Self, Unpack, cast

from tradewind import settings
from tradewind.dag.arguments import (
    MEANINGLESS,
    OLD_NAMES,
    READERS,
    SCHEDULE_WORDS,
    WITHOUT_EFFECT,
    DagArguments,
)
from tradewind.dag.group import TaskGroup
from tradewind.dag.param import DagParam
from tradewind.dag.zones import zone_name
from tradewind.errors import DagError, DuplicateTask, NotFound, ScheduleError, UnknownArgument, sentence
from tradewind.operator import BaseOperator, current_dag, current_group, register_dag, values, where_made
from tradewind.operator.arguments import Callback
from tradewind.params import NOTSET, ParamsDict
from tradewind.schedule import Schedule, default_zone, parse_schedule
from tradewind.states import RunType

_NOT_GIVEN: Any = object()


class DagDefinition:
    """A DAG as it is written. `DAG` adds what can be done with it."""

    start_date: datetime.datetime | None = None
    end_date: datetime.datetime | None = None
    max_consecutive_failed_dag_runs: int = 0
    dagrun_timeout: datetime.timedelta | None = None
    deadline: Any = None
    fail_fast: bool = False
    is_paused_upon_creation: bool | None = None
    allowed_run_types: Sequence[RunType] = ()
    on_success_callback: Sequence[Callback] = ()
    on_failure_callback: Sequence[Callback] = ()
    template_searchpath: Sequence[str] = ()
    template_undefined: Any = None
    user_defined_macros: Mapping[str, Any] = {}
    user_defined_filters: Mapping[str, Any] = {}
    jinja_environment_kwargs: Mapping[str, Any] = {}
    render_template_as_native_obj: bool = False
    tags: Sequence[str] = ()
    owner_links: Mapping[str, str] = {}
    dag_display_name: str | None = None
    doc_md: str | None = None
    access_control: Any = None
    auto_register: bool = True
    rerun_with_latest_version: bool = True
    disable_bundle_versioning: bool | None = None

    def __init__(
        self,
        dag_id: str,
        description: str | None = None,
        schedule: Any = _NOT_GIVEN,
        **kwargs: Unpack[DagArguments],
    ) -> None:
        self.dag_id = values.check_id("DAG", dag_id)
        self.description: str = self._read("description", description) if description else ""
        self.fileloc, self.line = where_made()
        self.task_dict: dict[str, BaseOperator] = {}
        self.task_group_dict: dict[str, TaskGroup] = {}
        self.edge_labels: dict[tuple[str, str], str] = {}
        self.warned_of: set[str] = set()  #: keywords of its tasks that were said to have no effect
        self._suffixes: dict[str, int] = {}  # wanted id -> a number below which all are taken
        self._top = TaskGroup(None, dag=self)
        self._tokens: list[tuple[Token[Any], Token[Any]]] = []
        given = self._checked({**cast(dict[str, Any], kwargs)})
        self.default_args: dict[str, Any] = dict(given.pop("default_args", None) or {})
        self.params = ParamsDict(given.pop("params", None))
        self.params = self.params.merged(ParamsDict(self.default_args.pop("params", None)))
        self.max_active_runs: int = self.settings.max_active_runs_per_dag
        self.max_active_tasks: int = self.settings.max_active_tasks_per_dag
        self.catchup: bool = self.settings.catchup_by_default
        written = [value for value in (schedule, *self._older_schedules(given)) if value is not _NOT_GIVEN]
        if len(written) > 1:
            raise DagError(f"DAG {dag_id!r} is given more than one of {', '.join(SCHEDULE_WORDS)}; give one.")
        self._set_dates(given)
        for name, value in given.items():
            if value is not None:
                setattr(self, name, self._read(name, value))
        self.schedule: Schedule = parse_schedule(written[0] if written else None, self.timezone_name, dag_id)
        self.doc_md = self._doc_text(self.doc_md)

    def _checked(self, given: dict[str, Any]) -> dict[str, Any]:
        """The keywords without those that have no effect, old names replaced. Raises UnknownArgument."""
        unknown = sorted(given.keys() - READERS.keys())
        if unknown:
            known = {*READERS, "dag_id", "description", "schedule"}
            hints = [f"{name!r}{values.nearest(name, known).rstrip('.')}" for name in unknown]
            raise UnknownArgument(f"DAG {self.dag_id!r} takes no argument {', '.join(hints)}")
        for old, new in OLD_NAMES.items():
            if old in given:
                given.setdefault(new, given.pop(old))
        for name in sorted(WITHOUT_EFFECT.keys() & given.keys()):
            if given[name] is not None:
                told = f"The argument {name!r} of DAG {self.dag_id!r} has no effect yet: {WITHOUT_EFFECT[name]}."
                warnings.warn_explicit(told, UserWarning, self.fileloc, self.line)
        return {name: value for name, value in given.items() if name not in MEANINGLESS}

    @staticmethod
    def _older_schedules(given: dict[str, Any]) -> list[Any]:
        return [given.pop(name, _NOT_GIVEN) for name in SCHEDULE_WORDS[1:]]

    def _read(self, name: str, value: Any) -> Any:
        try:
            return READERS[name](value)
        except (ValueError, TypeError) as error:
            raise DagError(f"DAG {self.dag_id!r}: the argument {name!r}: {sentence(error)}") from error

    def _set_dates(self, given: dict[str, Any]) -> None:
        """Dates come from the DAG's own keywords or else from `default_args`, as in Airflow."""
        for name in ("start_date", "end_date"):
            value = given.pop(name, None)
            value = self.default_args.get(name) if value is None else value
            if value is None:
                continue
            try:
                setattr(self, name, values.moment(value, lambda: self.timezone))
            except ValueError as error:
                raise DagError(f"DAG {self.dag_id!r}: the argument {name!r}: {sentence(error)}") from error

    def _doc_text(self, text: str | None) -> str | None:
        """`doc_md` may name a Markdown file, relative to the DAG file."""
        if text is None or not text.endswith(".md") or "\n" in text:
            return text
        path = Path(self.folder) / text
        return path.read_text(encoding="utf-8") if path.is_file() else text

    # -- what it is ----------------------------------------------------------------------------------------------------

    @cached_property
    def settings(self) -> settings.Settings:
        """The settings that give its defaults, read once."""
        return settings.read()

    @property
    def timezone(self) -> datetime.tzinfo:
        """Zone of its start date, in which its schedule and its naive dates are meant."""
        if self.start_date is not None and self.start_date.tzinfo is not None:
            return self.start_date.tzinfo
        return default_zone(self.settings.default_timezone)

    @property
    def timezone_name(self) -> str:
        name = zone_name(self.timezone)
        if name is None:
            raise ScheduleError(
                f"DAG {self.dag_id!r}: its start_date is in {self.timezone}, which is not the name of a time zone; "
                "use zoneinfo.ZoneInfo('Area/City')."
            )
        return name

    @property
    def folder(self) -> str:
        """Folder of the DAG file, in which template files are looked for."""
        return os.path.dirname(os.path.abspath(self.fileloc))  # noqa: PTH100, PTH120 - a str, as Airflow's

    @property
    def task_group(self) -> TaskGroup:
        """The group at its top."""
        return self._top

    @property
    def task_groups(self) -> list[TaskGroup]:
        return list(self.task_group_dict.values())

    @property
    def tasks(self) -> list[BaseOperator]:
        return list(self.task_dict.values())

    @property
    def task_ids(self) -> list[str]:
        return list(self.task_dict)

    @property
    def task_count(self) -> int:
        return len(self.task_dict)

    @property
    def roots(self) -> list[BaseOperator]:
        return [task for task in self.tasks if not task.upstream_task_ids]

    @property
    def leaves(self) -> list[BaseOperator]:
        return [task for task in self.tasks if not task.downstream_task_ids]

    @property
    def owner(self) -> str:
        return ", ".join(sorted({task.owner for task in self.tasks}))

    def has_task(self, task_id: str) -> bool:
        return task_id in self.task_dict

    def get_task(self, task_id: str) -> BaseOperator:
        """The task called `task_id`. Raises NotFound, with the nearest name."""
        try:
            return self.task_dict[task_id]
        except KeyError:
            hint = values.nearest(task_id, self.task_dict).rstrip(".")
            raise NotFound(f"DAG {self.dag_id!r} has no task {task_id!r}{hint}") from None

    def __repr__(self) -> str:
        return f"<DAG: {self.dag_id}>"

    def __contains__(self, task_id: object) -> bool:
        return task_id in self.task_dict

    # -- how it is filled ----------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self._tokens.append((current_dag.set(self), current_group.set(self._top)))
        register_dag(self)
        return self

    def __exit__(self, *error: object) -> None:
        dag_token, group_token = self._tokens.pop()
        current_group.reset(group_token)
        current_dag.reset(dag_token)

    def param(self, name: str, default: Any = NOTSET) -> DagParam:
        """What stands for the value of the param `name` in each run. Declares it, or gives it a default."""
        if default is not NOTSET or name not in self.params:
            self.params[name] = default
        return DagParam(name)

    def add_task(self, task: BaseOperator) -> None:
        """Take in a task that was made outside any DAG."""
        if self.task_dict.get(task.task_id) is not task:
            task.dag = self

    def add_tasks(self, tasks: Iterable[BaseOperator]) -> None:
        for task in tasks:
            self.add_task(task)

    def register_task(self, task: BaseOperator) -> None:
        """Called by a task that joins. Raises DuplicateTask if its id is taken."""
        self._check_free("task", task.task_id)
        self.task_dict[task.task_id] = task

    def register_group(self, group: TaskGroup) -> None:
        group_id = str(group.group_id)
        self._check_free("task group", group_id)
        self.task_group_dict[group_id] = group

    def forget_task(self, task: BaseOperator) -> None:
        """Undo `register_task` and every relation, after a task could not be made."""
        if self.task_dict.get(task.task_id) is not task:
            return
        for other in task.upstream_list:
            other._downstream.pop(task.task_id, None)
        for other in task.downstream_list:
            other._upstream.pop(task.task_id, None)
        del self.task_dict[task.task_id]
        if task.task_group is not None:
            task.task_group.forget(task)

    def unique_id(self, wanted: str) -> str:
        """`wanted`, or `wanted__1`, `wanted__2`... if it is taken by a task or group."""
        found, count = wanted, self._suffixes.get(wanted, 0)
        while found in self.task_dict or found in self.task_group_dict:
            count += 1
            found = f"{wanted}__{count}"
        self._suffixes[wanted] = max(count - 1, 0)
        return found

    def settle_groups(self) -> None:
        """Apply the relations of task groups to tasks that joined them later."""
        for group in self.task_group_dict.values():
            group.settle()

    def _check_free(self, kind: str, node_id: str) -> None:
        taken = "task" if node_id in self.task_dict else "task group" if node_id in self.task_group_dict else None
        if taken is not None:
            raise DuplicateTask(
                f"DAG {self.dag_id!r} has a {taken} {node_id!r} already; give the second {kind} another id."
            )
