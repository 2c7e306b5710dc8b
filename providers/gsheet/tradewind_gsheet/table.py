"""A table in a tab: a header with the columns' names, and rows below it, from a cell on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from tradewind_gsheet.a1 import Place, letters
from tradewind_gsheet.book import Book, Tab
from tradewind_gsheet.errors import GSheetsError

#: Cells that are read with one request.
READ_CELLS = 400_000

#: Numbers and dates as they are kept, whatever they look like.
UNFORMATTED = {"valueRenderOption": "UNFORMATTED_VALUE", "dateTimeRenderOption": "SERIAL_NUMBER"}

Rows = list[list[Any]]


def read_rows(book: Book, tab: Tab, place: Place, render: dict[str, str] | None = None) -> Iterator[tuple[int, Rows]]:
    """The rows of a place, as far as the tab goes, some at a time: the number of the first, and the rows.

    They end where they are filled: neither blank rows at the end of each part nor blank cells at the end of a row come.
    """
    area = place.within(tab.rows, tab.columns)
    width = (area.end_column or 0) - area.column
    end = area.end_row or 0
    if width <= 0:
        return
    step = max(1, READ_CELLS // width)
    for row in range(area.row, end, step):
        part = Place(tab.title, row, area.column, min(row + step, end), area.end_column)
        options = {"majorDimension": "ROWS", **(UNFORMATTED if render is None else render)}
        yield row, book.client.values(book.spreadsheet_id, str(part), **options)


def is_blank(row: Sequence[Any]) -> bool:
    return all(cell in ("", None) for cell in row)


def rectangular(rows: Rows) -> Rows:
    """Rows that are all as long as the longest of them."""
    width = max(map(len, rows), default=0)
    return [[*row, *[""] * (width - len(row))] for row in rows]


def header_block(row: Sequence[Any]) -> list[str]:
    """The names in a header, up to its first blank cell: what belongs to a table that is written."""
    names = []
    for cell in row:
        if cell in ("", None):
            break
        names.append(name_of(cell))
    return names


def header_names(row: Sequence[Any], place: Place, where: str) -> list[str]:
    """The names in a header. Raises GSheetsError for one that is missing, and for one that is there twice."""
    names = [name_of(cell) for cell in row]
    while names and not names[-1]:
        names.pop()
    blank = [letters(place.column + number) for number, name in enumerate(names) if not name]
    if not names or blank:
        told = f"has no name for column {', '.join(blank)}" if names else "is blank"
        raise GSheetsError(
            f"{where}: the header in row {place.row + 1} {told}. Fill it in, or say which columns belong to the table: "
            f"{place.tab}!{letters(place.column)}{place.row + 1}:{letters(place.column)}."
        )
    check_once(names, where)
    return names


def check_once(names: Sequence[str], where: str) -> None:
    """Raise GSheetsError if a name is there more than once."""
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise GSheetsError(
            f"{where}: the header has {', '.join(map(repr, twice))} more than once. Give each column a name of its own."
        )


def name_of(cell: Any) -> str:
    """A cell of a header as a name."""
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    return str(cell).strip()
