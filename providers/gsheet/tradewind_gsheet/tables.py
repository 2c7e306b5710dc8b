"""Tables in tabs: read as rows, records and data frames; replaced, appended to, upserted. A part of `GSheetsHook`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from tradewind_gsheet.spreadsheets import Spreadsheets

if TYPE_CHECKING:
    from tradewind_gsheet.a1 import Place
    from tradewind_gsheet.book import Book
    from tradewind_gsheet.records import Numericise


class Tables(Spreadsheets):
    """Methods on tables. `GSheetsHook` is one of these.

    `spreadsheet` is an URL, a key or a title; `tab` is as `find_table` has it.
    """

    def find_table(self, spreadsheet: str, tab: str | None = None, *, create: bool = False) -> tuple[Book, Place]:
        """The spreadsheet, and where in it the table is: `Targets`, `Targets!B3`, `Targets!B3:F`.

        By default the tab that the URL leads to, else the first one. Raises BadRange for one that is not there, unless
        it is to be made.
        """
        from tradewind_gsheet import a1
        from tradewind_gsheet.book import Book, tab_in
        from tradewind_gsheet.errors import BadRange

        book = Book(self._client, self.resolve(spreadsheet))
        if tab:
            named = book.find(tab)
            place = a1.Place(named.title) if named is not None else a1.parse(tab)
            if not create:
                book.require(place.tab)
            return book, place
        gid = tab_in(spreadsheet)
        found = book.by_id(gid) if gid is not None else next(iter(book.tabs), None)
        if found is None:
            raise BadRange(
                f"Connection {self._client.settings.conn_id!r}: the spreadsheet {book.title!r} has no tab {gid}."
            )
        return book, a1.Place(found.title)

    def get_rows(
        self,
        spreadsheet: str,
        tab: str | None = None,
        *,
        value_render_option: str = "UNFORMATTED_VALUE",
        date_time_render_option: str = "SERIAL_NUMBER",
        blank: Any = "",
    ) -> list[list[Any]]:
        """The cells of a tab or a part of it, header included: rows of one length, with `blank` where nothing is."""
        from tradewind_gsheet import table

        book, place = self.find_table(spreadsheet, tab)
        options = {"valueRenderOption": value_render_option, "dateTimeRenderOption": date_time_render_option}
        rows: list[list[Any]] = []
        for first, part in table.read_rows(book, book.require(place.tab), place, options):
            if part:
                rows += [[] for _ in range(first - place.row - len(rows))]
                rows += part
        filled = table.rectangular(rows)
        return filled if blank == "" else [[blank if cell == "" else cell for cell in row] for row in filled]

    def get_records(
        self,
        spreadsheet: str,
        tab: str | None = None,
        *,
        head: int = 1,
        expected_headers: Sequence[str] | None = None,
        numericise: Numericise = False,
        numericise_ignore: Collection[str] = (),
        default_blank: Any = "",
        value_render_option: str = "UNFORMATTED_VALUE",
    ) -> list[dict[str, Any]]:
        """The rows of a table as dicts, by the names in its header; blank rows are left out.

        - `head`: the row of the header, counted from 1, from where the table begins.
        - `expected_headers`: names that must be there.
        - `numericise`: read texts that are numbers as numbers: True for `1,234.5`, or `Numbers(...)`;
          `numericise_ignore` names columns that stay as they are. Numbers are numbers in any case, and `007` stays a
          text without it.
        - `default_blank`: what an empty cell is.

        Raises GSheetsError for a header with a blank name, or the same one twice.
        """
        names, rows = self._named_rows(
            spreadsheet, tab, head, expected_headers, numericise, numericise_ignore, default_blank, value_render_option
        )
        return [dict(zip(names, row)) for row in rows]

    def get_df(
        self,
        spreadsheet: str,
        tab: str | None = None,
        *,
        df_type: str = "pandas",
        head: int = 1,
        expected_headers: Sequence[str] | None = None,
        numericise: Numericise = False,
        numericise_ignore: Collection[str] = (),
    ) -> Any:
        """The rows of a table as a data frame of pandas or `polars`; the arguments are those of `get_records`."""
        from tradewind_gsheet.records import make_frame

        names, rows = self._named_rows(
            spreadsheet, tab, head, expected_headers, numericise, numericise_ignore, None, "UNFORMATTED_VALUE"
        )
        return make_frame(names, rows, df_type)

    def _named_rows(
        self,
        spreadsheet: str,
        tab: str | None,
        head: int,
        expected: Sequence[str] | None,
        numericise: Numericise,
        ignored: Collection[str],
        default_blank: Any,
        render: str,
    ) -> tuple[list[str], list[list[Any]]]:
        from tradewind_gsheet import records, table

        book, place = self.find_table(spreadsheet, tab)
        where = f"Connection {self._client.settings.conn_id!r}, tab {place.tab!r} of the spreadsheet {book.title!r}"
        options = {"valueRenderOption": render, "dateTimeRenderOption": "SERIAL_NUMBER"}
        found = table.read_rows(book, book.require(place.tab), place, options)
        rows = [row for _, part in found for row in part]
        names = table.header_names(rows[head - 1] if len(rows) >= head else [], place.below(head - 1), where)
        records.check_expected(names, expected, where)
        convert = records.Converter(names, numericise, ignored, default_blank, where)
        return names, [convert(row) for row in rows[head:] if not table.is_blank(row[: len(names)])]

    def replace_rows(
        self, spreadsheet: str, tab: str | None, rows: Iterable[Any], columns: Sequence[str] | None = None, **how: Any
    ) -> int:
        """Let a table have these rows and no others; returns how many. See the endpoint `Sheet` for `how`.

        Rows are sequences with `columns` as their names, dicts, or a data frame. All is there at once, or nothing.
        """
        return self._write(spreadsheet, tab, rows, columns, {"mode": "replace", **how})

    def append_rows(
        self, spreadsheet: str, tab: str | None, rows: Iterable[Any], columns: Sequence[str] | None = None, **how: Any
    ) -> int:
        """Add rows below those of a table, by the names in its header; returns how many.

        With `partition={"day": "2025-11-21"}` its rows are taken out before, so that it can be done twice.
        """
        return self._write(spreadsheet, tab, rows, columns, {"mode": "append", **how})

    def upsert_rows(
        self,
        spreadsheet: str,
        tab: str | None,
        rows: Iterable[Any],
        keys: Sequence[str],
        columns: Sequence[str] | None = None,
        **how: Any,
    ) -> int:
        """Let each row take the place of the one with its `keys`, or be added; returns how many came.

        Columns of the table that the rows do not have stay as they are.
        """
        return self._write(spreadsheet, tab, rows, columns, {"mode": "upsert", "keys": keys, **how})

    def _write(
        self, spreadsheet: str, tab: str | None, rows: Any, columns: Sequence[str] | None, how: dict[str, Any]
    ) -> int:
        from contextlib import closing

        from tradewind_gsheet.incoming import named
        from tradewind_gsheet.writing import How, TableWrite

        chosen = How(**how)
        names, batches = named(rows, columns)
        book, place = self.find_table(spreadsheet, tab, create=chosen.create)
        with closing(TableWrite(book, place, chosen)) as write:
            write.begin(names)
            count = sum(write.add(batch) for batch in batches)
            write.commit()
        return count

    def format_header(
        self,
        spreadsheet: str,
        tab: str | None = None,
        *,
        bold: bool = True,
        background: str | None = None,
        freeze: bool = True,
    ) -> None:
        """Make the header of a table bold, with a `background` (`#rrggbb`), and keep it in sight."""
        from tradewind_gsheet import updates
        from tradewind_gsheet.a1 import Place

        book, place = self.find_table(spreadsheet, tab)
        found = book.require(place.tab)
        area = Place(place.tab, place.row, place.column, place.row + 1, place.end_column)
        requests = updates.format_header(found.sheet_id, area, background=background, bold=bold, freeze=freeze)
        self._client.batch_update(book.spreadsheet_id, requests, "format a header", repeatable=True)

    def iter_rows(self, spreadsheet: str, tab: str | None = None) -> Iterator[list[Any]]:
        """The rows of a tab one by one, header included, read some at a time: for more than fit in memory."""
        from tradewind_gsheet import table

        book, place = self.find_table(spreadsheet, tab)
        for _, part in table.read_rows(book, book.require(place.tab), place):
            yield from part
