"""Tables to and from tab-delimited files: what is behind `bulk_dump` and `bulk_load`.

The format is that of PostgreSQL's COPY in text mode: a line per row, a tab between values, `\\N` for NULL, and
backslash escapes for tab, line ends and the backslash itself. Values are read back as text, and the column's type
makes numbers of them again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tradewind_sql.errors import RowError
from tradewind_sql.outputs import appearing

if TYPE_CHECKING:
    from tradewind_sql.hook import DbApiHook

_ESCAPES = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}
_SPECIAL = re.compile(r"[\\\t\n\r]")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_MEANT = {"t": "\t", "n": "\n", "r": "\r", "\\": "\\"}


def dump(hook: DbApiHook, table: str, path: str | Path) -> int:
    """Write all rows of `table`; the file appears when it is complete. Returns how many there are."""
    columns = hook.dialect.get_target_fields(table)
    names = ", ".join(hook.dialect.quote(column) for column in columns)
    sql = f"SELECT {names} FROM {hook.dialect.table_name(table)}"
    count = 0
    with appearing(Path(path)) as file:
        for rows in hook.get_records_by_chunks(sql):
            file.writelines(_line(row, columns, table).encode() for row in rows)
            count += len(rows)
    return count


def load(hook: DbApiHook, table: str, path: str | Path) -> int:
    """Insert the rows of a file in one transaction. Returns how many there are."""
    columns = hook.dialect.get_target_fields(table)
    with Path(path).open(encoding="utf-8", newline="") as file:
        return hook.insert_rows(table, _rows(file, len(columns)), columns, commit_every=0)


def _line(row: Iterable[Any], columns: list[str], table: str) -> str:
    return "\t".join(_text(value, column, table) for value, column in zip(row, columns)) + "\n"


def _text(value: Any, column: str, table: str) -> str:
    if value is None:
        return "\\N"
    if isinstance(value, bytes | memoryview):
        raise RowError(
            f"Column {column!r} of {table} holds bytes, which a text file cannot; leave it out with a query."
        )
    return _SPECIAL.sub(lambda found: _ESCAPES[found.group()], str(value))


def _rows(lines: Iterable[str], width: int) -> Iterator[list[str | None]]:
    for number, line in enumerate(lines, 1):
        cells = line.removesuffix("\n").removesuffix("\r").split("\t")
        if len(cells) != width:
            raise RowError(f"Line {number} of the file has {len(cells)} values, but the table has {width} columns.")
        yield [None if cell == "\\N" else _ESCAPED.sub(_unescape, cell) for cell in cells]


def _unescape(found: re.Match[str]) -> str:
    return _MEANT.get(found.group(1), found.group(1))
