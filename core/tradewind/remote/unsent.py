"""Notes in the local log folder: one for each process that writes a log which is to be uploaded.

A note is written before the log is, and goes when all of the log is in the log store. So whoever comes later, after
whatever was killed, finds what is left to be done. The process that writes a log does no more than write the note.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tradewind import atomic

#: Folder of the notes, in the folder of the logs. No DAG has an id that makes this name.
FOLDER = "%unsent"

#: The first line of a note is a number of so many digits, which is overwritten in place.
_DIGITS = 20

#: Stands for: it is not known how far the log is uploaded; the store has to be asked.
UNKNOWN = -1


@dataclass(frozen=True)
class Writer:
    """The process that writes a log. Its pid is 0 when it is over already."""

    host: str
    pid: int = 0
    process: str | None = None  #: its identity, see `tradewind.runner.identity`


@dataclass
class Note:
    """One log that is not uploaded yet, while this process holds it."""

    file: Path  #: of the note
    log: Path
    name: str  #: of the log in the store
    writer: Writer
    sent: int  #: how many bytes are uploaded, or UNKNOWN
    _fd: int

    def advance(self, sent: int) -> None:
        """So many bytes are uploaded."""
        self.sent = sent
        os.pwrite(self._fd, _number(sent), 0)

    def drop(self) -> None:
        """All of it is uploaded, or there is nothing to be uploaded any more."""
        with suppress(FileNotFoundError):
            self.file.unlink()


def write(folder: str | Path, log: Path, name: str, writer: Writer) -> str:
    """Note that a process is about to write a log. Returns what kept it from that, in words; empty: nothing."""
    place = Path(folder) / FOLDER
    file = place / f"{_mark(log)}-{writer.pid}-{time.time_ns()}"
    about = {"log": str(log), "name": name, "host": writer.host, "pid": writer.pid, "process": writer.process}
    try:
        place.mkdir(parents=True, exist_ok=True)
        sent = UNKNOWN if log.exists() else 0
        atomic.write(file, _number(sent) + b"\n" + json.dumps(about).encode() + b"\n")
    except OSError as error:
        return f"this log will not be uploaded: {error.strerror or error} ({place})"
    return ""


def notes(folder: str | Path) -> list[Path]:
    """The notes that there are, oldest first."""
    try:
        names = [path.name for path in (Path(folder) / FOLDER).iterdir()]
    except FileNotFoundError:
        return []
    found = [name for name in names if not name.startswith(".")]
    return [Path(folder) / FOLDER / name for name in sorted(found, key=lambda name: name.rpartition("-")[2])]


def is_last(note: Note) -> bool:
    """Whether no other process has a note about the same log."""
    return not [one for one in note.file.parent.glob(f"{_mark(note.log)}-*") if one != note.file]


@contextmanager
def hold(file: Path) -> Iterator[Note | None]:
    """Hold a note, so that no other process works on the same. None: another one does, or it is gone."""
    try:
        fd = os.open(file, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        yield None
        return
    try:
        yield _read(file, fd)
    finally:
        os.close(fd)


def _read(file: Path, fd: int) -> Note | None:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return None
    if os.fstat(fd).st_nlink == 0:  # it was dropped before the lock was ours
        return None
    with os.fdopen(os.dup(fd), "rb") as opened:
        sent, about = opened.readline(), opened.read()
    found: dict[str, Any] = json.loads(about)
    writer = Writer(found["host"], found["pid"], found["process"])
    return Note(file, Path(found["log"]), found["name"], writer, int(sent), fd)


def _number(sent: int) -> bytes:
    return f"{sent:0{_DIGITS}d}".encode()


def _mark(log: Path) -> str:
    return hashlib.sha1(str(log).encode("utf-8", "surrogateescape"), usedforsecurity=False).hexdigest()[:16]
