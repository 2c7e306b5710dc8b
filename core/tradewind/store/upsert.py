"""Insert a row, or replace the one with the same key: each database has its own words for it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Executable, Table
from sqlalchemy.dialects import sqlite


def put(connection: Connection, table: Table, rows: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> None:
    """Insert rows; where a row with the same primary key is there, its other columns are replaced."""
    if not rows:
        return
    columns = rows.keys() if isinstance(rows, Mapping) else rows[0].keys()
    connection.execute(_statement(connection.dialect.name, table, frozenset(columns)), rows)


@cache
def _statement(dialect: str, table: Table, columns: Collection[str]) -> Executable:
    assert dialect == "sqlite", f"no words for {dialect} yet"
    insert = sqlite.insert(table)
    keys = [column.name for column in table.primary_key]
    others = {name: insert.excluded[name] for name in sorted(columns) if name not in keys}
    return insert.on_conflict_do_update(index_elements=keys, set_=others)
