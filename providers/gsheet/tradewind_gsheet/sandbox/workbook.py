"""XLSX files, with the standard library: values and formulas of sheets, no formats."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from tradewind_gsheet.sandbox.a1 import cell_name
from tradewind_gsheet.sandbox.cells import CellError

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'

Rows = Sequence[Sequence[tuple[str, Any]]]


def workbook(sheets: Sequence[tuple[str, Rows]]) -> bytes:
    """A file with these sheets: title, and rows of formula and value."""
    numbers = range(1, len(sheets) + 1)
    parts = {
        "[Content_Types].xml": _content_types(numbers),
        "_rels/.rels": _relations([("officeDocument", "xl/workbook.xml")]),
        "xl/workbook.xml": _book([title for title, _ in sheets]),
        "xl/_rels/workbook.xml.rels": _relations(
            [("worksheet", f"worksheets/sheet{number}.xml") for number in numbers]
        ),
        **{f"xl/worksheets/sheet{number}.xml": _sheet(rows) for number, (_, rows) in zip(numbers, sheets, strict=True)},
    }
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, _HEAD + text)
    return stream.getvalue()


def _content_types(numbers: range) -> str:
    sheets = "".join(
        f'<Override PartName="/xl/worksheets/sheet{number}.xml" ContentType="{_TYPE}.worksheet+xml"/>'
        for number in numbers
    )
    return (
        f'<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>{sheets}</Types>'
    )


def _relations(targets: Sequence[tuple[str, str]]) -> str:
    entries = "".join(
        f'<Relationship Id="rId{number}" Type="{_RELATIONS}/{kind}" Target="{target}"/>'
        for number, (kind, target) in enumerate(targets, 1)
    )
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{entries}</Relationships>'


def _book(titles: Sequence[str]) -> str:
    sheets = "".join(
        f'<sheet name={quoteattr(title[:31])} sheetId="{number}" r:id="rId{number}"/>'
        for number, title in enumerate(titles, 1)
    )
    return f'<workbook xmlns="{_MAIN}" xmlns:r="{_RELATIONS}"><sheets>{sheets}</sheets></workbook>'


def _sheet(rows: Rows) -> str:
    told = []
    for number, row in enumerate(rows):
        cells = "".join(_cell(cell_name(number, column), *cell) for column, cell in enumerate(row))
        told.append(f'<row r="{number + 1}">{cells}</row>' if cells else "")
    return f'<worksheet xmlns="{_MAIN}"><sheetData>{"".join(told)}</sheetData></worksheet>'


def _cell(name: str, formula: str, value: Any) -> str:
    if value is None and not formula:
        return ""
    shown = f"<f>{escape(formula[1:])}</f>" if formula else ""
    if isinstance(value, bool):
        return f'<c r="{name}" t="b">{shown}<v>{int(value)}</v></c>'
    if isinstance(value, int | float):
        return f'<c r="{name}">{shown}<v>{value!r}</v></c>'
    if isinstance(value, CellError):
        return f'<c r="{name}" t="e">{shown}<v>{escape(value.name)}</v></c>'
    if formula:
        return f'<c r="{name}" t="str">{shown}<v>{escape(str(value))}</v></c>'
    return f'<c r="{name}" t="inlineStr"><is><t xml:space="preserve">{escape(str(value))}</t></is></c>'
