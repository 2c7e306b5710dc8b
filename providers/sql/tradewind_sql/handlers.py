"""Handlers for `DbApiHook.run`: what to take from a cursor after a statement was executed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def fetch_all_handler(cursor: Any) -> list[tuple[Any, ...]] | None:
    """All rows; None after a statement that returns no rows."""
    return None if cursor.description is None else list(cursor.fetchall())


def fetch_one_handler(cursor: Any) -> tuple[Any, ...] | None:
    """The first row; None where there is none, and after a statement that returns no rows."""
    row: tuple[Any, ...] | None = None if cursor.description is None else cursor.fetchone()
    return row


def get_row_count(cursor: Any) -> int:
    """How many rows the statement changed or returned; -1 where the driver cannot tell."""
    return int(cursor.rowcount)


def return_single_query_results(sql: str | Iterable[str], return_last: bool, split_statements: bool | None) -> bool:
    """Whether `run` returns one result, and not a list with one result per statement."""
    return isinstance(sql, str) and (return_last or split_statements is False)
