"""Places in a spreadsheet: `Sheet1!B2:D`, as Google writes them.

A place is a tab and a rectangle in it, which may be open to the right or downwards. Rows and columns are counted from 0
here and in requests, and from 1 and A in the text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from tradewind_gsheet.errors import BadRange

#: Columns that a tab may have: A to ZZZ.
MAX_COLUMNS = 18278

_CORNER = re.compile(r"\$?(?P<column>[A-Za-z]{1,3})?\$?(?P<row>[1-9][0-9]{0,7})?\Z")
_QUOTED = re.compile(r"'(?P<tab>(?:[^']|'')+)'(?:!(?P<cells>[^!]+))?\Z")


@dataclass(frozen=True, slots=True)
class Place:
    """A rectangle in a tab. `end_row` and `end_column` are behind the last ones; None: as far as the tab goes."""

    tab: str
    row: int = 0
    column: int = 0
    end_row: int | None = None
    end_column: int | None = None

    def __str__(self) -> str:
        """In A1 notation, with the tab's name in quotes."""
        if not (self.row or self.column) and self.end_row is None and self.end_column is None:
            return quoted(self.tab)
        first = f"{letters(self.column)}{self.row + 1}"
        if self.end_row is None and self.end_column is None:
            return f"{quoted(self.tab)}!{first}"
        column = letters(self.end_column - 1) if self.end_column is not None else ""
        return f"{quoted(self.tab)}!{first}:{column}{self.end_row or ''}"

    def within(self, rows: int, columns: int) -> Place:
        """The part of it that is in a tab of that size, closed on all sides."""
        end_row = rows if self.end_row is None else min(self.end_row, rows)
        end_column = columns if self.end_column is None else min(self.end_column, columns)
        return Place(self.tab, self.row, self.column, end_row, end_column)

    def below(self, rows: int) -> Place:
        """The part of it that begins so many rows further down."""
        return Place(self.tab, self.row + rows, self.column, self.end_row, self.end_column)

    def grid(self, sheet_id: int) -> dict[str, Any]:
        """As a `GridRange` of the API."""
        found: dict[str, Any] = {"sheetId": sheet_id, "startRowIndex": self.row, "startColumnIndex": self.column}
        if self.end_row is not None:
            found["endRowIndex"] = self.end_row
        if self.end_column is not None:
            found["endColumnIndex"] = self.end_column
        return found


def parse(text: str) -> Place:
    """The place that is written so: `Sales`, `Sales!B2`, `'My sales'!A1:D`. Raises BadRange.

    What has no `!` is the name of a tab, whatever it looks like. A single cell is where a table begins.
    """
    found = _QUOTED.match(text)
    if found:
        tab, cells = found["tab"].replace("''", "'"), found["cells"]
    else:
        tab, mark, cells = text.rpartition("!")
        if not mark:
            tab, cells = text, ""
    if not tab:
        raise BadRange(f"{text!r} names no tab; write Tab, Tab!B2 or 'My tab'!A1:D.")
    if not cells:
        return Place(tab)
    first, colon, last = cells.partition(":")
    begin, end = _corner(first, text), _corner(last, text) if colon else (None, None)
    row, column = begin[0] or 0, begin[1] or 0
    place = Place(tab, row, column, _behind(end[0]), _behind(end[1]))
    if (place.end_row or row + 1) <= row or (place.end_column or column + 1) <= column:
        raise BadRange(f"{text!r} ends before it begins; write the upper left cell first.")
    return place


def letters(column: int) -> str:
    """The name of a column, counted from 0: `A`, `Z`, `AA`."""
    name, left = "", column + 1
    while left:
        left, digit = divmod(left - 1, 26)
        name = chr(ord("A") + digit) + name
    return name


def column_number(name: str) -> int:
    """The column of that name, counted from 0. The inverse of `letters`."""
    number = 0
    for letter in name.upper():
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1


def quoted(tab: str) -> str:
    """A tab's name as it stands in ranges, whatever characters it has."""
    return "'" + tab.replace("'", "''") + "'"


def _corner(text: str, whole: str) -> tuple[int | None, int | None]:
    found = _CORNER.match(text) if text else None
    if found is None:
        raise BadRange(f"{whole!r} is no range; write Tab, Tab!B2, Tab!A1:D or Tab!A1:D20.")
    row = int(found["row"]) - 1 if found["row"] else None
    column = column_number(found["column"]) if found["column"] else None
    return row, column


def _behind(number: int | None) -> int | None:
    return None if number is None else number + 1
