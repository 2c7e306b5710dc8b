"""Runs through what an attempt does, on an empty database in memory, so that its statements are compiled already.

A process that forks one child per attempt does this once; each child is then spared several milliseconds.
"""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from msgspec.structs import replace

from tradewind.records import DagSpec, Moves, NewRun, Outcome, ParsedFile, TaskKey, TaskMove, TaskSpec
from tradewind.states import RunType, TaskState

if TYPE_CHECKING:
    from tradewind.store.store import Store


def rehearse(store: Store) -> None:
    """Every verb that the process of an attempt uses. `store` must lead to a database that is thrown away."""
    now = datetime.datetime.now(datetime.UTC)
    spec = DagSpec("rehearsal", (TaskSpec("task", "Rehearsal"),))
    store.save_parsed(ParsedFile("", "", "", (spec,)), now)
    store.create_run(NewRun(spec.dag_id, "run", RunType.MANUAL, now, now, now), now)
    [run] = store.claim_runs("", now)
    [task] = store.tasks(run.id)
    queued = replace(task, state=TaskState.QUEUED, try_number=1, dispatch=1)
    store.apply(run, Moves((TaskMove(task, queued),)))

    key = TaskKey(run.dag_id, run.run_id, task.task_id, try_number=1, dispatch=1)
    api = store.task_api()
    store.start_attempt(key, now, "", 0, "")
    store.heartbeat(key, now)
    api.xcom_put(key, "return_value", "0")
    api.xcom_get(run.dag_id, run.run_id, task.task_id, "return_value")
    api.xcom_get_many(run.dag_id, run.run_id, [task.task_id], "return_value")
    api.xcom_clear(key)
    store.finish_attempt(key, Outcome(TaskState.SUCCESS, now))
