"""Pages for people: the spreadsheets there are, and what one of them looks like."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from html import escape

from tradewind_gsheet.sandbox.project import File, Project


def overview(projects: Iterable[Project]) -> str:
    """All spreadsheets of a server."""
    rows = [
        f'<li><a href="/spreadsheets/d/{escape(file.id)}/edit">{escape(file.name)}</a></li>'
        for project in projects
        for file in project.files.values()
    ]
    return f"<!doctype html><meta charset=utf-8><title>Spreadsheets</title><ul>{''.join(rows)}</ul>"


def spreadsheet_page(project: Project, file: File, query: Mapping[str, str], now: datetime.datetime) -> str:
    return f"<!doctype html><meta charset=utf-8><title>{escape(file.name)}</title>"


def missing() -> str:
    return "<!doctype html><meta charset=utf-8><title>Not found</title>"
