"""What the requests of a `batchUpdate` work on: a spreadsheet, and the sheets and ranges that they name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tradewind_gsheet.sandbox import discovery, fields
from tradewind_gsheet.sandbox.a1 import Area
from tradewind_gsheet.sandbox.calls import Call
from tradewind_gsheet.sandbox.refusals import Refused
from tradewind_gsheet.sandbox.sheet import Sheet
from tradewind_gsheet.sandbox.spreadsheet import GridRange, Spreadsheet, inside, reference

Told = dict[str, Any]


@dataclass(frozen=True)
class Update:
    """One `batchUpdate`. `allowed` raises Refused for cells that are protected from the caller."""

    call: Call
    spreadsheet: Spreadsheet
    allowed: Callable[[Sheet, Area], None]

    def sheet(self, sheet_id: int) -> Sheet:
        """Raises Refused if there is none."""
        found = self.spreadsheet.sheet(sheet_id)
        if found is None:
            raise Refused(f"No sheet with id: {sheet_id}")
        return found

    def grid(self, sheet_id: int) -> Sheet:
        """The same, where cells are meant."""
        found = self.spreadsheet.sheet(sheet_id)
        if found is None:
            raise Refused(f"No grid with id: {sheet_id}")
        return found

    def area(self, range_: GridRange) -> tuple[Sheet, Area]:
        """The cells of a `GridRange`. Raises Refused if they are not all on the grid."""
        sheet = self.grid(range_.get("sheetId", 0))
        for name, start in (("Row", range_.get("startRowIndex")), ("Column", range_.get("startColumnIndex"))):
            end = range_.get(f"end{name}Index")
            if start is not None and start < 0:
                raise Refused(f"range.start{name}Index must be >= 0, got: {start}")
            if end is not None and end <= (start or 0):
                raise Refused(f"range.end{name}Index must be > range.start{name}Index: {end} > {start or 0}")
        return sheet, inside(sheet, reference(range_).on(sheet.row_count, sheet.column_count))

    def writable(self, range_: GridRange) -> tuple[Sheet, Area]:
        """The same, for cells that the caller wants to change."""
        sheet, area = self.area(range_)
        self.allowed(sheet, area)
        return sheet, area

    def mask(self, text: str | None, schema: str) -> fields.Mask:
        """The mask `fields` of a request that changes a message. Raises Refused."""
        if not text:
            raise Refused("At least one field must be listed in 'fields'. (Use '*' to indicate all fields.)")
        try:
            mask = fields.parse(text.replace(" ", ""))
        except ValueError:
            raise Refused(f"Invalid field: {text}") from None
        wrong = discovery.sheets().unknown(mask, schema)
        if wrong:
            raise Refused(f"Invalid field: {wrong}")
        return mask


#: What does a request, and answers its reply.
Doing = Callable[[Update, Told], "Told | None"]
