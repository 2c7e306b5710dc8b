"""Several files read as one: `s3://lake/day=*/part-*.csv`. They must have the same columns."""

from __future__ import annotations

import bisect
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import IO, Any, Self

from tradewind.errors import TransferError
from tradewind.transfer import csvtext
from tradewind.transfer.contract import Batch, CsvReader, Reader, RowReader
from tradewind.transfer.files import FileEndpoint
from tradewind.transfer.values import RowConverter, reading


class FilesReader(CsvReader, RowReader):
    """Reads one file after the other, each when it is its turn. The first one says what the columns are.

    Others may have them in another order, or as other types whose values fit.
    """

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._files: Sequence[FileEndpoint] = ()
        self._current: Reader | None = None
        self._narrowed: Sequence[str] | None = None  #: what each reader is asked to give, if the first one can do that
        self._begun: list[tuple[int, FileEndpoint, Reader]] = []  #: the first line from each file, it, and its reader
        self._lines = 1  #: the line that comes next

    @abstractmethod
    def find(self, stack: ExitStack) -> Sequence[FileEndpoint]:
        """The files, in their order. What reading needs to have open meanwhile goes onto the stack.

        Raises TransferError if there is none.
        """

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._files = self.find(stack)
            self._first = stack.enter_context(self._files[0].reader())
            self._current = self._first
            self.columns = self._first.columns
            self.gives_csv = isinstance(self._first, CsvReader) and self._first.gives_csv
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def cancel(self) -> None:
        super().cancel()
        if self._current is not None:
            self._current.cancel()

    def narrow(self, names: Sequence[str]) -> bool:
        if not self._first.narrow(names):
            return False
        self._narrowed = names
        self.columns = self._first.columns
        return True

    def rows(self) -> Iterator[Batch]:
        for file, reader in self._readers():
            yield from self._rows_of(file, reader)

    def csv(self, out: IO[bytes]) -> None:
        for file, reader in self._readers():
            self._begun.append((self._lines, file, reader))
            into: Any = _Ended(out)
            if isinstance(reader, CsvReader) and reader.gives_csv and reader.columns == self.columns:
                reader.csv(into)
            else:
                for batch in self._rows_of(file, reader):
                    into.write(csvtext.encode(batch, self.columns))
            into.end()
            self._lines += into.lines

    def place(self, line: int) -> str:
        number = bisect.bisect_right(self._begun, line, key=lambda begun: begun[0])
        begin, file, reader = self._begun[max(0, number - 1)]
        own = line - begin + 1
        return reader.place(own) if isinstance(reader, CsvReader) else f"row {own} of the file {file.name}"

    def _readers(self) -> Iterator[tuple[FileEndpoint, Reader]]:
        """Each file with its reader, which is open."""
        yield self._files[0], self._first
        for file in self._files[1:]:
            if self.cancelled:
                raise TransferError(f"The file {file.name} is not read: the transfer was told to stop.")
            with file.reader() as reader:
                self._current = reader
                if self._narrowed is not None:
                    self._check(file, reader, subset=True)
                    reader.narrow(self._narrowed)
                self._check(file, reader)
                yield file, reader
        self._current = None

    def _check(self, file: FileEndpoint, reader: Reader, *, subset: bool = False) -> None:
        has, wanted = {column.name for column in reader.columns}, {column.name for column in self.columns}
        if not wanted <= has or (has != wanted and not subset):
            told = ", ".join(map(repr, sorted(has ^ wanted)))
            raise TransferError(
                f"The files {self._files[0].name} and {file.name} do not have the same columns: only one has {told}."
            )

    def _rows_of(self, file: FileEndpoint, reader: Reader) -> Iterator[Batch]:
        assert isinstance(reader, RowReader)
        if reader.columns == self.columns:
            yield from reader.rows()
            return
        names = [column.name for column in reader.columns]
        order = [names.index(column.name) for column in self.columns]
        found = [reader.columns[place] for place in order]

        def failed(number: int, place: int, error: Exception) -> TransferError:
            column = self.columns[place]
            return TransferError(
                f"Row {number} of the file {file.name}: column {column.name!r} has a value that is not of type "
                f"{column.type}, which it is in {self._files[0].name}."
            )

        convert = RowConverter([reading(one.type, other.type) for one, other in zip(found, self.columns)], failed)
        for batch in reader.rows():
            yield convert([tuple([row[place] for place in order]) for row in batch])


class _Ended:
    """Passes CSV on, and ends its last line if the file did not."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out
        self._last = b"\n"
        self.lines = 0

    def write(self, block: bytes) -> int:
        self.lines += block.count(b"\n")
        self._last = block[-1:] or self._last
        return self._out.write(block)

    def end(self) -> None:
        if self._last != b"\n":
            self.write(b"\n")
