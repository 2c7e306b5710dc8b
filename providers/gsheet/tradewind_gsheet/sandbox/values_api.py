"""The methods `spreadsheets.values.*` of the Sheets API."""

from __future__ import annotations

from typing import Any

from tradewind_gsheet.sandbox import values
from tradewind_gsheet.sandbox.a1 import Reference
from tradewind_gsheet.sandbox.calls import Call, Handler
from tradewind_gsheet.sandbox.refusals import Refused
from tradewind_gsheet.sandbox.sheet import Sheet
from tradewind_gsheet.sandbox.spreadsheet import Spreadsheet, range_name
from tradewind_gsheet.sandbox.values import Reader, Rendering, Writer, Written


def get(call: Call) -> dict[str, Any]:
    spreadsheet = call.spreadsheet("reader")
    sheet, reference = spreadsheet.find(call.parameters["range"])
    return _reader(call, spreadsheet).read(sheet, reference, call.parameters.get("majorDimension", "ROWS"))


def batch_get(call: Call) -> dict[str, Any]:
    spreadsheet = call.spreadsheet("reader")
    reader, major = _reader(call, spreadsheet), call.parameters.get("majorDimension", "ROWS")
    places = [spreadsheet.find(text) for text in call.parameters.get("ranges", ())]
    found = [reader.read(sheet, reference, major) for sheet, reference in places]
    return {"spreadsheetId": spreadsheet.id, **({"valueRanges": found} if found else {})}


def _reader(call: Call, spreadsheet: Spreadsheet) -> Reader:
    told = call.parameters
    how = Rendering(told.get("valueRenderOption", "FORMATTED_VALUE"), told.get("dateTimeRenderOption", "SERIAL_NUMBER"))
    return Reader(spreadsheet, call.now, how)


def update(call: Call) -> dict[str, Any]:
    spreadsheet = call.spreadsheet("writer")
    writer = _writer(call, spreadsheet, call.parameters)
    sheet, reference = spreadsheet.find(call.parameters["range"])
    _check_same_range(spreadsheet, call.parameters["range"], call.body.get("range"))
    before = spreadsheet.copy()
    try:
        written = writer.update(sheet, reference, *_given(call.body))
    except Refused:
        spreadsheet.restore(before)
        raise
    call.touch(spreadsheet)
    return {**written.told(spreadsheet), **_updated_data(call, spreadsheet, written, call.parameters)}


def batch_update(call: Call) -> dict[str, Any]:
    spreadsheet = call.spreadsheet("writer")
    writer = _writer(call, spreadsheet, call.body)
    before = spreadsheet.copy()
    done: list[Written] = []
    try:
        for told in call.body.get("data", ()):
            sheet, reference = spreadsheet.find(told.get("range", ""))
            done.append(writer.update(sheet, reference, *_given(told)))
    except Refused:
        spreadsheet.restore(before)
        raise
    call.touch(spreadsheet)
    totals = {
        "totalUpdatedRows": sum(one.rows for one in done),
        "totalUpdatedColumns": len({(one.sheet.id, column) for one in done for column in one.columns}),
        "totalUpdatedCells": sum(one.cells for one in done),
        "totalUpdatedSheets": len({one.sheet.id for one in done}),
    }
    answers = [{**one.told(spreadsheet), **_updated_data(call, spreadsheet, one, call.body)} for one in done]
    told = {"spreadsheetId": spreadsheet.id, **{name: count for name, count in totals.items() if count}}
    return {**told, **({"responses": answers} if answers else {})}


def append(call: Call) -> dict[str, Any]:
    spreadsheet = call.spreadsheet("writer")
    writer = _writer(call, spreadsheet, call.parameters)
    sheet, reference = spreadsheet.find(call.parameters["range"])
    _check_same_range(spreadsheet, call.parameters["range"], call.body.get("range"))
    insert = call.parameters.get("insertDataOption") == "INSERT_ROWS"
    before = spreadsheet.copy()
    try:
        table, written = values.append(writer, sheet, reference, *_given(call.body), insert=insert)
        spreadsheet.check_size()
    except Refused:
        spreadsheet.restore(before)
        raise
    call.touch(spreadsheet)
    updates = {**written.told(spreadsheet), **_updated_data(call, spreadsheet, written, call.parameters)}
    told = {"spreadsheetId": spreadsheet.id, **({"tableRange": range_name(sheet, table)} if table else {})}
    return {**told, "updates": updates}


def _given(told: dict[str, Any]) -> tuple[list[list[Any]], str]:
    return told.get("values", []), told.get("majorDimension", "ROWS")


def _writer(call: Call, spreadsheet: Spreadsheet, told: Any) -> Writer:
    option = told.get("valueInputOption", "INPUT_VALUE_OPTION_UNSPECIFIED")
    if option == "INPUT_VALUE_OPTION_UNSPECIFIED":
        raise Refused("'valueInputOption' is required but not specified")
    return Writer(spreadsheet, option, call.now.date(), call.guard(spreadsheet))


def _check_same_range(spreadsheet: Spreadsheet, asked: str, told: str | None) -> None:
    if told and spreadsheet.find(told) != spreadsheet.find(asked):
        raise Refused(f"Requested range[{asked}] does not match value's range[{told}]")


def _updated_data(call: Call, spreadsheet: Spreadsheet, written: Written, told: Any) -> dict[str, Any]:
    if not told.get("includeValuesInResponse"):
        return {}
    how = Rendering(
        told.get("responseValueRenderOption", "FORMATTED_VALUE"),
        told.get("responseDateTimeRenderOption", "SERIAL_NUMBER"),
    )
    area = written.area
    reference = Reference(area.top, area.left, area.bottom, area.right)
    return {"updatedData": Reader(spreadsheet, call.now, how).read(written.sheet, reference)}


def clear(call: Call) -> dict[str, Any]:
    spreadsheet = call.spreadsheet("writer")
    cleared = _clear(call, spreadsheet, [spreadsheet.find(call.parameters["range"])])
    return {"spreadsheetId": spreadsheet.id, "clearedRange": cleared[0]}


def batch_clear(call: Call) -> dict[str, Any]:
    spreadsheet = call.spreadsheet("writer")
    cleared = _clear(call, spreadsheet, [spreadsheet.find(text) for text in call.body.get("ranges", ())])
    return {"spreadsheetId": spreadsheet.id, **({"clearedRanges": cleared} if cleared else {})}


def _clear(call: Call, spreadsheet: Spreadsheet, places: list[tuple[Sheet, Reference]]) -> list[str]:
    allowed, before = call.guard(spreadsheet), spreadsheet.copy()
    try:
        cleared = [range_name(sheet, values.clear(sheet, reference, allowed)) for sheet, reference in places]
    except Refused:
        spreadsheet.restore(before)
        raise
    call.touch(spreadsheet)
    return cleared


HANDLERS: dict[str, Handler] = {
    "sheets.spreadsheets.values.get": get,
    "sheets.spreadsheets.values.batchGet": batch_get,
    "sheets.spreadsheets.values.update": update,
    "sheets.spreadsheets.values.batchUpdate": batch_update,
    "sheets.spreadsheets.values.append": append,
    "sheets.spreadsheets.values.clear": clear,
    "sheets.spreadsheets.values.batchClear": batch_clear,
}
