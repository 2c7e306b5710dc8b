"""One sheet (tab): a grid of cells, and what belongs to it: merged areas, protected ranges, a filter, groups."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tradewind_gsheet.sandbox.a1 import Area
from tradewind_gsheet.sandbox.cells import Cell, Stored, is_empty

Row = tuple[Stored, ...]

#: Size of a new sheet.
ROWS, COLUMNS = 1000, 26

#: Lists of a `Sheet` of the API whose entries lie on a range, which moves with the cells.
_RANGED = ("protectedRanges", "bandedRanges", "conditionalFormats", "filterViews")


class Sheet:
    """Rows are tuples, never changed but replaced, so that a copy of the list of rows is a copy of the sheet.

    A row is as long as its last cell that was written; rows at the end that were never written are not there.
    """

    def __init__(self, properties: dict[str, Any]) -> None:
        """`properties` as the API has them, with `sheetId` and `title`; `index` is not kept here."""
        grid = {"rowCount": ROWS, "columnCount": COLUMNS, **properties.get("gridProperties", {})}
        self.properties: dict[str, Any] = {"sheetType": "GRID", **properties, "gridProperties": grid}
        self.properties.pop("index", None)
        self.rows: list[Row] = []
        self.merges: list[Area] = []
        self.more: dict[str, Any] = {}  #: further fields of a `Sheet` of the API: `protectedRanges`, `basicFilter` ...
        self.dimensions: dict[str, dict[int, dict[str, Any]]] = {"ROWS": {}, "COLUMNS": {}}  #: hidden, size, by index

    @property
    def id(self) -> int:
        return int(self.properties["sheetId"])

    @property
    def title(self) -> str:
        return str(self.properties["title"])

    @property
    def row_count(self) -> int:
        return int(self.properties["gridProperties"]["rowCount"])

    @property
    def column_count(self) -> int:
        return int(self.properties["gridProperties"]["columnCount"])

    @property
    def hidden(self) -> bool:
        return bool(self.properties.get("hidden"))

    @property
    def area(self) -> Area:
        """All of the grid."""
        return Area(0, 0, self.row_count, self.column_count)

    def copy(self) -> Sheet:
        """A copy that shares what is never changed."""
        made = Sheet(copy.deepcopy(self.properties))
        made.rows, made.merges = self.rows[:], self.merges[:]
        made.more, made.dimensions = copy.deepcopy(self.more), copy.deepcopy(self.dimensions)
        return made

    # -- cells --------------------------------------------------------------------------------------------------------

    def get(self, row: int, column: int) -> Stored:
        if row < len(self.rows):
            cells = self.rows[row]
            if column < len(cells):
                return cells[column]
        return None

    def row(self, row: int, left: int, right: int) -> Row:
        """Cells of a row, as far as there are any."""
        return self.rows[row][left:right] if row < len(self.rows) else ()

    def put(self, row: int, left: int, cells: Sequence[Stored]) -> None:
        """Replace cells of a row."""
        while len(self.rows) <= row:
            self.rows.append(())
        before = self.rows[row]
        gap = (None,) * (left - len(before))
        self.rows[row] = (*before[:left], *gap, *cells, *before[left + len(cells) :])

    def change(self, area: Area, how: Callable[[Stored], Stored]) -> None:
        """Replace each cell of an area by what `how` makes of it."""
        for row in range(area.top, area.bottom):
            before = self.row(row, area.left, area.right)
            after = [how(cell) for cell in before]
            if len(before) < area.width:
                blank = how(None)
                after += [blank] * (area.width - len(before)) if blank is not None else []
            if after or before:
                self.put(row, area.left, after)

    def used(self) -> Area:
        """The smallest area from A1 on that has all cells with content."""
        bottom = right = 0
        for number, row in enumerate(self.rows):
            for column in range(len(row) - 1, -1, -1):
                if not is_empty(row[column]):
                    bottom, right = number + 1, max(right, column + 1)
                    break
        return Area(0, 0, bottom, right)

    def filled(self, area: Area) -> Iterator[tuple[int, int, Stored]]:
        """Row, column and cell of what has content in an area."""
        for number in range(area.top, min(area.bottom, len(self.rows))):
            for column, cell in enumerate(self.row(number, area.left, area.right), area.left):
                if not is_empty(cell):
                    yield number, column, cell

    # -- rows and columns ---------------------------------------------------------------------------------------------

    def resize(self, rows: int, columns: int) -> None:
        """Set the size of the grid; what lies beyond is lost."""
        if rows < self.row_count:
            self.delete("ROWS", rows, self.row_count)
        if columns < self.column_count:
            self.delete("COLUMNS", columns, self.column_count)
        self.properties["gridProperties"] |= {"rowCount": rows, "columnCount": columns}

    def insert(self, dimension: str, start: int, count: int, *, inherit: bool = False) -> None:
        """Insert empty rows or columns before `start`; with `inherit` they look as the ones before them."""
        if dimension == "ROWS":
            if start < len(self.rows):
                like = tuple(_look(cell) for cell in self.rows[start - 1]) if inherit and start else ()
                self.rows[start:start] = [like] * count
        else:
            for number, row in enumerate(self.rows):
                if start < len(row):
                    like = (_look(row[start - 1]),) if inherit and start else (None,)
                    self.rows[number] = (*row[:start], *like * count, *row[start:])
        self._count(dimension, count)
        self.move_ranges(dimension, lambda place, end: place + count if place > start - (not end) else place)
        self._renumber(dimension, lambda place: place + count if place >= start else place)

    def delete(self, dimension: str, start: int, end: int) -> None:
        """Delete rows or columns from `start` to `end`, the end not included."""
        if dimension == "ROWS":
            del self.rows[start:end]
        else:
            self.rows = [(*row[:start], *row[end:]) if start < len(row) else row for row in self.rows]
        self._count(dimension, start - end)

        def moved(place: int, _: bool) -> int:
            return place if place <= start else max(start, place - (end - start))

        self.move_ranges(dimension, moved)
        self._renumber(dimension, lambda place: None if start <= place < end else moved(place, False))

    def _count(self, dimension: str, more: int) -> None:
        name = "rowCount" if dimension == "ROWS" else "columnCount"
        self.properties["gridProperties"][name] += more

    def _renumber(self, dimension: str, moved: Callable[[int], int | None]) -> None:
        told = ((moved(place), what) for place, what in self.dimensions[dimension].items())
        self.dimensions[dimension] = {place: what for place, what in told if place is not None}

    def move_ranges(self, dimension: str, moved: Callable[[int, bool], int]) -> None:
        """Let what lies on ranges go with the cells. `moved` says where a boundary goes, told whether it is an end."""
        self.merges = [area for area in (moved_area(one, dimension, moved) for one in self.merges) if area]
        self.merges = [area for area in self.merges if area.height * area.width > 1]
        for name in _RANGED:
            entries = self.more.get(name)
            if entries:
                kept = [entry for entry in entries if _move_entry(entry, dimension, moved)]
                self.more[name] = kept
        basic = self.more.get("basicFilter")
        if basic and not _move_entry(basic, dimension, moved):
            del self.more["basicFilter"]


def _look(cell: Stored) -> Stored:
    """The format of a cell without its content."""
    return Cell(format=cell.format) if isinstance(cell, Cell) and cell.format else None


def moved_area(area: Area, dimension: str, moved: Callable[[int, bool], int]) -> Area | None:
    """Where an area is when rows or columns come or go; None if nothing of it is left."""
    if dimension == "ROWS":
        now = Area(moved(area.top, False), area.left, moved(area.bottom, True), area.right)
    else:
        now = Area(area.top, moved(area.left, False), area.bottom, moved(area.right, True))
    return now if now.height > 0 and now.width > 0 else None


def move_range(range_: dict[str, Any], dimension: str, moved: Callable[[int, bool], int]) -> bool:
    """The same for a `GridRange`, in place. Answers whether something is left."""
    start, end = ("startRowIndex", "endRowIndex") if dimension == "ROWS" else ("startColumnIndex", "endColumnIndex")
    if start in range_:
        range_[start] = moved(range_[start], False)
    if end in range_:
        range_[end] = moved(range_[end], True)
        return bool(range_[end] > range_.get(start, 0))
    return True


def _move_entry(entry: dict[str, Any], dimension: str, moved: Callable[[int, bool], int]) -> bool:
    if "ranges" in entry:
        entry["ranges"] = [one for one in entry["ranges"] if move_range(one, dimension, moved)]
        return bool(entry["ranges"])
    return move_range(entry["range"], dimension, moved) if "range" in entry else True
