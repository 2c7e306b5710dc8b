"""Requests of `batchUpdate` by which cells change their place: copied, cut, sorted, pushed aside."""

from __future__ import annotations

from dataclasses import replace
from functools import cmp_to_key
from typing import Any

from tradewind_gsheet.sandbox.a1 import Area
from tradewind_gsheet.sandbox.cells import CellError, Result, Stored, full, is_empty, smallest, with_content
from tradewind_gsheet.sandbox.formulas import shifted
from tradewind_gsheet.sandbox.functions import rank
from tradewind_gsheet.sandbox.refusals import Refused
from tradewind_gsheet.sandbox.sheet import Sheet
from tradewind_gsheet.sandbox.spreadsheet import inside
from tradewind_gsheet.sandbox.updating import Doing, Told, Update
from tradewind_gsheet.sandbox.values import Reader

Block = list[list[Stored]]


def _block(sheet: Sheet, area: Area) -> Block:
    return [[sheet.get(row, column) for column in range(area.left, area.right)] for row in range(area.top, area.bottom)]


def _blank(height: int, width: int) -> Block:
    return [[None] * width for _ in range(height)]


def copy_paste(update: Update, told: Told) -> None:
    """A larger target is filled with as many copies as fit."""
    source, area = update.area(told.get("source", {}))
    target, place = update.area(told.get("destination", {}))
    kind = told.get("pasteType", "PASTE_NORMAL")
    cells = _results(update, source, area) if kind == "PASTE_VALUES" else _block(source, area)
    transposed = told.get("pasteOrientation") == "TRANSPOSE"
    height, width = (area.width, area.height) if transposed else (area.height, area.width)
    down = place.height // height if place.height % height == 0 and place.width % width == 0 else 1
    right = place.width // width if down and place.height % height == 0 and place.width % width == 0 else 1
    whole = inside(target, Area(place.top, place.left, place.top + down * height, place.left + right * width))
    update.allowed(target, whole)
    for row in range(whole.top, whole.bottom):
        made = []
        for column in range(whole.left, whole.right):
            at = (row - whole.top) % height, (column - whole.left) % width
            from_row, from_column = at[::-1] if transposed else at
            moved = row - (area.top + from_row), column - (area.left + from_column)
            made.append(_pasted(target.get(row, column), cells[from_row][from_column], kind, *moved))
        target.put(row, whole.left, made)


def _results(update: Update, sheet: Sheet, area: Area) -> Block:
    """The cells with results in the place of formulas."""
    reader = Reader(update.spreadsheet, update.call.now)
    made: Block = []
    for row in range(area.top, area.bottom):
        cells: list[Stored] = []
        for column in range(area.left, area.right):
            result = reader.result(sheet, row, column, sheet.get(row, column))
            cells.append(result.name if isinstance(result, CellError) else result)
        made.append(cells)
    return made


def _pasted(old: Stored, new: Stored, kind: str, down: int, right: int) -> Stored:
    before, after = full(old), full(new)
    if after.formula:
        after = replace(after, formula=shifted(after.formula, down, right))
    if kind in ("PASTE_VALUES", "PASTE_FORMULA"):
        return with_content(old, after.value, after.formula)
    if kind in ("PASTE_FORMAT", "PASTE_CONDITIONAL_FORMATTING"):
        return smallest(replace(before, format=after.format))
    if kind == "PASTE_DATA_VALIDATION":
        return smallest(replace(before, validation=after.validation))
    if kind == "PASTE_NO_BORDERS" and after.format:
        format = {name: value for name, value in after.format.items() if name != "borders"}
        after = replace(after, format=format or None)
    return smallest(after)


def cut_paste(update: Update, told: Told) -> None:
    """What is cut goes with its formats; formulas stay as they are."""
    source, area = update.writable(told.get("source", {}))
    where = told.get("destination", {})
    target = update.grid(where.get("sheetId", 0))
    top, left = where.get("rowIndex", 0), where.get("columnIndex", 0)
    place = inside(target, Area(top, left, top + area.height, left + area.width))
    update.allowed(target, place)
    kind, cells = told.get("pasteType", "PASTE_NORMAL"), _block(source, area)
    source.change(area, lambda stored: None if kind == "PASTE_NORMAL" else with_content(stored, None))
    for number, row in enumerate(cells):
        made = [_pasted(target.get(top + number, left + at), cell, kind, 0, 0) for at, cell in enumerate(row)]
        target.put(top + number, left, made)


def sort_range(update: Update, told: Told) -> None:
    """Empty cells come last in either order."""
    sheet, area = update.writable(told.get("range", {}))
    specs = told.get("sortSpecs", [])
    if not specs:
        raise Refused("sortSpecs must be specified.")
    reader = Reader(update.spreadsheet, update.call.now)
    columns = [spec.get("dimensionIndex", 0) for spec in specs]
    if any(not area.left <= column < area.right for column in columns):
        raise Refused("sortSpecs.dimensionIndex must be within the range.")
    falling = [spec.get("sortOrder") == "DESCENDING" for spec in specs]
    rows = range(area.top, area.bottom)
    keys = {row: [reader.result(sheet, row, at, sheet.get(row, at)) for at in columns] for row in rows}

    def compare(one: int, other: int) -> int:
        pairs = zip(keys[one], keys[other], falling, strict=True)
        return next((found for left, right, down in pairs if (found := _order(left, right, down))), 0)

    cells = _block(sheet, area)
    for to, row in enumerate(sorted(rows, key=cmp_to_key(compare)), area.top):
        sheet.put(to, area.left, [_pasted(None, cell, "PASTE_NORMAL", to - row, 0) for cell in cells[row - area.top]])


def _order(left: Result, right: Result, falling: bool) -> int:
    blank = (left in (None, ""), right in (None, ""))
    if any(blank):
        return blank[0] - blank[1]
    first, second = _rank(left), _rank(right)
    return (first > second) - (first < second) if not falling else (first < second) - (first > second)


def _rank(value: Result) -> tuple[int, Any]:
    return (3, value.name) if isinstance(value, CellError) else rank(value)


def insert_range(update: Update, told: Told) -> None:
    """Cells move down or to the right; what reaches beyond the grid makes it larger."""
    sheet, area = update.writable(told.get("range", {}))
    if told.get("shiftDimension") == "COLUMNS":
        sheet.resize(sheet.row_count, sheet.column_count + area.width)
        for row in range(area.top, min(area.bottom, len(sheet.rows))):
            sheet.rows[row] = _wider(sheet.rows[row], area.left, area.width)
        return
    sheet.resize(sheet.row_count + area.height, sheet.column_count)
    cells = _block(sheet, Area(area.top, area.left, max(len(sheet.rows), area.top), area.right))
    for at, cells_of_row in enumerate(_blank(area.height, area.width) + cells, area.top):
        sheet.put(at, area.left, cells_of_row)


def _wider(row: tuple[Stored, ...], left: int, count: int) -> tuple[Stored, ...]:
    return (*row[:left], *(None,) * count, *row[left:]) if left < len(row) else row


def delete_range(update: Update, told: Told) -> None:
    """Cells from below or from the right take the place of those that go."""
    sheet, area = update.writable(told.get("range", {}))
    if told.get("shiftDimension") == "COLUMNS":
        for row in range(area.top, min(area.bottom, len(sheet.rows))):
            sheet.rows[row] = (*sheet.rows[row][: area.left], *sheet.rows[row][area.right :])
        return
    below = _block(sheet, Area(area.bottom, area.left, max(len(sheet.rows), area.bottom), area.right))
    for at, cells_of_row in enumerate(below + _blank(area.height, area.width), area.top):
        if at < len(sheet.rows):
            sheet.put(at, area.left, cells_of_row)


def delete_duplicates(update: Update, told: Told) -> Told:
    """The first of equal rows stays."""
    sheet, area = update.writable(told.get("range", {}))
    reader = Reader(update.spreadsheet, update.call.now)
    spans = [
        (one.get("startIndex", area.left), one.get("endIndex", area.right)) for one in told.get("comparisonColumns", ())
    ]
    columns = [at for start, end in spans or [(area.left, area.right)] for at in range(start, end)]
    seen: set[tuple[Any, ...]] = set()
    kept: Block = []
    rows = _block(sheet, area)
    for number, row in enumerate(rows, area.top):
        key = tuple(rank_of(reader.result(sheet, number, at, sheet.get(number, at))) for at in columns)
        if key not in seen or all(is_empty(cell) for cell in row):
            seen.add(key)
            kept.append(row)
    gone = len(rows) - len(kept)
    for at, cells_of_row in enumerate(kept + _blank(gone, area.width), area.top):
        if at < len(sheet.rows):
            sheet.put(at, area.left, cells_of_row)
    return {"duplicatesRemovedCount": gone} if gone else {}


def rank_of(value: Result) -> tuple[int, Any]:
    """What is compared to find equal cells."""
    return (4, None) if value in (None, "") else _rank(value)


DOINGS: dict[str, Doing] = {
    "copyPaste": copy_paste,
    "cutPaste": cut_paste,
    "sortRange": sort_range,
    "insertRange": insert_range,
    "deleteRange": delete_range,
    "deleteDuplicates": delete_duplicates,
}
