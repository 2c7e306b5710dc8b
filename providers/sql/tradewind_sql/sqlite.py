"""`SqliteHook`: SQLite database files, with nothing but Python's own `sqlite3`.

    sqlite:///absolute/path.db       as in Airflow, three slashes are absolute; four (SQLAlchemy's way) are the same
    sqlite://relative/path.db        relative to the current folder
    sqlite://                        in memory: each call of the hook gets a new, empty database

Extras are SQLite's URI parameters (`?mode=ro`) and the settings below.
"""

from __future__ import annotations

import datetime
import decimal
import enum
import json
import re
import sqlite3
import time
import uuid
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from operator import length_hint
from pathlib import Path, PurePath
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

from tradewind.connection import Connection
from tradewind.errors import BrokenConnection, ConnectionFault, nearest
from tradewind.records import Extra
from tradewind_sql import extras
from tradewind_sql.dialect import SqliteDialect
from tradewind_sql.errors import SqlError, StatementCancelled
from tradewind_sql.hook import DbApiHook
from tradewind_sql.statements import SQLITE, verb

T = TypeVar("T")

#: Seconds to wait for a database that somebody else writes to.
LOCK_TIMEOUT = 30.0

#: Instructions of SQLite's virtual machine between two looks for signals: a few milliseconds.
INSTRUCTIONS_PER_LOOK = 200_000

#: Before these no transaction is begun: they only read, or look after transactions themselves.
_NO_TRANSACTION = frozenset(
    {"SELECT", "VALUES", "EXPLAIN", "PRAGMA"}
    | {"BEGIN", "COMMIT", "END", "ROLLBACK", "SAVEPOINT", "RELEASE"}
    | {"ATTACH", "DETACH", "VACUUM"}
)

_DRIVE = re.compile(r"[A-Za-z]:[\\/]")

_LOCKED = (
    "Another connection writes to the database, or reads from it: perhaps a query of this process that is not read to "
    "its end. With the extra journal_mode=wal readers and one writer do not wait for each other."
)


@dataclass(frozen=True)
class Location:
    """Where a connection's database is."""

    path: Path | None  #: absolute; None: in memory
    name: str  #: of an in-memory database that is shared within the process; else empty
    parameters: dict[str, str]  #: of the file URI

    @property
    def uri(self) -> str:
        """SQLite's own URI: `file:///tmp/x.db?mode=ro`."""
        base = self.path.as_uri() if self.path else "file:" + quote(self.name or ":memory:", safe="/:")
        return f"{base}?{urlencode(self.parameters, quote_via=quote)}" if self.parameters else base


class SqliteConnection(sqlite3.Connection):
    """A connection whose statements give way to signals.

    SQLite executes a statement without coming back to Python, where signal handlers run: without this, neither a
    task's `execution_timeout` nor Ctrl-C would have any effect before the statement ends.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.watch = Watch()
        self.set_progress_handler(_look_around(self.watch).__next__, INSTRUCTIONS_PER_LOOK)


class Watch:
    """What a statement is stopped for."""

    def __init__(self) -> None:
        self.stopped_by: list[BaseException] = []  #: what a signal handler raised during a statement
        self.limit: float | None = None  #: seconds that a statement may take
        self.expired = False  #: the last one took longer
        self._deadline: float | None = None

    def begin(self) -> None:
        """A statement begins, or goes on for somebody who waited for it."""
        self.expired = False
        self._deadline = time.monotonic() + self.limit if self.limit else None

    def end(self) -> None:
        """No statement is being executed."""
        self._deadline = None

    def look(self) -> int:
        """0: go on; 1: the time is up."""
        self.expired = self._deadline is not None and time.monotonic() > self._deadline
        return int(self.expired)


def _look_around(watch: Watch) -> Generator[int, None, None]:
    """Yields 0 (go on), or 1 (stop): the time is up, or a signal handler raised something, which `watch` then has.

    It is a generator because Python runs signal handlers where a frame is entered: in a function that is before any
    `try`, in a generator it is behind its `yield`. SQLite would swallow what gets out of here.
    """
    answer = 0
    while True:
        try:
            yield answer
            answer = watch.look()
        except GeneratorExit:
            raise
        except BaseException as error:  # KeyboardInterrupt, a task's timeout: raised again by `SqliteHook`
            watch.stopped_by.append(error)
            answer = 1


class SqliteHook(DbApiHook):
    """Runs SQL on SQLite. `schema` is the path of another database file than the connection's."""

    conn_name_attr = "sqlite_conn_id"
    default_conn_name = "sqlite_default"
    conn_type = "sqlite"
    hook_name = "SQLite"
    supports_autocommit = True
    reads_block_writes = True
    dialect_class = SqliteDialect
    sql_syntax = SQLITE
    native_types = frozenset({type(None), bool, int, float, str, bytes})
    _placeholder = "?"
    _test_connection_sql = "select sqlite_version()"

    # The connection

    @property
    def dialect_name(self) -> str:
        return "sqlite"

    @property
    def location(self) -> Location:
        """Where the database is. Raises BrokenConnection for another type, and for extras that cannot be meant."""
        if self.connection.conn_type not in (self.conn_type, "generic"):
            raise BrokenConnection(
                f"Connection {self.get_conn_id()!r} is of type {self.connection.conn_type!r}: "
                f"{type(self).__name__} opens {self.conn_type!r} connections only."
            )
        parameters = {name: _text(value) for name, value in self._given(extras.SQLITE_URI).items()}
        path = self.schema or _path(self.connection.host or "", self.connection.schema or "")
        if path in ("", ":memory:") or parameters.get("mode") == "memory":
            return Location(None, "" if path == ":memory:" else path, parameters)
        return Location(Path(path).expanduser().absolute(), "", parameters)

    def test_connection(self) -> tuple[bool, str]:
        """Whether a trivial query works. A database that is not there yet is not made by being tested."""
        try:
            location = self.location
            self._check_file(location)
        except ConnectionFault as error:
            return False, str(error)
        if location.path is None or "vfs" in location.parameters or location.path.exists():
            return super().test_connection()
        return True, f"The file {location.path} is not there yet; the first statement creates it"

    def get_conn(self) -> SqliteConnection:
        """A new connection. Who asks for it closes it: `with closing(hook.get_conn()) as conn:`."""
        location = self.location
        self._check_file(location)
        settings = {"timeout": LOCK_TIMEOUT, **self._given(extras.SQLITE_CONNECT)}
        try:
            conn = sqlite3.connect(location.uri, uri=True, factory=SqliteConnection, **settings)
        except sqlite3.Error as error:
            raise ConnectionFault(f"{self._where(location)} cannot be opened: {error}.") from error
        try:
            for name, value in self._given(extras.SQLITE_PRAGMA).items():
                conn.execute(f"PRAGMA {name} = {_text(value)}")
        except sqlite3.Error as error:
            conn.close()
            raise ConnectionFault(f"{self._where(location)} cannot be opened with {name}: {error}.") from error
        return conn

    @property
    def sqlalchemy_url(self) -> Any:
        """The connection as a `sqlalchemy.URL`."""
        from sqlalchemy.engine import URL

        location = self.location
        if location.path is None and not location.parameters:
            return URL.create("sqlite")
        if not location.parameters and "?" not in str(location.path):
            return URL.create("sqlite", database=str(location.path))
        # Only SQLite's own URI keeps a question mark in a file name apart: SQLAlchemy 2.0 does not encode it.
        base = location.uri.partition("?")[0]
        return URL.create("sqlite", database=base, query={**location.parameters, "uri": "true"})

    def get_sqlalchemy_engine(self, engine_kwargs: dict[str, Any] | None = None) -> Any:
        if self.location.path is None:  # one connection must be kept, for the database is gone with it
            from sqlalchemy.pool import StaticPool

            return super().get_sqlalchemy_engine({"poolclass": StaticPool, **(engine_kwargs or {})})
        return super().get_sqlalchemy_engine(engine_kwargs)

    def _given(self, wanted: tuple[Extra, ...]) -> dict[str, Any]:
        """Those of the connection's extras that are among `wanted`. No extra may be unknown."""
        given = self.connection_extra
        known = [extra.name for extra in extras.SQLITE]
        for name in given:
            if name not in known:
                hint = nearest(name, known, f"known are {', '.join(known)}.")
                raise BrokenConnection(f"Connection {self.get_conn_id()!r}: SQLite has no extra {name!r}; {hint}")
        return {extra.name: given[extra.name] for extra in wanted if given.get(extra.name) is not None}

    def _check_file(self, location: Location) -> None:
        path = location.path
        if path is None or "vfs" in location.parameters:
            return
        if path.is_dir():
            raise ConnectionFault(f"{self._where(location)} is a folder; name a file in it.")
        if not path.parent.is_dir():
            raise ConnectionFault(
                f"{self._where(location)} cannot be opened: its folder {path.parent} does not exist. Create it, or "
                "correct the path (sqlite:///tmp/x.db is absolute, sqlite://tmp/x.db is relative)."
            )
        mode = location.parameters.get("mode", "rwc")
        if mode in ("ro", "rw") and not path.exists():
            raise ConnectionFault(f"{self._where(location)} does not exist, and mode={mode} does not create it.")

    def _where(self, location: Location) -> str:
        return f"Connection {self.get_conn_id()!r}: the SQLite database {location.path or 'in memory'}"

    # Transactions

    def set_autocommit(self, conn: Any, autocommit: bool) -> None:
        """Whether each statement on `conn` commits itself."""
        if autocommit:
            conn.isolation_level = None
        elif conn.isolation_level is None:
            conn.isolation_level = ""

    def get_autocommit(self, conn: Any) -> bool:
        return conn.isolation_level is None

    def _run_command(self, cursor: Any, sql_statement: str, parameters: Any) -> None:
        conn = cursor.connection
        if (
            conn.isolation_level is not None
            and not conn.in_transaction
            and verb(sql_statement, SQLITE) not in _NO_TRANSACTION
        ):
            # sqlite3 itself would leave CREATE, DROP and ALTER out of transactions. The same cursor must do it: that
            # gives up an unfinished SELECT, whose lock would make SQLite refuse to wait for other writers.
            cursor.execute(f"BEGIN {conn.isolation_level}")
        try:
            super()._run_command(cursor, sql_statement, parameters)
        except (sqlite3.Warning, sqlite3.ProgrammingError) as error:
            if "one statement at a time" in str(error):
                error.add_note("Pass split_statements=True to run several statements of one text.")
            raise
        except sqlite3.OperationalError as error:
            if "within a transaction" in str(error):
                error.add_note("Pass autocommit=True for a statement that cannot be part of a transaction.")
            raise

    @contextmanager
    def _create_autocommit_connection(
        self, autocommit: bool = False, *, streaming: bool = False
    ) -> Generator[Any, None, None]:
        with super()._create_autocommit_connection(autocommit, streaming=streaming) as conn:
            try:
                yield conn
            except (sqlite3.OperationalError, StatementCancelled) as error:
                if conn.watch.stopped_by:
                    raise conn.watch.stopped_by.pop() from None
                if "locked" in str(error):
                    error.add_note(_LOCKED)
                raise
            finally:
                conn.watch.end()

    # Stopping

    def _set_statement_timeout(self, conn: Any, seconds: float) -> None:
        conn.watch.limit = seconds

    def _timed_out(self, conn: Any, error: Exception) -> bool:
        return isinstance(error, sqlite3.OperationalError) and bool(conn.watch.expired)

    def _cancel(self, conn: Any) -> None:
        conn.interrupt()

    def _attended(self, conn: Any, call: Callable[[], T]) -> T:
        conn.watch.begin()
        return super()._attended(conn, call)

    # Values

    def _execute_many(self, cursor: Any, statement: str, rows: list[tuple[Any, ...]]) -> None:
        left = iter(rows)
        try:
            cursor.executemany(statement, left)
        except Exception as error:
            error.add_note(f"It was row {len(rows) - length_hint(left)} of a batch of {len(rows)}.")
            raise

    @staticmethod
    def _serialize_cell(cell: Any, conn: Any = None) -> Any:
        """Dates and times as SQLite's own functions write them, decimals and UUIDs as text, lists and dicts as JSON."""
        return cell if type(cell) in SqliteHook.native_types else _adapt(cell)


def _adapt(cell: Any) -> Any:
    if isinstance(cell, enum.Enum):
        return SqliteHook._serialize_cell(cell.value)
    if isinstance(cell, datetime.datetime):
        return cell.isoformat(" ") if cell == cell else None  # pandas' NaT does not equal itself
    if isinstance(cell, datetime.date | datetime.time):
        return cell.isoformat()
    if isinstance(cell, decimal.Decimal | uuid.UUID | PurePath):
        return str(cell)
    if isinstance(cell, list | tuple | dict):
        return json.dumps(cell, ensure_ascii=False)
    if type(cell).__module__ == "numpy" and hasattr(cell, "item"):
        return SqliteHook._serialize_cell(cell.item())  # sqlite3 would store its memory as a blob
    if isinstance(cell, int | float | str | bytearray | memoryview):
        return cell
    raise SqlError(f"SQLite has no type for a {type(cell).__name__}; convert it to a number, text or bytes first.")


def _path(host: str, schema: str) -> str:
    if host:
        return f"{host}/{schema}" if schema else host
    if not schema or schema == ":memory:" or schema.startswith("/") or _DRIVE.match(schema):
        return schema
    return "/" + schema


def _text(value: Any) -> str:
    return str(int(value)) if isinstance(value, bool) else str(value)


def sqlalchemy_url(connection: Connection) -> str:
    """The URL that leads SQLAlchemy to the same database as `SqliteHook`."""
    return str(SqliteHook(connection=connection).sqlalchemy_url)
