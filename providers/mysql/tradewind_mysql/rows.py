"""Rows into a table, in as few statements as the server allows: what is behind `MySqlHook.insert_rows`.

Many rows go through LOAD DATA LOCAL where that means the same as INSERT: where the server allows it, for plain inserts
and REPLACE, and for columns whose values are read from text as they are from SQL.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from tradewind_mysql import columns, diagnostics, load, values
from tradewind_sql.errors import RowError, SqlError
from tradewind_sql.inserts import InsertTarget

if TYPE_CHECKING:
    from tradewind_mysql.hook import MySqlHook

#: Fewer rows than this are inserted, for LOAD DATA costs some round trips more.
LOAD_FROM = 200

#: Rows formatted at once: the server works on them while the next ones are made ready.
_LINES = 500

#: Room for MySQL's own bytes beside a statement in a packet, and the most that is sent at once.
_ROOM, _MOST = 1024, 16 << 20


def insert_many(hook: MySqlHook, cursor: Any, statement: str, rows: list[tuple[Any, ...]]) -> None:
    """Execute an INSERT or REPLACE for all rows, with as many of them in each statement as a packet holds."""
    conn = cursor.connection
    adapted = [_adapted(row, place, len(rows)) for place, row in enumerate(rows, 1)]
    one = "(" + ", ".join(["%s"] * len(rows[0])) + ")"
    before, found, after = statement.partition(one)
    if not found:  # a form of the user's own
        hook._attended(conn, lambda: cursor.executemany(statement, adapted))
        return
    encoding = conn.encoding
    head, tail = (before % ()).encode(encoding), (after % ()).encode(encoding)
    texts = (_encoded(cursor.mogrify(one, row), row, encoding) for row in adapted)
    for some in _packed(texts, _packet_size(hook, conn) - len(head) - len(tail)):
        _execute(hook, cursor, head + b",".join(some) + tail)


def _execute(hook: MySqlHook, cursor: Any, statement: bytes) -> None:
    hook._attended(cursor.connection, lambda: cursor.execute(statement))
    diagnostics.log_warnings(hook, cursor)


def _adapted(row: Sequence[Any], place: int, number: int) -> tuple[Any, ...]:
    try:
        return tuple([values.adapt(cell) for cell in row])
    except SqlError as error:
        raise RowError(f"Row {place} of a batch of {number} cannot be inserted: {error}") from error


def _encoded(text: str, row: Sequence[Any], encoding: str) -> bytes:
    try:
        return text.encode(encoding)
    except UnicodeEncodeError:
        if any(isinstance(cell, str) and not _encodable(cell, encoding) for cell in row):
            raise RowError(f"A text has characters that {encoding} cannot hold.") from None
        return text.encode(encoding, "surrogateescape")  # as PyMySQL 1.2.0 has bytes stand in statements


def _encodable(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def _packet_size(hook: MySqlHook, conn: Any) -> int:
    [[size]] = hook.query(conn, "SELECT @@max_allowed_packet")
    return min(int(size) - _ROOM, _MOST)


def _packed(texts: Iterable[bytes], size: int) -> Iterator[list[bytes]]:
    """Lists of as many texts as fit into `size` with a comma between them; one that is too long comes alone."""
    some: list[bytes] = []
    length = 0
    for text in texts:
        if some and length + len(text) + 1 > size:
            yield some
            some, length = [], 0
        some.append(text)
        length += len(text) + 1
    if some:
        yield some


def can_load(hook: MySqlHook, conn: Any, target: InsertTarget) -> bool:
    """Whether LOAD DATA LOCAL would put these rows into the table just as INSERT does."""
    if hook.local_infile is False or target.options.get("replace_index") is not None or conn.get_autocommit():
        return False
    if not hook.has_usual_statements:
        return False
    [[allowed]] = hook.query(conn, "SELECT @@local_infile")
    if not int(allowed):
        return False
    fields = ", ".join(hook.dialect.quote(field) for field in target.fields) if target.fields else "*"
    table = hook.dialect.table_name(target.table, target.options.get("schema"))
    try:
        types = {column[1] for column in hook.describe(conn, f"SELECT {fields} FROM {table} LIMIT 0")}
    except conn.Error:  # no right to read, perhaps: INSERT will tell if there is more to it
        return False
    return not types & columns.NOT_LOADED


def load_many(hook: MySqlHook, conn: Any, target: InsertTarget, rows: list[tuple[Any, ...]]) -> None:
    """Load all rows with one LOAD DATA LOCAL."""
    table = hook.dialect.table_name(target.table, target.options.get("schema"))
    fields = f" ({', '.join(hook.dialect.quote(field) for field in target.fields)})" if target.fields else ""
    replace = "REPLACE " if target.replace else ""
    statement = f"LOAD DATA LOCAL INFILE 'rows' {replace}INTO TABLE {table} {load.FORMAT}{fields}"
    hook.log.debug("Running statement: %s", statement)

    def is_strict(loaded: load.Loaded) -> bool:
        """A session that is lenient with INSERT is lenient here; rows that are left out it would not take either."""
        return bool(loaded.skipped) or "STRICT" in hook.query(conn, "SELECT @@sql_mode")[0][0]

    load.load(hook, conn, statement, _blocks(rows), target.table, is_strict)


def _blocks(rows: list[tuple[Any, ...]]) -> Iterator[bytes]:
    source = iter(rows)
    done = 0
    while some := list(islice(source, _LINES)):
        try:
            text = values.lines(some)
        except SqlError:
            for place, row in enumerate(some, done + 1):
                _adapted(row, place, len(rows))
            raise
        done += len(some)
        yield _line_bytes(text, some)


def _line_bytes(text: str, rows: list[tuple[Any, ...]]) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:  # bytes stand in it as surrogates; a text must not
        if any(isinstance(cell, str) and not _encodable(cell, "utf-8") for row in rows for cell in row):
            raise RowError("A text has characters that utf-8 cannot hold.") from None
        return text.encode("utf-8", "surrogateescape")
