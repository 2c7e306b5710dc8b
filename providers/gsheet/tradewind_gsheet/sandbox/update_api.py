"""`spreadsheets.batchUpdate`: several requests, of which all are done or none."""

from __future__ import annotations

from tradewind_gsheet.sandbox.calls import Handler

HANDLERS: dict[str, Handler] = {}
