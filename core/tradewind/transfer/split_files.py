"""One sink that becomes several files: a new one begins when the one before has the rows or bytes that it may have."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import IO, Any, Self

from tradewind.errors import TransferError
from tradewind.transfer import csvtext
from tradewind.transfer.channel import BLOCK
from tradewind.transfer.contract import Batch, Column, CsvWriter, RowWriter
from tradewind.transfer.files import FileEndpoint

#: Rows that are written before a file is measured again.
_STEP = 100


@dataclass(frozen=True)
class Limits:
    """What a file may have at most; None: any number."""

    rows: int | None = None
    bytes: int | None = None  #: before compression as a whole; of Parquet, as it is


class SplitWriter(CsvWriter, RowWriter):
    """Writes parts, which become visible together: each when all of them are written, one behind the other."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._stack = ExitStack()
        self._parts: list[Any] = []  #: writers of files, the last one of which is being written
        self._names: Sequence[Column] = ()

    @abstractmethod
    def part(self, number: int, stack: ExitStack) -> FileEndpoint:
        """The file of a part; the first one has the number 1. What writing needs to have open goes onto the stack."""

    @abstractmethod
    def settle(self, count: int) -> None:
        """So many parts are there: remove those of an earlier time that have higher numbers."""

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._stack = stack
            self._begin_part()
            self._stack = stack.pop_all()
        self.takes_csv = isinstance(self._parts[0], CsvWriter) and self._parts[0].takes_csv
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def cancel(self) -> None:
        super().cancel()
        for part in list(self._parts):
            part.cancel()

    def adopt(self, columns: Sequence[Column]) -> Sequence[Column]:
        found: Sequence[Column] = self._parts[0].adopt(columns)
        return found

    def begin(self, columns: Sequence[Column]) -> None:
        self._names = columns
        self._parts[0].begin(columns)

    def csv(self, stream: IO[bytes]) -> int:
        pieces = _Pieces(stream, self._limits)
        count = 0
        while True:
            part = self._parts[-1]
            pieces.next_file(part.size)
            count += int(part.csv(pieces))
            if pieces.at_end:
                return count
            self._next_part()

    def rows(self, batches: Iterable[Batch]) -> int:
        source = _Batches(batches, self._limits)
        count = 0
        while True:
            part = self._parts[-1]
            count += int(part.rows(source.for_file(part)))
            if source.at_end:
                return count
            self._next_part()

    def commit(self) -> None:
        self._parts[-1].finish()
        if self.cancelled:
            raise TransferError("No file is written: the transfer was told to stop.")
        for part in self._parts:
            part.commit()
        self.settle(len(self._parts))

    def _next_part(self) -> None:
        self._parts[-1].finish()
        self._begin_part()
        self._parts[-1].begin(self._names)

    def _begin_part(self) -> None:
        if self.cancelled:
            raise TransferError("No more files are written: the transfer was told to stop.")
        file = self.part(len(self._parts) + 1, self._stack)
        self._parts.append(self._stack.enter_context(file.writer()))


class _Pieces:
    """CSV that ends where a file is to end, and then goes on for the next one. Only whole rows are handed out."""

    def __init__(self, stream: IO[bytes], limits: Limits) -> None:
        self._stream = stream
        self._limits = limits
        self._whole = csvtext.WholeRows()
        self._ready = b""  #: whole rows
        self._ended = False
        self._full = False
        self._size = self._rows = 0  #: of the file

    @property
    def at_end(self) -> bool:
        return self._ended and not self._ready

    def next_file(self, size: int) -> None:
        """Go on for a file that has so many bytes already."""
        self._size, self._rows, self._full = size, 0, False

    def read(self, size: int = -1) -> bytes:
        while not self._ready and not self._ended:
            self._fetch()
        if self._full or not self._ready:
            return b""
        cut = self._fitting()
        found, self._ready = self._ready[:cut], self._ready[cut:]
        self._size += len(found)
        self._full = bool(self._ready)
        return found

    def _fetch(self) -> None:
        block = self._stream.read(BLOCK)
        self._ended = not block
        self._ready = self._whole.add(block) if block else self._whole.rest()

    def _fitting(self) -> int:
        """Up to where the rows that are ready may go into this file. One row may always go into an empty one."""
        counter = csvtext.LineCounter()
        counter.count(self._ready)
        most_rows = None if self._limits.rows is None else self._limits.rows - self._rows
        room = None if self._limits.bytes is None else self._limits.bytes - self._size
        if (most_rows is None or counter.rows <= most_rows) and (room is None or len(self._ready) <= room):
            self._rows += counter.rows
            return len(self._ready)
        cut = 0
        for end in _row_ends(self._ready):
            if (most_rows is not None and most_rows <= 0) or (room is not None and end > room and self._rows):
                break
            cut = end
            self._rows += 1
            most_rows = None if most_rows is None else most_rows - 1
        return cut


def _row_ends(data: bytes) -> Iterator[int]:
    """The position behind each row of CSV."""
    position, counted, quotes = 0, 0, 0
    while (found := data.find(b"\n", position)) >= 0:
        quotes += data.count(b'"', counted, found)
        counted = position = found + 1
        if quotes % 2 == 0:
            yield position
    if position < len(data):
        yield len(data)


class _Batches:
    """Rows that end where a file is to end, and then go on for the next one."""

    def __init__(self, batches: Iterable[Batch], limits: Limits) -> None:
        self._batches = iter(batches)
        self._limits = limits
        self._ready: Batch = []

    @property
    def at_end(self) -> bool:
        """Whether no row is left: after `for_file` has stopped."""
        while not self._ready:
            batch = next(self._batches, None)
            if batch is None:
                return True
            self._ready = batch
        return False

    def for_file(self, writer: Any) -> Iterator[Batch]:
        """Batches for a file. It is measured between them, and its size guessed by the largest of them so far."""
        rows = growth = 0
        while not self.at_end:
            room = len(self._ready) if self._limits.rows is None else self._limits.rows - rows
            before = writer.size
            if room <= 0 or (self._limits.bytes is not None and rows and before + growth > self._limits.bytes):
                return
            step = min(room, len(self._ready) if self._limits.bytes is None else _STEP)
            batch, self._ready = self._ready[:step], self._ready[step:]
            rows += len(batch)
            yield batch
            growth = max(growth, writer.size - before)
