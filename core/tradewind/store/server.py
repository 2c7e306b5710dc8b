"""A metadata database on a server: what PostgreSQL and MySQL have in common.

Transactions are kept apart by one lock with two modes: a write transaction that is alone holds it exclusively, the
others share it. A process keeps one connection open; it is looked at before it is used again after a while, and a
write transaction begins anew on another one if the server has closed it.
"""

from __future__ import annotations

import time
import weakref
from abc import abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from sqlalchemy import URL, Column, Connection, Engine, MetaData, Table, create_engine, event
from sqlalchemy.exc import DBAPIError, DisconnectionError, StatementError
from sqlalchemy.pool import QueuePool

from tradewind.errors import StoreError
from tradewind.store.engine import LOCK_TIMEOUT, MOST_NEWS, Database
from tradewind.store.location import DRIVERS, EXTRAS, Server
from tradewind.store.server_faults import explain
from tradewind.tables import MYSQL, metadata

#: A connection that was idle for longer is looked at before it is used again.
IDLE = 1.0  # seconds

#: How long the server may take to answer a new connection, unless the URL says otherwise.
CONNECT_TIMEOUT = 10  # seconds

#: A server that says nothing for so long, while it should, is given up: the network may have swallowed it.
SILENCE_TIMEOUT = 120  # seconds

#: Tells schedulers that there is news.
ANNOUNCE = f"UPDATE news SET number = mod(number, {MOST_NEWS}) + 1"


class ServerDatabase(Database):
    """Connections to one database on a server."""

    takes_one_scheduler = False

    #: What the driver is told besides what stands in the URL.
    _options: ClassVar[dict[str, Any]]
    #: What `create_engine` is told.
    _engine_options: ClassVar[dict[str, Any]] = {}

    def __init__(self, server: Server, lock_timeout: float = LOCK_TIMEOUT) -> None:
        self.server = server
        self.place = str(server)
        self.lock_timeout = lock_timeout
        self._opened: weakref.WeakSet[Any] = weakref.WeakSet()
        self._watcher: Any = None
        self._rehearsal: Any = None  #: the only connection that may be used now: elsewhere, it would be in earnest
        self._engine = self._make_engine()
        self._errors: tuple[type[Exception], ...] = (StatementError, DisconnectionError, self._driver.Error)

    def _make_engine(self) -> Engine:
        server = self.server
        driver = DRIVERS[server.dialect]
        try:
            engine = create_engine(
                f"{server.dialect}+{driver}://",
                creator=lambda: self._connect(),
                poolclass=QueuePool,
                pool_size=1,
                max_overflow=-1,
                hide_parameters=True,  # values may be secrets
                **self._engine_options,
            )
        except ImportError as error:
            raise StoreError(
                f"The metadata database {self.place} needs {driver}, which is not installed: "
                f"pip install 'tradewind[{EXTRAS[server.dialect]}]'."
            ) from error
        event.listen(engine, "checkin", _note_use)
        event.listen(engine, "checkout", self._look_at)
        return engine

    @property
    def _driver(self) -> Any:
        """The driver's module."""
        return self._engine.dialect.dbapi

    # -- connections -----------------------------------------------------------------------------------------------

    def _connect(self) -> Any:
        """A new connection of the driver, set up."""
        args, found = self._engine.dialect.create_connect_args(self._url())
        connection = self._open(*args, **{**self._options, **found})
        try:
            self._set_up(connection)
        except BaseException:
            connection.close()
            raise
        self._opened.add(connection)
        return connection

    def _open(self, *args: Any, **options: Any) -> Any:
        """Call the driver, with what SQLAlchemy and we would tell it."""
        return self._driver.connect(*args, **options)

    def _url(self) -> URL:
        server, query = self.server, dict(self.server.options)
        place: dict[str, Any] = {}
        if len(server.hosts) == 1:
            place["host"], place["port"] = server.hosts[0]
        elif server.hosts:
            hosts = {"host": ",".join(host for host, _ in server.hosts)}
            if any(port for _, port in server.hosts):
                hosts["port"] = ",".join(str(port or "") for _, port in server.hosts)
            query = {**hosts, **query}
        return URL.create(
            server.dialect,
            username=server.login,
            password=server.password,
            database=server.database,
            query=query,
            **place,
        )

    @abstractmethod
    def _set_up(self, connection: Any) -> None:
        """Settings of the session that every new connection needs."""

    def _look_at(self, connection: Any, record: Any, proxy: Any) -> None:
        """Called by the pool before a connection is used again."""
        idle = time.monotonic() - record.info.get("used", time.monotonic())
        if idle < IDLE and not self._is_noisy(connection):
            return
        try:
            self._engine.dialect.do_ping(connection)
        except self._driver.Error as error:
            raise DisconnectionError("the server has closed it") from error  # the pool opens another one

    def _is_noisy(self, connection: Any) -> bool:
        """Whether the server has sent something unasked: that it hangs up, mostly. Told without asking it."""
        return False

    def close(self) -> None:
        self._engine.dispose()
        if self._watcher is not None:
            self._watcher.close()
            self._watcher = None

    def after_fork(self) -> None:
        for connection in self._opened:
            self._disarm(connection)
        self._opened.clear()
        self._engine.dispose(close=False)
        self._watcher = None

    def _disarm(self, connection: Any) -> None:
        """See to it that a connection that belongs to the parent process cannot be used, nor closed in its name."""

    # -- transactions ----------------------------------------------------------------------------------------------

    @contextmanager
    def read(self) -> Iterator[Connection]:
        with self._explained(), self._start(self._begin_read) as connection:
            yield connection
            connection.commit()

    @contextmanager
    def write(self, *, news: bool = False, alone: bool = True) -> Iterator[Connection]:
        with self._explained(), self._start(self._lock_alone if alone else self._lock_shared) as connection:
            yield connection
            if news:
                connection.exec_driver_sql(self._announce)
            connection.commit()

    #: SQL that tells schedulers that there is news.
    _announce = ANNOUNCE

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except self._errors as error:
            raise explain(error, self.server, self.lock_timeout) from error

    def _start(self, begin: Callable[[Connection], None]) -> Connection:
        """A connection whose transaction has begun. Left without a commit, it is undone."""
        try:
            return self._begun(begin)
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
        return self._begun(begin)  # the server had closed the connection, which nobody knew

    def _begun(self, begin: Callable[[Connection], None]) -> Connection:
        connection = self._engine.connect()
        try:
            if self._rehearsal is not None and connection.connection.driver_connection is not self._rehearsal:
                raise StoreError(f"The connection to the metadata database {self.place} broke during a rehearsal.")
            begin(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    @abstractmethod
    def _begin_read(self, connection: Connection) -> None:
        """Begin a transaction that sees one moment."""

    @abstractmethod
    def _lock_alone(self, connection: Connection) -> None:
        """Begin a write transaction, and wait until it is the only one."""

    @abstractmethod
    def _lock_shared(self, connection: Connection) -> None:
        """Begin a write transaction, and wait until none is alone."""

    # -- news ------------------------------------------------------------------------------------------------------

    def change_marker(self) -> int:
        with self._explained():
            try:
                return self._look_for_news()
            except self._driver.Error:  # the server may have closed the connection since the last look
                return self._look_for_news()

    def _look_for_news(self) -> int:
        if self._watcher is None:
            self._watcher = self._autocommitting()
        try:
            with self._watcher.cursor() as cursor:
                cursor.execute("SELECT number FROM news")
                found = cursor.fetchone()
        except BaseException:
            watcher, self._watcher = self._watcher, None
            watcher.close()
            raise
        if found is None:
            raise StoreError(f"The metadata database {self.place} has lost the row of its table `news`.")
        return int(found[0])

    def _autocommitting(self) -> Any:
        """A new connection of the driver on which every statement is a transaction."""
        connection = self._connect()
        self._engine.dialect.set_isolation_level(connection, "AUTOCOMMIT")
        return connection

    # -- the database ----------------------------------------------------------------------------------------------

    def warm_up(self, rehearse: Callable[[], None]) -> None:
        """Rehearse on temporary tables, which hide the real ones from this one connection."""
        self.close()
        try:
            with self.write(alone=False) as connection:
                _temporary_tables().create_all(connection, checkfirst=False)
                connection.exec_driver_sql("INSERT INTO news VALUES (1, 0)")
                self._rehearsal = connection.connection.driver_connection
            rehearse()
        finally:
            self._rehearsal = None
            self.close()

    def is_missing(self) -> bool:
        return False

    def create(self) -> None:
        """Nothing: whoever runs the server makes the database."""


def _temporary_tables() -> MetaData:
    """Tables like ours, without what binds them together, that hide ours from the connection that makes them."""
    made = MetaData()
    for table in metadata.sorted_tables:
        columns: list[Column[Any]] = [
            Column(
                column.name,
                column.type,
                primary_key=column.primary_key,
                nullable=column.nullable,
                autoincrement=column.autoincrement,
                server_default=column.server_default,
            )
            for column in table.columns
        ]
        Table(table.name, made, *columns, prefixes=["TEMPORARY"], **MYSQL)
    return made


def _note_use(connection: Any, record: Any) -> None:
    record.info["used"] = time.monotonic()
