"""`dag_run` in the context: one run, with Airflow's names."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tradewind.context.api import TaskApi
from tradewind.records import Run
from tradewind.states import RunState, RunType, TaskState


@dataclass(frozen=True)
class OtherTask:
    """A task of the run as seen from another one of it: what it is called and how far it is."""

    dag_id: str
    run_id: str
    task_id: str
    state: TaskState | None

    def current_state(self) -> TaskState | None:
        return self.state


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
        self._api = api

    @property
    def is_backfill(self) -> bool:
        return self.run_type is RunType.BACKFILL

    def get_state(self) -> RunState:
        return self.state

    def get_task_instances(self, state: TaskState | str | Iterable[TaskState | str] | None = None) -> list[OtherTask]:
        """The tasks of this run, as they stand now; only those in `state` (one or several) if given."""
        wanted = None if state is None else {str(state)} if isinstance(state, str) else {str(one) for one in state}
        found = self._api.task_states(self.dag_id, self.run_id)
        return [
            OtherTask(self.dag_id, self.run_id, task_id, current)
            for task_id, current in found.items()
            if wanted is None or str(current) in wanted
        ]

    def get_task_instance(self, task_id: str) -> OtherTask | None:
        """One task of this run as it stands now, or None if the run does not have it."""
        return next((task for task in self.get_task_instances() if task.task_id == task_id), None)

    def __repr__(self) -> str:
        return f"<DagRun {self.dag_id} {self.run_id}: {self.state}>"
