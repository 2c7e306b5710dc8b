"""CSV files: read and written as they are wherever they have the form of `csvtext`, and row by row otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import IO

from tradewind.errors import TransferError
from tradewind.transfer import csvtext
from tradewind.transfer.channel import BLOCK
from tradewind.transfer.contract import Batch, Column, CsvReader, CsvWriter, RowReader, RowWriter
from tradewind.transfer.files import FileEndpoint, FileReaderSide, FileWriterSide
from tradewind.transfer.types import ANY

_BOM = b"\xef\xbb\xbf"


class CsvFileReader(FileReaderSide, CsvReader, RowReader):
    """Reads a CSV file. Its lines are handed on unread unless it has another delimiter, or ends lines with `\\r\\n`."""

    _skipped = 0  #: lines before the first row

    def look(self) -> None:
        first = self._first_row()
        self._begun = first  #: what was read of the rows already
        types = self.endpoint.column_types()
        if self.endpoint.header:
            if not first:
                raise TransferError(
                    f"The file {self.endpoint.name} is empty: it has not even a header with the columns."
                )
            names = self._header(first)
            self._skipped = first.count(b"\n")
            self._begun = b""
        elif types:
            names = list(types)
        else:
            raise TransferError(f"The file {self.endpoint.name} has no header, so types= must name its columns.")
        types = self.types_of(names)
        self.columns = tuple(Column(name, types.get(name, ANY)) for name in names)
        self.gives_csv = self.endpoint.delimiter == "," and not first.endswith(b"\r\n")

    def _first_row(self) -> bytes:
        row = self.file.readline().removeprefix(_BOM)
        while row.count(b'"') % 2 and (line := self.file.readline()):
            row += line
        return row

    def _header(self, row: bytes) -> list[str]:
        try:
            text = row.decode().removesuffix("\n").removesuffix("\r")
        except UnicodeDecodeError as error:
            raise TransferError(f"The header of the file {self.endpoint.name} is not UTF-8.") from error
        names = csvtext.Splitter(self.endpoint.delimiter, self.place)(text, 1)
        blank = [str(number) for number, name in enumerate(names, 1) if not name]
        if blank:
            raise TransferError(
                f"The header of the file {self.endpoint.name} has no name for column {', '.join(blank)}."
            )
        return [str(name) for name in names]

    def place(self, line: int) -> str:
        return f"line {line + self._skipped} of the file {self.endpoint.name}"

    def csv(self, out: IO[bytes]) -> None:
        carriage_returns = csvtext.LineCounter(b"\r")
        for block in self._blocks():
            carriage_returns.count(block)
            if carriage_returns.marks:
                raise TransferError(
                    f"In the file {self.endpoint.name} some lines end with a carriage return, and the first does not."
                )
            out.write(block)

    def rows(self) -> Iterator[Batch]:
        batches: list[Batch] = []
        types = [column.type for column in self.columns]
        decoder = csvtext.Decoder(self.columns, types, batches.append, self.place, delimiter=self.endpoint.delimiter)
        for block in self._blocks():
            decoder.write(block)
            yield from batches
            batches.clear()
        decoder.end()
        yield from batches

    def _blocks(self) -> Iterator[bytes]:
        if self._begun:
            yield self._begun
        while block := self.file.read(BLOCK):
            yield block


class CsvFileWriter(FileWriterSide, CsvWriter, RowWriter):
    """Writes a CSV file."""

    def __init__(self, endpoint: FileEndpoint) -> None:
        super().__init__(endpoint)
        self.takes_csv = endpoint.delimiter == ","

    def begin(self, columns: Sequence[Column]) -> None:
        self._columns = columns
        delimiter = self.endpoint.delimiter
        if self.endpoint.header:
            names = delimiter.join(csvtext.quoted(column.name, delimiter) for column in columns)
            self.file.write(names.encode() + b"\n")

    def csv(self, stream: IO[bytes]) -> int:
        counter = csvtext.LineCounter()
        while block := stream.read(BLOCK):
            counter.count(block)
            self.file.write(block)
        return counter.rows

    def rows(self, batches: Iterable[Batch]) -> int:
        count = 0
        for batch in batches:
            self.file.write(csvtext.encode(batch, self._columns, delimiter=self.endpoint.delimiter))
            count += len(batch)
        return count
