"""One spreadsheet: its sheets, its named ranges, and what a written range means in it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tradewind_gsheet.sandbox import a1
from tradewind_gsheet.sandbox.a1 import Area, Reference
from tradewind_gsheet.sandbox.cells import Cell
from tradewind_gsheet.sandbox.formulas import Corner, Moving, retitled, rewritten
from tradewind_gsheet.sandbox.locales import DEFAULT, Locale, locale
from tradewind_gsheet.sandbox.refusals import Refused
from tradewind_gsheet.sandbox.sheet import Sheet, move_range

#: Cells that a spreadsheet may have, empty ones counted, and characters that one may hold.
MOST_CELLS = 10_000_000
MOST_CHARACTERS = 50_000

GridRange = dict[str, Any]

#: Where a boundary between rows or columns goes; it is told whether it is an end.
Moved = Callable[[int, bool], int]


class Spreadsheet:
    """Whoever changes it in several steps takes a `copy` before, and gives it to `restore` if one of them fails."""

    def __init__(self, id: str, properties: dict[str, Any]) -> None:
        self.id = id
        self.properties = properties  #: as the API has them, without what every spreadsheet has in common
        self.sheets: list[Sheet] = []
        self.named_ranges: list[dict[str, Any]] = []
        self.revision = 0  #: grows with every change

    @property
    def title(self) -> str:
        return str(self.properties["title"])

    @property
    def locale(self) -> Locale:
        return locale(self.properties.get("locale", "")) or DEFAULT

    def copy(self) -> Spreadsheet:
        made = Spreadsheet(self.id, copy.deepcopy(self.properties))
        made.sheets = [sheet.copy() for sheet in self.sheets]
        made.named_ranges = copy.deepcopy(self.named_ranges)
        made.revision = self.revision
        return made

    def restore(self, before: Spreadsheet) -> None:
        self.properties, self.sheets, self.named_ranges = before.properties, before.sheets, before.named_ranges
        self.revision += 1

    # -- sheets -------------------------------------------------------------------------------------------------------

    def sheet(self, sheet_id: int) -> Sheet | None:
        return next((sheet for sheet in self.sheets if sheet.id == sheet_id), None)

    def titled(self, title: str) -> Sheet | None:
        """The sheet of this title; upper and lower case are the same."""
        return next((sheet for sheet in self.sheets if sheet.title.casefold() == title.casefold()), None)

    def cell_count(self) -> int:
        return sum(sheet.row_count * sheet.column_count for sheet in self.sheets)

    def check_size(self) -> None:
        """Raises Refused if there are too many cells."""
        if self.cell_count() > MOST_CELLS:
            raise Refused(
                f"This action would increase the number of cells in the workbook above the limit of {MOST_CELLS} cells."
            )

    # -- ranges -------------------------------------------------------------------------------------------------------

    def find(self, text: str) -> tuple[Sheet, Reference]:
        """What a range in A1 notation, the title of a sheet, or the name of a range means. Raises Refused."""
        found = self._find(text)
        if found is None:
            raise Refused(f"Unable to parse range: {text}")
        return found

    def _find(self, text: str) -> tuple[Sheet, Reference] | None:
        try:
            title, cells = a1.split_title(text)
        except ValueError:
            return None
        if title is None:
            assert cells is not None
            try:
                return self._first_shown(), a1.parse_cells(cells)
            except ValueError:
                return self._named(cells)
        sheet = self.titled(title)
        if sheet is None:
            return None
        if cells is None:
            return sheet, Reference()
        try:
            return sheet, a1.parse_cells(cells)
        except ValueError:
            named = self._named(cells)
            return named if named and named[0] is sheet else None

    def _first_shown(self) -> Sheet:
        return next((sheet for sheet in self.sheets if not sheet.hidden), self.sheets[0])

    def _named(self, name: str) -> tuple[Sheet, Reference] | None:
        for one in self.named_ranges:
            if one["name"].casefold() == name.casefold():
                sheet = self.sheet(one["range"].get("sheetId", 0))
                return (sheet, reference(one["range"])) if sheet else None
        sheet = self.titled(name)
        return (sheet, Reference()) if sheet else None


def reference(range_: GridRange) -> Reference:
    """A `GridRange` of the API."""
    return Reference(
        range_.get("startRowIndex"),
        range_.get("startColumnIndex"),
        range_.get("endRowIndex"),
        range_.get("endColumnIndex"),
    )


def range_name(sheet: Sheet, area: Area) -> str:
    """`Sheet1!A1:B2`."""
    return f"{a1.quoted_title(sheet.title)}!{a1.area_name(area)}"


def inside(sheet: Sheet, area: Area) -> Area:
    """The area itself. Raises Refused if it reaches beyond the grid."""
    if not sheet.area.covers(area):
        raise beyond(sheet, area)
    return area


def beyond(sheet: Sheet, area: Area) -> Refused:
    return Refused(
        f"Range ({range_name(sheet, area)}) exceeds grid limits. "
        f"Max rows: {sheet.row_count}, max columns: {sheet.column_count}"
    )


# -- cells that move, and what refers to them -------------------------------------------------------------------------


def insert(spreadsheet: Spreadsheet, sheet: Sheet, dimension: str, start: int, count: int, *, inherit: bool) -> None:
    """Insert rows or columns; what refers to cells behind them still does."""
    sheet.insert(dimension, start, count, inherit=inherit)
    _follow(spreadsheet, sheet, dimension, lambda place, end: place + count if place >= start + end else place)


def delete(spreadsheet: Spreadsheet, sheet: Sheet, dimension: str, start: int, end: int) -> None:
    """Delete rows or columns; what refers to cells behind them still does, and to those themselves to nothing."""
    sheet.delete(dimension, start, end)

    def moved(place: int, _: bool) -> int:
        return place if place <= start else max(start, place - (end - start))

    _follow(spreadsheet, sheet, dimension, moved)


def _follow(spreadsheet: Spreadsheet, sheet: Sheet, dimension: str, moved: Moved) -> None:
    kept = [
        one
        for one in spreadsheet.named_ranges
        if one["range"].get("sheetId", 0) != sheet.id or move_range(one["range"], dimension, moved)
    ]
    spreadsheet.named_ranges = kept
    for other in spreadsheet.sheets:
        _rewrite(other, _moving(sheet, other is sheet, dimension, moved))


def _moving(sheet: Sheet, at_home: bool, dimension: str, moved: Moved) -> Moving:
    """How references move; one without a title is to the sheet that it stands on."""
    field = "row" if dimension == "ROWS" else "column"

    def moving(title: str | None, corners: list[Corner]) -> list[Corner] | None:
        is_there = at_home if title is None else title.casefold() == sheet.title.casefold()
        places = [getattr(corner, field) for corner in corners]
        if not is_there or None in places:
            return corners
        first, last = moved(places[0], False), moved(places[-1] + 1, True) - 1
        if last < first:
            return None
        pairs = zip(corners, (first, last), strict=False)
        return [replace(one, row=at) if field == "row" else replace(one, column=at) for one, at in pairs]

    return moving


def _rewrite(sheet: Sheet, moving: Moving) -> None:
    """Let the references of all formulas of a sheet move."""
    for number, row in enumerate(sheet.rows):
        if any(isinstance(cell, Cell) and cell.formula for cell in row):
            sheet.rows[number] = tuple(
                replace(cell, formula=rewritten(cell.formula, moving))
                if isinstance(cell, Cell) and cell.formula
                else cell
                for cell in row
            )


def rename(spreadsheet: Spreadsheet, sheet: Sheet, title: str) -> None:
    """Give a sheet another title, in formulas too."""
    before = sheet.title
    sheet.properties["title"] = title
    for other in spreadsheet.sheets:
        for number, row in enumerate(other.rows):
            if any(isinstance(cell, Cell) and "!" in cell.formula for cell in row):
                other.rows[number] = tuple(
                    replace(cell, formula=retitled(cell.formula, before, a1.quoted_title(title)))
                    if isinstance(cell, Cell) and cell.formula
                    else cell
                    for cell in row
                )
