"""`SQLToGoogleSheetsOperator`: the rows of a query into a spreadsheet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any, ClassVar

from tradewind.hook import BaseHook
from tradewind.transfer import Column, Type
from tradewind_gsheet.errors import GSheetsError
from tradewind_gsheet.operators import GoogleSheetsOperator
from tradewind_gsheet.writing import How, TableWrite

#: Rows that are fetched from the database together.
BATCH = 5_000


class SQLToGoogleSheetsOperator(GoogleSheetsOperator):
    """Writes what a query returns, with a header, in the place of what a table had before.

    - `sql`: the query, or the name of a `.sql` file; `parameters` are its values.
    - `spreadsheet_id`: key, URL or title.
    - `sql_conn_id`: any connection whose hook runs SQL; `database` takes the place of its own.
    - `spreadsheet_range`: the tab, and where in it the table begins: `Sheet1`, `Sheet1!B2`.
    - `create`: make the tab if it is not there.

    Rows go through a file, some thousand at a time. Of a longer result of an earlier run nothing is left, and if the
    task fails the table is as it was. Dates, times, UUIDs, bytes and decimals are written as `tradewind_gsheet.cells`
    says. Its XCom is `{"rows": ...}`. A `Transfer` with the endpoint `Sheet` does the same, and more.
    """

    template_fields: Sequence[str] = (
        "sql",
        "spreadsheet_id",
        "spreadsheet_range",
        "parameters",
        "sql_conn_id",
        *GoogleSheetsOperator.template_fields,
    )
    template_ext: Sequence[str] = (".sql",)
    template_fields_renderers: ClassVar[dict[str, str]] = {"sql": "sql"}

    def __init__(
        self,
        *,
        sql: str,
        spreadsheet_id: str,
        sql_conn_id: str,
        parameters: Iterable[Any] | Mapping[str, Any] | None = None,
        database: str | None = None,
        spreadsheet_range: str = "Sheet1",
        create: bool = False,
        value_input_option: str = "RAW",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.sql = sql
        self.spreadsheet_id = spreadsheet_id
        self.sql_conn_id = sql_conn_id
        self.parameters = parameters
        self.database = database
        self.spreadsheet_range = spreadsheet_range
        self.create = create
        self.value_input_option = value_input_option
        self._database: Any = None  #: the hook whose statement a stop has to cancel

    def execute(self, context: Any) -> dict[str, int]:
        self._database = self._sql_hook()
        how = How(create=self.create, value_input_option=self.value_input_option)
        chunks = self._database.get_records_by_chunks(self.sql, self.parameters, chunksize=BATCH)
        with self.get_hook() as hook, closing(chunks):
            first: list[Any] = next(chunks, [])
            columns = self._columns()
            book, place = hook.find_table(self.spreadsheet_id, self.spreadsheet_range, create=self.create)
            with closing(TableWrite(book, place, how)) as write:
                write.begin(columns)
                count = sum(write.add(rows) for rows in _all(first, chunks))
                write.commit()
        self.log.info("Wrote %s rows to %s", f"{count:,}", book.url or book.title)
        return {"rows": count}

    def on_kill(self) -> None:
        """Cancel the query, and give up waiting for Google."""
        super().on_kill()
        if self._database is not None:
            self._database.cancel()

    def _sql_hook(self) -> Any:
        hook = BaseHook.get_hook(self.sql_conn_id, hook_params={"schema": self.database} if self.database else None)
        if not hasattr(hook, "get_records_by_chunks"):
            raise GSheetsError(
                f"Task {self.task_id!r}: connection {self.sql_conn_id!r} is for {type(hook).__name__}, which does not "
                "run SQL; name the connection of a database."
            )
        return hook

    def _columns(self) -> list[Column]:
        described = self._database.last_description
        if not described:
            raise GSheetsError(f"Task {self.task_id!r}: the SQL returns no rows; write a query, such as SELECT.")
        return [Column(str(column[0]), Type("any")) for column in described]


def _all(first: list[Any], chunks: Iterator[list[Any]]) -> Iterator[list[Any]]:
    yield first
    yield from chunks
