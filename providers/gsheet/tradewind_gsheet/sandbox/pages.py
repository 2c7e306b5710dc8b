"""Pages for people: the spreadsheets there are, and what one of them looks like."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from tradewind_gsheet.sandbox.a1 import Area, column_name
from tradewind_gsheet.sandbox.cells import Stored, full
from tradewind_gsheet.sandbox.page_style import STYLE
from tradewind_gsheet.sandbox.project import SPREADSHEET, File, Project
from tradewind_gsheet.sandbox.resources import COLUMN_SIZE, ROW_SIZE
from tradewind_gsheet.sandbox.sheet import Sheet
from tradewind_gsheet.sandbox.spreadsheet import Spreadsheet
from tradewind_gsheet.sandbox.values import Reader

#: Rows on a page; and empty rows and columns that are shown behind those with content.
ROWS = 500
SPARE_ROWS, LEAST_ROWS = 10, 40
LEAST_COLUMNS, MOST_COLUMNS = 20, 200


def _page(title: str, body: str, style: str = "") -> str:
    return (
        f"<!doctype html><html lang=en><head><meta charset=utf-8><title>{escape(title)}</title>"
        "<meta name=viewport content='width=device-width'>"
        f"<style>{STYLE}{style}</style></head><body>{body}</body></html>"
    )


def overview(projects: Iterable[Project]) -> str:
    """All spreadsheets of a server."""
    listed = [
        _listed(project, [file for file in project.files.values() if file.mime_type == SPREADSHEET])
        for project in projects
    ]
    return _page("Google Sheets sandbox", f"<div class=list><h1>Google Sheets sandbox</h1>{''.join(listed)}</div>")


def _listed(project: Project, files: list[File]) -> str:
    rows = "".join(_listed_file(file) for file in sorted(files, key=lambda file: file.modified, reverse=True))
    table = f"<table><tr><th>name<th>sheets<th>owner<th>shared with<th>changed</tr>{rows}</table>"
    nothing = "<p class=none>There is no spreadsheet yet.</p>"
    return f"<h2>Project {escape(project.id)}</h2>{table if files else nothing}"


def _listed_file(file: File) -> str:
    assert file.spreadsheet is not None
    others = [
        one.get("emailAddress") or one.get("domain") or "anyone" for one in file.permissions if one["role"] != "owner"
    ]
    link = f'<a href="/spreadsheets/d/{escape(file.id)}/edit">{escape(file.name)}</a>'
    cells = (
        link + (" (in the bin)" if file.trashed else ""),
        str(len(file.spreadsheet.sheets)),
        escape(file.owner),
        escape(", ".join(others)),
        escape(file.modified.partition(".")[0].replace("T", " ")),
    )
    return "<tr><td>" + "<td>".join(cells) + "</tr>"


def missing() -> str:
    return _page(
        "Not found", "<div class=list><h1>There is no such spreadsheet</h1><p><a href='/'>All spreadsheets</a></div>"
    )


def spreadsheet_page(project: Project, file: File, query: Mapping[str, str], now: datetime.datetime) -> str:
    """A spreadsheet with all its sheets. That of `#gid=` is seen, else that of `?gid=`, else the first.

    `?from=501` shows the rows from this one on.
    """
    assert file.spreadsheet is not None
    start = max(1, int(query["from"])) - 1 if query.get("from", "").isdecimal() else 0
    shown = [sheet for sheet in file.spreadsheet.sheets if not sheet.hidden]
    wanted = query.get("gid", "")
    shown_first = sorted(shown, key=lambda sheet: str(sheet.id) != wanted)  # the first is seen where no target is
    reader = Reader(file.spreadsheet, now)
    sections = "".join(_section(file.spreadsheet, sheet, reader, start) for sheet in shown_first)
    tabs = "".join(_tab(sheet) for sheet in shown)
    head = (
        "<header><a class=logo href='/' title='All spreadsheets'></a>"
        f"<h1>{escape(file.name)}</h1><span>{escape(file.owner)}, project {escape(project.id)}</span></header>"
    )
    return _page(file.name, f"{head}<main>{sections}</main><nav>{tabs}</nav>", _chosen(shown, shown_first[0]))


def _chosen(sheets: Iterable[Sheet], first: Sheet) -> str:
    """The tab of the sheet that is seen stands out."""
    seen = [f'body:has(section[id="gid={sheet.id}"]:target) nav a[href="#gid={sheet.id}"]' for sheet in sheets]
    seen.append(f'body:not(:has(section:target)) nav a[href="#gid={first.id}"]')
    return ",".join(seen) + "{background:#e1e9f7;color:#0842a0;font-weight:bold}"


def _tab(sheet: Sheet) -> str:
    colour = _css(sheet.properties.get("tabColor"))
    style = f' style="box-shadow:inset 0 -3px {colour}"' if colour else ""
    return f'<a href="#gid={sheet.id}"{style}>{escape(sheet.title)}</a>'


def _section(spreadsheet: Spreadsheet, sheet: Sheet, reader: Reader, start: int) -> str:
    used = sheet.used()
    bottom = min(sheet.row_count, start + ROWS, max(used.bottom + SPARE_ROWS, LEAST_ROWS))
    right = min(sheet.column_count, max(used.right + 1, LEAST_COLUMNS), MOST_COLUMNS)
    area = Area(min(start, sheet.row_count), 0, bottom, right)
    columns = [at for at in range(area.right) if not sheet.dimensions["COLUMNS"].get(at, {}).get("hiddenByUser")]
    sizes = "".join(f'<col style="width:{_size(sheet, "COLUMNS", at, COLUMN_SIZE)}px">' for at in columns)
    letters = "".join(f"<th>{column_name(at)}" for at in columns)
    rows = "".join(
        _row(sheet, reader, row, columns, area)
        for row in range(area.top, area.bottom)
        if not sheet.dimensions["ROWS"].get(row, {}).get("hiddenByUser")
    )
    table = (
        f"<table class=grid><col class=corner>{sizes}<thead><tr><th>{letters}</tr></thead><tbody>{rows}</tbody></table>"
    )
    return f'<section id="gid={sheet.id}">{_more(spreadsheet, sheet, area, used)}{table}</section>'


def _more(spreadsheet: Spreadsheet, sheet: Sheet, area: Area, used: Area) -> str:
    """Ways to the rows before and behind, where there are any."""

    def link(row: int, told: str) -> str:
        return f'<a href="/spreadsheets/d/{spreadsheet.id}/edit?gid={sheet.id}&amp;from={row + 1}">{told}</a> '

    before = link(max(0, area.top - ROWS), "earlier rows") if area.top else ""
    behind = link(area.bottom, "later rows") if area.bottom < used.bottom else ""
    return f"<p class=more>{before}{behind}{used.bottom} rows are used</p>" if before or behind else ""


def _size(sheet: Sheet, dimension: str, at: int, usual: int) -> int:
    return int(sheet.dimensions[dimension].get(at, {}).get("pixelSize", usual))


def _row(sheet: Sheet, reader: Reader, row: int, columns: list[int], area: Area) -> str:
    cells = []
    for column in columns:
        merged = next((one for one in sheet.merges if one.holds(row, column)), None)
        if merged is not None and (row, column) != (merged.top, merged.left):
            continue
        span = merged.within(area) if merged else None
        cells.append(_cell(sheet, reader, row, column, sheet.get(row, column), span))
    height = _size(sheet, "ROWS", row, ROW_SIZE)
    style = f' style="height:{height}px"' if height != ROW_SIZE else ""
    return f"<tr{style}><th>{row + 1}{''.join(cells)}</tr>"


def _cell(sheet: Sheet, reader: Reader, row: int, column: int, stored: Stored, span: Area | None) -> str:
    spans = f" rowspan={span.height} colspan={span.width}" if span else ""
    if stored is None:
        return f"<td{spans}>"
    cell = full(stored)
    result = reader.result(sheet, row, column, stored)
    kinds = []
    if isinstance(result, bool):
        kinds.append("b")
    elif isinstance(result, int | float):
        kinds.append("n")
    if cell.note:
        kinds.append("note")
    hint = "\n".join(part for part in (cell.formula, cell.note) if part)
    style = _style(cell.format or {})
    told = f' class="{" ".join(kinds)}"' if kinds else ""
    told += f' style="{escape(style)}"' if style else ""
    told += f' title="{escape(hint)}"' if hint else ""
    return f"<td{spans}{told}>{escape(str(reader.value(sheet, row, column, stored)))}"


def _style(format: Mapping[str, Any]) -> str:
    """What can be seen of a `CellFormat`."""
    text = format.get("textFormat", {})
    lines = [word for word, field in (("underline", "underline"), ("line-through", "strikethrough")) if text.get(field)]
    alignment = format.get("horizontalAlignment", "").lower()
    told = {
        "font-weight": "bold" if text.get("bold") else "",
        "font-style": "italic" if text.get("italic") else "",
        "text-decoration": " ".join(lines),
        "font-size": f"{text['fontSize']}pt" if text.get("fontSize") else "",
        "color": _css(text.get("foregroundColor")),
        "background": _css(format.get("backgroundColor")),
        "text-align": alignment if alignment in ("left", "center", "right") else "",
        "white-space": "pre-wrap" if format.get("wrapStrategy") == "WRAP" else "",
    }
    return ";".join(f"{name}:{value}" for name, value in told.items() if value)


def _css(colour: Mapping[str, float] | None) -> str:
    if colour is None:
        return ""
    return "#" + "".join(f"{round(255 * float(colour.get(part, 0))):02x}" for part in ("red", "green", "blue"))
