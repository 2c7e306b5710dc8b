"""`SandboxContract`: what is true of every sandbox, a real server or a stand-in."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from tradewind import plugins
from tradewind.connection import Connection
from tradewind.sandbox import Sandbox
from tradewind.testing.laws import Contract, needs, require
from tradewind.testing.resources import descendants, is_alive, listening_addresses, open_descriptors, opened_since

_LOOK = 0.1  # seconds

#: An owner that starts a sandbox, tells the URI, and waits to be killed.
_OWNER = """
import sys
path, sys.path[:] = sys.argv[1], sys.argv[2:]
from tradewind.plugins import load_object
print(load_object(path)().start().get_uri(), flush=True)
sys.stdin.read()
"""


class SandboxContract(Contract, contract=True):
    """Laws of a sandbox, by default of the one that is registered for `conn_type`.

    class TestSandbox(SandboxContract):
        conn_type = "weather"
    """

    #: Connection type.
    conn_type: ClassVar[str]
    #: The connection leads to a host and port of this machine.
    has_network: ClassVar[bool] = True
    #: Seconds that stopping may take.
    patience: ClassVar[float] = 60.0

    def make(self) -> Sandbox:
        """A sandbox that is not started."""
        found: type[Sandbox] = plugins.current().resolve("register_sandboxes", self.conn_type)
        return found()

    def test_it_gives_a_connection_that_works(self) -> None:
        """`start` gives a connection of its type, whose `test_connection` is true."""
        with self.make() as connection:
            told = f"It gives a connection of the type {connection.conn_type!r}, not {self.conn_type!r}."
            require(connection.conn_type == self.conn_type, told)
            works, why = connection.test_connection()
            require(works, f"It is started, and its connection does not work: {why}")

    @needs("has_network")
    def test_it_listens_on_the_loopback_interface(self) -> None:
        """Nobody outside of this machine can reach it."""
        with self.make() as connection:
            host, port = connection.host or "", connection.port or 0
            told = f"Its connection names the host {host!r}; make it 127.0.0.1."
            require(host == "localhost" or _is_loopback(host), told)
            open_to = {address for address in listening_addresses(port) if not _is_loopback(address)}
            require(self._is_elsewhere() or not open_to, f"It listens on {', '.join(open_to)}; bind it to 127.0.0.1.")

    def test_it_starts_again(self) -> None:
        """It can be started after it was stopped, and works as before."""
        sandbox = self.make()
        for _ in range(2):
            with sandbox as connection:
                works, why = connection.test_connection()
                require(works, f"It does not work when it is started for the second time: {why}")

    def test_it_stops_twice(self) -> None:
        """`stop` may be called before `start`, and again."""
        sandbox = self.make()
        try:
            sandbox.stop()
            sandbox.start()
            sandbox.stop()
            sandbox.stop()
        except Exception as error:
            require(False, f"stop fails where nothing is started: {type(error).__name__}: {error}")

    def test_two_are_apart(self) -> None:
        """Two at once are two: their connections lead to different places, and one outlives the other."""
        with self.make() as first:
            with self.make() as second:
                require(first != second, "Two sandboxes at once give the same connection; start one server each.")
                works, why = second.test_connection()
                require(works, f"The second of two at once does not work: {why}")
            works, why = first.test_connection()
            require(works, f"The first of two does not work any more when the second is stopped: {why}")

    def test_it_leaves_nothing_behind(self) -> None:
        """After `stop` there is no process, no temporary file, no open port and no open file of it."""
        with self.make() as connection:  # what is loaded and kept for good is loaded now
            connection.test_connection()
        before, running = open_descriptors(), descendants()
        with _temporary_folder() as folder:
            with self.make() as connection:
                pass
            files = sorted(path.name for path in folder.iterdir())
            require(not files, f"Its temporary files are still there: {', '.join(files)}.")
        left = descendants() - running
        require(not left, f"{len(left)} processes of it still run; end and wait for them in stop.")
        opened = opened_since(before)
        require(not opened, f"Still open: {', '.join(opened)}; close it in stop.")
        require(self._is_gone(connection), f"Its port {connection.port} still answers after stop.")

    def test_it_ends_with_its_owner(self) -> None:
        """When the process that started it is killed, it ends, at the latest when the next one is started."""
        kind = type(self.make())
        with _temporary_folder() as folder:
            connection, pids = _killed_owner(f"{kind.__module__}:{kind.__qualname__}", folder)
            if not self._wait_until_gone(connection, pids, folder, self.patience / 4):
                with self.make():
                    pass
            ended = self._wait_until_gone(connection, pids, folder, self.patience)
            files = sorted(path.name for path in folder.iterdir())
        require(
            ended,
            f"The process that started it was killed, and there are still {sum(map(is_alive, pids))} processes, "
            f"{len(files)} temporary files, or a port that answers; let a guard process own the server.",
        )

    # -- how -----------------------------------------------------------------------------------------------------------

    def _is_elsewhere(self) -> bool:
        """Whether the user names a server to use, which is not ours to start and stop."""
        return bool(os.environ.get(f"TRADEWIND_SANDBOX_{self.conn_type.upper()}_URL"))

    def _is_gone(self, connection: Connection) -> bool:
        return self._is_elsewhere() or not self.has_network or not _answers(connection)

    def _wait_until_gone(self, connection: Connection, pids: set[int], folder: Path, seconds: float) -> bool:
        end = time.monotonic() + seconds
        while not self._is_gone(connection) or any(map(is_alive, pids)) or any(folder.iterdir()):
            if time.monotonic() > end:
                return False
            time.sleep(_LOOK)
        return True


def _killed_owner(path: str, folder: Path) -> tuple[Connection, set[int]]:
    """Start a sandbox in another process and kill that; the connection, and the processes that it had started."""
    environ = {**os.environ, "TMPDIR": str(folder)}
    owner = subprocess.Popen(
        [sys.executable, "-c", _OWNER, path, *filter(None, sys.path)],
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with owner:
        assert owner.stdout is not None
        uri = owner.stdout.readline().strip()
        pids = descendants(owner.pid)
        owner.kill()
    require(uri, "It cannot be started in a process of its own: import its module without pytest.")
    return Connection.from_uri(uri), pids


@contextlib.contextmanager
def _temporary_folder() -> Iterator[Path]:
    """A new folder, in which temporary files of this process and of those that it starts are made meanwhile."""
    folder = Path(tempfile.mkdtemp(prefix="tw-"))  # short, for paths of sockets are
    before: tuple[Any, str | None] = tempfile.tempdir, os.environ.get("TMPDIR")
    tempfile.tempdir = os.environ["TMPDIR"] = str(folder)
    try:
        yield folder
    finally:
        tempfile.tempdir = before[0]
        if before[1] is None:
            del os.environ["TMPDIR"]
        else:
            os.environ["TMPDIR"] = before[1]
        shutil.rmtree(folder, ignore_errors=True)


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _answers(connection: Connection) -> bool:
    try:
        socket.create_connection((connection.host or "127.0.0.1", connection.port or 0), timeout=5).close()
    except OSError:
        return False
    return True
