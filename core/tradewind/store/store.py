"""The metadata database as one object with all its verbs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Self

from tradewind import settings as settings_module
from tradewind.settings import Settings
from tradewind.store.dags import DagVerbs
from tradewind.store.engine import LOCK_TIMEOUT, Database
from tradewind.store.leases import LeaseVerbs
from tradewind.store.location import locate
from tradewind.store.maintenance import MaintenanceVerbs
from tradewind.store.moves import MoveVerbs
from tradewind.store.mysql import MySqlDatabase
from tradewind.store.pools import PoolVerbs
from tradewind.store.postgres import PostgresDatabase
from tradewind.store.rehearsal import rehearse
from tradewind.store.requests import RequestVerbs
from tradewind.store.runs import RunVerbs
from tradewind.store.specs import Specs
from tradewind.store.sqlite import SqliteDatabase
from tradewind.store.tasks import TaskVerbs
from tradewind.store.xcoms import StoreTaskApi


class Store(DagVerbs, RunVerbs, TaskVerbs, MoveVerbs, LeaseVerbs, RequestVerbs, PoolVerbs, MaintenanceVerbs):
    """Every verb of the metadata database. Nothing is opened before the first one; any thread may use it."""

    def __init__(
        self, url: str | None = None, settings: Settings | None = None, *, lock_timeout: float = LOCK_TIMEOUT
    ) -> None:
        settings = settings if settings is not None else settings_module.read()
        self._db = _database(url if url is not None else settings.database_url, lock_timeout)
        self._specs = Specs()
        self._paused_at_creation = settings.dags_are_paused_at_creation
        self._default_pool_slots = settings.default_pool_slots
        self._unwanted_home = settings.home if settings.xcom_store_url else None

    @property
    def place(self) -> str:
        """Which database it is, in words that may be shown."""
        return self._db.place

    @property
    def database(self) -> Database:
        """What the verbs work on, for the other modules of this package."""
        return self._db

    @property
    def takes_one_scheduler(self) -> bool:
        """Whether a second scheduler is to be refused while one is at work."""
        return self._db.takes_one_scheduler

    def task_api(self) -> StoreTaskApi:
        """What a running task may ask, answered from here."""
        return StoreTaskApi(self._db, self)

    def change_marker(self) -> int:
        """A number that has changed if schedulers should look what is new, by this process or another.

        New are DAGs, pools, requests and runs that were made, changed, deleted or let go of. What attempts record, and
        what the scheduler decides about their runs, is not: their processes' ends tell of that.
        """
        return self._db.change_marker()

    def listening(self, wake: Callable[[], None]) -> AbstractContextManager[None]:
        """Within the block `wake` is called, from another thread, when the change marker has changed.

        Only databases that tell so by themselves do that: the marker is to be looked at now and then all the same.
        """
        return self._db.listening(wake)

    def warm_up(self) -> None:
        """Do ahead what an attempt would have to do, on behalf of the processes that will be forked from this one.

        What is stored is not touched, and no connection is left open: none may be carried over a fork.
        """
        self._db.warm_up(lambda: rehearse(self))

    def after_fork(self) -> None:
        """Call this in a forked child before anything else; the parent's connections are left alone.

        The parent should have called `close` before it forked: SQLite keeps track of open files per process, and a
        child that inherits them cannot tell that they are not its own; a server would hear two processes on one line.
        """
        self._db.after_fork()

    def close(self) -> None:
        """Close all connections. The store can be used again: the next verb opens a new one."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def _database(url: str, lock_timeout: float) -> Database:
    where = locate(url)
    if isinstance(where, Path):
        return SqliteDatabase(where, lock_timeout)
    kinds = {"postgresql": PostgresDatabase, "mysql": MySqlDatabase}
    return kinds[where.dialect](where, lock_timeout)


def open_store(settings: Settings | None = None, *, create: bool = False) -> Store:
    """The metadata database that the settings name, with the schema checked.

    With `create` it is made, or brought up to date, if need be. Without, a missing or older one is a StoreError.
    """
    store = Store(settings=settings)
    try:
        if create:
            store.upgrade()
        else:
            store.check()
    except BaseException:
        store.close()
        raise
    return store
