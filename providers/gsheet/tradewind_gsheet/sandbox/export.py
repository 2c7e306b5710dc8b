"""Spreadsheets as files: CSV and TSV of the first sheet, XLSX of all, and CSV read into a spreadsheet."""

from __future__ import annotations

import csv
import datetime
import io
from typing import Any

from tradewind.sandbox.web import Response
from tradewind_gsheet.sandbox.a1 import Area
from tradewind_gsheet.sandbox.calls import Call
from tradewind_gsheet.sandbox.cells import Cell
from tradewind_gsheet.sandbox.refusals import Refused
from tradewind_gsheet.sandbox.sheet import Sheet
from tradewind_gsheet.sandbox.spreadsheet import Spreadsheet
from tradewind_gsheet.sandbox.values import Reader, Writer

CSV = "text/csv"
TSV = "text/tab-separated-values"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

#: What a spreadsheet can be exported as here.
KINDS = (CSV, TSV, XLSX)

#: What Google exports besides.
_ELSEWHERE = (
    "application/pdf",
    "application/zip",
    "application/vnd.oasis.opendocument.spreadsheet",
    "application/x-vnd.oasis.opendocument.spreadsheet",
)

#: The largest file that is exported.
MOST_BYTES = 10_000_000


def export(call: Call) -> Response:
    file = call.file("reader")
    kind = call.parameters.get("mimeType", "")
    if file.spreadsheet is None:
        raise Refused("Export only supports Docs Editors files.", 403, reason="fileNotExportable")
    if kind in _ELSEWHERE:
        raise Refused(f"The sandbox does not export {kind}. It exports {', '.join(KINDS)}.", 501)
    if kind not in KINDS:
        raise Refused("The requested conversion is not supported.", 400, reason="badRequest", location="convertTo")
    content = _xlsx(file.spreadsheet, call.now) if kind == XLSX else _separated(file.spreadsheet, call.now, kind)
    if len(content) > MOST_BYTES:
        raise Refused("This file is too large to be exported.", 403, reason="exportSizeLimitExceeded")
    return Response(content, 200, {"Content-Type": kind})


def _separated(spreadsheet: Spreadsheet, now: datetime.datetime, kind: str) -> bytes:
    """The first sheet as it is seen, up to its last row and column with content."""
    sheet = spreadsheet.sheets[0]
    used = sheet.used()
    rows = Reader(spreadsheet, now).rows(sheet, used)
    padded = [row + [""] * (used.right - len(row)) for row in rows]
    if kind == TSV:
        lines = ["\t".join(" ".join(cell.split()) for cell in row) for row in padded]
        return "\r\n".join(lines).encode()
    stream = io.StringIO(newline="")
    csv.writer(stream, lineterminator="\r\n").writerows(padded)
    return stream.getvalue().removesuffix("\r\n").encode()


def import_csv(spreadsheet: Spreadsheet, content: bytes, today: datetime.date) -> None:
    """Replace all sheets by one with the rows of a CSV file, which are taken as if they had been typed."""
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    width = max(map(len, rows), default=0)
    sheet = Sheet({"sheetId": 0, "title": spreadsheet.title[:100] or "Sheet1"})
    sheet.resize(max(len(rows), sheet.row_count), max(width, sheet.column_count))
    spreadsheet.sheets, spreadsheet.named_ranges = [sheet], []
    spreadsheet.check_size()
    writer = Writer(spreadsheet, "USER_ENTERED", today, lambda _sheet, _area: None)
    writer.write(sheet, Area(0, 0, len(rows), width), rows)


def _xlsx(spreadsheet: Spreadsheet, now: datetime.datetime) -> bytes:
    from tradewind_gsheet.sandbox.workbook import workbook

    reader = Reader(spreadsheet, now)
    return workbook([(sheet.title, _results(reader, sheet)) for sheet in spreadsheet.sheets])


def _results(reader: Reader, sheet: Sheet) -> list[list[tuple[str, Any]]]:
    """Formula and value of each cell that is used."""
    rows = []
    for number, row in enumerate(sheet.rows):
        cells = []
        for column, stored in enumerate(row):
            formula = stored.formula if isinstance(stored, Cell) else ""
            cells.append((formula, reader.result(sheet, number, column, stored)))
        rows.append(cells)
    return rows
