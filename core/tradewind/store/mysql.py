"""The metadata database on a MySQL or MariaDB server.

The lock of write transactions is the row of the table `news`, which InnoDB gives to those who wait for it in turn.
Statements that change the schema cannot be undone here, and end a transaction: they have a lock of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from sqlalchemy import Connection, event, text

from tradewind.errors import StoreError
from tradewind.store.engine import LOCK_TIMEOUT
from tradewind.store.location import Server
from tradewind.store.server import CONNECT_TIMEOUT, SILENCE_TIMEOUT, ServerDatabase

#: Wrong or too long values are errors, as they are elsewhere, whatever the server is set to.
MODE = "STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION"

#: Values of one statement that come to more than this, in characters, are weighed before they are sent.
LARGE = 100_000

_GET_LOCK = text("SELECT GET_LOCK(CONCAT('tradewind ', MD5(DATABASE())), :seconds)")
_RELEASE_LOCK = text("SELECT RELEASE_LOCK(CONCAT('tradewind ', MD5(DATABASE())))")


class MySqlDatabase(ServerDatabase):
    """One database of a server, with InnoDB tables."""

    undoes_ddl = False
    #: Each transaction is ended by us; the pool would ask the server for one rollback more.
    _engine_options: ClassVar[dict[str, Any]] = {"pool_reset_on_return": None}
    _options: ClassVar[dict[str, Any]] = {
        "connect_timeout": CONNECT_TIMEOUT,
        "read_timeout": SILENCE_TIMEOUT,
        "write_timeout": SILENCE_TIMEOUT,
    }

    def __init__(self, server: Server, lock_timeout: float = LOCK_TIMEOUT) -> None:
        super().__init__(server, lock_timeout)
        self._encryption: list[Any] = []
        event.listen(self._engine, "before_cursor_execute", self._weigh)

    def _open(self, *args: Any, **options: Any) -> Any:
        from pymysql.connections import Connection as DriverConnection

        known = self._encryption

        class Quick(DriverConnection):  # type: ignore[misc]
            """Makes its TLS context, which takes 20 ms, once for all connections, and those of forked processes."""

            def _create_ssl_ctx(self, wanted: Any) -> Any:
                if not known:
                    known.append(super()._create_ssl_ctx(wanted))
                return known[0]

        password = options.pop("password", None)
        # The driver would write a password in Latin-1, which servers do not.
        return Quick(*args, password=password.encode() if password else "", **options)

    def _set_up(self, connection: Any) -> None:
        with connection.cursor() as cursor:
            wait = max(1, round(self.lock_timeout))
            cursor.execute(f"SET SESSION sql_mode = '{MODE}', innodb_lock_wait_timeout = {wait}")
            cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")

    def _begin_read(self, connection: Connection) -> None:
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")

    def _lock_alone(self, connection: Connection) -> None:
        self._lock(connection, "FOR UPDATE")

    def _lock_shared(self, connection: Connection) -> None:
        self._lock(connection, "LOCK IN SHARE MODE")

    def _lock(self, connection: Connection, how: str) -> None:
        if connection.exec_driver_sql(f"SELECT number FROM news {how}").first() is None:
            raise StoreError(f"The metadata database {self.place} has lost the row of its table `news`.")

    @contextmanager
    def migrating(self) -> Iterator[Connection]:
        with self._explained(), self._engine.connect() as connection:
            if connection.execute(_GET_LOCK, {"seconds": self.lock_timeout}).scalar_one() != 1:
                raise StoreError(
                    f"The schema of the metadata database {self.place} is being changed by another process, which took "
                    f"longer than {self.lock_timeout:g} seconds. Wait till it is done, and try again."
                )
            try:
                yield connection
                connection.commit()
            finally:
                if not connection.invalidated:
                    connection.execute(_RELEASE_LOCK)

    def _weigh(
        self, connection: Connection, cursor: Any, statement: str, parameters: Any, context: Any, many: bool
    ) -> None:
        """Refuse what the server would answer by hanging up: a statement larger than its `max_allowed_packet`."""
        rows = parameters if many else [parameters]
        values = [value for row in rows for value in (row.values() if isinstance(row, dict) else row)]
        if sum(len(value) for value in values if isinstance(value, str)) < LARGE:
            return
        size = max(len(value.encode("utf-8", "replace")) for value in values if isinstance(value, str))
        cursor.execute("SELECT @@max_allowed_packet")
        (most,) = cursor.fetchone()
        if size + LARGE > most:
            raise StoreError(
                f"The metadata database {self.place} takes no more than {most} bytes at once, and this value has "
                f"{size}: let the server have a larger max_allowed_packet, or keep large values elsewhere."
            )
