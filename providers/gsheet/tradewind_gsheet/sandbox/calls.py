"""One call of a method: who asks, for what, and the file that it is about, if the caller may use it."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tradewind.sandbox.web import Response
from tradewind_gsheet.sandbox.a1 import Area
from tradewind_gsheet.sandbox.discovery import Method
from tradewind_gsheet.sandbox.fields import Mask
from tradewind_gsheet.sandbox.project import ROLES, SPREADSHEET, File, Project
from tradewind_gsheet.sandbox.refusals import NO_PERMISSION, NOT_FOUND, Refused
from tradewind_gsheet.sandbox.sheet import Sheet
from tradewind_gsheet.sandbox.spreadsheet import Spreadsheet, reference
from tradewind_gsheet.sandbox.tokens import Caller

_PROTECTED = (
    "You are trying to edit a protected cell or object. "
    "Please contact the spreadsheet owner to remove protection if you need to edit."
)


@dataclass(frozen=True)
class Call:
    """A call whose parameters and body fit the description of the method."""

    caller: Caller
    method: Method
    parameters: Mapping[str, Any]
    body: dict[str, Any]
    mask: Mask  #: fields that are wanted of the answer; empty for all
    now: datetime.datetime  #: in UTC
    url: str  #: of the sandbox

    @property
    def project(self) -> Project:
        return self.caller.project

    # -- files --------------------------------------------------------------------------------------------------------

    def spreadsheet(self, role: str) -> Spreadsheet:
        """The spreadsheet that the call is about. Raises Refused if the caller lacks the role on it."""
        return self.spreadsheet_called(str(self.parameters["spreadsheetId"]), role)

    def spreadsheet_called(self, id: str, role: str) -> Spreadsheet:
        file = self.project.files.get(id)
        if file is None or file.mime_type != SPREADSHEET or self._is_hidden(file):
            raise Refused(NOT_FOUND, 404)
        if not self.may(file, role):
            raise Refused(NO_PERMISSION, 403)
        assert file.spreadsheet is not None
        return file.spreadsheet

    def file(self, role: str) -> File:
        """The file that a call of Drive is about. Raises Refused if the caller lacks the role on it."""
        return self.file_called(str(self.parameters["fileId"]), role)

    def file_called(self, id: str, role: str) -> File:
        file = self.project.files.get(id)
        if file is None or self._is_hidden(file) or not self.may(file, "reader"):
            raise Refused(f"File not found: {id}.", 404, location="fileId")
        if not self.may(file, role):
            told = "The user does not have sufficient permissions for this file."
            raise Refused(told, 403, reason="insufficientFilePermissions")
        return file

    def may(self, file: File, role: str) -> bool:
        found = file.role(self.caller.email)
        return bool(found) and ROLES.index(found) >= ROLES.index(role)

    def _is_hidden(self, file: File) -> bool:
        return self.caller.only_own_files and file.app != self.caller.email

    def touch(self, spreadsheet: Spreadsheet) -> None:
        """Note that a spreadsheet was changed."""
        spreadsheet.revision += 1
        file = self.project.files[spreadsheet.id]
        file.name = spreadsheet.title
        touch(file, self.now, self.caller.email)

    # -- protected ranges ---------------------------------------------------------------------------------------------

    def guard(self, spreadsheet: Spreadsheet) -> Callable[[Sheet, Area], None]:
        """A function that raises Refused for an area that is protected from the caller."""
        file = self.project.files[spreadsheet.id]

        def allowed(sheet: Sheet, area: Area) -> None:
            if file.owner == self.caller.email:
                return
            for one in sheet.more.get("protectedRanges", ()):
                if one.get("warningOnly") or self.caller.email in one.get("editors", {}).get("users", ()):
                    continue
                covered = reference(one.get("range", {})).on(sheet.row_count, sheet.column_count)
                free = [
                    reference(part).on(sheet.row_count, sheet.column_count) for part in one.get("unprotectedRanges", ())
                ]
                if covered.overlaps(area) and not any(part.covers(area) for part in free):
                    raise Refused(_PROTECTED)

        return allowed


Handler = Callable[[Call], "dict[str, Any] | Response | None"]


def touch(file: File, now: datetime.datetime, email: str) -> None:
    file.modified, file.modified_by, file.version = timestamp(now), email, file.version + 1


def timestamp(now: datetime.datetime) -> str:
    """As Drive writes it."""
    return now.isoformat(timespec="milliseconds").replace("+00:00", "") + "Z"
