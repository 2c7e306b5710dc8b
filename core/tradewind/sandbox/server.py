"""What sandboxes of real servers share: a free port, a guard that owns server and data, an existing server instead."""

from __future__ import annotations

import atexit
import os
import secrets
import signal
import socket
import threading
import time
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from tradewind.connection import Connection
from tradewind.errors import BrokenConnection, SandboxError
from tradewind.sandbox.contract import Sandbox
from tradewind.sandbox.guard import Guard

#: How long a command that prepares the data, and a server that starts, may take.
PREPARE_TIMEOUT = 120.0  # seconds
START_TIMEOUT = 120.0  # seconds

#: How often a server that starts is asked whether it is there.
LOOK_INTERVAL = 0.03  # seconds

#: Another process may take the port between our choice and the server's use of it.
PORT_TRIES = 5

_PORT_TAKEN = "address already in use"
_LOG = "server.log"


class ServerSandbox(Sandbox):
    """A real server for as long as the sandbox is started: on a free port of the loopback interface, for one login.

    With an URL, given or in the environment variable `TRADEWIND_SANDBOX_<TYPE>_URL`, no server is started: `start`
    makes a new database on the one that the URL leads to, and `stop` drops it.

    A subclass says how its server is found, prepared, started and asked. Its commands run in the sandbox's folder, with
    the program as a `Path`.
    """

    #: As it is known to people: "PostgreSQL".
    label: ClassVar[str]
    #: The login that the server gets, and the name of its database.
    login: ClassVar[str] = "sandbox"
    #: Asks the server to stop without waiting for its clients.
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM

    def __init__(self, url: str | None = None) -> None:
        self._url = url
        self.version: str | None = None  #: name and version of the server that was started: "PostgreSQL 15.20"
        self.server: Connection | None = None  #: leads to the server itself, where more databases can be made
        self._guard: Guard | None = None
        self._lent: tuple[Connection, str] | None = None  #: an existing server, and our database there
        self._connection: Connection | None = None
        self._lock = threading.RLock()
        self._owner = os.getpid()

    # -- what a subclass says

    @abstractmethod
    def find(self) -> None:
        """Find the server's programs. Raises SandboxMissing, saying what to install, if there are none here."""

    @abstractmethod
    def prepare(self, folder: Path, password: str) -> Sequence[Sequence[str | Path]]:
        """Write what the server needs into the folder, and answer the commands that make its data.

        Called after `find`.
        """

    @abstractmethod
    def command(self, folder: Path, port: int) -> Sequence[str | Path]:
        """The command that runs the server in the foreground."""

    @abstractmethod
    def ask_version(self, server: Connection) -> str:
        """Name and version of the server. Raises whatever the driver raises if it does not answer.

        `server`, here and below, may lead to no database in particular.
        """

    @abstractmethod
    def create_database(self, server: Connection, name: str) -> None:
        """Make a database that the login of `server` may do everything with."""

    @abstractmethod
    def drop_database(self, server: Connection, name: str) -> None:
        """Remove a database, whoever is connected to it. No error if there is none."""

    def in_database(self, server: Connection, name: str) -> Connection:
        """The connection that leads to a database that was made."""
        connection = Connection.from_uri(server.get_uri(), server.conn_id, where=server.where)
        connection.schema = name
        return connection

    # -- the contract

    @classmethod
    def url_variable(cls) -> str:
        """The environment variable that names an existing server to use instead."""
        return f"TRADEWIND_SANDBOX_{cls.conn_type.upper()}_URL"

    def check(self) -> None:
        if not self._existing_url():
            self.find()

    def start(self) -> Connection:
        """Start it and wait until it answers; if it is started already, answer the same connection."""
        with self._lock:
            if self._connection is None:
                url = self._existing_url()
                self._connection = self._use_existing(url) if url else self._start_own()
            return self._connection

    def stop(self) -> None:
        """Stop it and remove what it kept. May be called more than once, and without `start`."""
        with self._lock:
            guard, lent = self._guard, self._lent
            self._guard = self._lent = self._connection = self.server = None
            if self._owner != os.getpid():
                return  # in a child that was forked: it belongs to the parent
            if guard is not None:
                guard.stop()
            if lent is not None:
                atexit.unregister(self.stop)
                self._drop(*lent)

    def _existing_url(self) -> str:
        return self._url or os.environ.get(self.url_variable(), "").strip()

    def _place(self) -> str:
        return "the URL that it was given" if self._url else self.url_variable()

    # -- a server of our own

    def _start_own(self) -> Connection:
        self.find()
        password = secrets.token_hex(16)
        guard = Guard(self.conn_type)
        try:
            for command in self.prepare(guard.folder, password):
                self._run(guard, command)
            server = self._serve(guard, password)
            connection = self._make_first_database(guard, server)
        except BaseException:
            guard.stop()
            raise
        self._guard, self.server, self._owner = guard, server, os.getpid()
        return connection

    def _run(self, guard: Guard, command: Sequence[str | Path]) -> None:
        pid = guard.start(command, log=_LOG, environ=_environ(guard.folder))
        code = guard.exit_code(pid, PREPARE_TIMEOUT)
        if code != 0:
            how = f"did not end within {PREPARE_TIMEOUT:g} seconds" if code is None else f"ended with exit code {code}"
            program = next((word for word in command if isinstance(word, Path)), Path(command[0]))
            raise self._failed(guard, f"{program.name} {how}")

    def _serve(self, guard: Guard, password: str) -> Connection:
        tries = 1
        while True:
            port = free_port()
            server = self._server_at(port, password)
            command = self.command(guard.folder, port)
            pid = guard.start(command, log=_LOG, environ=_environ(guard.folder), stop_signal=self.stop_signal)
            code = self._wait(guard, pid, server)
            if code is None:
                return server
            if tries == PORT_TRIES or _PORT_TAKEN not in guard.log_tail(_LOG).lower():
                raise self._failed(guard, f"it ended with exit code {code}")
            tries += 1

    def _wait(self, guard: Guard, pid: int, server: Connection) -> int | None:
        """Wait until the server answers. Answers its exit code if it ended instead."""
        end = time.monotonic() + START_TIMEOUT
        while True:
            code = guard.exit_code(pid, LOOK_INTERVAL)
            if code is not None:
                return code
            try:
                self.version = self.ask_version(server)
                return None
            except Exception as error:
                if time.monotonic() > end:
                    raise self._failed(guard, f"no answer within {START_TIMEOUT:g} seconds ({_line(error)})") from error

    def _make_first_database(self, guard: Guard, server: Connection) -> Connection:
        try:
            self.create_database(server, self.login)
            return self.in_database(server, self.login)
        except Exception as error:
            raise self._failed(guard, f"making its database failed ({_line(error)})") from error

    def _server_at(self, port: int, password: str) -> Connection:
        return Connection(
            conn_id=f"sandbox_{self.conn_type}",
            conn_type=self.conn_type,
            host="127.0.0.1",
            port=port,
            login=self.login,
            password=password,
            where="a sandbox",
        )

    def _failed(self, guard: Guard, how: str) -> SandboxError:
        from tradewind.secrets import redact

        log = str(redact(guard.log_tail(_LOG)))
        told = f" Its log ends with:\n{log}" if log else ""
        return SandboxError(f"The {self.label} sandbox did not start: {how}.{told}")

    # -- a server that is there already

    def _use_existing(self, url: str) -> Connection:
        try:
            server = Connection.from_value(url, f"sandbox_{self.conn_type}", where=self._place())
        except BrokenConnection as error:
            raise SandboxError(f"The {self.label} sandbox cannot be had. {error}") from None
        if server.conn_type != self.conn_type:
            raise SandboxError(
                f"{self._place()} has a connection of the type {server.conn_type!r}; the sandbox needs one of the type "
                f"{self.conn_type!r}: {self.conn_type}://login:password@host/database"
            )
        name = f"tradewind_{secrets.token_hex(6)}"
        try:
            self.version = self.ask_version(server)
            self.create_database(server, name)
            connection = self.in_database(server, name)
        except Exception as error:
            raise self._refused("making a database there failed", error) from error
        self._lent, self.server, self._owner = (server, name), server, os.getpid()
        atexit.register(self.stop)
        return connection

    def _drop(self, server: Connection, name: str) -> None:
        try:
            self.drop_database(server, name)
        except Exception as error:
            raise self._refused(f"dropping the database {name!r} failed", error) from error

    def _refused(self, what: str, error: Exception) -> SandboxError:
        from tradewind.secrets import redact

        return SandboxError(
            f"The {self.label} sandbox uses the server that {self._place()} leads to; {what}: {redact(_line(error))}"
        )


def free_port() -> int:
    """A port of the loopback interface that nobody uses at the moment."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def _environ(folder: Path) -> dict[str, str]:
    """Ours, without connections and what would lead the server's programs elsewhere, and with messages in English.

    Temporary files belong into the sandbox's folder: a MariaDB that starts removes those of every other one from /tmp.
    """
    left_out = ("PG", "MYSQL", "MARIADB", "AIRFLOW", "TRADEWIND")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    return {**kept, "LC_ALL": "C", "TMPDIR": str(folder)}


def _line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
