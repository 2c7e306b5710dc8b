"""Ends of transfers that do as a test says, in memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tradewind.transfer import Column, CsvReader, CsvWriter, RowReader, RowWriter, Sink, Source, Type

WAIT = 60  # seconds after which a test gives up waiting for an event


class MemoryReader(RowReader):
    def __init__(self, source: MemorySource) -> None:
        self.source = source
        self.entered_in = ""
        self.asked = threading.Event()

    def __enter__(self) -> MemoryReader:
        self.source.calls.append("open source")
        self.entered_in = threading.current_thread().name
        self.columns = tuple(self.source.columns)
        return self

    def __exit__(self, *error: object) -> None:
        assert threading.current_thread().name == self.entered_in
        self.source.calls.append("close source")

    def rows(self) -> Iterator[list[tuple[Any, ...]]]:
        yield from self.source.batches()

    def cancel(self) -> None:
        super().cancel()
        self.source.cancelled.set()


class MemoryCsvReader(CsvReader):
    def __init__(self, source: MemorySource) -> None:
        self.source = source

    __enter__ = MemoryReader.__enter__
    __exit__ = MemoryReader.__exit__

    def csv(self, out: Any) -> None:
        for batch in self.source.batches():
            for line in batch:
                out.write(line)

    def cancel(self) -> None:
        super().cancel()
        self.source.cancelled.set()


class MemorySource(Source):
    """Gives what `batches` yields: lists of rows, or of lines of CSV."""

    def __init__(self, types: dict[str, str], batches: Callable[[], Any], *, csv: bool = False) -> None:
        self.columns = [Column(name, Type.parse(kind)) for name, kind in types.items()]
        self.batches = batches
        self.csv = csv
        self.calls: list[str] = []
        self.cancelled = threading.Event()

    def reader(self) -> Any:
        return MemoryCsvReader(self) if self.csv else MemoryReader(self)


class MemoryWriter(RowWriter):
    def __init__(self, sink: MemorySink) -> None:
        self.sink = sink

    def __enter__(self) -> Any:
        self.sink.calls.append("open sink")
        self.columns = None if self.sink.columns is None else tuple(self.sink.columns)
        return self

    def __exit__(self, *error: object) -> None:
        self.sink.calls.append("close sink")

    def begin(self, columns: Any) -> None:
        self.sink.calls.append("begin " + ", ".join(f"{one.name} {one.type}" for one in columns))

    def rows(self, batches: Any) -> int:
        count = 0
        for batch in batches:
            self.sink.take(batch)
            count += len(batch)
        return count + self.sink.lie

    def commit(self) -> None:
        assert not self.cancelled
        self.sink.calls.append("commit")
        self.sink.rows, self.sink.pending = self.sink.pending, []

    def cancel(self) -> None:
        super().cancel()
        self.sink.cancelled.set()


class MemoryCsvWriter(MemoryWriter, CsvWriter):
    def csv(self, stream: Any) -> int:
        data = stream.read()
        self.sink.take([data])
        return data.count(b"\n") + self.sink.lie


class MemorySink(Sink):
    """Keeps rows, or CSV."""

    def __init__(self, types: dict[str, str] | None = None, *, csv: bool = False) -> None:
        self.columns = None if types is None else [Column(name, Type.parse(kind)) for name, kind in types.items()]
        self.csv = csv
        self.calls: list[str] = []
        self.rows: list[Any] = ["old"]
        self.pending: list[Any] = []
        self.lie = 0
        self.cancelled = threading.Event()

    def take(self, batch: list[Any]) -> None:
        self.pending.extend(batch)

    def writer(self) -> Any:
        return MemoryCsvWriter(self) if self.csv else MemoryWriter(self)


@pytest.fixture
def memory() -> Any:
    """`memory.source(types, rows...)` and `memory.sink(types)`."""

    class Memory:
        wait = WAIT

        @staticmethod
        def source(types: dict[str, str], batches: Any, **more: Any) -> MemorySource:
            return MemorySource(types, batches if callable(batches) else lambda: iter(batches), **more)

        sink = MemorySink

    return Memory
