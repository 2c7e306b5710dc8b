"""Requests of `batchUpdate` about sheets as a whole, and about their rows and columns."""

from __future__ import annotations

import copy
from typing import Any

from tradewind_gsheet.sandbox import fields
from tradewind_gsheet.sandbox.colours import drop_twins, settled
from tradewind_gsheet.sandbox.locales import locale
from tradewind_gsheet.sandbox.refusals import Refused
from tradewind_gsheet.sandbox.resources import sheet_properties
from tradewind_gsheet.sandbox.sheet import Sheet
from tradewind_gsheet.sandbox.sheets_api import free_id, free_title
from tradewind_gsheet.sandbox.spreadsheet import Spreadsheet, delete, insert, rename
from tradewind_gsheet.sandbox.updating import Doing, Told, Update

_WORD = {"ROWS": "row", "COLUMNS": "column"}

#: Most characters of the title of a sheet.
_LONGEST = 100


def add_sheet(update: Update, told: Told) -> Told:
    spreadsheet, wanted = update.spreadsheet, dict(told.get("properties", {}))
    place = _place(spreadsheet, wanted.pop("index", None))
    if wanted.get("sheetId") is None:
        wanted["sheetId"] = free_id(spreadsheet)
    elif spreadsheet.sheet(wanted["sheetId"]) is not None:
        raise Refused(f"A sheet with id {wanted['sheetId']} already exists.")
    _check_title(spreadsheet, wanted.setdefault("title", _next_title(spreadsheet)))
    made = Sheet(settled(wanted))
    _check_grid(made)
    spreadsheet.sheets.insert(place, made)
    return {"properties": sheet_properties(spreadsheet, made)}


def _next_title(spreadsheet: Spreadsheet) -> str:
    number = len(spreadsheet.sheets) + 1
    while spreadsheet.titled(f"Sheet{number}"):
        number += 1
    return f"Sheet{number}"


def _place(spreadsheet: Spreadsheet, index: int | None) -> int:
    if index is not None and not 0 <= index <= len(spreadsheet.sheets):
        raise Refused(f"Sheet index ({index}) must be between 0 and {len(spreadsheet.sheets)} (inclusive).")
    return len(spreadsheet.sheets) if index is None else index


def _check_title(spreadsheet: Spreadsheet, title: str, own: Sheet | None = None) -> None:
    if not title:
        raise Refused("The sheet name cannot be empty.")
    if len(title) > _LONGEST:
        raise Refused(f"The sheet name cannot be greater than {_LONGEST} characters.")
    if spreadsheet.titled(title) not in (None, own):
        raise Refused(f'A sheet with the name "{title}" already exists. Please enter another name.')


def _check_grid(sheet: Sheet) -> None:
    grid = sheet.properties["gridProperties"]
    for dimension, count in (("row", sheet.row_count), ("column", sheet.column_count)):
        if count < 1:
            raise Refused(f"gridProperties.{dimension}Count must be > 0, got: {count}")
        if grid.get(f"frozen{dimension.title()}Count", 0) >= count:
            raise Refused(f"You can't freeze all visible {dimension}s on the sheet.")


def delete_sheet(update: Update, told: Told) -> None:
    spreadsheet = update.spreadsheet
    sheet = update.sheet(told.get("sheetId", 0))
    update.allowed(sheet, sheet.area)
    if len(spreadsheet.sheets) == 1:
        raise Refused("You can't remove all the sheets in a document.")
    if all(other.hidden for other in spreadsheet.sheets if other is not sheet):
        raise Refused("You can't remove all the visible sheets in a document.")
    spreadsheet.sheets.remove(sheet)
    kept = [one for one in spreadsheet.named_ranges if one["range"].get("sheetId", 0) != sheet.id]
    spreadsheet.named_ranges = kept


def duplicate_sheet(update: Update, told: Told) -> Told:
    spreadsheet = update.spreadsheet
    source = update.sheet(told.get("sourceSheetId", 0))
    made = source.copy()
    title = told.get("newSheetName") or free_title(spreadsheet, f"Copy of {source.title}")
    _check_title(spreadsheet, title)
    number = told.get("newSheetId")
    if number is not None and spreadsheet.sheet(number) is not None:
        raise Refused(f"A sheet with id {number} already exists.")
    made.properties |= {"title": title, "sheetId": free_id(spreadsheet) if number is None else number}
    spreadsheet.sheets.insert(_place(spreadsheet, told.get("insertSheetIndex", 0)), made)
    return {"properties": sheet_properties(spreadsheet, made)}


def update_sheet_properties(update: Update, told: Told) -> None:
    spreadsheet, wanted = update.spreadsheet, told.get("properties", {})
    sheet = update.sheet(wanted.get("sheetId", 0))
    mask = update.mask(told.get("fields"), "SheetProperties")
    if "*" in mask:
        mask = {name: {} for name in (*wanted, *sheet.properties)}
    if "index" in mask and "index" in wanted:
        _move(spreadsheet, sheet, wanted["index"])
    if "title" in mask:
        _check_title(spreadsheet, wanted.get("title", ""), sheet)
        rename(spreadsheet, sheet, wanted["title"])
    _set(
        sheet,
        wanted,
        {name: below for name, below in mask.items() if name not in ("index", "title", "sheetId", "sheetType")},
    )
    if all(other.hidden for other in spreadsheet.sheets):
        raise Refused("You can't hide all the sheets in a document.")


def _set(sheet: Sheet, wanted: Told, mask: fields.Mask) -> None:
    """Set properties of a sheet; another size of the grid adds or deletes rows and columns."""
    before = sheet.row_count, sheet.column_count
    after = copy.deepcopy(sheet.properties)
    drop_twins(after, mask)
    fields.set_fields(after, wanted, mask)
    rows, columns = (after.get("gridProperties", {}).get(name, 0) for name in ("rowCount", "columnCount"))
    if "gridProperties" in mask and not mask["gridProperties"]:  # all of it: what is not told stays
        given = wanted.get("gridProperties", {})
        rows, columns = given.get("rowCount", before[0]), given.get("columnCount", before[1])
    for name, count in (("rowCount", rows), ("columnCount", columns)):
        if count < 1:
            raise Refused(f"gridProperties.{name} must be > 0, got: {count}")
    after["gridProperties"] = {**after.get("gridProperties", {}), "rowCount": before[0], "columnCount": before[1]}
    if not after.get("hidden"):
        after.pop("hidden", None)
    sheet.properties = settled(after)
    sheet.resize(rows, columns)
    grid = sheet.properties["gridProperties"]
    sheet.properties["gridProperties"] = {name: value for name, value in grid.items() if value}
    _check_grid(sheet)


def _move(spreadsheet: Spreadsheet, sheet: Sheet, index: int) -> None:
    """The index counts the sheet where it was before."""
    place = _place(spreadsheet, index)
    now = spreadsheet.sheets.index(sheet)
    spreadsheet.sheets.remove(sheet)
    spreadsheet.sheets.insert(place - 1 if place > now else place, sheet)


def update_spreadsheet_properties(update: Update, told: Told) -> None:
    wanted = told.get("properties", {})
    mask = update.mask(told.get("fields"), "SpreadsheetProperties")
    name = wanted.get("locale")
    if "locale" in mask and (name is None or locale(name) is None):
        raise Refused(f"Unsupported locale: {name}")
    if "title" in mask and not wanted.get("title"):
        raise Refused("The spreadsheet title cannot be empty.")
    fields.set_fields(update.spreadsheet.properties, wanted, mask)


# -- rows and columns -------------------------------------------------------------------------------------------------


def append_dimension(update: Update, told: Told) -> None:
    sheet, count = update.grid(told.get("sheetId", 0)), told.get("length", 0)
    if count < 1:
        raise Refused(f"length must be > 0, got: {count}")
    rows, columns = sheet.row_count, sheet.column_count
    sheet.resize(*((rows + count, columns) if _dimension(told) == "ROWS" else (rows, columns + count)))


def _dimension(told: Told) -> str:
    found = told.get("dimension", "DIMENSION_UNSPECIFIED")
    if found not in _WORD:
        raise Refused("dimension must be specified.")
    return str(found)


def _span(update: Update, told: Told) -> tuple[Sheet, str, int, int]:
    """Sheet, dimension, start and end of a `DimensionRange`."""
    sheet = update.grid(told.get("sheetId", 0))
    dimension = _dimension(told)
    count = sheet.row_count if dimension == "ROWS" else sheet.column_count
    start, end = told.get("startIndex", 0), told.get("endIndex", count)
    if start < 0 or end <= start:
        raise Refused(f"range.endIndex[{end}] must be after range.startIndex[{start}]")
    return sheet, dimension, start, end


def insert_dimension(update: Update, told: Told) -> None:
    sheet, dimension, start, end = _span(update, told.get("range", {}))
    count = sheet.row_count if dimension == "ROWS" else sheet.column_count
    inherit = bool(told.get("inheritFromBefore"))
    if start > count or (start == count and not inherit):
        raise Refused(f"range.startIndex[{start}] is after last {_WORD[dimension]} in grid[{count}]")
    if inherit and not start:
        raise Refused("inheritFromBefore cannot be true if range.startIndex is 0")
    insert(update.spreadsheet, sheet, dimension, start, end - start, inherit=inherit)


def delete_dimension(update: Update, told: Told) -> None:
    sheet, dimension, start, end = _span(update, told.get("range", {}))
    is_rows, word = dimension == "ROWS", _WORD[dimension]
    count = sheet.row_count if is_rows else sheet.column_count
    if end > count:
        raise Refused(
            f"Cannot delete a {word} that doesn't exist. Tried to delete {word} index {max(start, count)} "
            f"but there are only {count} {word}s."
        )
    if end - start == count:
        raise Refused(f"You can't delete all the {word}s on the sheet.")
    frozen = sheet.properties["gridProperties"].get(f"frozen{word.title()}Count", 0)
    if start <= frozen and end == count:
        raise Refused(f"Sorry, it is not possible to delete all non-frozen {word}s.")
    area = sheet.area
    from_to = {"top": start, "bottom": end} if is_rows else {"left": start, "right": end}
    update.allowed(sheet, _replaced(area, from_to))
    delete(update.spreadsheet, sheet, dimension, start, end)
    if frozen > start:
        grid = sheet.properties["gridProperties"]
        grid[f"frozen{word.title()}Count"] = frozen - (min(frozen, end) - start)


def _replaced(area: Any, parts: dict[str, int]) -> Any:
    from dataclasses import replace

    return replace(area, **parts)


def move_dimension(update: Update, told: Told) -> None:
    sheet, dimension, start, end = _span(update, told.get("source", {}))
    target = told.get("destinationIndex", 0)
    count = sheet.row_count if dimension == "ROWS" else sheet.column_count
    if target > count:
        raise Refused(f"destinationIndex[{target}] is after last {_WORD[dimension]} in grid[{count}]")
    update.allowed(sheet, sheet.area)
    if start <= target <= end:
        return
    order = [place for place in range(count) if not start <= place < end]
    place = target if target < start else target - (end - start)
    order[place:place] = range(start, end)
    if dimension == "ROWS":
        rows = [sheet.rows[place] if place < len(sheet.rows) else () for place in order]
        while rows and not rows[-1]:
            rows.pop()
        sheet.rows = rows
    else:
        sheet.rows = [tuple(row[place] if place < len(row) else None for place in order) for row in sheet.rows]


def update_dimension_properties(update: Update, told: Told) -> None:
    sheet, dimension, start, end = _span(update, told.get("range", {}))
    mask = update.mask(told.get("fields"), "DimensionProperties")
    known = sheet.dimensions[dimension]
    for place in range(start, end):
        one = dict(known.get(place, {}))
        fields.set_fields(one, told.get("properties", {}), mask)
        known[place] = {name: value for name, value in one.items() if value is not False}


def auto_resize_dimensions(update: Update, told: Told) -> None:
    """Nothing here measures texts: seven pixels a character."""
    sheet, dimension, start, end = _span(update, told.get("dimensions", {}))
    if dimension == "COLUMNS":
        for column in range(start, end):
            longest = max((len(str(_shown(row[column]))) for row in sheet.rows if column < len(row)), default=0)
            if longest:
                sheet.dimensions[dimension].setdefault(column, {})["pixelSize"] = 17 + 7 * longest


def _shown(cell: Any) -> Any:
    value = getattr(cell, "value", cell)
    return "" if value is None else value


# -- groups -----------------------------------------------------------------------------------------------------------


def add_dimension_group(update: Update, told: Told) -> Told:
    sheet, dimension, start, end = _span(update, told.get("range", {}))
    name = "rowGroups" if dimension == "ROWS" else "columnGroups"
    groups = [*sheet.more.get(name, ()), {"range": _dimension_range(sheet, dimension, start, end), "depth": 0}]
    sheet.more[name] = _deep(groups)
    sheet.properties["gridProperties"].setdefault(name.removesuffix("s") + "ControlAfter", True)
    return {"dimensionGroups": sheet.more[name]}


def delete_dimension_group(update: Update, told: Told) -> Told:
    sheet, dimension, start, end = _span(update, told.get("range", {}))
    name = "rowGroups" if dimension == "ROWS" else "columnGroups"
    wanted = _dimension_range(sheet, dimension, start, end)
    groups = list(sheet.more.get(name, ()))
    found = next((one for one in reversed(groups) if one["range"] == wanted), None)
    if found is None:
        raise Refused("The dimension group to be deleted does not exist.")
    groups.remove(found)
    sheet.more[name] = _deep(groups)
    return {"dimensionGroups": sheet.more[name]} if groups else {}


def _dimension_range(sheet: Sheet, dimension: str, start: int, end: int) -> Told:
    told = {"dimension": dimension, "startIndex": start, "endIndex": end}
    return {"sheetId": sheet.id, **told} if sheet.id else told


def _deep(groups: list[Told]) -> list[Told]:
    """The groups with their depths: how many hold one, itself among them."""

    def span(one: Told) -> tuple[int, int]:
        return one["range"]["startIndex"], one["range"]["endIndex"]

    ordered = sorted(groups, key=lambda one: (span(one)[0], -span(one)[1]))
    made: list[Told] = []
    for one in ordered:
        start, end = span(one)
        around = [other for other in made if span(other)[0] <= start and span(other)[1] >= end]
        made.append({**one, "depth": len(around) + 1})
    return made


DOINGS: dict[str, Doing] = {
    "addSheet": add_sheet,
    "deleteSheet": delete_sheet,
    "duplicateSheet": duplicate_sheet,
    "updateSheetProperties": update_sheet_properties,
    "updateSpreadsheetProperties": update_spreadsheet_properties,
    "appendDimension": append_dimension,
    "insertDimension": insert_dimension,
    "deleteDimension": delete_dimension,
    "moveDimension": move_dimension,
    "updateDimensionProperties": update_dimension_properties,
    "autoResizeDimensions": auto_resize_dimensions,
    "addDimensionGroup": add_dimension_group,
    "deleteDimensionGroup": delete_dimension_group,
}
