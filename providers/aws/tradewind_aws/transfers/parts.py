"""Rows in several files: so many in each, or a file for each value of a column. Only a few rows are in memory."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any, Self

from tradewind.errors import TransferError
from tradewind.transfer import Batch, Column, LocalFile, RowWriter, Sink, Writer
from tradewind.transfer.values import text_of

#: Rows handed on at once.
BATCH_ROWS = 1000

#: What stands in a file's name for NULL.
NULL = "null"


@dataclass(frozen=True)
class Part:
    """One file."""

    name: str  #: its number, or the value that its rows have
    path: Path


class PartsSink(Sink):
    """Files in `folder`. When the transfer has ended `parts` lists them.

    `make_file(path)` is the file of rows at that path, `suffix` what the names of files must end with. `by` are columns
    whose values make the groups; without them a file has `max_rows`.
    """

    def __init__(
        self,
        folder: Path,
        make_file: Callable[[Path], LocalFile],
        suffix: str,
        *,
        max_rows: int = 0,
        by: Sequence[str] = (),
    ) -> None:
        self.folder = folder
        self.make_file = make_file
        self.suffix = suffix
        self.max_rows = max_rows
        self.by = by
        self.parts: list[Part] = []

    def writer(self) -> Writer:
        return PartsWriter(self)


class PartsWriter(RowWriter):
    """Writes the files one after the other."""

    def __init__(self, sink: PartsSink) -> None:
        self._sink = sink

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """The folder belongs to whoever made it, and goes with it."""

    def adopt(self, columns: Sequence[Column]) -> Sequence[Column]:
        path = self._sink.folder / f"part{self._sink.suffix}"
        return self._sink.make_file(path).writer().adopt(columns)

    def begin(self, columns: Sequence[Column]) -> None:
        self._columns = columns
        names = [column.name for column in columns]
        lost = [name for name in self._sink.by if name not in names]
        if lost:
            raise TransferError(f"groupby_kwargs names the column {lost[0]!r}, and the query has {names}.")
        self._places = [names.index(name) for name in self._sink.by]

    def rows(self, batches: Iterable[Batch]) -> int:
        return self._groups(batches) if self._places else self._numbered(batches)

    def commit(self) -> None:
        self._stop_if_cancelled()

    def _numbered(self, batches: Iterable[Batch]) -> int:
        rows = chain.from_iterable(batches)
        total = self._write("0", islice(rows, self._sink.max_rows))
        for first in rows:
            part = chain([first], islice(rows, self._sink.max_rows - 1))
            total += self._write(str(len(self._sink.parts)), part)
        return total

    def _groups(self, batches: Iterable[Batch]) -> int:
        """Sort the rows into a file per group first, since nothing says when a group is at its end."""
        spools: dict[str, Path] = {}
        values: dict[str, tuple[Any, ...]] = {}
        for batch in batches:
            found: dict[tuple[Any, ...], Batch] = {}
            for row in batch:
                found.setdefault(tuple([row[place] for place in self._places]), []).append(row)
            for value, rows in found.items():
                name = "_".join(NULL if cell is None else text_of(cell) for cell in value)
                if values.setdefault(name, value) != value:
                    raise TransferError(f"Two groups of {', '.join(self._sink.by)} would be in one file, {name!r}.")
                path = spools.setdefault(name, self._sink.folder / f"group{len(spools)}")
                with path.open("ab") as file:
                    pickle.dump(rows, file)
        total = 0
        for name, path in spools.items():
            total += self._write(name, chain.from_iterable(_spooled(path)))
            path.unlink()
        return total

    def _write(self, name: str, rows: Iterator[tuple[Any, ...]]) -> int:
        self._stop_if_cancelled()
        path = self._sink.folder / f"part{len(self._sink.parts)}{self._sink.suffix}"
        writer: Any = self._sink.make_file(path).writer()
        with writer:
            writer.begin(self._columns)
            count: int = writer.rows(iter(lambda: list(islice(rows, BATCH_ROWS)), []))
            writer.commit()
        self._sink.parts.append(Part(name, path))
        return count

    def _stop_if_cancelled(self) -> None:
        if self.cancelled:
            raise TransferError("Nothing was written to S3: the task was told to stop.")


def _spooled(path: Path) -> Iterator[Batch]:
    with path.open("rb") as file:
        while True:
            try:
                yield pickle.load(file)
            except EOFError:
                return
