"""What the server says of errors and warnings. Its texts quote values, which do not belong in a log: they go out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tradewind_mysql.hook import MySqlHook

#: Warnings of one statement that are told.
MOST = 10

# `Incorrect integer value: 'x' for column ...`, `Duplicate entry 'x' for key ...`,
# `Truncated incorrect INTEGER value: 'x'`.
_FOR = re.compile(r"(value:? |entry )'.*'(?= for (?:column|key|function) )", re.DOTALL)
_LAST = re.compile(r"(value:? |entry )'.*'", re.DOTALL)

# The rest of a statement that the server does not understand, with the parameters that the driver put into it.
_NEAR = re.compile(r"near '(.*)'( at line \d+)", re.DOTALL)


@dataclass(frozen=True)
class ServerWarning:
    """One line of SHOW WARNINGS."""

    level: str  #: Note, Warning or Error
    code: int
    text: str  #: without the values that it quoted

    def __str__(self) -> str:
        return f"{self.text} ({self.code})"


def without_values(text: str) -> str:
    """A server's message with `...` for each value that it quotes."""
    changed, times = _FOR.subn(r"\1...", text)
    return changed if times else _LAST.sub(r"\1...", text)


def hide_values(error: Exception, statement: str) -> None:
    """Take the values out of a driver's error, and pieces of a statement that are not of `statement` itself."""
    from pymysql.err import MySQLError

    if isinstance(error, MySQLError) and len(error.args) > 1:
        code, text, *more = error.args
        near = _NEAR.search(str(text))
        if near and near[1] not in statement:
            text = f"near ...{near[2]}".join((text[: near.start()], text[near.end() :]))
        error.args = (code, without_values(str(text)), *more)


def warnings_of(conn: Any) -> Iterator[ServerWarning]:
    """The warnings of the last statement of a connection, as many as the server keeps."""
    for level, code, text in conn.show_warnings() or ():
        yield ServerWarning(str(level), int(code), without_values(str(text)))


def log_warnings(hook: MySqlHook, cursor: Any) -> None:
    """Log what the server warned of at the last statement. Rows that are still on their way must not be disturbed."""
    from pymysql.cursors import SSCursor

    if not cursor.warning_count or isinstance(cursor, SSCursor):
        return
    for warning in list(warnings_of(cursor.connection))[:MOST]:
        log = hook.log.info if warning.level == "Note" else hook.log.warning
        log("Connection %r: the server says: %s", hook.get_conn_id(), warning)
    left = cursor.warning_count - MOST
    if left > 0:
        hook.log.warning("Connection %r: and %s more.", hook.get_conn_id(), left)
