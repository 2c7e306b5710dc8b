"""The metadata database on a PostgreSQL server.

The lock of write transactions is an advisory one, which the server gives back at the end of the transaction, however
that comes. News wakes schedulers through NOTIFY.
"""

from __future__ import annotations

import os
import selectors
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, ClassVar

from sqlalchemy import Connection

from tradewind.store.listener import Listener
from tradewind.store.server import ANNOUNCE, CONNECT_TIMEOUT, SILENCE_TIMEOUT, ServerDatabase

#: Channel of NOTIFY.
CHANNEL = "tradewind_news"

#: First number of the advisory lock; the second one stands for the schema.
LOCK = 1953653091


class PostgresDatabase(ServerDatabase):
    """One schema of one database."""

    _options: ClassVar[dict[str, Any]] = {
        "connect_timeout": CONNECT_TIMEOUT,
        "application_name": "tradewind",
        "keepalives_idle": SILENCE_TIMEOUT // 4,
        "keepalives_interval": SILENCE_TIMEOUT // 4,
        "keepalives_count": 3,
    }
    _engine_options: ClassVar[dict[str, Any]] = {"use_native_hstore": False}  # spares a query for each connection
    _announce = f"{ANNOUNCE}; NOTIFY {CHANNEL}"

    _listener: Listener | None = None
    _marker: int | None = None

    def _set_up(self, connection: Any) -> None:
        connection.set_session(isolation_level="READ COMMITTED")

    def _disarm(self, connection: Any) -> None:
        """The C library would say goodbye to the server in the parent's name: let it say that to nobody."""
        if not connection.closed:
            nobody = os.open(os.devnull, os.O_RDWR)
            os.dup2(nobody, connection.fileno())
            os.close(nobody)

    def _is_noisy(self, connection: Any) -> bool:
        with selectors.DefaultSelector() as selector:
            selector.register(connection, selectors.EVENT_READ)
            return bool(selector.select(0))

    def _begin_read(self, connection: Connection) -> None:
        connection.execution_options(isolation_level="REPEATABLE READ")

    def _lock_alone(self, connection: Connection) -> None:
        self._lock(connection, "pg_advisory_xact_lock")

    def _lock_shared(self, connection: Connection) -> None:
        self._lock(connection, "pg_advisory_xact_lock_shared")

    def _lock(self, connection: Connection, function: str) -> None:
        wait = int(self.lock_timeout * 1000)
        connection.exec_driver_sql(
            f"SET LOCAL lock_timeout = {wait}; SELECT {function}({LOCK}, coalesce(hashtext(current_schema()), 0))"
        )

    def migrating(self) -> AbstractContextManager[Connection]:
        return self.write()

    @contextmanager
    def listening(self, wake: Callable[[], None]) -> Iterator[None]:
        self._listener = Listener(self._autocommitting, CHANNEL, wake)
        self._listener.start()
        try:
            yield
        finally:
            self._listener.stop()
            self._listener = None

    def change_marker(self) -> int:
        """As `Database` has it: while news is heard, the number is looked up only if there was some."""
        if self._marker is None or self._listener is None or self._listener.take_news():
            self._marker = None  # should this fail, there is still news to look for
            self._marker = super().change_marker()
        return self._marker
