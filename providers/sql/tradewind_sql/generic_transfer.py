"""GenericTransfer: rows of a query on one connection into a table on another one."""

from __future__ import annotations

import pickle
import re
import tempfile
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import cached_property
from typing import Any, ClassVar

from tradewind.errors import DagError, TradewindError
from tradewind.operator import BaseOperator
from tradewind_sql.errors import SqlError
from tradewind_sql.hook import DbApiHook
from tradewind_sql.loads import RowsProcessor, Statements, keywords, run_all
from tradewind_sql.operators import database_hook

#: Rows read at once, unless `page_size` says otherwise; only so many are in memory.
BATCH = 5000


class GenericTransfer(BaseOperator):
    """Copies the rows of a query into a table of another database, in batches and in one transaction.

        GenericTransfer(
            task_id="copy", source_conn_id="shop", sql="select id, amount from orders where day = '{{ ds }}'",
            destination_conn_id="warehouse", destination_table="orders",
            preoperator="delete from orders where day = '{{ ds }}'",
        )

    - `sql`: a query, a list of them, or the name of a `.sql` file.
    - `destination_table`: where the rows go, by position unless `insert_args` has `target_fields`.
    - `source_conn_id`, `source_hook_params`, `destination_conn_id`, `destination_hook_params`: the two databases, and
      keywords for their hooks.
    - `rows_processor`: called with each list of rows and, as keywords, the context; gives the rows to insert.
    - `preoperator`: SQL to run in the destination before, in the same transaction: if the task fails, the destination
      is as it was.
    - `insert_args`: more keywords for `insert_rows`. There are no commits in between, whatever `commit_every` says.
    - `page_size`: read so many rows with a query of their own, for servers that cannot send rows bit by bit; the query
      needs an ORDER BY, or rows may come twice or not at all. `paginated_sql_statement_clause` makes that query: it is
      formatted with the query, the page size and the offset.
    - `deferrable`: changes nothing.

    The task's XCom is `{"rows_read": ..., "rows_written": ...}`. Without a `rows_processor` they must be equal.
    """

    template_fields: Sequence[str] = (
        "source_conn_id",
        "destination_conn_id",
        "sql",
        "destination_table",
        "preoperator",
        "insert_args",
        "page_size",
        "paginated_sql_statement_clause",
        "source_hook_params",
        "destination_hook_params",
    )
    template_ext: Sequence[str] = (".sql", ".hql")
    template_fields_renderers: ClassVar[dict[str, str]] = {"sql": "sql", "preoperator": "sql"}
    ui_color = "#b0f07c"

    def __init__(
        self,
        *,
        sql: str | list[str],
        destination_table: str,
        source_conn_id: str,
        destination_conn_id: str,
        source_hook_params: dict[str, Any] | None = None,
        destination_hook_params: dict[str, Any] | None = None,
        rows_processor: RowsProcessor | None = None,
        preoperator: Statements = None,
        insert_args: dict[str, Any] | None = None,
        page_size: int | str | None = None,
        paginated_sql_statement_clause: str | None = None,
        deferrable: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.sql = sql
        self.destination_table = destination_table
        self.source_conn_id = source_conn_id
        self.source_hook_params = source_hook_params
        self.destination_conn_id = destination_conn_id
        self.destination_hook_params = destination_hook_params
        self.rows_processor = rows_processor
        self.preoperator = preoperator
        self.insert_args = insert_args or {}
        self.page_size = page_size
        self.paginated_sql_statement_clause = paginated_sql_statement_clause or "{} LIMIT {} OFFSET {}"
        self.deferrable = deferrable

    @cached_property
    def source_hook(self) -> DbApiHook:
        params = self.source_hook_params or {}
        return database_hook(self.task_id, self.source_conn_id, params, argument="source_conn_id")

    @cached_property
    def destination_hook(self) -> DbApiHook:
        params = self.destination_hook_params or {}
        return database_hook(self.task_id, self.destination_conn_id, params, argument="destination_conn_id")

    def on_kill(self) -> None:
        """Cancel what both databases execute for this task."""
        for name in ("source_hook", "destination_hook"):
            if (hook := self.__dict__.get(name)) is not None:
                hook.cancel()

    def execute(self, context: Any) -> dict[str, int]:
        """Copy the rows; gives how many were read and written."""
        counts = {"rows_read": 0, "rows_written": 0}
        insert = {**self.insert_args, "commit_every": 0}
        queries = [self.sql] if isinstance(self.sql, str) else self.sql
        with self._named_failures(), self.destination_hook.transaction():
            run_all(self.destination_hook, self.preoperator)
            for sql in queries:
                with closing(self._rows(sql, context, counts)) as rows:
                    counts["rows_written"] += self.destination_hook.insert_rows(self.destination_table, rows, **insert)
            self._compare(counts)
        self.log.info("Copied %s rows into %s", counts["rows_written"], self.destination_table)
        return counts

    def _rows(self, sql: str, context: Any, counts: dict[str, int]) -> Generator[Any, None, None]:
        with closing(self._pages(sql) if self.page_size else self._batches(sql)) as batches:
            for batch in _spooled(batches) if self._must_spool() else batches:
                counts["rows_read"] += len(batch)
                yield from batch if self.rows_processor is None else self.rows_processor(batch, **keywords(context))

    def _batches(self, sql: str) -> Generator[list[Any], None, None]:
        yield from self.source_hook.get_records_by_chunks(sql, chunksize=BATCH)

    def _must_spool(self) -> bool:
        """Whether the source would keep the destination from writing as long as it is read."""
        source, destination = self.source_hook, self.destination_hook
        return source.reads_block_writes and source.get_uri() == destination.get_uri()

    def _pages(self, sql: str) -> Generator[list[Any], None, None]:
        size = self._number_of_rows()
        if not re.search(r"\border\s+by\b", sql, re.IGNORECASE):
            self.log.warning("The query has no ORDER BY: with page_size, rows may come twice or not at all.")
        with self.source_hook.session():
            offset = 0
            while page := self.source_hook.get_records(self._page_sql(sql, size, offset)):
                yield page
                offset += size

    def _page_sql(self, sql: str, size: int, offset: int) -> str:
        return self.paginated_sql_statement_clause.format(sql.strip().rstrip(";"), size, offset)

    def _number_of_rows(self) -> int:
        try:
            size = int(str(self.page_size))
        except ValueError:
            size = 0
        if size < 1:
            raise DagError(f"Task {self.task_id!r}: page_size={self.page_size!r} is not a number of rows.")
        return size

    def _compare(self, counts: dict[str, int]) -> None:
        if self.rows_processor is None and counts["rows_read"] != counts["rows_written"]:
            raise SqlError(
                f"Task {self.task_id!r} read {counts['rows_read']} rows from {self.source_conn_id!r}, but "
                f"{counts['rows_written']} were written to {self.destination_conn_id!r}: nothing is kept."
            )

    @contextmanager
    def _named_failures(self) -> Iterator[None]:
        try:
            yield
        except TradewindError:
            raise
        except Exception as error:  # every driver has its own
            where = f"from {self.source_conn_id!r} to {self.destination_conn_id!r}"
            raise SqlError(f"Task {self.task_id!r} failed {where}: {type(error).__name__}: {error}") from error


def _spooled(batches: Iterator[list[Any]]) -> Iterator[list[Any]]:
    """The same batches, once all of them are in a temporary file."""
    with tempfile.TemporaryFile() as file:
        for batch in batches:
            pickle.dump(batch, file)
        file.seek(0)
        while True:
            try:
                yield pickle.load(file)
            except EOFError:
                return
