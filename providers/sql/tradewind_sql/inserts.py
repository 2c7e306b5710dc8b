"""Inserts rows in batches, with a transaction per so many of them: what is behind `DbApiHook.insert_rows`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from tradewind_sql.errors import RowError, SqlError

if TYPE_CHECKING:
    from tradewind_sql.hook import DbApiHook


@dataclass(frozen=True)
class InsertTarget:
    """Where and how rows are to be inserted: what `insert_rows` was asked for."""

    table: str  #: as the caller named it
    fields: tuple[str, ...] | None  #: columns in the order of the values; None: the table's own
    replace: bool = False  #: rows that are there already are replaced, or updated where `options` have replace_index
    executemany: bool = True  #: False: the driver gets the rows one by one
    options: Mapping[str, Any] = field(default_factory=dict)  #: schema, replace_index, replace_target


def insert_batch(hook: DbApiHook, cursor: Any, target: InsertTarget, rows: list[tuple[Any, ...]]) -> None:
    """Insert rows with statements: several rows in each if the hook's `rows_per_statement` says so."""
    size = hook.rows_per_statement
    if size > 1:
        for start in range(0, len(rows), size):
            some = rows[start : start + size]
            statement = _statement(hook, target, some)
            with hook._explained(statement):
                _execute(hook, cursor, statement, tuple(chain.from_iterable(some)))
        return
    statement = _statement(hook, target, rows[:1])
    if target.executemany:
        with hook._explained(statement):
            hook._execute_many(cursor, statement, rows)
        return
    for row in rows:
        with hook._explained(statement):
            _execute(hook, cursor, statement, row)


def _execute(hook: DbApiHook, cursor: Any, statement: str, values: tuple[Any, ...]) -> None:
    hook._attended(cursor.connection, lambda: cursor.execute(statement, values))


def _statement(hook: DbApiHook, target: InsertTarget, rows: list[tuple[Any, ...]]) -> str:
    statement = hook._generate_insert_sql(
        target.table, rows[0], target.fields, target.replace, rows=len(rows), **target.options
    )
    hook.log.debug("Running statement: %s", statement)
    return statement


class Insert:
    """One call of `insert_rows`."""

    def __init__(
        self,
        hook: DbApiHook,
        table: str,
        target_fields: Iterable[str] | None,
        *,
        replace: bool,
        options: Mapping[str, Any],
    ) -> None:
        self.hook = hook
        self.table = table
        self.fields = list(target_fields) if target_fields else None
        self.replace = replace
        self.options = options
        self.inserted = 0  #: rows that were handed over to the database
        self.committed = 0  #: rows that are there to stay
        self._width = len(self.fields) if self.fields else None
        self._native = hook.native_types
        self._serialize = hook._serialize_cell
        unknown = sorted(set(options) - hook.dialect.insert_options)
        if unknown:
            known = ", ".join(sorted(hook.dialect.insert_options))
            raise TypeError(f"insert_rows() got keywords that it does not know: {', '.join(unknown)}. Known: {known}.")
        if not replace and (options.keys() & {"replace_index", "replace_target"}):
            raise TypeError(
                "insert_rows() got replace_index or replace_target, which have an effect with replace=True only."
            )

    def run(
        self, rows: Iterable[Any], *, commit_every: int, executemany: bool, fast_executemany: bool, autocommit: bool
    ) -> int:
        if commit_every < 0:
            raise ValueError(f"commit_every must be 0 (one transaction for all) or more, not {commit_every}")
        hook = self.hook
        with hook._create_autocommit_connection(autocommit) as conn, closing(conn.cursor()) as cursor:
            if fast_executemany and hasattr(cursor, "fast_executemany"):
                cursor.fast_executemany = True
            batches = self._batches(rows, conn, commit_every)
            try:
                while (first := next(batches, None)) is not None:
                    target = InsertTarget(
                        self.table, tuple(self.fields) if self.fields else None, self.replace, executemany, self.options
                    )
                    hook._insert_batches(cursor, target, self._transaction(first, batches, commit_every))
                    self._commit(conn)
                self._commit(conn)
            except Exception as error:
                self._explain(error, commit_every)
                raise
        hook.log.info("Inserted %s rows into %s in all", self.inserted, self.table)
        return self.inserted

    def _transaction(
        self, first: list[tuple[Any, ...]], batches: Iterator[list[tuple[Any, ...]]], commit_every: int
    ) -> Iterator[list[tuple[Any, ...]]]:
        """The batches up to the next commit."""
        batch: list[tuple[Any, ...]] | None = first
        while batch is not None:
            self.inserted += len(batch)
            yield batch
            batch = None if commit_every and self.inserted % commit_every == 0 else next(batches, None)

    def _commit(self, conn: Any) -> None:
        if self.hook._commit(conn) and self.inserted > self.committed:
            self.committed = self.inserted
            self.hook.log.info("Inserted %s rows into %s so far", self.committed, self.table)

    def _batches(self, rows: Iterable[Any], conn: Any, commit_every: int) -> Iterator[list[tuple[Any, ...]]]:
        """Lists of rows that never reach over a commit."""
        source = iter(rows)
        size = self.hook.insert_batch_size
        while True:
            left = commit_every - self.inserted % commit_every if commit_every else size
            batch = list(islice(source, min(size, left)))
            if not batch:
                return
            if not self._ready(batch):
                batch = [self._cells(row, conn, place) for place, row in enumerate(batch, 1)]
            yield batch

    def _ready(self, batch: list[Any]) -> bool:
        """Whether the driver can take the rows as they are: looked at all at once, for it is the usual case."""
        if set(map(type, batch)) != {tuple}:
            return False
        width = len(batch[0]) if self._width is None else self._width
        if not width or set(map(len, batch)) != {width} or not self._native.issuperset(map(type, chain(*batch))):
            return False
        self._width = width
        return True

    def _cells(self, row: Any, conn: Any, place: int) -> tuple[Any, ...]:
        number = self.inserted + place
        if isinstance(row, Mapping):
            self.fields = self.fields or list(row)
            missing = [field for field in self.fields if field not in row]
            if missing or len(row) > len(self.fields):
                raise RowError(
                    f"Row {number} for {self.table} must have exactly the columns {self.fields}, has {list(row)}."
                )
            row = [row[field] for field in self.fields]
        elif isinstance(row, str | bytes):
            raise RowError(f"Row {number} for {self.table} is a text, not a sequence of values.")
        try:
            cells = tuple([cell if type(cell) in self._native else self._serialize(cell, conn) for cell in row])
        except (SqlError, TypeError) as error:
            raise RowError(f"Row {number} for {self.table} cannot be inserted: {error}") from error
        if self._width is None:
            self._width = len(cells)
        if len(cells) != self._width or not cells:
            wanted = f"{len(self.fields)} columns are given" if self.fields else f"the first row has {self._width}"
            raise RowError(f"Row {number} for {self.table} has {len(cells)} values, but {wanted}.")
        return cells

    def _explain(self, error: Exception, commit_every: int) -> None:
        if self.committed:
            error.add_note(
                f"{self.committed} rows were committed into {self.table} before this; the failing transaction was "
                "rolled back. commit_every=0 inserts all rows or none."
            )
        else:
            error.add_note(f"Nothing was inserted into {self.table}.")
