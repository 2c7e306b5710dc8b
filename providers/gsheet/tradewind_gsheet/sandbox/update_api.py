"""`spreadsheets.batchUpdate`: several requests, of which all are done or none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tradewind_gsheet.sandbox import cell_requests, moving_requests, range_requests, sheet_requests
from tradewind_gsheet.sandbox.calls import Call, Handler
from tradewind_gsheet.sandbox.refusals import Refused
from tradewind_gsheet.sandbox.resources import spreadsheet_resource
from tradewind_gsheet.sandbox.updating import Doing, Told, Update

#: Kind of a request -> what does it.
DOINGS: Mapping[str, Doing] = {
    **sheet_requests.DOINGS,
    **range_requests.DOINGS,
    **cell_requests.DOINGS,
    **moving_requests.DOINGS,
}


def batch_update(call: Call) -> dict[str, Any]:
    spreadsheet = call.spreadsheet("writer")
    requests = call.body.get("requests", [])
    if not requests:
        raise Refused("Must specify at least one request.")
    update = Update(call, spreadsheet, call.guard(spreadsheet))
    before = spreadsheet.copy()
    try:
        replies = [_done(update, number, told) for number, told in enumerate(requests)]
    except Refused:
        spreadsheet.restore(before)
        raise
    call.touch(spreadsheet)
    told: dict[str, Any] = {"spreadsheetId": spreadsheet.id, "replies": replies}
    if call.body.get("includeSpreadsheetInResponse"):
        told["updatedSpreadsheet"] = spreadsheet_resource(
            spreadsheet,
            call.url,
            call.now,
            mask=call.mask.get("updatedSpreadsheet", {}),
            include_grid_data=bool(call.body.get("responseIncludeGridData")),
            ranges=[spreadsheet.find(text) for text in call.body.get("responseRanges", ())],
        )
    return told


def _done(update: Update, number: int, told: Told) -> Told:
    """The reply to one request."""
    if not told:
        raise Refused(f"Invalid requests[{number}]: No request set.")
    kind, *others = told
    if others:
        told_twice = f"oneof field 'kind' is already set. Cannot set '{others[0]}'"
        raise Refused(f"Invalid value at 'requests[{number}]' (oneof), {told_twice}")
    doing = DOINGS.get(kind)
    if doing is None:
        raise Refused(f"Invalid requests[{number}].{kind}: The sandbox does not do this.", 501)
    try:
        reply = doing(update, told[kind])
        update.spreadsheet.check_size()
    except Refused as refused:
        raise Refused(f"Invalid requests[{number}].{kind}: {refused.message}", refused.code) from None
    return {} if reply is None else {kind: reply}


HANDLERS: dict[str, Handler] = {"sheets.spreadsheets.batchUpdate": batch_update}
