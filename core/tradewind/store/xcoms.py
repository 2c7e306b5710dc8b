"""Values passed between tasks, and the `TaskApi` that a running task gets."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, and_, bindparam, delete, select
from sqlalchemy.sql.elements import ColumnElement

from tradewind.errors import StoreError
from tradewind.records import Run, TaskInstance, TaskKey
from tradewind.states import RunState
from tradewind.store.engine import Database, replayed
from tradewind.store.memos import MemoVerbs
from tradewind.store.named import CURRENT, THIS_RUN, THIS_TASK, named
from tradewind.store.rows import TASK_COLUMNS, task_from_row, utc_now
from tradewind.store.runs import RunVerbs
from tradewind.store.upsert import put
from tradewind.tables import runs, task_instances, xcoms

if TYPE_CHECKING:  # whoever hands this to a context has that loaded; the scheduler need not
    from tradewind.context import Found

_T, _X = task_instances.c, xcoms.c

_IN_RUN: ColumnElement[bool] = _X.run == THIS_RUN.scalar_subquery()
_OF_TASK = and_(_IN_RUN, _X.task_id == bindparam("task"), _X.map_index == bindparam("index"))
_ONE = select(_X.value).where(_OF_TASK, _X.key == bindparam("key"))
_FOUND = select(_X.task_id, _X.map_index, _X.value)
_IN_ORDER = (_X.written_at, _X.task_id, _X.map_index)
_OF_ALL = _FOUND.where(_IN_RUN, _X.key == bindparam("key")).order_by(*_IN_ORDER)
_OF_TASKS = _FOUND.where(
    _IN_RUN, _X.key == bindparam("key"), _X.task_id.in_(bindparam("tasks", expanding=True))
).order_by(*_IN_ORDER)
_NEWEST_WITH = (
    select(runs.c.id)
    .join_from(runs, xcoms, and_(_X.run == runs.c.id, _X.task_id == bindparam("task"), _X.key == bindparam("key")))
    .where(runs.c.dag_id == bindparam("dag"), runs.c.logical_date <= bindparam("latest"))
    .order_by(runs.c.logical_date.desc(), runs.c.id.desc())
    .limit(1)
)
_IN_NEWEST = _FOUND.where(
    _X.run == _NEWEST_WITH.scalar_subquery(), _X.task_id == bindparam("task"), _X.key == bindparam("key")
).order_by(_X.map_index)

#: Held till the end of the transaction: no other attempt of the task may begin meanwhile.
_CURRENT: Select[Any] = select(_T.run).where(CURRENT).with_for_update(read=True, of=task_instances)
_LOOKS = select(_T.looks, _T.first_look_at).where(THIS_TASK, _T.looks_try == bindparam("try_number"))
_INSTANCES = select(*TASK_COLUMNS).where(_T.run == THIS_RUN.scalar_subquery()).order_by(_T.task_id, _T.map_index)
_HAS = select(_X.key).where(_OF_TASK).limit(1)
_VALUES = select(_X.value).where(_OF_TASK)
_CLEAR = delete(xcoms).where(_OF_TASK)


class StoreTaskApi(MemoVerbs):
    """`tradewind.context.TaskApi`, answered from the metadata database."""

    def __init__(self, db: Database, runs: RunVerbs) -> None:
        self._db = db
        self._runs = runs

    def xcom_get(self, dag_id: str, run_id: str, task_id: str, key: str, map_index: int = -1) -> str | None:
        values = {"dag": dag_id, "name": run_id, "task": task_id, "index": map_index, "key": key}
        with self._db.read() as connection:
            value: str | None = connection.execute(_ONE, values).scalar_one_or_none()
            return value

    def xcom_get_many(self, dag_id: str, run_id: str, task_ids: Collection[str] | None, key: str) -> Found:
        values = {"dag": dag_id, "name": run_id, "key": key}
        with self._db.read() as connection:
            if task_ids is None:
                return _by_task(connection.execute(_OF_ALL, values))
            return _by_task(connection.execute(_OF_TASKS, {**values, "tasks": list(task_ids)}))

    def xcom_prior(self, dag_id: str, logical_date: datetime.datetime, task_ids: Collection[str], key: str) -> Found:
        found: Found = {}
        with self._db.read() as connection:
            for task_id in task_ids:
                values = {"dag": dag_id, "latest": logical_date, "task": task_id, "key": key}
                found |= _by_task(connection.execute(_IN_NEWEST, values))
        return found

    @replayed
    def xcom_put(self, key: TaskKey, xcom_key: str, json_text: str) -> None:
        """Raises StoreError if the attempt was given up for lost: what it says counts no more."""
        with self._db.write(alone=False) as connection:
            run = connection.execute(_CURRENT, named(key)).scalar_one_or_none()
            if run is None:
                raise StoreError(f"{key} is not the current attempt any more: its XCom {xcom_key!r} is not kept.")
            row = {"run": run, "task_id": key.task_id, "map_index": key.map_index, "key": xcom_key, "value": json_text}
            put(connection, xcoms, {**row, "written_at": utc_now()})

    @replayed
    def xcom_clear(self, key: TaskKey) -> list[str]:
        with self._db.read() as connection:  # mostly there is nothing: do not take the write lock for that
            if connection.execute(_HAS, named(key)).first() is None:
                return []
        with self._db.write(alone=False) as connection:
            if connection.execute(_CURRENT, named(key)).first() is None:
                return []
            values = list(connection.execute(_VALUES, named(key)).scalars())
            connection.execute(_CLEAR, named(key))
            return values

    def previous_success(self, dag_id: str, logical_date: datetime.datetime) -> Run | None:
        return self._runs.previous_run(dag_id, logical_date, RunState.SUCCESS)

    def find_run(self, dag_id: str, run_id: str) -> Run | None:
        return self._runs.find_run(dag_id, run_id)

    def task_instances(self, dag_id: str, run_id: str) -> list[TaskInstance]:
        with self._db.read() as connection:
            found = connection.execute(_INSTANCES, {"dag": dag_id, "name": run_id})
            return [task_from_row(row) for row in found]

    def reschedules(self, key: TaskKey) -> tuple[int, datetime.datetime | None]:
        with self._db.read() as connection:
            row = connection.execute(_LOOKS, {**named(key), "try_number": key.try_number}).one_or_none()
            return (0, None) if row is None else (row.looks, row.first_look_at)


def _by_task(rows: Iterable[Any]) -> Found:
    """Rows in the order of writing, as a dict whose last task is the one that wrote last."""
    found: Found = {}
    for task_id, map_index, value in rows:
        found[task_id] = {**found.pop(task_id, {}), map_index: value}
    return found
