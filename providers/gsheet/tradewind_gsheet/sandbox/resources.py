"""Spreadsheets, sheets and cells as the API shows them."""

from __future__ import annotations

import copy
import datetime
from collections.abc import Sequence
from typing import Any

from tradewind_gsheet.sandbox import fields
from tradewind_gsheet.sandbox.a1 import Area, Reference
from tradewind_gsheet.sandbox.cells import Cell, CellError, Result, Stored, Value
from tradewind_gsheet.sandbox.colours import from_code
from tradewind_gsheet.sandbox.sheet import Sheet
from tradewind_gsheet.sandbox.spreadsheet import GridRange, Spreadsheet
from tradewind_gsheet.sandbox.values import Reader

_WHITE = {"red": 1, "green": 1, "blue": 1}

#: How a cell looks that nobody has formatted.
DEFAULT_FORMAT: dict[str, Any] = {
    "backgroundColor": _WHITE,
    "padding": {"top": 2, "right": 3, "bottom": 2, "left": 3},
    "verticalAlignment": "BOTTOM",
    "wrapStrategy": "OVERFLOW_CELL",
    "textFormat": {
        "foregroundColor": {},
        "fontFamily": "arial,sans,sans-serif",
        "fontSize": 10,
        "bold": False,
        "italic": False,
        "strikethrough": False,
        "underline": False,
        "foregroundColorStyle": {"rgbColor": {}},
    },
    "backgroundColorStyle": {"rgbColor": _WHITE},
}


def _theme() -> dict[str, Any]:
    colours = {
        "TEXT": "000000",
        "BACKGROUND": "ffffff",
        "ACCENT1": "4285f4",
        "ACCENT2": "ea4335",
        "ACCENT3": "fbbc04",
        "ACCENT4": "34a853",
        "ACCENT5": "ff6d01",
        "ACCENT6": "46bdc6",
        "LINK": "1155cc",
    }
    return {
        "primaryFontFamily": "Arial",
        "themeColors": [{"colorType": kind, "color": {"rgbColor": from_code(code)}} for kind, code in colours.items()],
    }


#: Sizes in pixels of a column and a row that nobody has changed.
COLUMN_SIZE, ROW_SIZE = 100, 21


def spreadsheet_resource(
    spreadsheet: Spreadsheet,
    url: str,
    now: datetime.datetime,
    *,
    mask: fields.Mask,
    include_grid_data: bool = False,
    ranges: Sequence[tuple[Sheet, Reference]] = (),
) -> dict[str, Any]:
    """`Spreadsheet`. With a mask it decides whether there are cells, not `include_grid_data`."""
    properties = {
        "title": spreadsheet.title,
        "locale": "en_US",
        "autoRecalc": "ON_CHANGE",
        "timeZone": "Etc/GMT",
        "defaultFormat": DEFAULT_FORMAT,
        "spreadsheetTheme": _theme(),
        **spreadsheet.properties,
    }
    with_cells = fields.asks_for(mask, "sheets", "data") if mask else include_grid_data
    full = Reader(spreadsheet, now)
    shown = [sheet for sheet in spreadsheet.sheets if not ranges or any(one is sheet for one, _ in ranges)]
    sheets = []
    for sheet in shown:
        told = sheet_resource(spreadsheet, sheet)
        if with_cells:
            wanted = [reference for one, reference in ranges if one is sheet] or [Reference()]
            told["data"] = [_grid_data(full, sheet, reference) for reference in wanted]
        sheets.append(told)
    told = {
        "spreadsheetId": spreadsheet.id,
        "properties": properties,
        "sheets": sheets,
        "spreadsheetUrl": f"{url}/spreadsheets/d/{spreadsheet.id}/edit",
    }
    if spreadsheet.named_ranges:
        told["namedRanges"] = [{**one, "range": shown_range(one["range"])} for one in spreadsheet.named_ranges]
    return told


def sheet_properties(spreadsheet: Spreadsheet, sheet: Sheet) -> dict[str, Any]:
    """`SheetProperties`."""
    first = {"sheetId": sheet.id, "title": sheet.title, "index": spreadsheet.sheets.index(sheet)}
    return copy.deepcopy(first | {name: one for name, one in sheet.properties.items() if name not in first})


def sheet_resource(spreadsheet: Spreadsheet, sheet: Sheet) -> dict[str, Any]:
    """`Sheet`, without its cells."""
    told: dict[str, Any] = {"properties": sheet_properties(spreadsheet, sheet)}
    if sheet.merges:
        told["merges"] = [area_range(sheet, area) for area in sheet.merges]
    for name, what in sheet.more.items():
        if what:
            told[name] = _with_shown_ranges(what)
    return told


def _with_shown_ranges(what: Any) -> Any:
    if isinstance(what, list):
        return [_with_shown_ranges(one) for one in what]
    if isinstance(what, dict) and isinstance(what.get("range"), dict) and "dimension" not in what["range"]:
        return {**what, "range": shown_range(what["range"])}
    return what


def shown_range(range_: GridRange) -> GridRange:
    """A `GridRange` as it is told: the number of the first sheet, 0, is left out of it."""
    return {name: value for name, value in range_.items() if name != "sheetId" or value}


def area_range(sheet: Sheet, area: Area) -> GridRange:
    """An area as a `GridRange`."""
    range_ = {
        "sheetId": sheet.id,
        "startRowIndex": area.top,
        "endRowIndex": area.bottom,
        "startColumnIndex": area.left,
        "endColumnIndex": area.right,
    }
    return shown_range(range_)


# -- cells ------------------------------------------------------------------------------------------------------------


def _grid_data(reader: Reader, sheet: Sheet, reference: Reference) -> dict[str, Any]:
    """`GridData`."""
    area = reference.on(sheet.row_count, sheet.column_count).within(sheet.area)
    told: dict[str, Any] = {}
    if area.top:
        told["startRow"] = area.top
    if area.left:
        told["startColumn"] = area.left
    rows: list[dict[str, Any]] = []
    for number in range(area.top, min(area.bottom, len(sheet.rows))):
        cells = sheet.row(number, area.left, area.right)
        found = [cell_data(reader, sheet, number, column, cell) for column, cell in enumerate(cells, area.left)]
        while found and not found[-1]:
            found.pop()
        rows.append({"values": found} if found else {})
    while rows and not rows[-1]:
        rows.pop()
    if rows:
        told["rowData"] = rows
    told["rowMetadata"] = _metadata(sheet, "ROWS", area.top, area.bottom, ROW_SIZE)
    told["columnMetadata"] = _metadata(sheet, "COLUMNS", area.left, area.right, COLUMN_SIZE)
    return told


def _metadata(sheet: Sheet, dimension: str, start: int, end: int, size: int) -> list[dict[str, Any]]:
    told = sheet.dimensions[dimension]
    return [{"pixelSize": size, **told.get(place, {})} for place in range(start, end)]


def cell_data(reader: Reader, sheet: Sheet, row: int, column: int, stored: Stored) -> dict[str, Any]:
    """`CellData`; empty for an empty cell."""
    if stored is None:
        return {}
    cell = stored if isinstance(stored, Cell) else Cell(stored)
    told: dict[str, Any] = {}
    if not cell.is_empty:
        result = reader.result(sheet, row, column, stored)
        entered = {"formulaValue": cell.formula} if cell.formula else _extended(cell.value)
        told = {
            "userEnteredValue": entered,
            "effectiveValue": _extended(result),
            "formattedValue": reader.value(sheet, row, column, stored),
        }
    if cell.format:
        told["userEnteredFormat"] = cell.format
    if told:
        told["effectiveFormat"] = merged(DEFAULT_FORMAT, cell.format or {})
    if cell.note:
        told["note"] = cell.note
    if cell.validation:
        told["dataValidation"] = cell.validation
    return told


def _extended(value: Result) -> dict[str, Any]:
    """`ExtendedValue`."""
    if isinstance(value, CellError):
        return {"errorValue": {"type": value.kind, **({"message": value.told} if value.told else {})}}
    if isinstance(value, bool):
        return {"boolValue": value}
    return {"stringValue": value} if isinstance(value, str) else {"numberValue": value}


def entered_value(extended: dict[str, Any]) -> tuple[Value, str]:
    """Value and formula of an `ExtendedValue` that was sent."""
    if "formulaValue" in extended:
        return None, str(extended["formulaValue"])
    for name in ("numberValue", "stringValue", "boolValue"):
        if name in extended:
            value: Value = extended[name]
            if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
                value = int(value)
            return value if value != "" else None, ""
    return None, ""


def merged(below: dict[str, Any], above: Any) -> dict[str, Any]:
    """One format over another."""
    made = {**below}
    for name, value in above.items():
        nested = isinstance(value, dict) and isinstance(made.get(name), dict)
        made[name] = merged(made[name], value) if nested and name == "textFormat" else value
    return made
