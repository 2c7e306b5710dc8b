"""Ends of transfers in memory, for tests of the other end: `Rows` gives rows, `Collected` takes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import Self

from tradewind.transfer import Batch, Column, RowReader, RowWriter, Sink, Source

#: Rows that are handed over together.
BATCH = 100


class SourceFailed(Exception):
    """What `Rows` raises when it is to fail."""


class Rows(Source):
    """Gives rows, and fails after `fails_after` of them if that is given."""

    def __init__(self, columns: Sequence[Column], rows: Iterable[tuple[object, ...]], fails_after: int | None = None):
        self.columns = tuple(columns)
        self.rows = list(rows)
        self.fails_after = fails_after

    def reader(self) -> RowReader:
        return _Reader(self)


class Collected(Sink):
    """Keeps what is written to it, once it is committed, in `rows`."""

    modes = ("replace",)

    def __init__(self, columns: Sequence[Column]) -> None:
        self.columns = tuple(columns)
        self.rows: Batch = []

    def writer(self) -> RowWriter:
        return _Writer(self)


class _Opened:
    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """There is nothing to close."""


class _Reader(_Opened, RowReader):
    def __init__(self, source: Rows) -> None:
        self._source = source
        self.columns = source.columns

    def rows(self) -> Iterator[Batch]:
        source = self._source
        given = source.rows[: source.fails_after]
        for at in range(0, len(given), BATCH):
            yield given[at : at + BATCH]
        if source.fails_after is not None:
            raise SourceFailed("the source fails half-way")


class _Writer(_Opened, RowWriter):
    def __init__(self, sink: Collected) -> None:
        self._sink = sink
        self._taken: Batch = []
        self.columns = sink.columns
        self._order: list[int] = []

    def begin(self, columns: Sequence[Column]) -> None:
        names = [column.name for column in columns]
        self._order = [names.index(column.name) for column in self._sink.columns]

    def rows(self, batches: Iterable[Batch]) -> int:
        for batch in batches:
            self._taken += [tuple(row[at] for at in self._order) for row in batch]
        return len(self._taken)

    def commit(self) -> None:
        self._sink.rows = self._taken
