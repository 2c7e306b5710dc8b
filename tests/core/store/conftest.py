"""A metadata database of its own for each test, and short ways to put something into it."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tradewind.records import DagSpec, Moves, NewRun, ParsedFile, Run, TaskInstance, TaskKey, TaskMove, TaskSpec
from tradewind.settings import Settings
from tradewind.states import RunType, TaskState
from tradewind.store import Store, open_store

NOW = datetime.datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=datetime.UTC)


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    return Settings(home=str(tmp_path), database_url=database_url)


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    with open_store(settings, create=True) as store:
        yield store


class Sample:
    """Puts DAGs and runs into a store."""

    now = NOW

    def __init__(self, store: Store) -> None:
        self.store = store
        self.scheduler = "scheduler-a"

    def later(self, **delta: float) -> datetime.datetime:
        return NOW + datetime.timedelta(**delta)

    def spec(self, dag_id: str = "sales", tasks: int = 2, **more: Any) -> DagSpec:
        return DagSpec(dag_id, tuple(TaskSpec(f"t{i}", "PythonOperator", retries=i) for i in range(tasks)), **more)

    def parsed(self, *specs: DagSpec, path: str = "/dags/sales.py", source: str = "first") -> ParsedFile:
        return ParsedFile(path, f"{source:0<16}", source, specs)

    def new_run(self, dag_id: str = "sales", run_id: str = "run-1", day: int = 0, **more: Any) -> NewRun:
        start = self.later(days=day)
        values = {"type": RunType.MANUAL, "data_interval_end": start + datetime.timedelta(days=1), **more}
        return NewRun(dag_id, run_id, logical_date=start, data_interval_start=start, **values)

    def run(self, dag_id: str = "sales", run_id: str = "run-1", tasks: int = 2, day: int = 0) -> Run:
        """A run whose lease this sample's scheduler has."""
        self.store.save_parsed(self.parsed(self.spec(dag_id, tasks), path=f"/dags/{dag_id}.py"), NOW)
        self.store.register_scheduler(self.scheduler, "here", 1, "p", NOW)
        assert self.store.create_run(self.new_run(dag_id, run_id, day), NOW)
        return next(run for run in self.store.claim_runs(self.scheduler, NOW) if run.run_id == run_id)

    def key(self, run: Run, task: TaskInstance) -> TaskKey:
        return TaskKey(run.dag_id, run.run_id, task.task_id, task.map_index, task.try_number, task.dispatch)

    def move(self, run: Run, task_id: str, state: TaskState | None, **more: Any) -> TaskInstance:
        """Move a task instance as its scheduler; returns it as it is then."""
        before = self.store.task(run.id, task_id)
        assert self.store.apply(run, Moves((TaskMove(before, replace(before, state=state, **more)),))).written
        return self.store.task(run.id, task_id)

    def queue(self, run: Run, task_id: str = "t0", dispatch: int = 1, try_number: int = 1) -> TaskKey:
        task = self.move(run, task_id, TaskState.QUEUED, dispatch=dispatch, try_number=try_number, queued_at=NOW)
        return self.key(run, task)

    def start(self, key: TaskKey, seconds: float = 0) -> bool:
        return self.store.start_attempt(key, self.later(seconds=seconds), "here", 42, "p-42") is not None


@pytest.fixture
def sample(store: Store) -> Sample:
    return Sample(store)
