"""LOAD DATA LOCAL: how rows and files get into a table fast, and without the losses that it is known for.

The server asks for a file by its name, and any name could be asked for. Here the answer is always the stream at hand:
no file is opened because a server says so, and nothing is written to disk on the way. PyMySQL itself has no way to
stream, so that this speaks with the server through its packets.

With LOCAL, values that do not fit are bent and rows that collide are left out, both with a mere warning, whatever
`sql_mode` says. `Loaded` tells what happened, and `refuse_losses` makes an error of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

from tradewind.errors import TradewindError
from tradewind_mysql.diagnostics import MOST, ServerWarning, warnings_of
from tradewind_sql.errors import RowError

if TYPE_CHECKING:
    from tradewind_mysql.hook import MySqlHook

#: The one format: what `SELECT ... INTO OUTFILE` and `mysqldump --tab` write. As hexadecimal numbers, since backslashes
#: in strings depend on the session.
FORMAT = (
    "CHARACTER SET utf8mb4 FIELDS TERMINATED BY X'09' ENCLOSED BY '' ESCAPED BY X'5C' "
    "LINES STARTING BY '' TERMINATED BY X'0A'"
)

#: Bytes sent at once.
BLOCK = 1 << 18

_NUMBER = re.compile(rb"\d+")

_DUPLICATE = 1062


@dataclass(frozen=True)
class Loaded:
    """What the server says about one LOAD DATA."""

    rows: int  #: lines that it read
    deleted: int  #: old rows that were replaced
    skipped: int  #: lines that were left out
    count: int  #: warnings, of which it keeps the first ones
    warnings: tuple[ServerWarning, ...]

    def __str__(self) -> str:
        return f"{self.rows} rows read, {self.deleted} replaced, {self.skipped} left out, {self.count} warnings"


def send(conn: Any, statement: str, blocks: Iterable[bytes]) -> Loaded:
    """Execute a LOAD DATA LOCAL whose file is `blocks`.

    If making a block fails, the stream ends there and that error is raised: roll back. Whatever else breaks it off
    closes the connection, for the server would take anything that follows for data.
    """
    from pymysql.constants import COMMAND
    from pymysql.protocol import OKPacketWrapper

    try:
        conn._execute_command(COMMAND.COM_QUERY, statement)
        if not conn._read_packet().is_load_local_packet():
            raise RowError("The statement is no LOAD DATA LOCAL: the server asks for no file.")
        failure = _stream(conn, iter(blocks))
        conn.write_packet(b"")
        answer = OKPacketWrapper(conn._read_packet())
    except conn.Error:
        raise  # the server has answered, or is gone
    except BaseException:
        conn._force_close()
        raise
    conn.server_status = answer.server_status
    if failure is not None:
        raise failure
    return _loaded(conn, answer)


def _stream(conn: Any, blocks: Iterator[bytes]) -> Exception | None:
    while True:
        try:
            block = next(blocks, None)
        except Exception as error:
            return error
        if block is None:
            return None
        conn.write_packet(block)


def _loaded(conn: Any, answer: Any) -> Loaded:
    text = bytes(answer.message or b"")
    if text and text[0] == len(text) - 1:  # its length comes first
        text = text[1:]
    rows, deleted, skipped, count = [int(number) for number in _NUMBER.findall(text)][:4]  # words as lc_messages says
    return Loaded(rows, deleted, skipped, count, tuple(warnings_of(conn)) if count else ())


def load(
    hook: MySqlHook,
    conn: Any,
    statement: str,
    blocks: Iterable[bytes],
    table: str,
    is_strict: Callable[[Loaded], bool],
) -> Loaded:
    """`send` for a hook: what became of the rows is logged, and refused if it is not what `is_strict` asks for."""
    with _without_notes(hook, conn), hook._explained(statement):
        loaded = hook._attended(conn, lambda: send(conn, statement, blocks))
        if is_strict(loaded):
            refuse_losses(loaded)
    lost = loaded.count or loaded.skipped
    told = "; ".join(map(str, loaded.warnings[:MOST]))
    log = hook.log.warning if lost else hook.log.info
    log("Loaded into %s: %s%s", table, loaded, f": {told}" if told else "")
    return loaded


@contextmanager
def _without_notes(hook: MySqlHook, conn: Any) -> Iterator[None]:
    """In the block the server counts only what is worth a warning; a rounded decimal is not."""
    [[before]] = hook.query(conn, "SELECT @@sql_notes")
    hook.query(conn, "SET SESSION sql_notes = 0")
    try:
        yield
    finally:
        with suppress(conn.Error, TradewindError):  # the connection may be gone, or the statement cancelled
            hook.query(conn, f"SET SESSION sql_notes = {int(before):d}")


def file_blocks(file: BinaryIO) -> Iterator[bytes]:
    """The content of a file in pieces."""
    while block := file.read(BLOCK):
        yield block


def refuse_losses(loaded: Loaded) -> None:
    """Raise the driver's error for rows that were left out or values that were bent, as an INSERT in strict mode would.

    If there are warnings of more than one kind, it is that of a row left out.
    """
    if not loaded.skipped and not loaded.count:
        return
    from pymysql import err

    collided = [warning for warning in loaded.warnings if warning.code == _DUPLICATE]
    told = (collided or [*loaded.warnings])[:1]
    kind = err.error_map.get(told[0].code, err.OperationalError) if told else RowError
    error: Exception = kind(told[0].code, told[0].text) if told else RowError(f"LOAD DATA: {loaded}.")
    error.add_note(f"LOAD DATA LOCAL: {loaded}. All of it is undone.")
    raise error
