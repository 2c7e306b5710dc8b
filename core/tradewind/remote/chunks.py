"""How a log is cut into chunks, and what they are called.

A chunk is a stretch of one local file, and its name says which: `<stream>.<start>-<end>`, in bytes. A stream is one
local file, named by the time and a hash of its first line, so that whoever has the file, at whatever time, gives it
the same name: two who upload the same stretch do no harm, however they cut it. A try has more than one stream if it
went on elsewhere, as sensors do that give their place back. The chunk after which nothing comes ends in `.last`.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

#: The first line counts up to this many bytes.
LONGEST_HEAD = 4096

_NAME = re.compile(r"(\d{17}-[0-9a-f]{8})\.(\d{15})-(\d{15})(\.last)?")
_TIME = re.compile(rb"(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)\.(\d{3})Z ")


@dataclass(frozen=True, order=True)
class Chunk:
    """A stretch of a log."""

    stream: str
    start: int
    end: int
    last: bool = False  #: whoever wrote the log has ended, and this is the end of it

    @property
    def name(self) -> str:
        return f"{self.stream}.{self.start:015d}-{self.end:015d}{'.last' if self.last else ''}"


def parse(name: str) -> Chunk | None:
    """The chunk of this name; None for a name that is none."""
    found = _NAME.fullmatch(name)
    return Chunk(found[1], int(found[2]), int(found[3]), found[4] is not None) if found else None


def stream_of(head: bytes, *, over: bool = False) -> str | None:
    """The name of the stream of a file that begins so. None: its first line is not complete, nor is it `over`."""
    line, newline, _ = head[:LONGEST_HEAD].partition(b"\n")
    if not newline and len(head) < LONGEST_HEAD and not over:
        return None
    time = _TIME.match(line)
    digits = b"".join(time.groups()).decode() if time else "0" * 17
    return f"{digits}-{hashlib.sha1(line, usedforsecurity=False).hexdigest()[:8]}"


def cut(data: bytes, *, whole: bool) -> bytes:
    """What of the data is a chunk: its complete lines, or `whole`, all of it."""
    return data if whole else data[: data.rfind(b"\n") + 1]
