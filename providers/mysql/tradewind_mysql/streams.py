"""Rows that stay on the server till they are fetched."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any


class Stream:
    """PyMySQL's unbuffered cursor, which can be given up before its end.

    MySQL sends all rows whether they are wanted or not. So when a stream is closed early, `stop` is called: it has to
    make the server stop, or the rest would be read in vain, however much it is.
    """

    def __init__(self, conn: Any, stop: Callable[[], None]) -> None:
        from pymysql.cursors import SSCursor

        self.connection = conn
        self.rowcount = -1  #: not known before the end
        self.warning_count = 0
        self._cursor = SSCursor(conn)
        self._stop = stop
        self._unread = False

    @property
    def description(self) -> Any:
        return self._cursor.description

    @property
    def fields(self) -> Any:
        """What the server says of the columns: more than `description` has."""
        return self._cursor._result.fields

    def execute(self, *given: Any) -> None:
        """Execute a statement; its rows are there to be fetched."""
        self._cursor.execute(*given)
        self._unread = self._cursor.description is not None

    def fetchmany(self, size: int) -> Sequence[tuple[Any, ...]]:
        """The next rows; none at the end."""
        rows: Sequence[tuple[Any, ...]] = self._cursor.fetchmany(size)
        self._unread = len(rows) == size
        return rows

    def close(self) -> None:
        if not self.connection.open and self._cursor._result is not None:
            # PyMySQL would go on reading from a connection that is lost, also when the cursor is collected.
            self._unread = self._cursor._result.unbuffered_active = False
        if self._unread:
            self._stop()
        with suppress(self.connection.OperationalError):  # the server says that it was stopped
            self._cursor.close()
