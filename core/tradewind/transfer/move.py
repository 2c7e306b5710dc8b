"""Moves the rows of one source into one sink: two threads, little memory, all or nothing."""

from __future__ import annotations

import concurrent.futures
import contextvars
import hashlib
import io
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

from tradewind.errors import TransferError
from tradewind.transfer import csvtext
from tradewind.transfer.channel import BLOCK, Channel, Inlet, Outlet
from tradewind.transfer.contract import Batch, CsvReader, CsvWriter, Reader, RowReader, RowWriter, Sink, Source, Writer
from tradewind.transfer.plan import Plan, make_plan
from tradewind.transfer.values import RowConverter, reading

P = ParamSpec("P")
T = TypeVar("T")

#: Seconds between two requests to stop, to a side that has not stopped yet.
PATIENCE = 0.5


@dataclass
class Tally:
    """What has been moved so far."""

    rows: int = 0
    bytes: int | None = None  #: of CSV; None where rows were passed on
    checksum: str | None = None  #: of that CSV: `sha256:...`
    seconds: float = 0.0


class Move:
    """One transfer. `run` does it; `cancel` ends it, from any thread or signal handler."""

    def __init__(
        self,
        source: Source,
        sink: Sink,
        columns: Mapping[str, str] | Sequence[str] | None,
        *,
        title: str,
        log: logging.Logger,
        progress: float,
    ) -> None:
        self._columns = columns
        self._title = title
        self._log = log
        self._progress = progress  #: seconds between two lines in the log
        self._reader = source.reader()
        self._writer = sink.writer()
        self._channel: Channel[Any] = Channel()
        self._tally = Tally()
        self._lock = threading.Lock()
        self._failure: BaseException | None = None  #: that came first
        self._started = time.monotonic()

    def run(self) -> Tally:
        """Move everything. If it raises, the target is as it was."""
        reading_side, writing_side = _Side("source"), _Side("sink")
        try:
            self._carry_out(reading_side, writing_side)
        except BaseException:
            self._end(reading_side, writing_side)
            raise
        finally:
            reading_side.close()
            writing_side.close()
        self._tally.seconds = round(time.monotonic() - self._started, 3)
        return self._tally

    def cancel(self) -> None:
        """Stop both sides, on their servers too."""
        self._channel.fail()
        for side in (self._reader, self._writer):
            try:
                side.cancel()
            except Exception as error:
                self._log.warning("The %s could not be told to stop: %s", type(side).__name__, error)

    def _carry_out(self, reading_side: _Side, writing_side: _Side) -> None:
        reading_side.call(reading_side.enter, self._reader)
        writing_side.call(writing_side.enter, self._writer)
        plan = make_plan(self._reader.columns, self._writer.columns, self._columns, self._title)
        if self._writer.columns is None:
            plan = Plan(plan.source, tuple(writing_side.call(self._writer.adopt, plan.sink)))
        give, take = reading_side.call(self._joined, plan)
        writing_side.call(self._writer.begin, plan.sink)
        giving, taking = reading_side.start(self._give, give), writing_side.start(self._take, take)
        self._wait(giving, taking)
        written = taking.result()
        reading_side.call(reading_side.leave)
        if written != self._tally.rows:
            raise TransferError(
                f"{self._title}: {self._tally.rows} rows were read, but the target took {written}. It stays as it was."
            )
        writing_side.call(self._writer.commit)

    def _end(self, reading_side: _Side, writing_side: _Side) -> None:
        """After a failure: stop what still goes on. A second interrupt may break this off."""
        while not (reading_side.idle and writing_side.idle):
            self.cancel()
            concurrent.futures.wait([*reading_side.under_way, *writing_side.under_way], timeout=PATIENCE)

    def _wait(self, giving: Future[None], taking: Future[int]) -> None:
        """Until both sides are through; tells the progress. Raises the failure that came first."""
        left: set[Future[Any]] = {giving, taking}
        while left:
            done, left = concurrent.futures.wait(left, self._progress, concurrent.futures.FIRST_COMPLETED)
            if self._failure is not None:
                raise self._failure
            if not done:
                self._tell()

    def _tell(self) -> None:
        seconds = time.monotonic() - self._started
        size = f", {self._tally.bytes / 1e6:,.1f} MB" if self._tally.bytes is not None else ""
        self._log.info(
            "%s rows%s so far, in %.0f s: %s rows/s",
            f"{self._tally.rows:,}",
            size,
            seconds,
            f"{self._tally.rows / seconds:,.0f}",
        )

    # What passes between the two sides

    def _joined(self, plan: Plan) -> tuple[Callable[[], None], Callable[[], int]]:
        """What the source's thread has to do, and what the sink's."""
        reader, writer = self._reader, self._writer
        names = [column.name for column in plan.source]
        whole = names == [column.name for column in reader.columns] or reader.narrow(names)
        if _speak_csv(reader, writer) and whole and plan.same_text:
            return lambda: self._give_csv(reader), lambda: self._take_csv(writer, self._hashed())
        give = self._row_giver(reader, plan, whole)
        if isinstance(writer, CsvWriter) and writer.takes_csv:
            return give, lambda: self._take_csv(writer, csvtext.encoded(self._counted(), plan.sink))
        if isinstance(writer, RowWriter):
            return give, lambda: writer.rows(self._counted())
        raise TypeError(f"{type(writer).__name__} must be a RowWriter or a CsvWriter")

    def _row_giver(self, reader: Reader, plan: Plan, whole: bool) -> Callable[[], None]:
        order = None if whole else [reader.columns.index(column) for column in plan.source]
        if isinstance(reader, RowReader) and not getattr(reader, "gives_csv", False):
            convert = _row_converter(plan, order)
            return lambda: self._give_rows(reader, convert)
        if isinstance(reader, CsvReader):
            return lambda: self._give_decoded(reader, plan, order)
        raise TypeError(f"{type(reader).__name__} must be a RowReader or a CsvReader")

    def _give(self, give: Callable[[], None]) -> None:
        with self._noting_failure():
            give()
        self._channel.end()

    def _take(self, take: Callable[[], int]) -> int:
        with self._noting_failure():
            try:
                return take()
            except Exception as error:
                line = getattr(error, "csv_line", None)
                if line is not None and isinstance(self._reader, CsvReader):
                    error.add_note(f"It was {self._reader.place(line)}.")
                raise

    @contextmanager
    def _noting_failure(self) -> Iterator[None]:
        """Keep what went wrong first. It breaks the channel, and what the other side says then is only an echo."""
        try:
            yield
        except BaseException as error:
            with self._lock:
                self._failure = self._failure or error
            self._channel.fail()
            raise

    def _give_rows(self, reader: RowReader, convert: Callable[[Batch], Batch]) -> None:
        for batch in reader.rows():
            if batch:
                self._channel.put(convert(batch))

    def _give_csv(self, reader: Any) -> None:
        counter = csvtext.LineCounter()
        self._tally.bytes = 0

        def put(block: bytes) -> None:
            counter.count(block)
            self._tally.rows = counter.rows
            self._tally.bytes = (self._tally.bytes or 0) + len(block)
            self._channel.put(block)

        _through_buffer(reader, put)

    def _give_decoded(self, reader: CsvReader, plan: Plan, order: list[int] | None) -> None:
        targets = {source: sink.type for source, sink in zip(plan.source, plan.sink)}
        columns = plan.source if order is None else reader.columns
        types = [targets.get(column, column.type) for column in columns]

        def put(batch: Batch) -> None:
            self._channel.put(batch if order is None else _ordered(batch, order))

        decoder = csvtext.Decoder(columns, types, put, reader.place)
        _through_buffer(reader, decoder.write)
        decoder.end()

    def _counted(self) -> Iterator[Batch]:
        for batch in self._channel:
            self._tally.rows += len(batch)
            yield batch

    def _hashed(self) -> Iterator[bytes]:
        """What comes through the channel. The checksum is made on this side, for the other one has more to do."""
        digest = hashlib.sha256()
        for block in self._channel:
            digest.update(block)
            yield block
        self._tally.checksum = f"sha256:{digest.hexdigest()}"

    def _take_csv(self, writer: Any, blocks: Iterable[bytes]) -> int:
        count: int = writer.csv(Inlet(block for block in blocks if block))
        return count


class _Side:
    """The thread that one end of a transfer is opened, used and closed in."""

    def __init__(self, name: str) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=f"transfer-{name}")
        self._context = contextvars.copy_context()  # hooks find the task's connections through it
        self._entered: Reader | Writer | None = None
        self.under_way: list[Future[Any]] = []

    @property
    def idle(self) -> bool:
        return all(future.done() for future in self.under_way)

    def start(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        future: Future[T] = self._pool.submit(lambda: self._context.run(function, *args, **kwargs))
        self.under_way = [future]
        return future

    def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return self.start(function, *args, **kwargs).result()

    def enter(self, end: Reader | Writer) -> None:
        end.__enter__()
        self._entered = end

    def leave(self) -> None:
        end, self._entered = self._entered, None
        if end is not None:
            end.__exit__(None, None, None)

    def close(self) -> None:
        with suppress(Exception):  # what failed before is what there is to tell
            self.call(self.leave)
        self._pool.shutdown()


def _through_buffer(reader: CsvReader, put: Callable[[bytes], Any]) -> None:
    """Let a reader write its CSV, row by row if it likes, and hand it on in blocks."""
    outlet = Outlet(put)
    buffer = io.BufferedWriter(outlet, BLOCK)
    try:
        reader.csv(buffer)
        buffer.flush()
    except BaseException:
        outlet.discards = True
        raise
    finally:
        buffer.detach()


def _speak_csv(reader: Reader, writer: Writer) -> bool:
    gives = isinstance(reader, CsvReader) and reader.gives_csv
    return gives and isinstance(writer, CsvWriter) and writer.takes_csv


def _row_converter(plan: Plan, order: list[int] | None) -> Callable[[Batch], Batch]:
    """What makes rows for the sink out of those of the source."""

    def failed(number: int, place: int, error: Exception) -> TransferError:
        source, sink = plan.source[place], plan.sink[place]
        return TransferError(
            f"Row {number}: column {source.name!r} has a value that is not of type {sink.type}, which the sink's "
            f"column {sink.name!r} takes."
        )

    convert = RowConverter([reading(source.type, sink.type) for source, sink in zip(plan.source, plan.sink)], failed)
    return convert if order is None else lambda batch: convert(_ordered(batch, order))


def _ordered(batch: Batch, order: list[int]) -> Batch:
    return [tuple([row[place] for place in order]) for row in batch]
