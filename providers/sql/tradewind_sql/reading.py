"""Reads tables and queries for a transfer: a few rows at a time, with the types of their columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Any, Self

from tradewind.errors import TransferError
from tradewind.transfer import Batch, Column, RowReader, Type
from tradewind.transfer.values import Convert, RowConverter, reading
from tradewind_sql.catalogue import Catalogue

if TYPE_CHECKING:
    from tradewind_sql.hook import DbApiHook, Parameters

#: So many rows, or bytes of texts in them, whatever comes first, are in memory at once.
BATCH_ROWS = 1000
BATCH_BYTES = 1 << 19

_SIZED = (str, bytes)


def batches(rows: Iterable[Sequence[Any]]) -> Iterator[Batch]:
    """Rows in batches that are small even where their texts are long."""
    batch: Batch = []
    size = 0
    for row in rows:
        batch.append(tuple(row))
        for cell in row:
            if isinstance(cell, _SIZED):
                size += len(cell)
        if size >= BATCH_BYTES or len(batch) == BATCH_ROWS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


class QueryReader(RowReader):
    """Reads what a query returns. Override `_column` where the driver tells types."""

    def __init__(self, hook: DbApiHook, sql: str, parameters: Parameters | None = None) -> None:
        self.hook = hook
        self._sql = sql
        self._parameters = parameters
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._cursor = self._execute(stack, self._sql, self._parameters)
            if self._cursor.description is None:
                raise TransferError(f"Connection {self.hook.get_conn_id()!r}: the query returns no rows: {self._sql}")
            self.columns = tuple(self._columns(self._cursor))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def cancel(self) -> None:
        super().cancel()
        self.hook.cancel()

    def rows(self) -> Iterator[Batch]:
        return self._converted(batches(self._fetched(self._cursor)))

    def _execute(self, stack: ExitStack, sql: str, parameters: Parameters | None) -> Any:
        """A cursor whose rows can be fetched till `stack` is closed."""
        hook = self.hook
        values = hook._adapt_parameters(parameters)
        conn = stack.enter_context(hook._create_autocommit_connection(streaming=True))
        cursor = stack.enter_context(closing(hook._stream_cursor(conn, sql)))
        hook._run_command(cursor, sql, values)
        return cursor

    def _fetched(self, cursor: Any) -> Iterator[Sequence[Any]]:
        while rows := cursor.fetchmany(self._fetch_size):
            yield from rows

    _fetch_size = 100

    def _columns(self, cursor: Any) -> Iterator[Column]:
        for field in cursor.description:
            yield Column(str(field[0]), Type("any"))

    def _stored(self, column: Column) -> Convert | None:
        """What makes a value of the column's type out of what the driver gives."""
        return reading(Type("any"), column.type)

    def _converted(self, found: Iterator[Batch]) -> Iterator[Batch]:
        return map(RowConverter([self._stored(column) for column in self.columns], self._failed), found)

    def _failed(self, number: int, place: int, error: Exception) -> TransferError:
        column = self.columns[place]
        return TransferError(
            f"Connection {self.hook.get_conn_id()!r}: in row {number} column {column.name!r}, which is of type "
            f"{column.type}, has a value that is not."
        )


class TableReader(QueryReader):
    """Reads a table, whose columns its catalogue knows."""

    def __init__(self, hook: DbApiHook, table: str, catalogue: Catalogue) -> None:
        super().__init__(hook, "")
        self._table = table
        self._catalogue = catalogue

    def __enter__(self) -> Self:
        self.columns = tuple(one.column for one in self._catalogue.require(self._table))
        return self

    def narrow(self, names: Sequence[str]) -> bool:
        by_name = {column.name: column for column in self.columns}
        self.columns = tuple(by_name[name] for name in names)
        return True

    def select(self) -> str:
        """The query for the columns that are wanted."""
        names = ", ".join(map(self.selected, self.columns))
        return f"SELECT {names} FROM {self.hook.dialect.table_name(self._table)}"

    def selected(self, column: Column) -> str:
        """How the query names a column."""
        return self.hook.dialect.quote(column.name)

    def rows(self) -> Iterator[Batch]:
        cursor = self._execute(self._stack, self.select(), None)
        return self._converted(batches(self._fetched(cursor)))
