"""The methods `spreadsheets.*` of the Sheets API, but for the requests of `batchUpdate` and the values of cells."""

from __future__ import annotations

from typing import Any

from tradewind_gsheet.sandbox.calls import Call, Handler, timestamp
from tradewind_gsheet.sandbox.locales import locale
from tradewind_gsheet.sandbox.project import SPREADSHEET, File, new_id, permission
from tradewind_gsheet.sandbox.refusals import NOT_FOUND, Refused
from tradewind_gsheet.sandbox.resources import sheet_properties, spreadsheet_resource
from tradewind_gsheet.sandbox.sheet import Sheet
from tradewind_gsheet.sandbox.spreadsheet import Spreadsheet


def create(call: Call) -> dict[str, Any]:
    wanted = dict(call.body.get("properties", {}))
    if "locale" in wanted and locale(wanted["locale"]) is None:
        raise Refused(f"Invalid spreadsheet.properties.locale: {wanted['locale']}")
    made = new_spreadsheet({"title": "Untitled spreadsheet", **wanted})
    if call.body.get("sheets"):
        made.sheets = []
        for number, told in enumerate(call.body["sheets"]):
            _first_sheet(made, number, told)
    made.check_size()
    add_file(call, made)
    return spreadsheet_resource(made, call.url, call.now, mask=call.mask)


def _first_sheet(made: Spreadsheet, number: int, told: dict[str, Any]) -> None:
    """A sheet that a new spreadsheet is to have, with the cells that were sent for it."""
    from tradewind_gsheet.sandbox.cell_requests import write_grid_data

    properties = {"sheetId": number, "title": f"Sheet{number + 1}", **told.get("properties", {})}
    if made.titled(properties["title"]) or made.sheet(properties["sheetId"]):
        raise Refused(f"Invalid sheets[{number}]: a sheet with its title or id is there already.")
    sheet = Sheet(properties)
    made.sheets.append(sheet)
    for data in told.get("data", ()):
        write_grid_data(sheet, data)


def new_spreadsheet(properties: dict[str, Any]) -> Spreadsheet:
    """A spreadsheet with one empty sheet."""
    made = Spreadsheet(new_id(), properties)
    made.sheets.append(Sheet({"sheetId": 0, "title": "Sheet1"}))
    return made


def add_file(call: Call, spreadsheet: Spreadsheet, **more: Any) -> File:
    """The file of a new spreadsheet, which belongs to the caller."""
    now, email = timestamp(call.now), call.caller.email
    owner = permission("user", "owner", email)
    file = File(
        spreadsheet.id,
        spreadsheet.title,
        SPREADSHEET,
        now,
        now,
        [owner],
        modified_by=email,
        app=email,
        spreadsheet=spreadsheet,
        **more,
    )
    return call.project.add_file(file)


def get(call: Call) -> dict[str, Any]:
    spreadsheet = call.spreadsheet("reader")
    return spreadsheet_resource(
        spreadsheet,
        call.url,
        call.now,
        mask=call.mask,
        include_grid_data=bool(call.parameters.get("includeGridData")),
        ranges=[spreadsheet.find(text) for text in call.parameters.get("ranges", ())],
    )


def copy_to(call: Call) -> dict[str, Any]:
    source = call.spreadsheet("reader")
    sheet = source.sheet(_number(call.parameters["sheetId"]))
    if sheet is None:
        raise Refused(NOT_FOUND, 404)
    target = call.spreadsheet_called(str(call.body.get("destinationSpreadsheetId", "")), "writer")
    made = sheet.copy()
    made.more.pop("protectedRanges", None)
    made.properties |= {"title": free_title(target, f"Copy of {sheet.title}"), "sheetId": free_id(target)}
    target.sheets.append(made)
    try:
        target.check_size()
    except Refused:
        target.sheets.remove(made)
        raise
    call.touch(target)
    return sheet_properties(target, made)


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise Refused(f"Invalid value at 'sheet_id' (TYPE_INT32), \"{text}\"") from None


def free_title(spreadsheet: Spreadsheet, wanted: str) -> str:
    """A title that no sheet has."""
    title, number = wanted, 2
    while spreadsheet.titled(title):
        title, number = f"{wanted} {number}", number + 1
    return title


def free_id(spreadsheet: Spreadsheet) -> int:
    """A number for a new sheet."""
    import random

    while True:
        number = random.randrange(1, 2**31)
        if spreadsheet.sheet(number) is None:
            return number


HANDLERS: dict[str, Handler] = {
    "sheets.spreadsheets.create": create,
    "sheets.spreadsheets.get": get,
    "sheets.spreadsheets.sheets.copyTo": copy_to,
}
