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
import uuid
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tradewind_sql import SqlError

if TYPE_CHECKING:
    from tradewind_postgres.hook import PostgresHook

#: Bytes read from a file at once, and handed over at once.
CHUNK = 1 << 18

#: Chunks that wait for the connection at most.
_WAITING = 4

#: What is no code: strings, quoted names, comments.
_NO_CODE = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|\$(\w*)\$.*?\$\1\$|--[^\n]*|/\*.*?\*/", re.DOTALL)
_DIRECTION = re.compile(r"\b(FROM\s+STDIN|TO\s+STDOUT)\b", re.IGNORECASE)


def reads_input(sql: str) -> bool:
    """Whether a COPY statement takes data (FROM STDIN) or gives it (TO STDOUT). Raises SqlError for anything else."""
    found = _DIRECTION.findall(_NO_CODE.sub(" ", sql))
    if not found:
        raise SqlError("copy_expert needs a COPY statement with FROM STDIN or TO STDOUT.")
    return str(found[-1]).upper().startswith("FROM")


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
        except BaseException as error:
            pipe.abort()
            if thread.ident is not None:
                if not isinstance(error, Exception):
                    hook._cancel_quietly(conn)
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


def chunks_of(source: Any, encoding: str) -> Iterator[bytes]:
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


@contextmanager
def appearing(path: Path) -> Iterator[Any]:
    """A binary file to write to, which takes the place of `path` when the block ends well, and is gone if it fails.

    What is there and is no file, such as a pipe, is written to as it is.
    """
    if path.exists() and not path.is_file():
        with path.open("wb") as file:
            yield file
        return
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.partial")
    try:
        with partial.open("xb") as file:
            yield file
        os.replace(partial, path.resolve() if path.is_symlink() else path)
    finally:
        partial.unlink(missing_ok=True)
