"""Rows into tables: by COPY where it does what INSERT does, and by statements of many rows where it does not.

With COPY rows go straight into the table, and for an upsert into a temporary one, from which a single statement merges
them. A user's own statement format, views, and tables with rules or row security get INSERTs.
"""

from __future__ import annotations

import io
import re
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

from tradewind_postgres.catalogue import Table, TableColumn
from tradewind_postgres.cursors import plain_cursor
from tradewind_postgres.dialect import unused
from tradewind_postgres.encoding import CopyEncoder, Kind, Unwritable, checked, text_of
from tradewind_sql import RowError, SqlError
from tradewind_sql.inserts import Insert

if TYPE_CHECKING:
    from tradewind_postgres.hook import PostgresHook

Rows = Sequence[Sequence[Any]]

#: Upserts of fewer rows are one statement with all values in it; a temporary table would cost more than it saves.
SMALL = 500

#: A place in a statement: no name has this character.
_HERE = "\0"

_VALUES = re.compile(r"\bVALUES\s*\((%s(?:, %s)*)\)", re.IGNORECASE)
_COPY_LINE = re.compile(r"^COPY .*, line (\d+)", re.MULTILINE)


class PostgresInsert(Insert):
    """One call of `insert_rows` or `upsert_rows`."""

    hook: PostgresHook

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._serialize = _as_it_is  # values are written when the types of the columns are known

    def run(
        self, rows: Iterable[Any], *, commit_every: int, executemany: bool, fast_executemany: bool, autocommit: bool
    ) -> int:
        """Insert all rows. The ways of `executemany` make no difference here: COPY is faster than both."""
        if commit_every < 0:
            raise ValueError(f"commit_every must be 0 (one transaction for all) or more, not {commit_every}")
        hook = self.hook
        with (
            hook._create_autocommit_connection(autocommit) as conn,
            closing(conn.cursor(cursor_factory=plain_cursor())) as cursor,
        ):
            writer: Writer | None = None
            try:
                for batch in self._batches(rows, conn, commit_every):
                    writer = writer or self._writer(conn, cursor, len(batch[0]))
                    self._write(writer, batch)
                    if commit_every and self.inserted % commit_every == 0:
                        self._commit(conn)
                if writer is not None:
                    writer.finish()
                self._commit(conn)
            except Exception as error:
                self._explain(error, commit_every)
                raise
        hook.log.info("Inserted %s rows into %s in all", self.inserted, self.table)
        return self.inserted

    def _ready(self, batch: list[Any]) -> bool:
        """As in the base class, but any type of value will do."""
        if not set(map(type, batch)) <= {tuple, list}:
            return False
        width = len(batch[0]) if self._width is None else self._width
        if not width or set(map(len, batch)) != {width}:
            return False
        self._width = width
        return True

    def _writer(self, conn: Any, cursor: Any, width: int) -> Writer:
        hook, options = self.hook, self.options
        if hook.is_redshift or hook.chooses_format(self.replace):
            return StatementWriter(hook, conn, cursor, self._statement(width))
        table = hook.dialect.describe(conn, self.table, options.get("schema"))
        columns = self._chosen(table, self.fields) if self.fields else table.leading(width)
        if not self.replace:
            return (CopyWriter if table.loadable else ValuesWriter)(hook, conn, cursor, table, columns)
        index = options.get("replace_index")
        key = self._chosen(table, [index] if isinstance(index, str) else index or table.key)
        if not key:
            hook.dialect.refuse_without_key(self.table)
        changed = [column for column in columns if column not in key]
        if options.get("replace_target") is not None:
            changed = self._chosen(table, options["replace_target"])
        for column in (*key, *changed):
            if column not in columns:
                raise SqlError(
                    f"Column {column.name!r} of the key or to be updated is not among those inserted: "
                    f"{', '.join(column.name for column in columns)}."
                )
        return MergeWriter(hook, conn, cursor, table, columns, key, changed)

    def _chosen(self, table: Table, names: Iterable[str]) -> list[TableColumn]:
        return table.chosen([self.hook.dialect.column_name(name) for name in names])

    def _statement(self, width: int) -> str:
        return self.hook._generate_insert_sql(self.table, [None] * width, self.fields, self.replace, **self.options)

    def _write(self, writer: Writer, batch: Rows) -> None:
        try:
            writer.write(batch)
        except RowError as error:
            place = next((place for place, row in enumerate(batch, 1) if not writer.can_write(row)), 1)
            raise RowError(f"Row {self.inserted + place} for {self.table} cannot be inserted: {error}.") from None
        except Exception as error:
            line = _COPY_LINE.search(str(getattr(getattr(error, "diag", None), "context", None) or ""))
            if line:
                error.add_note(f"It was row {self.inserted + int(line[1])}.")
            raise
        self.inserted += len(batch)


class Writer(ABC):
    """Writes batches of rows on one connection."""

    def __init__(self, hook: PostgresHook, conn: Any, cursor: Any) -> None:
        self.hook = hook
        self.conn = conn
        self.cursor = cursor

    @abstractmethod
    def write(self, rows: Rows) -> None:
        """Write these rows, all or none. Raises RowError, without the row's number, for what cannot be written."""

    def can_write(self, row: Sequence[Any]) -> bool:
        """Whether this row is not the one that RowError was about."""
        return True

    def finish(self) -> None:  # noqa: B027  # most writers have nothing to take away
        """All rows are written: take away what was only there to write them."""

    def _execute(self, statement: str) -> None:
        self.hook.log.debug("Running statement: %s", statement)
        with self.hook._explained(statement):
            self.hook._attended(self.conn, lambda: self.cursor.execute(statement))

    def _execute_values(self, statement: str, rows: Rows, template: str | None = None) -> None:
        """Execute a statement that has one `%s` in place of all rows."""
        from psycopg2.extras import execute_values

        with self.hook._explained(statement):
            self.hook._attended(
                self.conn, lambda: execute_values(self.cursor, statement, rows, template, page_size=len(rows))
            )


class StatementWriter(Writer):
    """Writes with an INSERT in the form that a user chose."""

    def __init__(self, hook: PostgresHook, conn: Any, cursor: Any, statement: str) -> None:
        super().__init__(hook, conn, cursor)
        self.statement = statement
        #: the same with a single `%s`, if it has a row of values that can be repeated
        self.many = _VALUES.sub("VALUES %s", statement) if len(_VALUES.findall(statement)) == 1 else None

    def write(self, rows: Rows) -> None:
        values = [tuple([self.hook._serialize_cell(cell) for cell in row]) for row in rows]
        if self.many is not None:
            self._execute_values(self.many, values)
            return
        with self.hook._explained(self.statement):
            self.hook._execute_many(self.cursor, self.statement, values)


class TableWriter(Writer):
    """Writes to a table whose columns are known, with values as text that PostgreSQL reads."""

    def __init__(
        self, hook: PostgresHook, conn: Any, cursor: Any, table: Table, columns: Sequence[TableColumn]
    ) -> None:
        super().__init__(hook, conn, cursor)
        self.table = table
        self.columns = columns
        self.encoder = CopyEncoder((column.name, column.kind) for column in columns)

    def can_write(self, row: Sequence[Any]) -> bool:
        try:
            self.encoder.encode([row])
        except RowError:
            return False
        except Unwritable:
            return True
        return True

    def _copied(self, statement: str, rows: Rows) -> bool:
        """Write by COPY, unless there is a value that only a statement can hold."""
        try:
            data = self.encoder.encode(rows)
        except Unwritable:
            return False
        with self.hook._explained(statement):
            self.hook._attended(self.conn, lambda: self.cursor.copy_expert(statement, io.BytesIO(data), len(data)))
        return True

    def _texts(self, rows: Rows) -> list[tuple[Any, ...]]:
        return [
            tuple([self._text(value, column.name, column.kind) for value, column in zip(row, self.columns)])
            for row in rows
        ]

    def _text(self, value: Any, name: str, kind: Kind) -> Any:
        try:
            return checked(text_of(value, kind))
        except Unwritable:
            return self.hook._serialize_cell(value)
        except (TypeError, ValueError, RecursionError) as error:
            raise RowError(f"column {name!r}: {error}") from None


class ValuesWriter(TableWriter):
    """Writes with INSERT ... VALUES of many rows."""

    def write(self, rows: Rows) -> None:
        insert = _protected(self.hook.dialect.insert_sql(self.table, self.columns))
        self._execute_values(f"{insert} VALUES %s", self._texts(rows))


class CopyWriter(ValuesWriter):
    """Writes with COPY."""

    def write(self, rows: Rows) -> None:
        if not self._copied(self.hook.dialect.copy_in_sql(self.table, self.columns), rows):
            super().write(rows)


class MergeWriter(TableWriter):
    """Inserts rows whose key is new, and updates those whose key is there."""

    def __init__(
        self,
        hook: PostgresHook,
        conn: Any,
        cursor: Any,
        table: Table,
        columns: Sequence[TableColumn],
        key: Sequence[TableColumn],
        changed: Sequence[TableColumn],
    ) -> None:
        super().__init__(hook, conn, cursor, table, columns)
        self.key = key
        self.changed = changed
        self.number = hook.dialect.quote(unused("tradewind_row", columns))
        self.staging = ""  #: name of the temporary table, once there is one

    def write(self, rows: Rows) -> None:
        if len(rows) < SMALL or not self.table.temporary_tables or self.hook.get_autocommit(self.conn):
            self._merge_values(rows)
            return
        quoted = self.hook.dialect.quoted_columns(self.columns)
        if not self.staging:
            self._make_staging()
        if not self._copied(f"COPY {self.staging} ({quoted}) FROM STDIN (FORMAT text, ENCODING 'UTF8')", rows):
            self._merge_values(rows)
            return
        self._execute(self._merge_sql(self.staging))
        self._execute(f"TRUNCATE {self.staging}")

    def finish(self) -> None:
        if self.staging:
            self._execute(f"DROP TABLE {self.staging}")

    def _make_staging(self) -> None:
        self.staging = f"pg_temp.tradewind_{uuid.uuid4().hex}"
        for statement in self.hook.dialect.staging_sql(self.staging, self.number, self.table, self.columns):
            self._execute(statement)

    def _merge_values(self, rows: Rows) -> None:
        names = _protected(f"{self.hook.dialect.quoted_columns(self.columns)}, {self.number}")
        statement = _protected(self._merge_sql(_HERE)).replace(_HERE, f"(VALUES %s) AS given ({names})")
        casts = [f"%s::{_protected(column.cast)}" for column in self.columns]
        numbered = [(*row, number) for number, row in enumerate(self._texts(rows), 1)]
        self._execute_values(statement, numbered, f"({', '.join([*casts, '%s'])})")

    def _merge_sql(self, source: str) -> str:
        return self.hook.dialect.merge_sql(self.table, self.columns, source, self.number, self.key, self.changed)


def _as_it_is(cell: Any, conn: Any = None) -> Any:
    return cell


def _protected(sql: str) -> str:
    """Text that psycopg2 puts values into: a `%` in it is doubled."""
    return sql.replace("%", "%%")
