"""Files that are there whole or not at all: written beside their place, and put into it in one moment."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

#: So much of a name, in bytes, is in that of the file beside it: file systems allow 255.
_KEPT = 200

_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)


class Partial:
    """A new file beside `path`, which takes its place on `commit`, and is gone after `discard`.

    Its name begins with a dot. Only its owner can read it if it is `private`. All of this raises OSError.
    """

    def __init__(self, path: Path, *, private: bool = False) -> None:
        self.path = path.with_name(f".{_stem(path)}.{os.urandom(8).hex()}.partial")
        self._target = path
        self.file: BinaryIO = os.fdopen(os.open(self.path, _FLAGS, 0o600 if private else 0o666), "wb")

    def commit(self, *, durable: bool = False, new: bool = False) -> None:
        """Put it into its place. `durable`: it outlives a power failure. `new`: it replaces none (FileExistsError)."""
        self.file.flush()
        if durable:
            os.fsync(self.file.fileno())
        if os.name == "nt":  # it renames no open file; elsewhere a lock on it shall hold till it is in its place
            self.file.close()
        if new:
            self._link()
        else:
            self.path.replace(self._target)
        if durable and os.name == "posix":
            _sync_folder(self._target.parent)
        self.file.close()

    def discard(self) -> None:
        """Leave nothing of it. After `commit` this does nothing."""
        with suppress(OSError):  # a full disk may refuse even to flush
            self.file.close()
        self.path.unlink(missing_ok=True)

    def _link(self) -> None:
        try:
            self._target.hardlink_to(self.path)  # unlike a renaming it replaces nothing
            self.path.unlink()
        except FileExistsError:
            raise
        except OSError:  # a file system without links
            self._target.open("xb").close()
            self.path.replace(self._target)


@contextmanager
def written(path: Path, *, private: bool = False, durable: bool = False, new: bool = False) -> Iterator[BinaryIO]:
    """A file to write to, which is at `path` when the block ends well, and leaves no trace otherwise. See `Partial`."""
    partial = Partial(path, private=private)
    try:
        yield partial.file
        partial.commit(durable=durable, new=new)
    finally:
        partial.discard()


def write(path: Path, data: bytes, *, private: bool = False, durable: bool = False, new: bool = False) -> None:
    """Write a file in one moment. See `Partial`."""
    with written(path, private=private, durable=durable, new=new) as file:
        file.write(data)


def partials(path: Path) -> Iterator[Path]:
    """The files beside `path` that are not in its place yet, or never will be, since who wrote them was killed."""
    start = f".{_stem(path)}."
    return (one for one in path.parent.iterdir() if one.name.startswith(start) and one.name.endswith(".partial"))


def _stem(path: Path) -> str:
    return os.fsencode(path.name)[:_KEPT].decode("utf-8", "ignore")


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
