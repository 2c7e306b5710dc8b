"""Who works: schedulers, their signs of life, and the runs that each has a lease on."""

from __future__ import annotations

import datetime
from collections.abc import Collection
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, and_, bindparam, delete, or_, select, update

from tradewind.records import Run
from tradewind.states import RunState
from tradewind.store.engine import Database, replayed
from tradewind.store.leased import LEASED, lease
from tradewind.store.rows import RUN_COLUMNS, run_from_row
from tradewind.store.upsert import put
from tradewind.tables import requests, runs, schedulers

_S = schedulers.c
_SCHEDULERS = select(_S.id, _S.host, _S.pid, _S.process, _S.started_at, _S.heartbeat_at).order_by(_S.started_at)
_BEAT = update(schedulers).where(_S.id == bindparam("name")).values(heartbeat_at=bindparam("now"))

_OPEN = or_(runs.c.state.in_([RunState.QUEUED.value, RunState.RUNNING.value]), runs.c.callback_due)
_UNOWNED = or_(
    runs.c.owner.is_(None),
    runs.c.owner.in_(bindparam("dead", expanding=True)),
    runs.c.owner.not_in(select(_S.id).scalar_subquery()),
)
#: Two queries, since one with an OR over both would look through every run there ever was.
_CLAIMABLE: list[Select[Any]] = [
    select(runs.c.id).where(_OPEN, _UNOWNED).order_by(runs.c.logical_date, runs.c.id).limit(bindparam("most")),
    select(runs.c.id)
    .where(
        runs.c.id.in_(
            select(runs.c.id).join_from(
                requests, runs, and_(runs.c.dag_id == requests.c.dag_id, runs.c.run_id == requests.c.run_id)
            )
        ),
        _UNOWNED,
    )
    .order_by(runs.c.logical_date, runs.c.id)
    .limit(bindparam("most")),
]
#: The runs of one DAG belong to one scheduler at a time: its limits and what its runs wait for concern all of them.
_held = runs.alias("held")
_OF_OTHERS = select(_held.c.dag_id).where(_held.c.owner.in_(bindparam("others", expanding=True)))
_CLAIMABLE_BESIDE = [query.where(runs.c.dag_id.not_in(_OF_OTHERS)) for query in _CLAIMABLE]
_IDS = select(_S.id)
_CLAIM = (
    update(runs)
    .where(runs.c.id.in_(bindparam("ids", expanding=True)))
    .values(owner=bindparam("by"), epoch=runs.c.epoch + 1)
)
_CLAIMED = (
    select(*RUN_COLUMNS).where(runs.c.id.in_(bindparam("ids", expanding=True))).order_by(runs.c.logical_date, runs.c.id)
)
_RELEASE = update(runs).where(runs.c.owner == bindparam("by")).values(owner=None)
_RELEASE_RUN = update(runs).where(LEASED).values(owner=None)


class SchedulerInfo(msgspec.Struct, frozen=True):
    """A scheduler that is, or was, at work."""

    id: str
    host: str
    pid: int
    process: str  #: tells the process from a later one with the same pid
    started_at: datetime.datetime
    heartbeat_at: datetime.datetime


class LeaseVerbs:
    """Schedulers and their leases on runs."""

    _db: Database

    def register_scheduler(
        self,
        id: str,
        host: str,
        pid: int,
        process: str,
        now: datetime.datetime,
        *,
        beside: Collection[str] | None = None,
    ) -> bool:
        """A scheduler starts to work. False: it does not, for there are others than those that it may be `beside`."""
        row = {"id": id, "host": host, "pid": pid, "process": process, "started_at": now, "heartbeat_at": now}
        with self._db.write(news=True) as connection:
            if beside is not None and not set(connection.execute(select(_S.id)).scalars()) <= {id, *beside}:
                return False
            put(connection, schedulers, row)
            return True

    @replayed
    def scheduler_heartbeat(self, id: str, now: datetime.datetime) -> bool:
        """A sign of life. False: others took it for dead and forgot it: it must register and claim anew."""
        with self._db.write(alone=False) as connection:
            return connection.execute(_BEAT, {"name": id, "now": now}).rowcount == 1

    def schedulers(self) -> list[SchedulerInfo]:
        """Every registered scheduler, oldest first, dead ones too."""
        with self._db.read() as connection:
            return [SchedulerInfo(*row) for row in connection.execute(_SCHEDULERS)]

    def forget_scheduler(self, id: str) -> None:
        """A scheduler has ended, or is dead: its runs can be claimed by others."""
        with self._db.write(news=True) as connection:
            connection.execute(delete(schedulers).where(_S.id == id))

    def claim_runs(
        self, scheduler_id: str, now: datetime.datetime, dead: Collection[str] = (), limit: int = 1000
    ) -> list[Run]:
        """Take the lease on runs that need work and that nobody works on; the oldest logical dates first.

        Those are unfinished runs, runs whose DAG-level callback is due, and runs that somebody asked something of,
        if their owner is nobody, one of `dead`, or not registered; and no other scheduler has a run of the same DAG.
        Each claim raises the run's `epoch`.
        """
        with self._db.read() as connection:  # most looks find nothing: do not take the write lock for that
            if not self._claimable(connection, scheduler_id, dead, 1):
                return []
        with self._db.write() as connection:
            ids = self._claimable(connection, scheduler_id, dead, limit)
            if not ids:
                return []
            connection.execute(_CLAIM, {"ids": ids, "by": scheduler_id})
            connection.execute(_BEAT, {"name": scheduler_id, "now": now})  # who claims is alive
            return [run_from_row(row) for row in connection.execute(_CLAIMED, {"ids": ids})]

    def _claimable(self, connection: Connection, scheduler_id: str, dead: Collection[str], limit: int) -> list[int]:
        """The ids of at most so many runs that the scheduler may claim."""
        values: dict[str, Any] = {"dead": list(dead), "most": limit}
        queries = _CLAIMABLE
        if not self._db.takes_one_scheduler:
            others = set(connection.execute(_IDS).scalars()) - {scheduler_id, *dead}
            if others:
                queries, values["others"] = _CLAIMABLE_BESIDE, sorted(others)
        found = (row.id for query in queries for row in connection.execute(query, values))
        return list(dict.fromkeys(found))[:limit]

    def release(self, scheduler_id: str) -> None:
        """Give all leases of a scheduler back."""
        with self._db.write(news=True) as connection:
            connection.execute(_RELEASE, {"by": scheduler_id})

    def release_run(self, run: Run) -> None:
        """Give the lease of one run back, if it still is this scheduler's."""
        with self._db.write() as connection:
            connection.execute(_RELEASE_RUN, lease(run))
