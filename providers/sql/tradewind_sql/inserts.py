"""Inserts rows in batches, with a transaction per so many of them: what is behind `DbApiHook.insert_rows`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import islice
from typing import TYPE_CHECKING, Any

from tradewind_sql.errors import RowError, SqlError

if TYPE_CHECKING:
    from tradewind_sql.hook import DbApiHook

#: Rows handed to the driver at once; this many are in memory.
BATCH = 1000


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
        self.inserted = 0  #: rows that the database took
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
                for batch in batches:
                    self._insert(cursor, batch, executemany)
                    if commit_every and self.inserted % commit_every == 0:
                        self._commit(conn)
                self._commit(conn)
            except Exception as error:
                self._explain(error, commit_every)
                raise
        hook.log.info("Inserted %s rows into %s in all", self.inserted, self.table)
        return self.inserted

    def _commit(self, conn: Any) -> None:
        self.hook._commit(conn)
        if self.inserted > self.committed:
            self.committed = self.inserted
            self.hook.log.info("Inserted %s rows into %s so far", self.committed, self.table)

    def _batches(self, rows: Iterable[Any], conn: Any, commit_every: int) -> Iterator[list[tuple[Any, ...]]]:
        """Lists of rows that never reach over a commit."""
        source = iter(rows)
        while True:
            left = commit_every - self.inserted % commit_every if commit_every else BATCH
            batch = [self._cells(row, conn, number) for number, row in enumerate(islice(source, min(BATCH, left)), 1)]
            if not batch:
                return
            yield batch

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

    def _statement(self, cells: Sequence[Any]) -> str:
        return self.hook._generate_insert_sql(self.table, cells, self.fields, self.replace, **self.options)

    def _insert(self, cursor: Any, batch: list[tuple[Any, ...]], executemany: bool) -> None:
        statement = self._statement(batch[0])
        self.hook.log.debug("Running statement: %s", statement)
        if executemany:
            with self.hook._explained(statement):
                self.hook._execute_many(cursor, statement, batch)
            self.inserted += len(batch)
            return
        for cells in batch:
            with self.hook._explained(statement):
                cursor.execute(statement, cells)
            self.inserted += 1

    def _explain(self, error: Exception, commit_every: int) -> None:
        if self.committed:
            error.add_note(
                f"{self.committed} rows were committed into {self.table} before this; the failing transaction was "
                "rolled back. commit_every=0 inserts all rows or none."
            )
        else:
            error.add_note(f"Nothing was inserted into {self.table}.")
