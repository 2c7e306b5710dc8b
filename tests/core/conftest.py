"""Fixtures for tests of what tasks see and do."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tradewind import plugins, secrets
from tradewind.context import Context, MemoryTaskApi, TaskInstanceContext, build_context, set_current_context
from tradewind.records import Run, TaskInstance
from tradewind.states import RunState, RunType, TaskState

DAY = datetime.timedelta(days=1)
LOGICAL_DATE = datetime.datetime(2025, 11, 21, tzinfo=datetime.UTC)


def a_run(dag_id: str = "sales", *, at: datetime.datetime = LOGICAL_DATE, **more: Any) -> Run:
    """A scheduled run of one day."""
    values: dict[str, Any] = {
        "id": at.toordinal(),
        "dag_id": dag_id,
        "run_id": f"scheduled__{at.isoformat()}",
        "type": RunType.SCHEDULED,
        "state": RunState.RUNNING,
        "logical_date": at,
        "data_interval_start": at,
        "data_interval_end": at + DAY,
        "version": "v1",
        "queued_at": at + DAY,
        "started_at": at + DAY,
    }
    return Run(**{**values, **more})


@dataclass
class Execution:
    """Executes tasks as the runner does, with everything outside kept in memory."""

    api: MemoryTaskApi = field(default_factory=MemoryTaskApi)
    run: Run = field(default_factory=a_run)
    started_at: datetime.datetime = LOGICAL_DATE + DAY

    def context(self, task: Any, **more: Any) -> Context:
        instance = TaskInstance(
            task.task_id, state=TaskState.RUNNING, try_number=1, dispatch=1, started_at=self.started_at, **more
        )
        return build_context(task.dag if task.has_dag() else None, task, self.run, instance, self.api)

    def execute(self, task: Any, **more: Any) -> Any:
        """What the task returns."""
        return self.execute_with_ti(task, **more)[0]

    def execute_with_ti(self, task: Any, **more: Any) -> tuple[Any, TaskInstanceContext]:
        task = task.prepare_for_execution()
        context = self.context(task, **more)
        with set_current_context(context):
            task.render_template_fields(context)
            return task.execute(context), context["ti"]


@pytest.fixture
def execution() -> Execution:
    return Execution()


@pytest.fixture
def new_run() -> Callable[..., Run]:
    return a_run


@pytest.fixture
def fresh_secrets() -> Iterator[None]:
    """No secret is known, and no source of them opened, from another test."""
    secrets.forget_secrets()
    secrets.forget_sources()
    yield
    secrets.forget_secrets()
    secrets.forget_sources()


@pytest.fixture
def core_alone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No provider is there, whatever is installed beside the core."""
    monkeypatch.setenv("TRADEWIND_PLUGINS", "")
    plugins.current.cache_clear()
    yield
    plugins.current.cache_clear()
