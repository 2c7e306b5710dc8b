"""Google Sheets for tradewind. Names are loaded when they are used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.lazy import lazy_names

if TYPE_CHECKING:
    from tradewind_gsheet.endpoints import Sheet as Sheet
    from tradewind_gsheet.hook import GSheetsHook as GSheetsHook
    from tradewind_gsheet.numbers import Numbers as Numbers
    from tradewind_gsheet.operators import GoogleSheetsAppendOperator as GoogleSheetsAppendOperator
    from tradewind_gsheet.operators import GoogleSheetsClearOperator as GoogleSheetsClearOperator
    from tradewind_gsheet.operators import (
        GoogleSheetsCreateSpreadsheetOperator as GoogleSheetsCreateSpreadsheetOperator,
    )
    from tradewind_gsheet.operators import GoogleSheetsReadOperator as GoogleSheetsReadOperator
    from tradewind_gsheet.sandbox import GSheetSandbox as GSheetSandbox
    from tradewind_gsheet.sandbox import in_place_of_google as in_place_of_google
    from tradewind_gsheet.sql_to_sheets import SQLToGoogleSheetsOperator as SQLToGoogleSheetsOperator

_HOME: dict[str, str] = {
    "GSheetSandbox": "sandbox",
    "GSheetsHook": "hook",
    "GoogleSheetsAppendOperator": "operators",
    "GoogleSheetsClearOperator": "operators",
    "GoogleSheetsCreateSpreadsheetOperator": "operators",
    "GoogleSheetsReadOperator": "operators",
    "Numbers": "numbers",
    "SQLToGoogleSheetsOperator": "sql_to_sheets",
    "Sheet": "endpoints",
    "in_place_of_google": "sandbox",
}

__all__ = list(_HOME)

__getattr__, __dir__ = lazy_names(__name__, _HOME)
