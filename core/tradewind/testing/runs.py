"""Runs one task, or a whole DAG, in the process of a test, with everything outside of it kept in memory.

The runner carries the task out as it does in production: templates, callbacks, time limit, XComs. Only the store and
the process of its own are missing, so that a debugger and the fixtures of a test reach everything.
"""

from __future__ import annotations

import datetime
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tradewind import xcom
from tradewind.context import MemoryTaskApi
from tradewind.dag import DAG
from tradewind.operator import BaseOperator
from tradewind.records import Outcome, Run, TaskInstance
from tradewind.runner.execution import execute_task
from tradewind.runner.interrupts import Interrupts
from tradewind.scheduler.in_process import InProcessRun, run_of
from tradewind.scheduler.in_process import run_dag as run_in_process
from tradewind.states import RunState, TaskState

_GOOD = frozenset({TaskState.SUCCESS, TaskState.SKIPPED, TaskState.UP_FOR_RESCHEDULE})


@dataclass
class TaskRun:
    """How one attempt of a task went."""

    state: TaskState
    result: Any  #: what it returned, as tasks downstream get it; None if it returned nothing or failed
    xcoms: dict[str, Any]  #: everything that it passed on, by key
    ti: TaskInstance
    run: Run
    reason: str = ""  #: why it ended like that, in words
    error: BaseException | None = None  #: what it raised
    outcome: Outcome | None = field(default=None, repr=False)


def run_task(
    task: BaseOperator,
    *,
    logical_date: datetime.datetime | None = None,
    conf: Mapping[str, Any] | None = None,
    xcoms: Mapping[str, Any] | None = None,
    try_number: int = 1,
    check: bool = True,
    interrupts: Interrupts | None = None,
) -> TaskRun:
    """Execute one task and return how it went. With `check` whatever it raises is raised here, but for a skip.

    The task may belong to a DAG or to none. `logical_date` is now unless given; `conf` is that of the run; `xcoms` are
    what other tasks returned, by task id. `interrupts` can stop it, as `Interrupts` says.
    """
    dag = task.dag if task.has_dag() else DAG("test", schedule=None)
    if not task.has_dag():
        task.dag = dag
    run = run_of(dag.spec(), logical_date, conf, RunState.RUNNING)
    running = TaskInstance(
        task.task_id,
        state=TaskState.RUNNING,
        try_number=try_number,
        max_tries=task.retries,
        dispatch=try_number,
        started_at=run.started_at,
    )
    api = MemoryTaskApi()
    for task_id, value in (xcoms or {}).items():
        api.xcoms[dag.dag_id, run.run_id, task_id, -1, xcom.RETURN_KEY] = xcom.dumps(value)
    raised: list[BaseException | None] = []

    def note(outcome: Outcome) -> bool:
        raised.append(sys.exception())
        return True

    outcome = execute_task(dag, task, run, running, api, record=note, interrupts=interrupts or Interrupts())
    error = raised[-1]
    if check and outcome.state not in _GOOD and error is not None:
        raise error
    found = {key: xcom.loads(text) for (_, _, task_id, _, key), text in api.xcoms.items() if task_id == task.task_id}
    result = found.get(xcom.RETURN_KEY)
    return TaskRun(outcome.state, result, found, running, run, outcome.reason, error, outcome)


def run_dag(
    dag: Any,
    *,
    logical_date: datetime.datetime | None = None,
    conf: Mapping[str, Any] | None = None,
    check: bool = True,
) -> InProcessRun:
    """Run a whole DAG and return the finished run. With `check` a run that fails raises AssertionError, saying why."""
    finished = run_in_process(dag, logical_date=logical_date, conf=conf)
    if check and finished.state is not RunState.SUCCESS:
        failed = [
            f"{task_id}: {instance.reason or instance.state}"
            for task_id, instance in finished.instances.items()
            if instance.state in (TaskState.FAILED, TaskState.UPSTREAM_FAILED)
        ]
        raise AssertionError(f"The run of DAG {dag.dag_id!r} is {finished.state}: {'; '.join(failed)}")
    return finished
