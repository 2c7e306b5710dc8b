"""What a sandbox keeps in a folder, so that it is there again the next time."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import fields as dataclass_fields
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tradewind import atomic
from tradewind.sandbox.serving import KEY_FILE
from tradewind_gsheet.sandbox.a1 import Area
from tradewind_gsheet.sandbox.cells import Cell, Stored
from tradewind_gsheet.sandbox.project import Account, File, Project
from tradewind_gsheet.sandbox.sheet import Sheet
from tradewind_gsheet.sandbox.spreadsheet import Spreadsheet

_KEY = "service-account.pem"
_PROJECT = "project.json"


class Folder:
    """A folder with one folder for each project: `project.json`, and a file for each spreadsheet.

    Each file is written anew when what is in it has changed, and is never seen half-written.
    """

    def __init__(self, folder: Path) -> None:
        # The folder of a sandbox without one of its own goes when it stops: nothing in it would be read again.
        self._folder = None if (folder / KEY_FILE).exists() else folder
        self._versions: dict[tuple[str, str], int] = {}

    def key(self) -> str:
        """The key of the service accounts; empty if none is kept."""
        with contextlib.suppress(OSError):
            return (self._folder / _KEY).read_text(encoding="ascii") if self._folder else ""
        return ""

    def keep_key(self, pem: str) -> str:
        if self._folder is not None:
            self._write(self._folder / _KEY, pem)
        return pem

    def projects(self) -> Iterator[Project]:
        """The projects that are kept."""
        if self._folder is not None:
            for place in sorted(self._folder.glob(f"*/{_PROJECT}")):
                yield self._project(place)

    def save(self, project: Project) -> None:
        """Write what has changed of a project."""
        if self._folder is None:
            return
        place = self._place(project)
        place.mkdir(mode=0o700, exist_ok=True)
        for file in project.files.values():
            if file.spreadsheet is not None and self._is_new(project, file.spreadsheet):
                self._write(place / f"{file.id}.json", json.dumps(_spreadsheet_told(file.spreadsheet)))
        self._write(place / _PROJECT, json.dumps(_project_told(project), indent=1))
        for path in place.glob("*.json"):
            if path.name != _PROJECT and path.stem not in project.files:
                path.unlink()

    def drop(self, project: Project) -> None:
        """Remove what is kept of a project."""
        self._versions = {key: version for key, version in self._versions.items() if key[0] != project.name}
        if self._folder is not None:
            shutil.rmtree(self._place(project), ignore_errors=True)

    def _is_new(self, project: Project, spreadsheet: Spreadsheet) -> bool:
        key = project.name, spreadsheet.id
        if self._versions.get(key) == spreadsheet.revision:
            return False
        self._versions[key] = spreadsheet.revision
        return True

    def _place(self, project: Project) -> Path:
        assert self._folder is not None
        return self._folder / quote(project.name, safe="")

    def _project(self, place: Path) -> Project:
        told = json.loads(place.read_text(encoding="utf-8"))
        project = Project(told["name"])
        project.api_key, project.people = told["api_key"], told["people"]
        project.stand_ins = {(who, whom) for who, whom in told["stand_ins"]}
        project.accounts = {one["email"]: Account(**one) for one in told["accounts"]}
        for one in told["files"]:
            path = place.parent / f"{one['id']}.json"
            spreadsheet = None
            if path.exists():
                spreadsheet = _spreadsheet_read(json.loads(path.read_text(encoding="utf-8")))
                self._versions[project.name, spreadsheet.id] = spreadsheet.revision
            project.add_file(File(**one, spreadsheet=spreadsheet))
        return project

    def _write(self, path: Path, text: str) -> None:
        atomic.write(path, text.encode(), private=True)


def _project_told(project: Project) -> dict[str, Any]:
    names = [one.name for one in dataclass_fields(File) if one.name != "spreadsheet"]
    return {
        "name": project.name,
        "api_key": project.api_key,
        "people": project.people,
        "stand_ins": sorted(project.stand_ins),
        "accounts": [vars(one) for one in project.accounts.values()],
        "files": [{name: getattr(file, name) for name in names} for file in project.files.values()],
    }


def _spreadsheet_told(spreadsheet: Spreadsheet) -> dict[str, Any]:
    return {
        "id": spreadsheet.id,
        "properties": spreadsheet.properties,
        "named_ranges": spreadsheet.named_ranges,
        "revision": spreadsheet.revision,
        "sheets": [_sheet_told(sheet) for sheet in spreadsheet.sheets],
    }


def _spreadsheet_read(told: dict[str, Any]) -> Spreadsheet:
    made = Spreadsheet(told["id"], told["properties"])
    made.named_ranges, made.revision = told["named_ranges"], told["revision"]
    made.sheets = [_sheet_read(one) for one in told["sheets"]]
    return made


def _sheet_told(sheet: Sheet) -> dict[str, Any]:
    return {
        "properties": sheet.properties,
        "rows": [[_cell_told(cell) for cell in row] for row in sheet.rows],
        "merges": [[one.top, one.left, one.bottom, one.right] for one in sheet.merges],
        "more": sheet.more,
        "dimensions": sheet.dimensions,
    }


def _sheet_read(told: dict[str, Any]) -> Sheet:
    made = Sheet(told["properties"])
    made.rows = [tuple(_cell_read(cell) for cell in row) for row in told["rows"]]
    made.merges = [Area(*one) for one in told["merges"]]
    made.more = told["more"]
    made.dimensions = {name: {int(at): what for at, what in one.items()} for name, one in told["dimensions"].items()}
    return made


def _cell_told(stored: Stored) -> Any:
    """A plain value as it is, a cell as an object."""
    if not isinstance(stored, Cell):
        return stored
    return {name: value for name in Cell.__slots__ if (value := getattr(stored, name)) is not None and value != ""}


def _cell_read(told: Any) -> Stored:
    return Cell(**told) if isinstance(told, dict) else told
