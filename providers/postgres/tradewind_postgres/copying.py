"""COPY between the database and files, file objects or iterators.

psycopg2 calls for data, or hands it on, from C code that waits for the server. So that a signal can break that off, it
runs in a thread; what the caller gave to iterate over stays in the caller's thread, and is read while earlier data is
on its way.
"""

from __future__ import annotations

import os
import queue
import re
import threading
from collections.abc import Generator, Iterable
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tradewind_postgres.catalogue import Table, TableColumn
from tradewind_postgres.cursors import code
from tradewind_sql import SqlError
from tradewind_sql.outputs import appearing

if TYPE_CHECKING:
    from tradewind_postgres.hook import PostgresHook

#: Bytes read from a file at once, and handed over at once.
CHUNK = 1 << 18

#: Chunks that wait for the connection at most.
_WAITING = 4

_DIRECTION = re.compile(r"\b(FROM\s+STDIN|TO\s+STDOUT)\b", re.IGNORECASE)


def reads_input(sql: str) -> bool:
    """Whether a COPY statement takes data (FROM STDIN) or gives it (TO STDOUT). Raises SqlError for anything else."""
    found = _DIRECTION.findall(code(sql))
    if not found:
        raise SqlError("copy_expert needs a COPY statement with FROM STDIN or TO STDOUT.")
    return str(found[-1]).upper().startswith("FROM")


def copy(hook: PostgresHook, sql: str, filename: Any) -> int:
    """What is behind `PostgresHook.copy_expert`."""
    given = Path(filename) if isinstance(filename, str | os.PathLike) else filename
    inward = reads_input(sql)
    if inward and isinstance(given, Path) and not given.exists():
        raise FileNotFoundError(f"Connection {hook.get_conn_id()!r}: there is no file {given} to COPY from.")
    if hook.log_sql:
        hook.log.info("Running statement: %s", sql)
    with hook._create_autocommit_connection() as conn, hook._explained(sql):
        count = _copy_in(hook, conn, sql, given) if inward else _copy_out(hook, conn, sql, given)
        hook._commit(conn)
    hook.log.info("Rows copied: %s", count)
    return count


def _copy_in(hook: PostgresHook, conn: Any, sql: str, given: Any) -> int:
    chunks = file_chunks(given) if isinstance(given, Path) else chunks_of(given, _codec(conn))
    with closing(chunks):
        return copy_in(hook, conn, sql, chunks)


def _copy_out(hook: PostgresHook, conn: Any, sql: str, given: Any) -> int:
    if not isinstance(given, Path):
        return copy_out(hook, conn, sql, given)
    with appearing(given) as file:
        return copy_out(hook, conn, sql, file)


def _codec(conn: Any) -> str:
    from psycopg2.extensions import encodings

    return str(encodings[conn.encoding])


def load(hook: PostgresHook, table: str, file: str | os.PathLike[str], form: str) -> int:
    """Load a file into a table in one transaction. Returns the number of rows."""
    found = hook.dialect.look_up(table)
    columns = [column for column in found.columns if not column.generated]
    options = _options(form)
    if form == "csv":
        columns = _csv_columns(hook, Path(file), found)
    return hook.copy_expert(hook.dialect.copy_in_sql(found, columns, options), file)


def dump(hook: PostgresHook, table: str, file: str | os.PathLike[str], form: str) -> int:
    """Write a table to a file. Returns the number of rows."""
    return hook.copy_expert(hook.dialect.copy_out_sql(hook.dialect.look_up(table), _options(form)), file)


def _options(form: str) -> str:
    if form not in ("text", "csv", "binary"):
        raise ValueError(f"format must be text, csv or binary, not {form!r}")
    return "FORMAT csv, HEADER" if form == "csv" else f"FORMAT {form}"


def _csv_columns(hook: PostgresHook, path: Path, table: Table) -> list[TableColumn]:
    """The columns that the first line of a CSV file names: a file without such a line must not lose its first row."""
    import csv

    with path.open(encoding="utf-8", newline="") as file:
        names = next(csv.reader(file), [])
    known = {column.name for column in table.columns}
    if not names or not known.issuperset(names) or len(set(names)) < len(names):
        raise SqlError(
            f"Connection {hook.get_conn_id()!r}: the first line of {path} must name columns of {table.name}: "
            f"{', '.join(sorted(known))}. To load a CSV file without such a line, use copy_expert."
        )
    return table.chosen(names)


# Into the database


def copy_in(hook: PostgresHook, conn: Any, sql: str, chunks: Iterable[bytes]) -> int:
    """Execute COPY ... FROM STDIN with this data. Returns the number of rows."""
    pipe = _Pipe()
    ended = threading.Event()
    errors: list[BaseException] = []
    with closing(conn.cursor()) as cursor:

        def work() -> None:
            try:
                cursor.copy_expert(sql, pipe, CHUNK)
            except BaseException as error:  # it is raised again below
                errors.append(error)
            finally:
                pipe.leave()
                ended.set()

        thread = threading.Thread(target=work, name="sql-copy", daemon=True)
        hook._attended(conn, lambda: None)  # refuses a cancelled connection
        try:
            thread.start()
            for chunk in chunks:
                if not pipe.put(chunk):
                    break  # the server has refused already
            pipe.put(b"")
            ended.wait()
        except BaseException:
            pipe.abort()
            if thread.ident is not None:
                with suppress(Exception):
                    hook._cancel(conn)  # it may not have come to read: perhaps it waits for a lock
                ended.wait()  # the connection is for one thread at a time
            raise
        thread.join()
        try:
            if errors:
                raise errors[0]
            return int(cursor.rowcount)
        finally:
            errors.clear()  # else the error, its traceback and this frame would hold each other


class _Aborted(Exception):
    """Tells the server to forget what it got."""


class _Pipe:
    """What psycopg2 takes for a file: what one thread puts in, another reads."""

    def __init__(self) -> None:
        self._chunks: queue.Queue[bytes | None] = queue.Queue(_WAITING)
        self._left = False

    def put(self, chunk: bytes) -> bool:
        """Hand over data, empty at the end; False if nobody reads any more."""
        if not self._left:
            self._chunks.put(chunk)
        return not self._left

    def abort(self) -> None:
        """Have the reader fail instead of reading on."""
        self._empty()
        if not self._left:
            self._chunks.put(None)

    def leave(self) -> None:
        """Nobody reads any more: whoever waits in `put` goes on."""
        self._left = True
        self._empty()

    def read(self, size: int = -1) -> bytes:
        chunk = self._chunks.get()
        if chunk is None:
            raise _Aborted
        return chunk

    def _empty(self) -> None:
        while True:
            try:
                self._chunks.get_nowait()
            except queue.Empty:
                return


def chunks_of(source: Any, encoding: str) -> Generator[bytes]:
    """The data of a file object or of an iterable of texts or bytes, in pieces that are not empty."""
    pieces = iter(lambda: source.read(CHUNK), None) if hasattr(source, "read") else source
    ends = hasattr(source, "read")
    for piece in pieces:
        if not isinstance(piece, str | bytes | bytearray | memoryview):
            raise TypeError(f"COPY takes texts or bytes, not a {type(piece).__name__}")
        if piece:
            yield piece.encode(encoding) if isinstance(piece, str) else bytes(piece)
        elif ends:
            return


def file_chunks(path: Path) -> Generator[bytes]:
    """The content of a file, which is opened for reading only."""
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


# Out of the database


def copy_out(hook: PostgresHook, conn: Any, sql: str, file: Any) -> int:
    """Execute COPY ... TO STDOUT into a file object, binary or text. Returns the number of rows."""
    with closing(conn.cursor()) as cursor:
        hook._attended(conn, lambda: cursor.copy_expert(sql, file, CHUNK))
        return int(cursor.rowcount)
