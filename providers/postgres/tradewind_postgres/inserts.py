"""Rows into tables: by COPY where it does what INSERT does, and by statements of many rows where it does not.

With COPY rows go straight into the table, and for an upsert into a temporary one, from which a single statement merges
them. A user's own statement format, views, and tables with rules or row security get INSERTs.
"""

from __future__ import annotations

import io
import re
import uuid
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tradewind_postgres.catalogue import Table, TableColumn
from tradewind_postgres.dialect import plain_cursor, unused
from tradewind_postgres.encoding import CopyEncoder, Kind, Unwritable, text_of
from tradewind_sql import RowError, SqlError
from tradewind_sql.inserts import Insert

if TYPE_CHECKING:
    from tradewind_postgres.hook import PostgresHook

#: Writes a batch of rows, all of one width.
Write = Callable[[list[Sequence[Any]]], None]

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
        """Insert all rows. The driver's ways of `executemany` make no difference here: COPY is faster than both."""
        if commit_every < 0:
            raise ValueError(f"commit_every must be 0 (one transaction for all) or more, not {commit_every}")
        hook = self.hook
        with (
            hook._create_autocommit_connection(autocommit) as conn,
            closing(conn.cursor(cursor_factory=plain_cursor())) as cursor,
        ):
            write: Write | None = None
            try:
                for batch in self._batches(rows, conn, commit_every):
                    write = write or self._way(conn, cursor, len(batch[0]))
                    self._write(write, batch)
                    if commit_every and self.inserted % commit_every == 0:
                        self._commit(conn)
                self._commit(conn)
            except Exception as error:
                self._explain(error, commit_every)
                raise
        hook.log.info("Inserted %s rows into %s in all", self.inserted, self.table)
        return self.inserted
