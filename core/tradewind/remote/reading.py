"""A log put together from its chunks: all that there is, and, called again, what has come since."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from tradewind.remote.chunks import Chunk, parse
from tradewind.remote.contract import LogStore

#: So many chunks are fetched at once: a log of hours has thousands of small ones.
AT_ONCE = 8


class RemoteLog:
    """One log in a log store, read from its beginning or from a place in one of its streams."""

    def __init__(self, store: LogStore, name: str, *, stream: str = "", place: int = 0) -> None:
        self.name = name
        self.found = False  #: whether the store has anything of it
        self.ended = False  #: whether the last thing read is the end that its writer gave it
        self._store = store
        self._stream = stream
        self._place = place
        self._after = f"{stream}." if stream else ""

    def read(self) -> Iterator[bytes]:
        """What has come since the last call, piece by piece. Raises LogStoreError.

        A stretch that nobody has uploaded, or that was deleted, is told of in its place.
        """
        new = self._new()
        for first in range(0, len(new), AT_ONCE):
            batch = new[first : first + AT_ONCE]
            for chunk, data in zip(batch, self._fetch(batch)):
                yield self._take(chunk, data)

    def _new(self) -> list[Chunk]:
        """The chunks that have more than is known, in order."""
        names = self._store.chunks(self.name, self._after)
        self.found = self.found or bool(names)
        found = sorted((chunk for chunk in map(parse, names) if chunk), key=_order)
        stream, place, new = self._stream, self._place, []
        for chunk in found:
            if chunk.stream != stream:
                stream, place = chunk.stream, 0
            if chunk.end > place or chunk.last:
                new.append(chunk)
                place = max(place, chunk.end)
        if names:
            self._after = names[-1]
        return new

    def _fetch(self, batch: list[Chunk]) -> Iterator[bytes]:
        if len(batch) == 1:
            yield self._get(batch[0])
            return
        with ThreadPoolExecutor(len(batch), "log-reader") as pool:
            yield from pool.map(self._get, batch)

    def _get(self, chunk: Chunk) -> bytes:
        return self._store.get(self.name, chunk.name) if chunk.end > chunk.start else b""

    def _take(self, chunk: Chunk, data: bytes) -> bytes:
        """What of a chunk is new, behind a note of what is missing before it."""
        if chunk.stream != self._stream:
            self._stream, self._place = chunk.stream, 0
        missing = chunk.start - self._place
        note = f"(here {missing} bytes are missing)\n".encode() if missing > 0 else b""
        piece = data[max(0, -missing) :]
        self._place = max(self._place, chunk.end)
        self.ended = chunk.last and chunk.end == self._place
        return note + piece


def end_of(store: LogStore, name: str, stream: str) -> int:
    """How far a stream of a log is uploaded without a gap, in bytes."""
    chunks = (parse(chunk) for chunk in store.chunks(name, f"{stream}."))
    end = 0
    for chunk in sorted((chunk for chunk in chunks if chunk and chunk.stream == stream), key=_order):
        if chunk.start <= end:
            end = max(end, chunk.end)
    return end


def tail_of(store: LogStore, name: str, size: int) -> bytes:
    """The last `size` bytes of a log as far as it is uploaded, without reading more chunks than that takes."""
    found = [chunk for chunk in map(parse, store.chunks(name)) if chunk and chunk.end > chunk.start]
    tail, known = b"", ("", 0)
    for chunk in sorted(found, key=lambda one: (one.stream, one.end, -one.start), reverse=True):
        same = chunk.stream == known[0]
        if same and chunk.start >= known[1]:
            continue  # a longer one had it
        data = store.get(name, chunk.name)
        tail = (data[: known[1] - chunk.start] if same else data) + tail
        known = (chunk.stream, chunk.start)
        if len(tail) >= size:
            break
    return tail[-size:]


def _order(chunk: Chunk) -> tuple[str, int, int, bool]:
    """Of two chunks that begin at one place the longer one comes first: it makes the other one needless."""
    return chunk.stream, chunk.start, -chunk.end, chunk.last
