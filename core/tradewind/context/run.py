"""`dag_run` in the context: one run, with Airflow's names."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tradewind import logs, settings
from tradewind.context.api import TaskApi
from tradewind.records import Run, TaskInstance
from tradewind.states import RunState, RunType, TaskState


@dataclass(frozen=True)
class OtherTask:
    """A task instance of the run as seen from another one of it: what it is called, how far it is, and why."""

    dag_id: str
    run_id: str
    task_id: str
    state: TaskState | None
    map_index: int = -1
    try_number: int = 0  #: of the running or last try; 0: not tried yet
    max_tries: int = 0  #: how many retries it may use in all
    start_date: datetime.datetime | None = None
    end_date: datetime.datetime | None = None
    reason: str = ""  #: why it ended or waits as it does, in words

    def current_state(self) -> TaskState | None:
        return self.state

    @property
    def log_path(self) -> Path:
        """Where the log of its last try lies, on the machine that it ran on."""
        folder = settings.read().logs_folder
        return logs.attempt_log(folder, self.dag_id, self.run_id, self.task_id, self.map_index, self.try_number)


class DagRunContext:
    """`dag_run`: the run that a task belongs to."""

    def __init__(self, run: Run, api: TaskApi) -> None:
        self.id = run.id
        self.dag_id = run.dag_id
        self.run_id = run.run_id
        self.run_type: RunType = run.type
        self.state: RunState = run.state
        self.logical_date: datetime.datetime = run.logical_date
        self.execution_date: datetime.datetime = run.logical_date
        self.data_interval_start: datetime.datetime = run.data_interval_start
        self.data_interval_end: datetime.datetime = run.data_interval_end
        self.queued_at: datetime.datetime = run.queued_at
        self.start_date: datetime.datetime | None = run.started_at
        self.end_date: datetime.datetime | None = run.ended_at
        self.conf: dict[str, Any] = dict(run.conf)
        self.external_trigger: bool = run.type not in (RunType.SCHEDULED, RunType.BACKFILL)
        self.dag_version: str = run.version
        self.reason: str = run.reason
        self._api = api

    @property
    def is_backfill(self) -> bool:
        return self.run_type is RunType.BACKFILL

    def get_state(self) -> RunState:
        return self.state

    def get_task_instances(self, state: TaskState | str | Iterable[TaskState | str] | None = None) -> list[OtherTask]:
        """The tasks of this run, as they stand now; only those in `state` (one or several) if given."""
        wanted = None if state is None else {str(state)} if isinstance(state, str) else {str(one) for one in state}
        found = self._api.task_instances(self.dag_id, self.run_id)
        return [self._other(one) for one in found if wanted is None or str(one.state) in wanted]

    def _other(self, one: TaskInstance) -> OtherTask:
        return OtherTask(
            *(self.dag_id, self.run_id, one.task_id, one.state, one.map_index),
            *(one.try_number, one.max_tries, one.started_at, one.ended_at, one.reason),
        )

    def as_it_stands(self) -> DagRunContext:
        """This run as it is recorded now; this one itself if it is not recorded any more."""
        run = self._api.find_run(self.dag_id, self.run_id)
        return self if run is None else DagRunContext(run, self._api)

    def get_task_instance(self, task_id: str) -> OtherTask | None:
        """One task of this run as it stands now, or None if the run does not have it."""
        return next((task for task in self.get_task_instances() if task.task_id == task_id), None)

    def __repr__(self) -> str:
        return f"<DagRun {self.dag_id} {self.run_id}: {self.state}>"
