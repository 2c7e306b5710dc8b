"""Tables, columns and conditions that an operator's author writes as SQL: a plain name is quoted, else it stays."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tradewind_sql import statements
from tradewind_sql.errors import SqlError

if TYPE_CHECKING:
    from tradewind_sql.hook import DbApiHook

_NAME = r"""(?: [\w$]+ | "(?:[^"]|"")+" | `(?:[^`]|``)+` )"""
_COLUMN = re.compile(_NAME, re.VERBOSE)
_TABLE = re.compile(rf"{_NAME}(?:\.{_NAME})*", re.VERBOSE)


def table_sql(hook: DbApiHook, text: str) -> str:
    """A table name, with or without schema and quotes, is quoted; anything else, such as a subquery, stays as it is."""
    return hook.dialect.table_name(text) if _TABLE.fullmatch(text) else one_part(text, "table", hook) + "\n"


def column_sql(hook: DbApiHook, text: str) -> str:
    """A column name, with or without quotes, is quoted; anything else, such as `lower(name)`, stays as it is."""
    return hook.dialect.escape_word(text) if _COLUMN.fullmatch(text) else one_part(text, "column", hook)


def where_sql(hook: DbApiHook, *conditions: str | None) -> str:
    """` WHERE (a = 1) AND (b = 2 OR c)`: all of the conditions; empty if there is none."""
    found = [one_part(condition, "partition_clause", hook) for condition in conditions if condition]
    return " WHERE " + " AND ".join(f"({condition}\n)" for condition in found) if found else ""


def one_part(text: str, what: str, hook: DbApiHook) -> str:
    """`text`, which must not end the statement that it becomes part of."""
    parts = statements.split(text, hook.sql_syntax)
    if len(parts) != 1 or parts[0].endswith(";"):
        raise SqlError(f"{what}={text!r} cannot be part of a query: it is empty, or has a semicolon outside quotes.")
    return text
