"""Tables to and from files on this machine: what is behind `MySqlHook.bulk_load` and `bulk_dump`.

Values are dumped as the server spells them, without the detour over Python's types: dates that Python does not have
(`0000-00-00`) come through. Bytes are written as they are, with MySQL's escapes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from tradewind_mysql import load
from tradewind_mysql.streams import Stream
from tradewind_mysql.values import NULL
from tradewind_sql.errors import SqlError
from tradewind_sql.outputs import appearing

if TYPE_CHECKING:
    from tradewind_mysql.hook import MySqlHook
    from tradewind_sql.dialect import Column

#: How `load_custom` may treat rows that are there already.
DUPLICATES = ("IGNORE", "REPLACE")

#: Rows fetched and written at once.
_ROWS = 1000

_SPECIAL = re.compile(rb"[\\\t\n\x00]")
_ESCAPES = {b"\\": rb"\\", b"\t": rb"\t", b"\n": rb"\n", b"\0": rb"\0"}
_NULL = NULL.encode()


def load_file(hook: MySqlHook, table: str, path: str) -> int:
    """Load a file in the one form, all or nothing. Returns the number of rows."""
    fields = hook.dialect.get_insertable_fields(table)
    names = ", ".join(hook.dialect.quote(field) for field in fields)
    into = f"INTO TABLE {hook.dialect.table_name(table)} {load.FORMAT} ({names})"
    return _load(hook, table, path, into, strict=True).rows


def load_custom(hook: MySqlHook, table: str, path: str, duplicates: str, options: str) -> int:
    """Load a file in a form of the caller's. Returns how many rows were put into the table."""
    handling = duplicates.strip().upper()
    if handling not in DUPLICATES:
        raise SqlError(f"duplicate_key_handling={duplicates!r} for {table} must be one of {', '.join(DUPLICATES)}.")
    into = f"{handling} INTO TABLE {hook.dialect.table_name(table)} {options}"
    loaded = _load(hook, table, path, into, strict=False)
    return loaded.rows - loaded.skipped


def _load(hook: MySqlHook, table: str, path: str, into: str, *, strict: bool) -> load.Loaded:
    if hook.local_infile is False:
        raise SqlError(
            f"Connection {hook.get_conn_id()!r}: local_infile=False forbids LOAD DATA LOCAL, by which {table} is to be "
            "loaded. Leave it out, or use insert_rows."
        )
    with _opened(path, table) as file, hook._create_autocommit_connection() as conn:
        statement = f"LOAD DATA LOCAL INFILE {conn.escape(str(path))} {into}"
        if hook.log_sql:
            hook.log.info("Running statement: %s", statement)
        loaded = load.load(hook, conn, statement, load.file_blocks(file), table, lambda loaded: strict)
        hook._commit(conn)
    return loaded


@contextmanager
def _opened(path: str, table: str) -> Iterator[BinaryIO]:
    try:
        file = Path(path).open("rb")  # noqa: SIM115  # only the opening is in the try
    except OSError as error:
        raise SqlError(f"The file {path!r} cannot be loaded into {table}: {error.strerror or error}.") from error
    with file:
        yield file


def dump(hook: MySqlHook, table: str, path: str | Path) -> int:
    """Write all rows of `table`; the file appears when it is complete. Returns how many there are."""
    columns = [column for column in hook.dialect.get_columns(table) if not column.get("computed")]
    names = ", ".join(_selected(hook, column) for column in columns)
    sql = f"SELECT {names} FROM {hook.dialect.table_name(table)}"
    with appearing(Path(path)) as file, hook._create_autocommit_connection(streaming=True) as conn:
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


def _line(row: Sequence[Any]) -> bytes:
    return b"\t".join([_NULL if value is None else _cell(value) for value in row]) + b"\n"


def _cell(value: str | bytes) -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    return _SPECIAL.sub(lambda found: _ESCAPES[found.group()], raw) if _SPECIAL.search(raw) else raw
