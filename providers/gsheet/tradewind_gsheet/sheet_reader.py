"""Reads a table of a spreadsheet for a transfer: with types as one is told, or as the cells have them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Self

from tradewind.errors import TransferError
from tradewind.transfer import Batch, Column, RowReader, Type
from tradewind_gsheet import cells
from tradewind_gsheet.a1 import letters
from tradewind_gsheet.table import Rows, header_names, is_blank, read_rows

if TYPE_CHECKING:
    from tradewind_gsheet.endpoints import Sheet
    from tradewind_gsheet.hook import GSheetsHook

#: Rows that are handed on together.
BATCH = 5_000


class SheetReader(RowReader):
    """The first part is read when it is entered, to know the columns; the others while rows are taken."""

    def __init__(self, hook: GSheetsHook, endpoint: Sheet) -> None:
        self.hook = hook
        self.endpoint = endpoint

    def __enter__(self) -> Self:
        try:
            self._look()
        except BaseException:
            self.hook.close()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.hook.close()

    def cancel(self) -> None:
        super().cancel()
        self.hook.stop()

    def _look(self) -> None:
        book, place = self.hook.find_table(self.endpoint.spreadsheet, self.endpoint.tab)
        self._place = place
        self._where = f"Tab {place.tab!r} of the spreadsheet {book.title!r}"
        self._parts = read_rows(book, book.require(place.tab), place)
        first, rows = next(self._parts, (place.row, []))
        names = self._names(rows)
        if self.endpoint.header:
            first, rows = first + 1, rows[1:]
        self._first = first, rows
        self._width = len(names)
        given = self.endpoint.column_types()
        unknown = [name for name in given if name not in names]
        if unknown:
            raise TransferError(f"{self._where} has no column {unknown[0]!r}, which types= names; it has {names}.")
        self._told = [given.get(name) for name in names]
        self.columns = tuple(
            Column(name, told or self._inferred(rows, number))
            for number, (name, told) in enumerate(zip(names, self._told))
        )

    def _names(self, rows: Rows) -> list[str]:
        if self.endpoint.header:
            return header_names(rows[0] if rows else [], self._place, self._where)
        width = max(map(len, rows), default=0)
        given = list(self.endpoint.types or ())
        if not width and not given:
            raise TransferError(f"{self._where} is blank, so types= must name its columns.")
        if given and len(given) < width:
            raise TransferError(f"{self._where} has {width} columns, and types= names {len(given)}; name all of them.")
        return given or [letters(self._place.column + number) for number in range(width)]

    def _inferred(self, rows: Rows, place: int) -> Type:
        filled = [row[place] for row in rows if place < len(row) and row[place] not in ("", None)]
        if self.endpoint.errors == "null":
            filled = [cell for cell in filled if cell not in cells.ERRORS]
        return cells.type_of(filled)

    def rows(self) -> Iterator[Batch]:
        readers = [self._reader(column, told) for column, told in zip(self.columns, self._told)]
        first, rows = self._first
        while True:
            for begin in range(0, len(rows), BATCH):
                batch = rows[begin : begin + BATCH]
                yield [
                    self._row(row, number, readers)
                    for number, row in enumerate(batch, first + begin)
                    if not is_blank(row[: self._width])
                ]
            part = next(self._parts, None)
            if part is None:
                return
            first, rows = part

    def _reader(self, column: Column, told: Type | None) -> Callable[[Any], Any]:
        if told is not None:
            return cells.reader(told, self.endpoint.numbers)
        return cells.exactly(column.type) if column.type.kind != "any" else lambda cell: cell

    def _row(self, row: Sequence[Any], number: int, readers: list[Callable[[Any], Any]]) -> tuple[Any, ...]:
        found: list[Any] = []
        for place, read in enumerate(readers):
            cell = row[place] if place < len(row) else ""
            if cell in ("", None):
                found.append(None)
                continue
            if cell in cells.ERRORS and self.endpoint.errors != "text":
                self._check_error(cell, number, place)
                found.append(None)
                continue
            try:
                found.append(read(cell))
            except (ValueError, ArithmeticError, TypeError):
                raise TransferError(self._told_wrong(number, place)) from None  # its message may have the value
        return tuple(found)

    def _check_error(self, cell: str, number: int, place: int) -> None:
        if self.endpoint.errors == "raise":
            raise TransferError(
                f"{self._where}: cell {letters(self._place.column + place)}{number + 1} has the error {cell}. Mend the "
                "formula, or take such cells as empty (errors='null') or as text (errors='text')."
            )

    def _told_wrong(self, number: int, place: int) -> str:
        column = self.columns[place]
        told = f"{self._where}: cell {letters(self._place.column + place)}{number + 1} is not of type {column.type}"
        if self._told[place] is not None:
            return f"{told}, which types= says of the column {column.name!r}."
        return f"{told}, as those before it are. Say the type of the column: types={{{column.name!r}: 'text'}}."
