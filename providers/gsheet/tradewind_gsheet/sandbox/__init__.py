"""A stand-in for Google Sheets and Google Drive, for tests and trials. Names are loaded when they are used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.lazy import lazy_names

if TYPE_CHECKING:
    from tradewind_gsheet.sandbox.routing import in_place_of_google as in_place_of_google
    from tradewind_gsheet.sandbox.stand_in import GSheetSandbox as GSheetSandbox

_HOME = {"GSheetSandbox": "stand_in", "in_place_of_google": "routing"}

__all__ = list(_HOME)

__getattr__, __dir__ = lazy_names(__name__, _HOME)
