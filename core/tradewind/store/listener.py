"""Hears PostgreSQL's notifications on a connection of its own, in a thread of its own.

Connection poolers in front of a server may swallow notifications. So the listener notifies itself now and then, on a
channel that is its alone: only as long as it hears that does it say that it hears.
"""

from __future__ import annotations

import logging
import selectors
import socket
import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

log = logging.getLogger("tradewind.store")

#: The listener notifies itself every so many seconds, and waits so long to hear it.
TEST_EVERY = 30.0
TEST_TIMEOUT = 5.0

#: A connection that broke is opened again after so many seconds.
RECONNECT = 1.0


class Listener:
    """Calls `wake` for every notification on a channel. `connect` opens a psycopg2 connection in autocommit mode."""

    def __init__(self, connect: Callable[[], Any], channel: str, wake: Callable[[], None]) -> None:
        self._hears = False  #: whether notifications arrive, as far as is known
        self._news = True
        self._connect = connect
        self._channel = channel
        self._own_channel = f"tradewind_{uuid.uuid4().hex}"
        self._wake = wake
        self._stop, self._stop_end = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name="listener", daemon=True)

    def take_news(self) -> bool:
        """Whether there was news since the last call, or may have been, since none would be heard."""
        if not self._news:
            return not self._hears
        self._news = False  # what comes in this very moment is committed already, and is seen by whoever looks now
        return True

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop_end.send(b".")
        self._thread.join()
        self._stop.close()
        self._stop_end.close()

    def _run(self) -> None:
        told = False
        while True:
            try:
                self._listen()
                return
            except Exception as error:  # whatever it is: the scheduler looks for news itself meanwhile
                self._hears = False
                if not told:
                    log.warning("Notifications of the metadata database are not heard for now: %s", error)
                    told = True
            with selectors.DefaultSelector() as selector:
                selector.register(self._stop, selectors.EVENT_READ)
                if selector.select(RECONNECT):
                    return

    def _listen(self) -> None:
        """Returns when told to stop. Raises whatever the driver raises when the connection breaks."""
        connection = self._connect()
        try:
            with connection.cursor() as cursor, selectors.DefaultSelector() as selector:
                cursor.execute(f"LISTEN {self._channel}; LISTEN {self._own_channel}")
                selector.register(connection, selectors.EVENT_READ)
                selector.register(self._stop, selectors.EVENT_READ)
                while self._wait(selector, connection, TEST_TIMEOUT, cursor):
                    if not self._wait(selector, connection, TEST_EVERY):
                        return
        finally:
            self._hears = False
            connection.close()

    def _wait(self, selector: selectors.BaseSelector, connection: Any, seconds: float, tester: Any = None) -> bool:
        """Hear for so long, or till the test notification arrives that is sent with `tester`. False: stop."""
        if tester is not None:
            tester.execute(f"NOTIFY {self._own_channel}")
        end = time.monotonic() + seconds
        while True:
            if self._hear(connection) and tester is not None:
                return True
            left = end - time.monotonic()
            if left <= 0:
                break
            if self._stop in [key.fileobj for key, _ in selector.select(left)]:
                return False
        if tester is not None:
            raise TimeoutError("a notification to itself did not arrive; is a connection pooler in between?")
        return True

    def _hear(self, connection: Any) -> bool:
        """Take in what has arrived. True: the test notification was there."""
        connection.poll()
        heard = {notice.channel for notice in connection.notifies}
        connection.notifies.clear()
        tested = self._own_channel in heard
        if self._channel in heard or (tested and not self._hears):  # there may have been news while nobody heard it
            self._hears = self._hears or tested
            self._news = True
            self._wake()
        return tested
