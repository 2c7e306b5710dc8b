"""psycopg2's cursors as the hook uses them. psycopg2 is imported when one is wanted."""

from __future__ import annotations

import datetime
import decimal
import itertools
import re
from collections import UserList
from functools import cache
from typing import Any

from tradewind_sql.statements import Syntax, verb

#: Statements whose rows can stay on the server.
_READING = frozenset({"SELECT", "VALUES", "TABLE"})

#: Words of statements that do more than read, though they may begin with SELECT or WITH.
_WRITING = re.compile(r"\b(INSERT|UPDATE|DELETE|MERGE|INTO)\b", re.IGNORECASE)

#: What is no code: strings, quoted names, comments.
_NO_CODE = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|\$(\w*)\$.*?\$\1\$|--[^\n]*|/\*.*?\*/", re.DOTALL)

_numbers = itertools.count(1)

#: Python's type of what psycopg2 makes of PostgreSQL's types, by their OIDs in `pg_type`.
PYTHON_TYPES: dict[int, type] = {
    16: bool,
    **dict.fromkeys((20, 21, 23, 26), int),
    **dict.fromkeys((700, 701), float),
    1700: decimal.Decimal,
    **dict.fromkeys((18, 19, 25, 1042, 1043, 2950), str),
    17: bytes,
    1082: datetime.date,
    **dict.fromkeys((1083, 1266), datetime.time),
    **dict.fromkeys((1114, 1184), datetime.datetime),
    1186: datetime.timedelta,
}


class Notices(UserList[str]):
    """What the server had to say on a connection; psycopg2's own list forgets all but the last fifty."""


def code(sql: str) -> str:
    """`sql` without strings, quoted names and comments: what is left to look for keywords in."""
    return _NO_CODE.sub(" ", sql)


def read_bytes(conn: Any) -> None:
    """Have `conn` give `bytea` as bytes: psycopg2's memoryviews equal no bytes, and cannot be stored as an XCom."""
    from psycopg2.extensions import register_type

    for kind in _bytes_types():
        register_type(kind, conn)


@cache
def _bytes_types() -> list[Any]:
    import psycopg2
    from psycopg2.extensions import new_array_type, new_type

    def read(value: str | None, cursor: Any) -> bytes | None:
        return None if value is None else bytes(psycopg2.BINARY(value, cursor))

    kind = new_type((17,), "BYTEA", read)
    return [kind, new_array_type((1001,), "BYTEA[]", kind)]


def row_cursor(name: str | None) -> Any:
    """The cursor class of the extra `cursor`; None: rows are tuples."""
    if not name:
        return None
    from psycopg2 import extras

    classes = {
        "dictcursor": extras.DictCursor,
        "realdictcursor": extras.RealDictCursor,
        "namedtuplecursor": extras.NamedTupleCursor,
    }
    return classes[name]


def plain_cursor() -> Any:
    """The cursor class whose rows are tuples, whatever the connection's own is."""
    from psycopg2.extensions import cursor

    return cursor


def stream_cursor(conn: Any, statement: str, syntax: Syntax) -> Any:
    """A cursor that leaves the rows of a query on the server; for anything else one that fetches them at once."""
    if verb(statement, syntax) not in _READING or _WRITING.search(code(statement)):
        return conn.cursor(cursor_factory=plain_cursor())
    return conn.cursor(f"tradewind_{next(_numbers)}", cursor_factory=_server_cursor())


@cache
def _server_cursor() -> Any:
    class ServerCursor(plain_cursor()):  # type: ignore[misc]  # psycopg2 has no types
        """A named cursor that knows its columns once it has executed, and not only after the first rows."""

        def execute(self, query: Any, vars: Any = None) -> None:
            super().execute(query, vars)
            self.fetchmany(0)

    return ServerCursor
