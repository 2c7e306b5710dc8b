"""Task instances and their attempts: looked at by all, moved on by the process of an attempt.

A process of an attempt may record only what happens to that attempt: each of its verbs compares the stored state and
dispatch first, in the same statement, so that one which was given up for lost can overwrite nothing.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection
from typing import Any

from sqlalchemy import Select, and_, bindparam, case, insert, select, update

from tradewind.records import Attempt, DagVersion, Outcome, Run, TaskInstance, TaskKey
from tradewind.states import TaskState
from tradewind.store.engine import Database, replayed
from tradewind.store.named import CURRENT, named
from tradewind.store.rows import (
    ATTEMPT_COLUMNS,
    RUN_COLUMNS,
    TASK_COLUMNS,
    attempt_from_row,
    run_from_row,
    skips_text,
    task_from_row,
    task_state,
)
from tradewind.store.specs import Specs
from tradewind.store.words import not_found
from tradewind.tables import attempts, dag_versions, runs, task_instances

_T = task_instances.c

_SELECT = select(*TASK_COLUMNS)
_OF_RUN = _SELECT.where(_T.run == bindparam("run")).order_by(_T.task_id, _T.map_index)
_ONE = _SELECT.where(_T.run == bindparam("run"), _T.task_id == bindparam("task"), _T.map_index == bindparam("index"))
_STATES = select(_T.task_id, _T.state).where(
    _T.run == bindparam("run"), _T.task_id.in_(bindparam("tasks", expanding=True)), _T.map_index == -1
)
_ATTEMPTS = (
    select(*ATTEMPT_COLUMNS)
    .where(
        attempts.c.run == bindparam("run"),
        attempts.c.task_id == bindparam("task"),
        attempts.c.map_index == bindparam("index"),
    )
    .order_by(attempts.c.dispatch)
)

_RUNNING = and_(CURRENT, _T.state == TaskState.RUNNING.value)

_START = (
    update(task_instances)
    .where(CURRENT, _T.state == TaskState.QUEUED.value)
    .values(
        state=TaskState.RUNNING.value,
        started_at=bindparam("now"),
        ended_at=None,
        heartbeat_at=bindparam("now"),
        host=bindparam("on_host"),
        pid=bindparam("as_pid"),
        process=bindparam("as_process"),
    )
)
_STARTED: Select[Any] = (
    select(*RUN_COLUMNS, *TASK_COLUMNS, dag_versions.c.path, dag_versions.c.file_hash)
    .join_from(task_instances, runs, runs.c.id == _T.run)
    .join(dag_versions, and_(dag_versions.c.dag_id == runs.c.dag_id, dag_versions.c.version == runs.c.version))
    .where(CURRENT)
)
_BEAT = update(task_instances).where(_RUNNING).values(heartbeat_at=bindparam("now"))
_FINISH = (
    update(task_instances)
    .where(_RUNNING)
    .values(
        state=bindparam("ended_as"),
        ended_at=bindparam("now"),
        next_at=bindparam("due"),
        skips=bindparam("to_skip"),
        reason=bindparam("why"),
    )
)
_SAME_TRY = _T.looks_try == _T.try_number
_GIVE_BACK = (
    update(task_instances)
    .where(_RUNNING)
    .ordered_values(
        (_T.state, TaskState.UP_FOR_RESCHEDULE.value),
        (_T.ended_at, bindparam("now")),
        (_T.next_at, bindparam("due")),
        (_T.reason, bindparam("why")),
        (_T.looks, case((_SAME_TRY, _T.looks + 1), else_=1)),
        (_T.first_look_at, case((_SAME_TRY, _T.first_look_at), else_=_T.started_at)),
        (_T.looks_try, _T.try_number),  # last: MySQL sets one after the other, and what reads it must come before
    )
)
#: column of `attempts` -> what of the task instance goes there
_KEPT = {
    **{name: _T[name] for name in ("run", "task_id", "map_index", "dispatch", "try_number", "state")},
    "started_at": case((_SAME_TRY, _T.first_look_at), else_=_T.started_at),
    **{name: _T[name] for name in ("ended_at", "host", "pid", "reason")},
}
_HISTORY = insert(attempts).from_select(list(_KEPT), select(*_KEPT.values()).where(CURRENT))


class TaskVerbs:
    """Task instances, and what the process of an attempt records."""

    _db: Database
    _specs: Specs

    def tasks(self, run: int) -> list[TaskInstance]:
        """The task instances of the run with this Run.id, by task id and map index."""
        with self._db.read() as connection:
            return [task_from_row(row) for row in connection.execute(_OF_RUN, {"run": run})]

    def task(self, run: int, task_id: str, map_index: int = -1) -> TaskInstance:
        """One task instance of the run with this Run.id. Raises NotFound with the nearest task id."""
        with self._db.read() as connection:
            row = connection.execute(_ONE, {"run": run, "task": task_id, "index": map_index}).one_or_none()
            if row is not None:
                return task_from_row(row)
            known = [other.task_id for other in map(task_from_row, connection.execute(_OF_RUN, {"run": run}))]
        what = "task" if map_index < 0 else f"task with the map index {map_index}"
        raise not_found(f"{what} in this run called", task_id, known, "`tradewind tasks list` shows those there are")

    def states(self, run: int, task_ids: Collection[str]) -> dict[str, TaskState | None]:
        """The states of some tasks of the run with this Run.id; tasks that it does not have are left out."""
        with self._db.read() as connection:
            found = connection.execute(_STATES, {"run": run, "tasks": list(task_ids)})
            return {task_id: task_state(state) for task_id, state in found}

    def attempts(self, run: int, task_id: str, map_index: int = -1) -> list[Attempt]:
        """The ended tries of a task instance, oldest first."""
        with self._db.read() as connection:
            found = connection.execute(_ATTEMPTS, {"run": run, "task": task_id, "index": map_index})
            return [attempt_from_row(row) for row in found]

    @replayed
    def start_attempt(
        self, key: TaskKey, now: datetime.datetime, host: str, pid: int, process: str
    ) -> tuple[Run, TaskInstance, DagVersion] | None:
        """The process of an attempt has started. None: the attempt is not (or no longer) wanted; run nothing."""
        values = {**named(key), "now": now, "on_host": host, "as_pid": pid, "as_process": process}
        with self._db.write(alone=False) as connection:
            if connection.execute(_START, values).rowcount != 1:
                return None
            row = connection.execute(_STARTED, named(key)).one()
            run = run_from_row(row[: len(RUN_COLUMNS)])
            task = task_from_row(row[len(RUN_COLUMNS) : -2])
            path, file_hash = row[-2:]
            spec = self._specs.get(connection, run.version)
        return run, task, DagVersion(run.dag_id, run.version, path, file_hash, spec)

    @replayed
    def heartbeat(self, key: TaskKey, now: datetime.datetime) -> bool:
        """A sign of life. False: the attempt is not wanted any more, and must stop itself."""
        with self._db.write(alone=False) as connection:
            return connection.execute(_BEAT, {**named(key), "now": now}).rowcount == 1

    @replayed
    def finish_attempt(self, key: TaskKey, outcome: Outcome) -> bool:
        """Record how an attempt ended. False: it was given up before; nothing is recorded."""
        values = {
            **named(key),
            "now": outcome.ended_at,
            "due": outcome.next_at,
            "why": outcome.reason or None,
        }
        with self._db.write(alone=False) as connection:
            if outcome.state is TaskState.UP_FOR_RESCHEDULE:
                return connection.execute(_GIVE_BACK, values).rowcount == 1
            values |= {"ended_as": outcome.state.value, "to_skip": skips_text(outcome.skips)}
            if connection.execute(_FINISH, values).rowcount != 1:
                return False
            connection.execute(_HISTORY, named(key))
            return True
