"""A table into a file on this machine, in the form that LOAD DATA reads: what is behind `MySqlHook.bulk_dump`.

Values are written as the server spells them, without the detour over Python's types: dates that Python does not have
(`0000-00-00`) come through. Bytes are written as they are, with MySQL's escapes.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from tradewind_mysql.streams import Stream
from tradewind_mysql.values import NULL

if TYPE_CHECKING:
    from tradewind_mysql.hook import MySqlHook
    from tradewind_sql.dialect import Column

#: Rows fetched and written at once.
_ROWS = 1000

_SPECIAL = re.compile(rb"[\\\t\n\x00]")
_ESCAPES = {b"\\": rb"\\", b"\t": rb"\t", b"\n": rb"\n", b"\0": rb"\0"}
_NULL = NULL.encode()


def dump(hook: MySqlHook, table: str, path: str | Path) -> int:
    """Write all rows of `table`; the file appears when it is complete. Returns how many there are."""
    columns = [column for column in hook.dialect.get_columns(table) if not column.get("computed")]
    names = ", ".join(_selected(hook, column) for column in columns)
    sql = f"SELECT {names} FROM {hook.dialect.table_name(table)}"
    with _complete_file(Path(path)) as file, hook._create_autocommit_connection(streaming=True) as conn:
        with _spelt_by_the_server(conn), closing(Stream(conn, lambda: hook._stop_reading(conn))) as cursor:
            hook._run_command(cursor, sql, None)
            count = 0
            while rows := hook._fetch(conn, cursor, _ROWS):
                file.writelines(_line(row) for row in rows)
                count += len(rows)
        hook._commit(conn)
    return count


def _selected(hook: MySqlHook, column: Column) -> str:
    name = hook.dialect.quote(column["name"])
    # A FLOAT is shown with six digits, which are not enough to read it back.
    return f"{name} + 0e0" if column["type"].lower().startswith("float") else name


@contextmanager
def _spelt_by_the_server(conn: Any) -> Iterator[None]:
    decoders, conn.decoders = conn.decoders, {}
    try:
        yield
    finally:
        conn.decoders = decoders


@contextmanager
def _complete_file(path: Path) -> Iterator[BinaryIO]:
    """A file that is at `path` only if the block succeeds. What was there before stays till then."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".partial", dir=path.parent)
    partial = Path(name)
    try:
        with open(handle, "wb") as file:  # noqa: PTH123  # mkstemp has opened it
            yield file
        mask = os.umask(0)
        os.umask(mask)
        partial.chmod(0o666 & ~mask)  # mkstemp lets nobody else read it
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _line(row: Sequence[Any]) -> bytes:
    return b"\t".join([_NULL if value is None else _cell(value) for value in row]) + b"\n"


def _cell(value: str | bytes) -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    return _SPECIAL.sub(lambda found: _ESCAPES[found.group()], raw) if _SPECIAL.search(raw) else raw
