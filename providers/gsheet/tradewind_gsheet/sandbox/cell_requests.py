"""Requests of `batchUpdate` that change cells where they are: values, formats, notes, validation."""

from __future__ import annotations

import copy
import re
from dataclasses import replace
from typing import Any

from tradewind_gsheet.sandbox import fields
from tradewind_gsheet.sandbox.a1 import Area
from tradewind_gsheet.sandbox.cells import Cell, Stored, full, is_empty, smallest, with_content
from tradewind_gsheet.sandbox.colours import drop_twins, settled
from tradewind_gsheet.sandbox.entering import entered
from tradewind_gsheet.sandbox.formulas import shifted
from tradewind_gsheet.sandbox.refusals import Refused
from tradewind_gsheet.sandbox.resources import entered_value
from tradewind_gsheet.sandbox.sheet import Sheet
from tradewind_gsheet.sandbox.spreadsheet import inside
from tradewind_gsheet.sandbox.updating import Doing, Told, Update
from tradewind_gsheet.sandbox.values import Reader

#: The mask of everything that a cell can be given here.
_ALL: fields.Mask = {"userEnteredValue": {}, "userEnteredFormat": {}, "note": {}, "dataValidation": {}}


def set_cell(stored: Stored, data: Told, mask: fields.Mask, *, down: int = 0, right: int = 0) -> Stored:
    """A cell with the fields of a `CellData`; a formula is moved so many cells down and to the right."""
    cell = full(stored)
    if "*" in mask:
        mask = _ALL
    if "userEnteredValue" in mask:
        value, formula = entered_value(data.get("userEnteredValue", {}))
        cell = replace(cell, value=value, formula=shifted(formula, down, right) if formula else "")
    if "userEnteredFormat" in mask:
        both = {"f": copy.deepcopy(dict(cell.format or {}))}
        drop_twins(both, {"f": mask["userEnteredFormat"]})
        fields.set_fields(both, {"f": data.get("userEnteredFormat", {})}, {"f": mask["userEnteredFormat"]})
        cell = replace(cell, format=settled(both.get("f")) or None)
    if "note" in mask:
        cell = replace(cell, note=data.get("note", ""))
    if "dataValidation" in mask:
        cell = replace(cell, validation=data.get("dataValidation"))
    return smallest(cell)


def write_grid_data(sheet: Sheet, data: Told) -> None:
    """Cells that were sent for a new sheet."""
    top, left = data.get("startRow", 0), data.get("startColumn", 0)
    for number, row in enumerate(data.get("rowData", ())):
        cells = [set_cell(None, one, _ALL) for one in row.get("values", ())]
        if cells:
            inside(sheet, Area(top + number, left, top + number + 1, left + len(cells)))
            sheet.put(top + number, left, cells)


def repeat_cell(update: Update, told: Told) -> None:
    sheet, area = update.writable(told.get("range", {}))
    mask, data = update.mask(told.get("fields"), "CellData"), told.get("cell", {})
    if "formulaValue" not in data.get("userEnteredValue", {}):
        sheet.change(area, lambda stored: set_cell(stored, data, mask))
        return
    for row in range(area.top, area.bottom):
        before = [sheet.get(row, column) for column in range(area.left, area.right)]
        after = [set_cell(stored, data, mask, down=row - area.top, right=place) for place, stored in enumerate(before)]
        sheet.put(row, area.left, after)


def update_cells(update: Update, told: Told) -> None:
    """With a range, cells of it that no row has are reset; with a start only the given ones are changed."""
    mask = update.mask(told.get("fields"), "CellData")
    rows = [row.get("values", []) for row in told.get("rows", ())]
    if "range" in told:
        sheet, area = update.area(told["range"])
        if len(rows) > area.height:
            raise Refused(
                f"Attempting to write row: {area.bottom}, beyond the last requested row of: {area.bottom - 1}"
            )
        _check_width(rows, area)
    else:
        start = told.get("start", {})
        sheet = update.grid(start.get("sheetId", 0))
        top, left = start.get("rowIndex", 0), start.get("columnIndex", 0)
        width = max(map(len, rows), default=0)
        area = inside(sheet, Area(top, left, top + max(1, len(rows)), left + max(1, width)))
    update.allowed(sheet, area)
    if "range" in told:
        sheet.change(area, lambda stored: set_cell(stored, {}, mask))
    for row, cells in enumerate(rows, area.top):
        before = [sheet.get(row, area.left + place) for place in range(len(cells))]
        sheet.put(row, area.left, [set_cell(old, new, mask) for old, new in zip(before, cells, strict=True)])


def _check_width(rows: list[list[Told]], area: Area) -> None:
    if any(len(cells) > area.width for cells in rows):
        raise Refused(
            f"Attempting to write column: {area.right}, beyond the last requested column of: {area.right - 1}"
        )


def append_cells(update: Update, told: Told) -> None:
    """After the last row with content."""
    sheet = update.grid(told.get("sheetId", 0))
    mask = update.mask(told.get("fields"), "CellData")
    rows = [row.get("values", []) for row in told.get("rows", ())]
    _check_width(rows, sheet.area)
    top = sheet.used().bottom
    sheet.resize(max(sheet.row_count, top + len(rows)), sheet.column_count)
    update.allowed(sheet, Area(top, 0, top + len(rows), sheet.column_count))
    for number, cells in enumerate(rows, top):
        sheet.put(number, 0, [set_cell(sheet.get(number, at), one, mask) for at, one in enumerate(cells)])


def set_data_validation(update: Update, told: Told) -> None:
    sheet, area = update.writable(told.get("range", {}))
    rule = told.get("rule")
    if (
        rule is not None
        and rule.get("condition", {}).get("type", "CONDITION_TYPE_UNSPECIFIED") == "CONDITION_TYPE_UNSPECIFIED"
    ):
        raise Refused("rule.condition.type must be specified.")
    sheet.change(area, lambda stored: smallest(replace(full(stored), validation=rule)))


def update_borders(update: Update, told: Told) -> None:
    sheet, area = update.writable(told.get("range", {}))
    inner = {"top": "innerHorizontal", "bottom": "innerHorizontal", "left": "innerVertical", "right": "innerVertical"}
    for row in range(area.top, area.bottom):
        for column in range(area.left, area.right):
            outer = {
                "top": row == area.top,
                "bottom": row == area.bottom - 1,
                "left": column == area.left,
                "right": column == area.right - 1,
            }
            wanted = {side: told.get(side if edge else inner[side]) for side, edge in outer.items()}
            sides = {side: border for side, border in wanted.items() if border}
            if sides:
                cell = full(sheet.get(row, column))
                borders = {**(cell.format or {}).get("borders", {}), **sides}
                sheet.put(row, column, [replace(cell, format={**(cell.format or {}), "borders": borders})])


# -- texts ------------------------------------------------------------------------------------------------------------


def find_replace(update: Update, told: Told) -> Told:
    finding, find = _finding(told), told.get("find", "")
    if not find:
        raise Refused("find must be specified.")
    counts = dict.fromkeys(
        ("valuesChanged", "formulasChanged", "rowsChanged", "sheetsChanged", "occurrencesChanged"), 0
    )
    for sheet, area in _searched(update, told):
        rows: set[int] = set()
        for row, column, stored in list(sheet.filled(area)):
            text, is_formula = _text(update, sheet, row, column, stored)
            if is_formula and not told.get("includeFormulas"):
                continue
            new, found = finding.subn(_replacement(told), text)
            if not found:
                continue
            update.allowed(sheet, Area(row, column, row + 1, column + 1))
            sheet.put(row, column, [_entered(update, stored, new)])
            counts["formulasChanged" if is_formula else "valuesChanged"] += 1
            counts["occurrencesChanged"] += found
            rows.add(row)
        counts["rowsChanged"] += len(rows)
        counts["sheetsChanged"] += bool(rows)
    return {name: count for name, count in counts.items() if count}


def _finding(told: Told) -> re.Pattern[str]:
    text = told.get("find", "")
    pattern = text if told.get("searchByRegex") else re.escape(text)
    if told.get("matchEntireCell"):
        pattern = rf"\A(?:{pattern})\Z"
    try:
        return re.compile(pattern, 0 if told.get("matchCase") else re.IGNORECASE)
    except re.error:
        raise Refused(f"Invalid regular expression: {text}") from None


def _replacement(told: Told) -> Any:
    """`$1` is what the first group of a regular expression has found."""
    text = told.get("replacement", "")
    if not told.get("searchByRegex"):
        return lambda _: text
    return lambda found: re.sub(r"\$(\d)", lambda number: found[int(number[1])] or "", text)


def _searched(update: Update, told: Told) -> list[tuple[Sheet, Area]]:
    if "range" in told:
        return [update.area(told["range"])]
    if told.get("allSheets"):
        return [(sheet, sheet.area) for sheet in update.spreadsheet.sheets]
    if "sheetId" not in told:
        raise Refused("One of range, sheetId or allSheets must be specified.")
    sheet = update.grid(told["sheetId"])
    return [(sheet, sheet.area)]


def _text(update: Update, sheet: Sheet, row: int, column: int, stored: Stored) -> tuple[str, bool]:
    if isinstance(stored, Cell) and stored.formula:
        return stored.formula, True
    return str(Reader(update.spreadsheet, update.call.now).value(sheet, row, column, stored)), False


def _entered(update: Update, stored: Stored, text: str) -> Stored:
    found = entered(text, update.spreadsheet.locale, update.call.now.date())
    format = {"numberFormat": {"type": found.type, "pattern": found.pattern}} if found.type else None
    return with_content(stored, found.value, found.formula, format)


def trim_whitespace(update: Update, told: Told) -> Told:
    sheet, area = update.writable(told.get("range", {}))
    count = 0
    for row, column, stored in list(sheet.filled(area)):
        value = full(stored).value
        if isinstance(value, str) and " ".join(value.split()) != value and not is_empty(stored):
            sheet.put(row, column, [with_content(stored, " ".join(value.split()))])
            count += 1
    return {"cellsChangedCount": count} if count else {}


DOINGS: dict[str, Doing] = {
    "repeatCell": repeat_cell,
    "updateCells": update_cells,
    "appendCells": append_cells,
    "setDataValidation": set_data_validation,
    "updateBorders": update_borders,
    "findReplace": find_replace,
    "trimWhitespace": trim_whitespace,
}
