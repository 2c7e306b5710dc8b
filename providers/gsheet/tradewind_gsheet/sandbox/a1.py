"""A1 notation: which cells `'My sheet'!B2:D` means, and how an area is written."""

from __future__ import annotations

import re
from dataclasses import dataclass

_CELLS = re.compile(
    r"\$?(?P<left>[A-Za-z]{1,3})?\$?(?P<top>[1-9][0-9]*)?(?P<to>:\$?(?P<right>[A-Za-z]{1,3})?\$?(?P<bottom>[1-9][0-9]*)?)?"
)
_R1C1 = re.compile(
    r"R(?P<top>[1-9][0-9]*)C(?P<left>[1-9][0-9]*)(?P<to>:R(?P<bottom>[1-9][0-9]*)C(?P<right>[1-9][0-9]*))?"
)
_TITLED = re.compile(r"(?:'(?P<quoted>(?:[^']|'')*)'|(?P<bare>[^'!]+))(?:!(?P<cells>.*))?", re.DOTALL)
_NEEDS_NO_QUOTES = re.compile(r"[^\W\d]\w*")


@dataclass(frozen=True, slots=True)
class Area:
    """Rows `top` to `bottom` and columns `left` to `right` of a sheet, counted from 0, ends not included."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def width(self) -> int:
        return self.right - self.left

    def holds(self, row: int, column: int) -> bool:
        return self.top <= row < self.bottom and self.left <= column < self.right

    def overlaps(self, other: Area) -> bool:
        return (
            self.top < other.bottom and other.top < self.bottom and self.left < other.right and other.left < self.right
        )

    def covers(self, other: Area) -> bool:
        return (
            self.top <= other.top
            and self.left <= other.left
            and self.bottom >= other.bottom
            and self.right >= other.right
        )

    def within(self, other: Area) -> Area:
        """What both have in common; it may be empty."""
        return Area(
            max(self.top, other.top),
            max(self.left, other.left),
            min(self.bottom, other.bottom),
            min(self.right, other.right),
        )


@dataclass(frozen=True, slots=True)
class Reference:
    """Cells as they were written: open ends are None. `is_cell` is one cell, written without a colon."""

    top: int | None = None
    left: int | None = None
    bottom: int | None = None
    right: int | None = None
    is_cell: bool = False

    def on(self, rows: int, columns: int) -> Area:
        """The area on a grid of this size; what reaches beyond the grid is not cut off."""
        return Area(
            self.top or 0,
            self.left or 0,
            rows if self.bottom is None else self.bottom,
            columns if self.right is None else self.right,
        )


def column_name(column: int) -> str:
    """0 is A, 26 is AA."""
    name = ""
    column += 1
    while column:
        column, letter = divmod(column - 1, 26)
        name = chr(ord("A") + letter) + name
    return name


def column_number(name: str) -> int:
    """A is 0, AA is 26."""
    number = 0
    for letter in name.upper():
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1


def split_title(text: str) -> tuple[str | None, str | None]:
    """Title of the sheet and the cells of a range: `('My sheet', 'A1:B2')`; None for what is not there.

    A text without a title that is quoted, and without `!`, is answered as the cells. Raises ValueError.
    """
    found = _TITLED.fullmatch(text)
    if not found:
        raise ValueError(text)
    quoted, bare, cells = found["quoted"], found["bare"], found["cells"]
    if quoted is not None:
        return quoted.replace("''", "'"), cells
    return (None, bare) if cells is None else (bare, cells)


def parse_cells(text: str) -> Reference:
    """`B2:D`, `2:5`, `C`, `R1C1:R2C2`. Raises ValueError for what is none of these."""
    found = _R1C1.fullmatch(text)
    if found:
        numbers = [int(found[name]) - 1 if found[name] else None for name in ("top", "left", "bottom", "right")]
    else:
        found = _CELLS.fullmatch(text)
        if not found or not text:
            raise ValueError(text)
        rows = {name: int(found[name]) - 1 if found[name] else None for name in ("top", "bottom")}
        columns = {name: column_number(found[name]) if found[name] else None for name in ("left", "right")}
        numbers = [rows["top"], columns["left"], rows["bottom"], columns["right"]]
    top, left, bottom, right = numbers
    if not found["to"]:
        if top is None or left is None:
            raise ValueError(text)
        return Reference(top, left, top + 1, left + 1, is_cell=True)
    if (top is None and left is None) or (bottom is None and right is None):
        raise ValueError(text)
    top, bottom = _in_order(top, bottom)
    left, right = _in_order(left, right)
    return Reference(top, left, bottom, right)


def _in_order(first: int | None, last: int | None) -> tuple[int | None, int | None]:
    """Start and end, the end not included; with one side open it is the side that was written which starts."""
    if first is None or last is None:
        return (first if first is not None else last), None
    return min(first, last), max(first, last) + 1


def quoted_title(title: str) -> str:
    """A title as it stands before the `!`."""
    plain = _NEEDS_NO_QUOTES.fullmatch(title) and not _CELLS.fullmatch(title) and not _R1C1.fullmatch(title)
    return title if plain else "'" + title.replace("'", "''") + "'"


def cell_name(row: int, column: int) -> str:
    return f"{column_name(column)}{row + 1}"


def area_name(area: Area) -> str:
    """`B2:D5`; `B2` if it is one cell."""
    first = cell_name(area.top, area.left)
    last = cell_name(area.bottom - 1, area.right - 1)
    return first if first == last else f"{first}:{last}"
