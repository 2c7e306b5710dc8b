"""What a table holds before it is written to: its header, which rows are filled, and which row has which key."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tradewind.errors import TransferError
from tradewind.transfer import Type
from tradewind.transfer.types import ANY
from tradewind_gsheet.a1 import Place
from tradewind_gsheet.book import Book, Tab
from tradewind_gsheet.cells import TEMPORAL, reader, temporal_type, text_of_cell, to_cell
from tradewind_gsheet.table import Rows, check_once, header_block, is_blank, read_rows

Key = tuple[str, ...]


class Existing:
    """A table, as far as writing to it needs to know it. Rows are counted from the first one of the tab."""

    def __init__(self, book: Book, tab: Tab | None, place: Place, *, header: bool, whole: bool) -> None:
        """Read the header, and with `whole` all rows."""
        self.place = place
        self.where = f"Tab {place.tab!r} of the spreadsheet {book.title!r}"
        self.names: list[str] = []  #: of the header; empty: there is none
        self.width = 0
        self._rows: dict[int, list[Any]] = {}  #: filled rows below the header
        if tab is not None:
            self._read(book, tab, header, whole)

    def _read(self, book: Book, tab: Tab, header: bool, whole: bool) -> None:
        place = self.place
        if not whole:
            place = Place(place.tab, place.row, place.column, place.row + 1, place.end_column)
        for first, rows in read_rows(book, tab, place):
            if first == place.row and rows:
                self.width = len(header_block(rows[0])) if header else len(rows[0])
                if header:
                    self.names = header_block(rows[0])
                    check_once(self.names, self.where)
            self._keep(first, rows, header)

    def _keep(self, first: int, rows: Rows, header: bool) -> None:
        begin = self.place.row + (1 if header else 0)
        for number, row in enumerate(rows, first):
            cells = row[: self.width] if self.names else row
            if number >= begin and not is_blank(cells):
                self._rows[number] = cells

    @property
    def is_filled(self) -> bool:
        """Whether there is a row below the header."""
        return bool(self._rows)

    @property
    def end(self) -> int:
        """The row behind the last one that is filled."""
        return max(self._rows, default=self.place.row + (1 if self.names else 0) - 1) + 1

    def rows_of(self, partition: Mapping[str, Any], types: Mapping[str, Type]) -> list[int]:
        """Numbers of the rows that belong to a partition."""
        wanted = [self._matcher(name, value, types) for name, value in partition.items()]
        return [number for number, row in self._rows.items() if all(matches(row) for matches in wanted)]

    def keys(self, names: Sequence[str], types: Mapping[str, Type]) -> dict[Key, int]:
        """Key -> number of its row. Raises TransferError if two rows have the same one."""
        places = [self.names.index(name) for name in names]
        kinds = [types[name] for name in names]
        found: dict[Key, int] = {}
        for number, row in self._rows.items():
            key = tuple(canonical(_cell(row, place), kind) for place, kind in zip(places, kinds))
            if key in found:
                raise TransferError(
                    f"{self.where}: the rows {found[key] + 1} and {number + 1} have the same {', '.join(names)}, so "
                    "that neither can be told from the other. Remove one of them."
                )
            found[key] = number
        return found

    def _matcher(self, name: str, value: Any, types: Mapping[str, Type]) -> Callable[[list[Any]], bool]:
        place = self.names.index(name)
        kind = types.get(name, ANY)
        if kind.kind == "any":
            kind = guessed_type(value)
        wanted = canonical(to_cell(value), kind)
        return lambda row: canonical(_cell(row, place), kind) == wanted


def canonical(cell: Any, kind: Type) -> str:
    """A cell as text by which it is found again: a date is the same as a number and as text."""
    if kind.kind in TEMPORAL and cell not in ("", None):
        try:
            return text_of_cell(reader(kind, None)(cell))
        except (ValueError, TypeError, ArithmeticError):
            pass
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    return text_of_cell(cell)


def runs(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Numbers that follow each other, in order, as (first, behind the last)."""
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and found[-1][1] == number:
            found[-1] = (found[-1][0], number + 1)
        else:
            found.append((number, number + 1))
    return found


def _cell(row: list[Any], place: int) -> Any:
    return row[place] if place < len(row) else ""


def guessed_type(value: Any) -> Type:
    """The type of a value of a partition: a template gives texts, also for dates."""
    if isinstance(value, str):
        for kind, read in (("date", datetime.date.fromisoformat), ("timestamp", datetime.datetime.fromisoformat)):
            try:
                read(value)
            except ValueError:
                continue
            return Type(kind) if "-" in value else ANY
    return temporal_type(value) or ANY
