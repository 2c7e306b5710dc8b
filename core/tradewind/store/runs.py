"""Runs: made, listed, deleted."""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import Connection, Select, bindparam, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from tradewind.errors import NotFound, StoreError, UsageError
from tradewind.records import DagSpec, NewRun, Run
from tradewind.states import RunState, RunType
from tradewind.store.dags import no_dag, refuse_if_held
from tradewind.store.engine import Database
from tradewind.store.leased import LEASED, lease
from tradewind.store.rows import RUN_COLUMNS, json_text, run_from_row
from tradewind.store.specs import Specs
from tradewind.store.unwanted import note_unwanted
from tradewind.store.words import not_found
from tradewind.tables import dags, requests, runs, task_instances

_SELECT = select(*RUN_COLUMNS)
_NAMED = _SELECT.where(runs.c.dag_id == bindparam("dag_id"), runs.c.run_id == bindparam("run_id"))
_BY_ID = _SELECT.where(runs.c.id == bindparam("id"))
_OF_DAG = _SELECT.where(runs.c.dag_id == bindparam("dag_id"))
_EARLIER = _OF_DAG.where(runs.c.logical_date < bindparam("logical_date"))
_NEWEST_FIRST = (runs.c.logical_date.desc(), runs.c.id.desc())
_PREVIOUS = _EARLIER.order_by(*_NEWEST_FIRST).limit(1)
_PREVIOUS_IN_STATE = _EARLIER.where(runs.c.state == bindparam("state")).order_by(*_NEWEST_FIRST).limit(1)
_UNFINISHED = (
    select(runs.c.dag_id, func.count())
    .where(runs.c.state.in_([RunState.QUEUED.value, RunState.RUNNING.value]))
    .group_by(runs.c.dag_id)
)
_NEWEST_VERSION = select(dags.c.version).where(dags.c.dag_id == bindparam("dag_id"))
_TASK_IDS = select(task_instances.c.task_id).where(task_instances.c.run == bindparam("id"))
_SET_VERSION = update(runs).where(LEASED).values(version=bindparam("newest"))
#: Remember which interval of a DAG was scheduled last.
_TOUCH_SCHEDULED = (
    update(dags)
    .where(dags.c.dag_id == bindparam("name"))
    .values(last_interval_end=bindparam("end"), last_logical_date=bindparam("logical"))
)
_INSERT_RUN = insert(runs)
_INSERT_TASKS = insert(task_instances)


class RunVerbs:
    """Runs of DAGs."""

    _db: Database
    _specs: Specs
    _unwanted_home: str | None

    def create_run(self, new: NewRun, now: datetime.datetime) -> Run | None:
        """Make a run in the state `queued`, with a task instance for each task; None if its run_id exists.

        It has the newest version of its DAG. A scheduled run is remembered as its DAG's last interval in the same
        transaction, so that none is made twice or left out. Raises NotFound, and UsageError for a type of run that the
        DAG does not allow.
        """
        try:
            with self._db.write(news=True) as connection:
                return self._insert(connection, new, now)
        except StoreError as error:
            if isinstance(error.__cause__, IntegrityError) and self.find_run(new.dag_id, new.run_id):
                return None
            raise

    def _insert(self, connection: Connection, new: NewRun, now: datetime.datetime) -> Run:
        version, spec = self._newest_version(connection, new.dag_id)
        if spec.allowed_run_types and new.type not in spec.allowed_run_types:
            allowed = ", ".join(spec.allowed_run_types)
            raise UsageError(f"The DAG {new.dag_id!r} takes no {new.type} runs (its allowed_run_types: {allowed}).")
        row = {
            "dag_id": new.dag_id,
            "run_id": new.run_id,
            "type": new.type.value,
            "state": RunState.QUEUED.value,
            "logical_date": new.logical_date,
            "data_interval_start": new.data_interval_start,
            "data_interval_end": new.data_interval_end,
            "version": version,
            "queued_at": now,
            "conf": json_text(new.conf),
            "reason": "",
        }
        key = connection.execute(_INSERT_RUN, row).inserted_primary_key
        assert key is not None
        if spec.tasks:
            tasks = [
                {"run": key[0], "task_id": task.task_id, "map_index": -1, "max_tries": task.retries}
                for task in spec.tasks
            ]
            connection.execute(_INSERT_TASKS, tasks)
        if new.type is RunType.SCHEDULED:
            last = {"name": new.dag_id, "end": new.data_interval_end, "logical": new.logical_date}
            connection.execute(_TOUCH_SCHEDULED, last)
        return run_from_row(connection.execute(_BY_ID, {"id": key[0]}).one())

    def _newest_version(self, connection: Connection, dag_id: str) -> tuple[str, DagSpec]:
        version = connection.execute(_NEWEST_VERSION, {"dag_id": dag_id}).scalar_one_or_none()
        if version is None:
            raise no_dag(connection, dag_id)
        return version, self._specs.get(connection, version)

    def renew_run(self, run: Run) -> bool:
        """Move a run to the newest version of its DAG: it gets the tasks that it lacks. False: the lease is lost.

        Task instances of tasks that the newest version lacks stay, for history.
        """
        with self._db.write() as connection:
            version, spec = self._newest_version(connection, run.dag_id)
            if connection.execute(_SET_VERSION, {**lease(run), "newest": version}).rowcount != 1:
                return False
            known = set(connection.execute(_TASK_IDS, {"id": run.id}).scalars())
            added = [
                {"run": run.id, "task_id": task.task_id, "map_index": -1, "max_tries": task.retries}
                for task in spec.tasks
                if task.task_id not in known
            ]
            if added:
                connection.execute(_INSERT_TASKS, added)
            return True

    def run(self, dag_id: str, run_id: str) -> Run:
        """One run. Raises NotFound with the nearest run_id."""
        with self._db.read() as connection:
            row = connection.execute(_NAMED, {"dag_id": dag_id, "run_id": run_id}).one_or_none()
            if row is None:
                raise no_run(connection, dag_id, run_id)
            return run_from_row(row)

    def find_run(self, dag_id: str, run_id: str) -> Run | None:
        """One run, or None."""
        with self._db.read() as connection:
            row = connection.execute(_NAMED, {"dag_id": dag_id, "run_id": run_id}).one_or_none()
            return None if row is None else run_from_row(row)

    def run_by_id(self, id: int) -> Run | None:
        """The run with this key, or None if it was deleted."""
        with self._db.read() as connection:
            row = connection.execute(_BY_ID, {"id": id}).one_or_none()
            return None if row is None else run_from_row(row)

    def runs(
        self,
        dag_id: str | None = None,
        state: RunState | None = None,
        limit: int | None = None,
        newest_first: bool = True,
        earliest: datetime.datetime | None = None,
        latest: datetime.datetime | None = None,
    ) -> list[Run]:
        """Runs by logical date, those from `earliest` to `latest` (both included) if given."""
        query: Select[Any] = _SELECT
        if dag_id is not None:
            query = query.where(runs.c.dag_id == dag_id)
        if state is not None:
            query = query.where(runs.c.state == state.value)
        if earliest is not None:
            query = query.where(runs.c.logical_date >= earliest)
        if latest is not None:
            query = query.where(runs.c.logical_date <= latest)
        order = _NEWEST_FIRST if newest_first else (runs.c.logical_date, runs.c.id)
        with self._db.read() as connection:
            return [run_from_row(row) for row in connection.execute(query.order_by(*order).limit(limit))]

    def previous_run(self, dag_id: str, logical_date: datetime.datetime, state: RunState | None = None) -> Run | None:
        """The newest run with an earlier logical date; of those in `state`, if it is given."""
        values = {"dag_id": dag_id, "logical_date": logical_date}
        with self._db.read() as connection:
            if state is None:
                row = connection.execute(_PREVIOUS, values).one_or_none()
            else:
                row = connection.execute(_PREVIOUS_IN_STATE, {**values, "state": state.value}).one_or_none()
            return None if row is None else run_from_row(row)

    def unfinished_runs(self) -> dict[str, int]:
        """How many runs of each DAG have not ended; DAGs without any are left out."""
        with self._db.read() as connection:
            return dict(connection.execute(_UNFINISHED).all())

    def delete_run(self, dag_id: str, run_id: str) -> None:
        """Delete a run and all that belongs to it. Raises NotFound, or UsageError while it works."""
        with self._db.write(news=True) as connection:
            refuse_if_held(connection, dag_id, run_id)
            note_unwanted(connection, self._unwanted_home, runs.c.dag_id == dag_id, runs.c.run_id == run_id)
            done = connection.execute(delete(runs).where(runs.c.dag_id == dag_id, runs.c.run_id == run_id))
            if done.rowcount == 0:
                raise no_run(connection, dag_id, run_id)
            connection.execute(delete(requests).where(requests.c.dag_id == dag_id, requests.c.run_id == run_id))


def no_run(connection: Connection, dag_id: str, run_id: str) -> NotFound:
    known = connection.execute(select(runs.c.run_id).where(runs.c.dag_id == dag_id)).scalars().all()
    if not known and connection.execute(_NEWEST_VERSION, {"dag_id": dag_id}).first() is None:
        return no_dag(connection, dag_id)
    return not_found(
        f"run of the DAG {dag_id!r} called", run_id, known, f"`tradewind runs list {dag_id}` shows those there are"
    )
