"""A spreadsheet and its tabs: what they are called, and how large they are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from tradewind_gsheet.client import Client
from tradewind_gsheet.errors import BadRange, GSheetsError, SpreadsheetNotFound

#: Cells that a spreadsheet has at most, over all its tabs, blank ones included.
MAX_CELLS = 10_000_000

_IN_URL = re.compile(r"/spreadsheets(?:/u/\d+)?/d/(?:e/)?(?P<key>[A-Za-z0-9_-]+)")
_OLD_URL = re.compile(r"[?&]key=(?P<key>[A-Za-z0-9_-]+)")
_GID = re.compile(r"[#?&]gid=(?P<gid>\d+)")
_KEY = re.compile(r"[A-Za-z0-9_-]{25,}\Z")


@dataclass(frozen=True)
class Tab:
    """A tab of cells."""

    sheet_id: int
    title: str
    index: int
    rows: int
    columns: int
    frozen_rows: int = 0


class Book:
    """A spreadsheet as it was when it was looked at."""

    def __init__(self, client: Client, spreadsheet_id: str) -> None:
        self.client = client
        self.spreadsheet_id = spreadsheet_id
        self._read(client.metadata(spreadsheet_id))

    def refresh(self) -> None:
        """Look again."""
        self._read(self.client.metadata(self.spreadsheet_id))

    def _read(self, told: dict[str, Any]) -> None:
        properties = told.get("properties", {})
        self.title: str = properties.get("title", "")
        self.url: str = told.get("spreadsheetUrl", "")
        self.tabs = [_tab(sheet["properties"]) for sheet in told.get("sheets", ()) if _has_cells(sheet["properties"])]

    @property
    def cells(self) -> int:
        """Cells of all tabs, blank ones included."""
        return sum(tab.rows * tab.columns for tab in self.tabs)

    def find(self, title: str) -> Tab | None:
        """The tab of that title. As in Google Sheets, capital and small letters are the same."""
        return next((tab for tab in self.tabs if tab.title.lower() == title.lower()), None)

    def by_id(self, sheet_id: int) -> Tab | None:
        return next((tab for tab in self.tabs if tab.sheet_id == sheet_id), None)

    def require(self, title: str) -> Tab:
        """The tab of that title. Raises BadRange, with the titles that there are."""
        found = self.find(title)
        if found is None:
            raise BadRange(
                f"Connection {self.client.settings.conn_id!r}: the spreadsheet {self.title!r} has no tab {title!r}; it "
                f"has {', '.join(repr(tab.title) for tab in self.tabs)}."
            )
        return found

    def check_room(self, more: int, what: str) -> None:
        """Raise GSheetsError if there is no room for so many more cells."""
        if self.cells + more > MAX_CELLS:
            raise GSheetsError(
                f"Connection {self.client.settings.conn_id!r}: {what} needs {more:,} more cells, and the spreadsheet "
                f"{self.title!r} has {self.cells:,} of the {MAX_CELLS:,} that Google allows. Nothing was sent. Write "
                "less, remove tabs or blank rows and columns, or use another spreadsheet."
            )


def key_of(client: Client, spreadsheet: str) -> str:
    """The key of the spreadsheet that an URL, a key or a title means.

    Raises SpreadsheetNotFound for a title that no spreadsheet has, GSheetsError for one that several have.
    """
    key = key_in(spreadsheet)
    if key is not None:
        return key
    who = f"Connection {client.settings.conn_id!r}"
    if "://" in spreadsheet or not spreadsheet.strip():
        raise SpreadsheetNotFound(f"{who}: {spreadsheet!r} is not the URL of a spreadsheet.")
    with client.explained(f"look for the spreadsheet {spreadsheet!r}"):
        # gspread puts the title between quotes as it is
        escaped = spreadsheet.replace("\\", "\\\\").replace('"', '\\"')
        found = [file for file in client.gspread.list_spreadsheet_files(escaped) if file["name"] == spreadsheet]
    if len(found) > 1:
        keys = ", ".join(file["id"] for file in found)
        raise GSheetsError(f"{who} sees {len(found)} spreadsheets {spreadsheet!r}: use the key of one of them: {keys}")
    if not found:
        account = client.account() or "the account that this machine is logged in with"
        raise SpreadsheetNotFound(
            f"{who} sees no spreadsheet {spreadsheet!r}: check the title, or share it with {account}."
        )
    return str(found[0]["id"])


def key_in(spreadsheet: str) -> str | None:
    """The key in an URL, or the text itself if it looks like a key; None for a title."""
    found = _IN_URL.search(spreadsheet) or _OLD_URL.search(spreadsheet) if "://" in spreadsheet else None
    if found:
        return found["key"]
    return spreadsheet if _KEY.match(spreadsheet) else None


def tab_in(spreadsheet: str) -> int | None:
    """The id of the tab that an URL leads to, if it does."""
    found = _GID.search(spreadsheet) if "://" in spreadsheet else None
    return int(found["gid"]) if found else None


def _has_cells(properties: dict[str, Any]) -> bool:
    return str(properties.get("sheetType", "GRID")) == "GRID"


def _tab(properties: dict[str, Any]) -> Tab:
    grid = properties.get("gridProperties", {})
    return Tab(
        sheet_id=properties.get("sheetId", 0),
        title=properties.get("title", ""),
        index=properties.get("index", 0),
        rows=grid.get("rowCount", 0),
        columns=grid.get("columnCount", 0),
        frozen_rows=grid.get("frozenRowCount", 0),
    )
