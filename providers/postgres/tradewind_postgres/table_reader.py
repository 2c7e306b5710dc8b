"""Reads tables and queries of PostgreSQL for a transfer: what COPY writes is the CSV of transfers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from typing import IO, Any, Self

from tradewind.errors import TransferError
from tradewind.transfer import Column, CsvReader, Type
from tradewind_postgres.copying import copy_out
from tradewind_postgres.cursors import plain_cursor
from tradewind_sql.catalogue import Catalogue
from tradewind_sql.declared import type_of
from tradewind_sql.hook import Parameters

#: What makes PostgreSQL write values as `tradewind.transfer.csvtext` has them, for this transaction.
TEXT_FORMS = (
    "SET LOCAL DateStyle = 'ISO, YMD'; SET LOCAL IntervalStyle = 'iso_8601'; SET LOCAL TimeZone = 'UTC'; "
    "SET LOCAL bytea_output = 'hex'; SET LOCAL extra_float_digits = 1"
)

_NUMERIC = 1700


class PostgresReader(CsvReader):
    """Copies the columns of something that can be selected from."""

    _from: str  #: what stands behind FROM

    def __init__(self, hook: Any) -> None:
        self.hook = hook
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.conn = stack.enter_context(self.hook.transaction())
            self.hook.run(TEXT_FORMS)
            self.columns = tuple(self.look())
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def cancel(self) -> None:
        super().cancel()
        self.hook.cancel()

    @abstractmethod
    def look(self) -> Iterator[Column]:
        """Find out what there is to select from, and its columns."""

    def narrow(self, names: Sequence[str]) -> bool:
        by_name = {column.name: column for column in self.columns}
        self.columns = tuple(by_name[name] for name in names)
        return True

    def csv(self, out: IO[bytes]) -> None:
        names = ", ".join(map(self._selected, self.columns))
        sql = f"COPY (SELECT {names} FROM {self._from}) TO STDOUT (FORMAT csv, ENCODING 'UTF8')"
        if self.hook.log_sql:
            self.hook.log.info("Running statement: %s", self.told(sql))
        with self.hook._create_autocommit_connection() as conn, self.hook._explained(self.told(sql)):
            copy_out(self.hook, conn, sql, out)

    def told(self, sql: str) -> str:
        """A statement as the log may have it."""
        return sql

    def _selected(self, column: Column) -> str:
        name = self.hook.dialect.quote(column.name)
        return f"{name}::text" if column.type.kind == "bool" else str(name)  # true and false, not t and f

    def place(self, line: int) -> str:
        return f"line {line} of what connection {self.hook.get_conn_id()!r} gave"


class PostgresTableReader(PostgresReader):
    """Reads a table or view."""

    def __init__(self, hook: Any, table: str, catalogue: Catalogue) -> None:
        super().__init__(hook)
        self._table = table
        self._catalogue = catalogue

    def look(self) -> Iterator[Column]:
        self._from = self.hook.dialect.table_name(self._table)
        for one in self._catalogue.require(self._table):
            yield one.column


class PostgresQueryReader(PostgresReader):
    """Reads what a query returns."""

    def __init__(self, hook: Any, sql: str, parameters: Parameters | None) -> None:
        super().__init__(hook)
        self._sql = sql
        self._parameters = parameters

    def look(self) -> Iterator[Column]:
        query = self._one_query()
        with (
            self.hook._create_autocommit_connection() as conn,
            closing(conn.cursor(cursor_factory=plain_cursor())) as cursor,
        ):
            filled = self._filled(cursor, query)
            self._from, self._given = f"({filled}) AS query", f"({query}) AS query"
            with self.hook._explained(query):
                self.hook._attended(conn, lambda: cursor.execute(f"SELECT * FROM {self._from} LIMIT 0"))
            fields = cursor.description
            cursor.execute(
                "SELECT oid, pg_catalog.format_type(oid, NULL) FROM pg_catalog.pg_type WHERE oid = ANY(%s)",
                ([field.type_code for field in fields],),
            )
            declared = dict(cursor.fetchall())
        for field in fields:
            yield Column(field.name, _type(field, declared))

    def _one_query(self) -> str:
        found = self.hook.split_sql_string(self._sql, strip_semicolon=True)
        if len(found) != 1:
            raise TransferError(
                f"Connection {self.hook.get_conn_id()!r}: the rows of a transfer come from one query, not {len(found)}."
            )
        return str(found[0])

    def told(self, sql: str) -> str:
        return sql.replace(self._from, self._given)  # without the values of parameters

    def _filled(self, cursor: Any, query: str) -> str:
        """The query with its parameters in it, for COPY takes none."""
        values = self.hook._adapt_parameters(self._parameters)
        if not values:
            return query
        found: bytes = cursor.mogrify(query, values)
        return found.decode(cursor.connection.encoding)


def _type(field: Any, declared: dict[int, str]) -> Type:
    if field.type_code == _NUMERIC and field.precision and field.precision < 65535:
        return Type("decimal", field.precision, field.scale)
    return type_of(declared.get(field.type_code, "text"))
