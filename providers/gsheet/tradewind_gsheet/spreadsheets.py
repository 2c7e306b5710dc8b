"""Spreadsheets as a whole: found, made, shared, exported. A part of `GSheetsHook`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tradewind_gsheet.values import Values

if TYPE_CHECKING:
    import os

#: Format -> type of the file, as Drive knows it.
EXPORTS: dict[str, str] = {
    "csv": "text/csv",
    "tsv": "text/tab-separated-values",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "ods": "application/vnd.oasis.opendocument.spreadsheet",
    "pdf": "application/pdf",
    "zip": "application/zip",
}


class Spreadsheets(Values):
    """Methods on whole spreadsheets. `GSheetsHook` is one of these."""

    def _key(self, spreadsheet: str) -> str:
        from tradewind_gsheet.book import key_in

        return key_in(spreadsheet) or spreadsheet

    def resolve(self, spreadsheet: str) -> str:
        """The key of the spreadsheet that an URL, a key or a title means.

        Raises SpreadsheetNotFound, and GSheetsError for a title that several have.
        """
        from tradewind_gsheet.book import key_of

        return key_of(self._client, spreadsheet)

    def open(self, spreadsheet: str) -> Any:
        """The `gspread.Spreadsheet` of an URL, a key or a title. What is asked of it raises gspread's own errors."""
        key = self.resolve(spreadsheet)
        self._client.metadata(key)
        return self._client.gspread.open_by_key(key)

    def get_spreadsheet(self, spreadsheet_id: str) -> dict[str, Any]:
        """All that the API tells of a spreadsheet but its cells."""
        key = self._key(spreadsheet_id)
        with self._client.explained(f"read the spreadsheet {key}", key):
            found: dict[str, Any] = self._client.http.spreadsheets_get(key)
        return found

    def get_sheet_titles(self, spreadsheet_id: str, sheet_filter: list[str] | None = None) -> list[str]:
        """The titles of its tabs; with `sheet_filter` those of them that are named there."""
        titles = self._client.titles(self._key(spreadsheet_id))
        return titles if sheet_filter is None else [title for title in titles if title in sheet_filter]

    def create_spreadsheet(self, spreadsheet: Mapping[str, Any], *, folder_id: str | None = None) -> dict[str, Any]:
        """Make a spreadsheet, as the API describes one: `{"properties": {"title": "Sales"}, "sheets": [...]}`.

        In `folder_id` (a folder, or a shared drive) it is put there, with everything that `spreadsheet` says. Nobody
        sees what an account makes for itself until it is shared: see `share`. Returns what the API tells of it.
        """
        with self._client.explained("make a spreadsheet", once=True):
            made = self._client.post("", spreadsheet, repeatable=False)
        if folder_id:
            self._move(made["spreadsheetId"], folder_id)
        return made

    def _move(self, key: str, folder_id: str) -> None:
        from tradewind_gsheet.client import DRIVE

        url = f"{DRIVE}/files/{key}"
        with self._client.explained(f"put the spreadsheet {key} into the folder {folder_id}"):
            told = self._client.http.request(
                "get", url, params={"fields": "parents", "supportsAllDrives": "true"}
            ).json()
            self._client.http.request(
                "patch",
                url,
                params={
                    "addParents": folder_id,
                    "removeParents": ",".join(told.get("parents", ())),
                    "supportsAllDrives": "true",
                    "fields": "id,parents",
                },
                json={},
            )

    def ensure_spreadsheet(self, title: str, *, folder_id: str | None = None) -> str:
        """The key of the spreadsheet with that title, which is made if this login sees none."""
        from tradewind_gsheet.errors import SpreadsheetNotFound

        try:
            return self.resolve(title)
        except SpreadsheetNotFound:
            made = self.create_spreadsheet({"properties": {"title": title}}, folder_id=folder_id)
        return str(made["spreadsheetId"])

    def share(
        self, spreadsheet: str, email: str, role: str = "reader", *, kind: str = "user", notify: bool = False
    ) -> None:
        """Let a person (or a `kind="group"` or `"domain"`) read it, or as `commenter` or `writer` do more."""
        key = self.resolve(spreadsheet)
        with self._client.explained(f"share the spreadsheet {key}"):
            self._client.gspread.insert_permission(key, email, perm_type=kind, role=role, notify=notify)

    def export(self, spreadsheet: str, path: str | os.PathLike[str] | None = None, format: str | None = None) -> bytes:
        """The spreadsheet as a file: csv and tsv (its first tab), xlsx, ods, pdf, zip; `path` gets it, if it is given.

        By default the format is what the suffix of `path` says, else xlsx.
        """
        from tradewind_gsheet.client import DRIVE
        from tradewind_gsheet.errors import GSheetsError

        kind = format or (Path(path).suffix.removeprefix(".").lower() if path is not None else "xlsx")
        if kind not in EXPORTS:
            raise GSheetsError(f"There is no format {kind!r}; there are {', '.join(EXPORTS)}.")
        key = self.resolve(spreadsheet)
        with self._client.explained(f"export the spreadsheet {key} as {kind}"):
            url = f"{DRIVE}/files/{key}/export"
            content: bytes = self._client.http.request("get", url, params={"mimeType": EXPORTS[kind]}).content
        if path is not None:
            Path(path).write_bytes(content)
        return content
