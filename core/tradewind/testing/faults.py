"""Servers that are not there, and one that takes connections and never says anything."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from typing import TypeVar

T = TypeVar("T")

#: A name that no name server answers for (RFC 6761).
UNKNOWN_HOST = "no-such-host.invalid"

LOOPBACK = "127.0.0.1"


def closed_port() -> int:
    """A port of this machine where nobody listens."""
    with socket.socket() as sock:
        sock.bind((LOOPBACK, 0))
        return int(sock.getsockname()[1])


class SilentServer:
    """Accepts connections and never answers, until it is closed: then those who wait get an end of file."""

    def __init__(self) -> None:
        self._sock = socket.create_server((LOOPBACK, 0))
        self.port: int = self._sock.getsockname()[1]
        self._taken: list[socket.socket] = []
        self._thread = threading.Thread(target=self._accept, name="silent server", daemon=True)
        self._thread.start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)  # ends the wait in the thread, which closing alone does not
        self._thread.join()
        for sock in (self._sock, *self._taken):
            sock.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                self._taken.append(self._sock.accept()[0])


@contextlib.contextmanager
def silent_server() -> Iterator[SilentServer]:
    server = SilentServer()
    try:
        yield server
    finally:
        server.close()


def within(seconds: float, action: Callable[[], T], give_up: Callable[[], None]) -> T | None:
    """What `action` returns, or None if it takes longer; `give_up` must then end it."""
    found: list[T] = []
    thread = threading.Thread(target=lambda: found.append(action()), name="within", daemon=True)
    thread.start()
    thread.join(seconds)
    in_time = not thread.is_alive()
    if not in_time:
        give_up()
        thread.join(seconds)
    return found[0] if in_time and found else None
