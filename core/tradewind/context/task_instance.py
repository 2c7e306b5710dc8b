"""`ti` in the context: one task in one run, with Airflow's names, and the way to the values of other tasks."""

from __future__ import annotations

import datetime
import logging
import socket
from collections.abc import Collection, Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from tradewind import logs, settings, xcom
from tradewind.context.api import TaskApi
from tradewind.context.run import DagRunContext
from tradewind.errors import XComError
from tradewind.records import Run, TaskInstance, TaskKey
from tradewind.states import TaskState


class TaskInstanceContext:
    """`ti`, `task_instance`: the running attempt of one task in one run."""

    def __init__(self, run: Run, instance: TaskInstance, api: TaskApi, *, task: Any = None) -> None:
        self.dag_id = run.dag_id
        self.run_id = run.run_id
        self.task_id = instance.task_id
        self.map_index = instance.map_index
        self.try_number = instance.try_number
        self.max_tries = instance.max_tries
        self.state: TaskState | None = instance.state
        self.start_date: datetime.datetime | None = instance.started_at
        self.end_date: datetime.datetime | None = instance.ended_at
        self.queued_dttm: datetime.datetime | None = instance.queued_at
        self.hostname = instance.host or socket.gethostname()
        self.pid = instance.pid
        self.task = task
        self.operator = type(task).__name__ if task is not None else ""
        self.key = TaskKey(
            run.dag_id, run.run_id, instance.task_id, instance.map_index, instance.try_number, instance.dispatch
        )
        self.skips: list[str] = []  #: task ids downstream that this attempt decided to skip; the runner records them
        self.log = logging.getLogger("tradewind.task")
        self._run = run
        self._api = api
        self._context: Mapping[str, Any] = {}

    @property
    def dag_run(self) -> DagRunContext:
        return DagRunContext(self._run, self._api)

    def get_dagrun(self) -> DagRunContext:
        return self.dag_run

    @property
    def logical_date(self) -> datetime.datetime:
        return self._run.logical_date

    execution_date = logical_date

    @cached_property
    def first_started_at(self) -> datetime.datetime | None:
        """When this try first began, if it is a sensor that has given its place back since; else its start."""
        return self._api.reschedules(self.key)[1] or self.start_date

    @property
    def duration(self) -> float | None:
        """Seconds that the attempt took, or has taken till now."""
        if self.start_date is None:
            return None
        return ((self.end_date or datetime.datetime.now(datetime.UTC)) - self.start_date).total_seconds()

    @property
    def log_path(self) -> Path:
        folder = settings.read().logs_folder
        return logs.attempt_log(folder, self.dag_id, self.run_id, self.task_id, self.map_index, self.try_number)

    @property
    def log_url(self) -> str:
        """Where the log of this attempt lies, for messages to people."""
        return self.log_path.absolute().as_uri()

    def get_template_context(self) -> Mapping[str, Any]:
        return self._context

    def skip(self, task_ids: Iterable[str]) -> None:
        """Have these tasks of the run skipped when this attempt has succeeded."""
        self.skips.extend(task_id for task_id in dict.fromkeys(task_ids) if task_id not in self.skips)

    def xcom_push(self, key: str, value: Any) -> None:
        """Keep `value` for other tasks; one with the same key is replaced. Raises XComError if it cannot travel."""
        if not isinstance(key, str) or not key:
            raise XComError(f"xcom_push in {self._named} needs a key that is text, not {key!r}.")
        now = settings.read()
        limit = None if now.xcom_store_url else now.max_xcom_bytes
        self._api.xcom_put(self.key, key, xcom.dumps(value, name=f"The XCom {key!r} of {self._named}", limit=limit))

    def xcom_pull(
        self,
        task_ids: str | Collection[str] | None = None,
        dag_id: str | None = None,
        key: str = xcom.RETURN_KEY,
        include_prior_dates: bool = False,
        session: Any = None,
        *,
        map_indexes: int | Collection[int] | None = None,
        default: Any = None,
        run_id: str | None = None,
    ) -> Any:
        """The value that a task kept under `key` (unless given: the one that it returned).

        With one task id, its value, or a list of values if the task is mapped; with several, a list in the same order,
        with `default` where there is none. Without task ids: what this task pushed itself, else what any task of the
        run pushed last under that key. `include_prior_dates` falls back to the newest earlier run that has a value.
        """
        if not isinstance(key, str):
            raise XComError(f"xcom_pull in {self._named} needs a key that is text, not {key!r}.")
        dag_id, run_id = dag_id or self.dag_id, run_id or self.run_id
        if task_ids is None:
            return self._pull_any(dag_id, run_id, key, map_indexes, default)
        wanted = [task_ids] if isinstance(task_ids, str) else list(task_ids)
        found = self._api.xcom_get_many(dag_id, run_id, wanted, key)
        missing = [task_id for task_id in wanted if task_id not in found]
        if include_prior_dates and missing:
            found = {**self._api.xcom_prior(dag_id, self._run.logical_date, missing, key), **found}
        values = [_values(found.get(task_id, {}), map_indexes, default) for task_id in wanted]
        return values[0] if isinstance(task_ids, str) else values

    def _pull_any(
        self, dag_id: str, run_id: str, key: str, map_indexes: int | Collection[int] | None, default: Any
    ) -> Any:
        if (dag_id, run_id) == (self.dag_id, self.run_id) and map_indexes is None:
            own = self._api.xcom_get(dag_id, run_id, self.task_id, key, self.map_index)
            if own is not None:
                return xcom.loads(own)
        found = self._api.xcom_get_many(dag_id, run_id, None, key)
        return _values(found[list(found)[-1]], map_indexes, default) if found else default

    @property
    def _named(self) -> str:
        return f"task {self.task_id} of DAG {self.dag_id}"

    def __repr__(self) -> str:
        mapped = f"[{self.map_index}]" if self.map_index >= 0 else ""
        return f"<TaskInstance {self.dag_id}.{self.task_id}{mapped} of {self.run_id}, try {self.try_number}>"


def _values(texts: dict[int, str], map_indexes: int | Collection[int] | None, default: Any) -> Any:
    """What one task kept: one value, or a list if it is mapped or several map indexes were asked for."""
    if isinstance(map_indexes, int):
        return xcom.loads(texts[map_indexes]) if map_indexes in texts else default
    if map_indexes is not None:
        return [xcom.loads(texts[index]) if index in texts else default for index in map_indexes]
    if not texts:
        return default
    if set(texts) == {-1}:
        return xcom.loads(texts[-1])
    return [xcom.loads(texts[index]) for index in sorted(texts) if index >= 0]
