"""The text of DAG files."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import stat
from pathlib import Path

from tradewind.errors import DagError

#: A DAG file is written by people; a larger file is something else.
MOST_BYTES = 10_000_000


def absolute(path: str | Path) -> str:
    """The path as it names a DAG file everywhere: absolute, without `..`, symbolic links left as they are."""
    return os.path.abspath(path)  # noqa: PTH100 - `resolve` would follow links


def file_hash(data: bytes) -> str:
    """Names the content of a file: 16 hex digits."""
    return hashlib.sha256(data).hexdigest()[:16]


def read_source(path: str | Path) -> tuple[str, str]:
    """Text and hash of a DAG file. Raises OSError, DagError, or SyntaxError if it is not the text it says it is."""
    data = read_bytes(path)
    return decode(path, data), file_hash(data)


def read_bytes(path: str | Path) -> bytes:
    """Content of an ordinary file. Raises OSError or DagError."""
    found = Path(path).stat()
    if not stat.S_ISREG(found.st_mode):  # reading a pipe would wait for ever
        raise DagError(f"{os.fspath(path)} is not an ordinary file")
    if found.st_size > MOST_BYTES:
        raise DagError(f"{os.fspath(path)} has {found.st_size} bytes; a DAG file may have {MOST_BYTES}")
    return Path(path).read_bytes()


def decode(path: str | Path, data: bytes) -> str:
    """The text of a DAG file, in UTF-8 or what its coding line says. Raises SyntaxError with the line."""
    try:
        text = importlib.util.decode_source(data)
    except (UnicodeDecodeError, SyntaxError) as error:
        raise _undecodable(os.fspath(path), data, error) from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise SyntaxError("the file holds a null byte: it is not text", (os.fspath(path), line, None, None))
    return text


def _undecodable(path: str, data: bytes, error: UnicodeDecodeError | SyntaxError) -> SyntaxError:
    """The same complaint with the line that it is about."""
    if isinstance(error, SyntaxError):  # of the coding line, or of the lines that might hold one
        try:
            data.decode("utf-8")
        except UnicodeDecodeError as found:
            error = found
        else:
            return SyntaxError(error.msg, (path, 1, None, None))
    line = data.count(b"\n", 0, error.start) + 1
    message = f"the byte {data[error.start]:#04x} is not {error.encoding}: save the file as UTF-8"
    return SyntaxError(message, (path, line, None, None))
