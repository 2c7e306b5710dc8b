"""Requests of `spreadsheets.batchUpdate`, of which Google carries out all or none."""

from __future__ import annotations

from typing import Any

from tradewind_gsheet.a1 import Place
from tradewind_gsheet.book import Tab

Request = dict[str, Any]


def add_tab(sheet_id: int, title: str, rows: int, columns: int, *, hidden: bool = False) -> Request:
    grid = {"rowCount": max(rows, 1), "columnCount": max(columns, 1)}
    properties = {"sheetId": sheet_id, "title": title, "hidden": hidden, "gridProperties": grid}
    return {"addSheet": {"properties": properties}}


def delete_tab(sheet_id: int) -> Request:
    return {"deleteSheet": {"sheetId": sheet_id}}


def grow(tab: Tab, rows: int, columns: int) -> list[Request]:
    """Make a tab at least so large; nothing if it is."""
    if rows <= tab.rows and columns <= tab.columns:
        return []
    grid = {"rowCount": max(rows, tab.rows), "columnCount": max(columns, tab.columns)}
    fields = "gridProperties.rowCount,gridProperties.columnCount"
    properties = {"sheetId": tab.sheet_id, "gridProperties": grid}
    return [{"updateSheetProperties": {"properties": properties, "fields": fields}}]


def clear(sheet_id: int, area: Place) -> Request:
    """Take the values out of an area, and leave its formats."""
    return {"updateCells": {"range": area.grid(sheet_id), "fields": "userEnteredValue"}}


def paste(source_id: int, source: Place, target_id: int, target: Place, *, formulas: bool) -> Request:
    """Copy values from one tab into another, which keeps its formats; with `formulas` those, and not their results."""
    return {
        "copyPaste": {
            "source": source.grid(source_id),
            "destination": target.grid(target_id),
            "pasteType": "PASTE_FORMULA" if formulas else "PASTE_VALUES",
        }
    }


def delete_rows(sheet_id: int, area: Place) -> Request:
    """Take rows of a table out; what is below them in these columns moves up."""
    return {"deleteRange": {"range": area.grid(sheet_id), "shiftDimension": "ROWS"}}


def number_format(sheet_id: int, area: Place, kind: str, pattern: str) -> Request:
    form = {"userEnteredFormat": {"numberFormat": {"type": kind, "pattern": pattern}}}
    fields = "userEnteredFormat.numberFormat"
    return {"repeatCell": {"range": area.grid(sheet_id), "cell": form, "fields": fields}}


def format_header(sheet_id: int, area: Place, *, background: str | None, bold: bool, freeze: bool) -> list[Request]:
    """Make a row look like a header: bold, with a background (`#rrggbb`), and with `freeze` always in sight."""
    form: dict[str, Any] = {"textFormat": {"bold": bold}}
    fields = "userEnteredFormat.textFormat.bold"
    if background is not None:
        form["backgroundColor"] = colour(background)
        fields += ",userEnteredFormat.backgroundColor"
    found: list[Request] = [
        {"repeatCell": {"range": area.grid(sheet_id), "cell": {"userEnteredFormat": form}, "fields": fields}}
    ]
    if freeze:
        properties = {"sheetId": sheet_id, "gridProperties": {"frozenRowCount": area.row + 1}}
        found.append({"updateSheetProperties": {"properties": properties, "fields": "gridProperties.frozenRowCount"}})
    return found


def colour(text: str) -> dict[str, float]:
    """`#rrggbb` as the API has colours. Raises ValueError."""
    digits = text.removeprefix("#")
    if len(digits) != 6:
        raise ValueError(f"{text!r} is no colour; write #rrggbb.")
    return {name: int(digits[place : place + 2], 16) / 255 for name, place in (("red", 0), ("green", 2), ("blue", 4))}
