"""Sandboxes in a pytest session: one server of each type for all tests, a database of its own for each test."""

from __future__ import annotations

import contextlib
import os
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Listener
from typing import Any

import pytest

from tradewind import plugins
from tradewind.connection import Connection
from tradewind.errors import SandboxError, SandboxMissing
from tradewind.sandbox import Sandbox, ServerSandbox


class Sandboxes:
    """What tests of one process ask for sandboxes."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._own = _Servers()
        self._urls: dict[str, tuple[str, str]] = {}

    def __enter__(self) -> Sandboxes:
        return self

    def __exit__(self, *_: object) -> None:
        self._own.close()

    def open(self, conn_type: str) -> Sandbox:
        """A sandbox, not started, that lives on the session's server: a context manager that gives a connection.

        Raises PluginError for a type that has none, SandboxError if the server does not start. If there is nothing to
        start, the test is skipped; with CI=true it raises SandboxMissing.
        """
        kind = _sandbox_class(conn_type)
        if not issubclass(kind, ServerSandbox):
            return kind()
        if kind.conn_type not in self._urls:
            self._urls[kind.conn_type] = self._server(kind.conn_type)
        url, version = self._urls[kind.conn_type]
        self._config.hook.pytest_tradewind_server_used(name=version)
        return kind(url)

    @contextmanager
    def for_one_test(self) -> Iterator[Callable[[str], Connection]]:
        """A function that opens a sandbox by its type; the block's end stops all of them."""
        with ExitStack() as opened:
            yield lambda conn_type: opened.enter_context(self.open(conn_type))

    def _server(self, conn_type: str) -> tuple[str, str]:
        try:
            address = getattr(self._config, "workerinput", {}).get("tradewind_sandboxes")
            return _ask_controller(address, conn_type) if address else self._own.url(conn_type)
        except SandboxMissing as error:
            if os.environ.get("CI") == "true":
                raise
            pytest.skip(str(error))


class _Servers:
    """Servers by connection type, started when first asked for. Any thread may ask."""

    def __init__(self) -> None:
        self._started: dict[str, tuple[ServerSandbox, str]] = {}
        self._lock = threading.Lock()

    def url(self, conn_type: str) -> tuple[str, str]:
        """URL of the server, and its name and version."""
        with self._lock:
            if conn_type not in self._started:
                server = _sandbox_class(conn_type)()
                assert isinstance(server, ServerSandbox)
                server.start()
                assert server.server is not None
                self._started[conn_type] = server, server.server.get_uri()
            server, url = self._started[conn_type]
            return url, server.version or server.label

    def close(self) -> None:
        with self._lock:
            for server, _ in self._started.values():
                server.stop()
            self._started.clear()


class _Desk:
    """Where the workers of pytest-xdist ask the controller for servers."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(16)
        self._servers = _Servers()
        self._listener = Listener(("127.0.0.1", 0), authkey=self._key)
        self._thread = threading.Thread(target=self._serve, name="sandboxes of the test session", daemon=True)
        self._thread.start()

    @property
    def address(self) -> tuple[str, int, str]:
        """Host, port and key, in a form that can be sent to workers."""
        host, port = self._listener.address
        return str(host), int(port), self._key.hex()

    def close(self) -> None:
        with contextlib.suppress(OSError), Client(self._listener.address, authkey=self._key) as asks:
            asks.send(None)
        self._thread.join()
        self._listener.close()
        self._servers.close()

    def _serve(self) -> None:
        while True:
            # A stranger who comes to this port, or a worker that dies while it asks, is no reason to stop.
            with contextlib.suppress(OSError, EOFError, AuthenticationError), self._listener.accept() as worker:
                conn_type = worker.recv()
                if conn_type is None:
                    return
                worker.send(self._answer(conn_type))

    def _answer(self, conn_type: str) -> tuple[str, str, str]:
        """A word for how it went, then URL and version, or why not."""
        try:
            return "ok", *self._servers.url(conn_type)
        except SandboxMissing as error:
            return "missing", str(error), ""
        except Exception as error:  # for the worker to show
            return "failed", str(error), ""


def serve_worker(config: pytest.Config, workerinput: dict[str, Any]) -> None:
    """In the controller of pytest-xdist: tell a worker, that is about to be started, where to ask for servers."""
    if _DESK not in config.stash:
        config.stash[_DESK] = desk = _Desk()
        config.add_cleanup(desk.close)
    workerinput["tradewind_sandboxes"] = config.stash[_DESK].address


_DESK = pytest.StashKey[_Desk]()


def _ask_controller(address: tuple[str, int, str], conn_type: str) -> tuple[str, str]:
    host, port, key = address
    with Client((host, port), authkey=bytes.fromhex(key)) as desk:
        desk.send(conn_type)
        state, told, version = desk.recv()
    if state == "missing":
        raise SandboxMissing(told)
    if state == "failed":
        raise SandboxError(told)
    return told, version


def _sandbox_class(conn_type: str) -> type[Sandbox]:
    found = plugins.current()
    declared = found.connection_type(conn_type)
    name = declared.name if declared is not None else conn_type
    kind: type[Sandbox] = found.resolve("register_sandboxes", name)
    return kind
