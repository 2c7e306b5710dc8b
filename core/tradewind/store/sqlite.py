"""The metadata database as a SQLite file.

Many processes use it at once: write-ahead log, every write transaction takes the write lock at its very beginning (so
that it can never be refused half-way), and whoever finds the lock taken waits up to 30 seconds for it.
"""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.exc import StatementError
from sqlalchemy.pool import QueuePool

from tradewind.store.engine import LOCK_TIMEOUT, MOST_NEWS, Database
from tradewind.store.faults import explain, missing, no_folder
from tradewind.store.location import is_missing
from tradewind.tables import metadata

#: Longest pause between two looks whether the lock is free. SQLite's own waiting comes to a tenth of a second, and may
#: be out of luck for seconds where many processes write all the time.
LOCK_PAUSE = 0.004  # seconds

_WRITES = "tradewind_writes"


class SqliteDatabase(Database):
    """One SQLite file."""

    def __init__(self, path: Path, lock_timeout: float = LOCK_TIMEOUT) -> None:
        self.path = path
        self.place = str(path)
        self.lock_timeout = lock_timeout
        self._open = self._connect
        # The URL serves only to choose the dialect: `_connect` opens the file.
        self._engine = create_engine(
            "sqlite:///ignored",
            creator=lambda: self._open(),
            poolclass=QueuePool,
            max_overflow=-1,
            hide_parameters=True,  # values may be secrets
        )
        event.listen(self._engine, "begin", self._begin)
        self._writer = self._engine.execution_options(**{_WRITES: True})
        self._watcher: sqlite3.Connection | None = None
        self._left_behind: list[Any] = []

    @contextmanager
    def read(self) -> Iterator[Connection]:
        try:
            with self._engine.begin() as connection:
                yield connection
        except (StatementError, sqlite3.Error) as error:
            raise explain(error, self.path, self.lock_timeout) from error

    @contextmanager
    def write(self, *, news: bool = False, alone: bool = True) -> Iterator[Connection]:
        try:
            with self._writer.begin() as connection:
                yield connection
                if news:
                    _announce(connection)
        except (StatementError, sqlite3.Error) as error:
            raise explain(error, self.path, self.lock_timeout) from error

    def change_marker(self) -> int:
        """As `Database` has it: the number is kept in the header of the file, where SQLite leaves room for one."""
        try:
            if self._watcher is None:
                self._watcher = self._connect()
            marker: int = self._watcher.execute("PRAGMA user_version").fetchone()[0]
        except sqlite3.Error as error:
            raise explain(error, self.path, self.lock_timeout) from error
        return marker

    def migrating(self) -> AbstractContextManager[Connection]:
        return self.write()

    def warm_up(self, rehearse: Callable[[], None]) -> None:
        with self._in_memory():
            rehearse()

    @contextmanager
    def _in_memory(self) -> Iterator[None]:
        """Within the block there is nothing but an empty database in memory; one thread only may use it."""
        self.close()
        self._open = _connect_memory
        try:
            with self.write() as connection:
                metadata.create_all(connection)
            yield
        finally:
            self.close()
            self._open = self._connect

    def close(self) -> None:
        self._engine.dispose()
        if self._watcher is not None:
            self._watcher.close()
            self._watcher = None

    def after_fork(self) -> None:
        pool = self._engine.pool
        assert isinstance(pool, QueuePool)
        if self._watcher is None and pool.checkedin() == 0 and pool.checkedout() == 0:
            return  # the parent closed them all, as it should
        # They are kept alive, unused: SQLite's closing would meddle with files that the parent still works on.
        self._left_behind += [pool, self._watcher]
        self._engine.dispose(close=False)
        self._watcher = None

    def is_missing(self) -> bool:
        return is_missing(self.path)

    def create(self) -> None:
        """Make the file and its folder, if they are not there, and switch to the write-ahead log."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise no_folder(error, self.path) from error
        try:
            connection = sqlite3.connect(self.path, timeout=0, isolation_level=None)
        except sqlite3.Error as error:
            raise explain(error, self.path, self.lock_timeout) from error
        try:
            self._patiently(lambda: connection.execute("PRAGMA journal_mode = WAL"))
        except sqlite3.Error as error:
            raise explain(error, self.path, self.lock_timeout) from error
        finally:
            connection.close()

    def _begin(self, connection: Connection) -> None:
        driver = connection.connection.driver_connection
        assert driver is not None
        if not connection.get_execution_options().get(_WRITES):
            driver.execute("BEGIN")
            return
        driver.execute("PRAGMA busy_timeout = 0")
        try:
            self._patiently(lambda: driver.execute("BEGIN IMMEDIATE"))
        finally:
            driver.execute(f"PRAGMA busy_timeout = {int(self.lock_timeout * 1000)}")

    def _patiently(self, action: Callable[[], object]) -> None:
        """Do what needs a lock; while others have it, try again after short pauses of random length."""
        deadline = time.monotonic() + self.lock_timeout
        pause = LOCK_PAUSE / 16
        while True:
            try:
                action()
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
            time.sleep(random.uniform(pause / 2, pause))
            pause = min(2 * pause, LOCK_PAUSE)

    def _connect(self) -> sqlite3.Connection:
        if is_missing(self.path):
            raise missing(self.path)
        connection = sqlite3.connect(
            f"file:{quote(str(self.path))}?mode=rw",
            uri=True,
            timeout=self.lock_timeout,
            isolation_level=None,  # transactions begin where `_begin` says so, nowhere else
            check_same_thread=False,  # the pool hands a connection to one thread at a time
        )
        try:
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA synchronous = NORMAL")
        except sqlite3.Error:
            connection.close()
            raise
        return connection


def _announce(connection: Connection) -> None:
    driver = connection.connection.driver_connection
    assert driver is not None
    (before,) = driver.execute("PRAGMA user_version").fetchone()
    driver.execute(f"PRAGMA user_version = {before % MOST_NEWS + 1}")


def _connect_memory() -> sqlite3.Connection:
    return sqlite3.connect(":memory:", isolation_level=None)
