"""Files as endpoints, wherever they are: the formats, compression, and what any kind of file store has to add.

A store subclasses `FileEndpoint` and says how a file of it is opened for reading and for writing.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any, ClassVar, Self

from tradewind.errors import DagError, TransferError
from tradewind.transfer.compression import compressor, decompressed, without_suffix
from tradewind.transfer.contract import Reader, Sink, Source, Writer
from tradewind.transfer.types import Type

#: Format -> "module:reader" and "module:writer", each called with a FileEndpoint.
FORMATS: Mapping[str, tuple[str, str]] = {
    "csv": ("tradewind.transfer.csv_file:CsvFileReader", "tradewind.transfer.csv_file:CsvFileWriter"),
    "jsonl": ("tradewind.transfer.jsonl_file:JsonlFileReader", "tradewind.transfer.jsonl_file:JsonlFileWriter"),
    "parquet": ("tradewind.transfer.parquet_reader:ParquetReader", "tradewind.transfer.parquet_writer:ParquetWriter"),
}

#: Suffix -> format, for files whose format is not given.
SUFFIXES: Mapping[str, str] = {"csv": "csv", "jsonl": "jsonl", "ndjson": "jsonl", "parquet": "parquet"}


class Output(ABC):
    """A file that is being written. It is not there, under its name, before `commit`."""

    @abstractmethod
    def write(self, data: bytes, /) -> int:
        """Write all of it; returns how many bytes that are."""

    def finish(self) -> None:  # noqa: B027 - most keep nothing back
        """Everything is written: let go of what is still in memory, so that it can wait for its `commit`."""

    @abstractmethod
    def commit(self) -> None:
        """After `finish`: let it take its name, all at once."""

    @abstractmethod
    def discard(self) -> None:
        """Remove what there is of it. Does nothing after `commit`."""


@dataclass(frozen=True, kw_only=True, repr=False)
class FileEndpoint(Source, Sink):
    """A file of rows. As a sink it is replaced as a whole.

    - `format`: `csv`, `jsonl` or `parquet`; by default what the suffix says (`.csv`, `.jsonl`, `.ndjson`, `.parquet`).
      A `.gz` or `.zst` behind it means that the file is compressed.
    - `header`: the first line of a CSV file has the names of the columns. Without it, `types` gives them when reading.
    - `delimiter`: between the values of a CSV file.
    - `types`: name -> type of columns, as `Type` writes them: `{"id": "int", "price": "decimal(10,2)"}`. When reading
      it is needed only for a sink that is to make its table; a table that is there has types. When writing, only
      Parquet has types: these, and else those of the source.
    """

    modes: ClassVar[tuple[str, ...]] = ("replace",)

    format: str | None = None
    header: bool = True
    delimiter: str = ","
    types: Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        if self.format is not None and self.format not in FORMATS:
            raise DagError(f"There is no file format {self.format!r}; there are {', '.join(FORMATS)}.")
        if len(self.delimiter) != 1 or self.delimiter in '"\r\n' or not self.delimiter.isascii():
            raise DagError(
                f"delimiter={self.delimiter!r} must be one character of ASCII that can stand between values."
            )
        self.column_types()

    @property
    @abstractmethod
    def name(self) -> str:
        """The file's name, for its suffix and for messages."""

    @abstractmethod
    def open_input(self) -> IO[bytes]:
        """The bytes of the file. Raises TransferError if it is not there."""

    @abstractmethod
    def open_output(self) -> Output:
        """A new file that will take the place of this one."""

    def column_types(self) -> dict[str, Type]:
        return {name: Type.parse(text) for name, text in (self.types or {}).items()}

    def reader(self) -> Reader:
        made: Reader = _resolve(FORMATS[self._format()][0])(self)
        return made

    def writer(self) -> Writer:
        made: Writer = _resolve(FORMATS[self._format()][1])(self)
        return made

    def _format(self) -> str:
        suffix = without_suffix(self.name).rpartition(".")[2].lower()
        found = self.format or SUFFIXES.get(suffix)
        if found is None:
            raise TransferError(
                f"The name of the file {self.name} does not tell its format; say format=, one of {', '.join(FORMATS)}."
            )
        return found


class InputFile:
    """The bytes of a file without its compression; what goes wrong with it names the file."""

    def __init__(self, endpoint: FileEndpoint) -> None:
        self._name = endpoint.name
        self._raw = endpoint.open_input()
        try:
            self._file: Any = decompressed(self._raw, endpoint.name)
        except BaseException:
            self._raw.close()
            raise

    def read(self, size: int) -> bytes:
        with self._explained():
            found: bytes = self._file.read(size)
            return found

    def readline(self) -> bytes:
        with self._explained():
            found: bytes = self._file.readline()
            return found

    def close(self) -> None:
        try:
            self._file.close()
        finally:
            self._raw.close()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (OSError, EOFError, ValueError) as error:
            raise TransferError(f"The file {self._name} cannot be read to its end: {error}.") from error


class OutputFile:
    """Writes to a file, through its compression. Nothing of it is seen before `commit`."""

    def __init__(self, endpoint: FileEndpoint) -> None:
        self.written = 0  #: bytes before their compression
        self._discarded = False
        self._output = endpoint.open_output()
        try:
            self._compressor = compressor(endpoint.name, self._put)
        except BaseException:
            self._output.discard()
            raise

    def write(self, data: bytes) -> None:
        self.written += len(data)
        if self._compressor is not None:
            self._compressor.write(data)
        else:
            self._put(data)

    def _put(self, data: bytes) -> None:
        if not self._discarded:
            self._output.write(data)

    def finish(self) -> None:
        """Nothing more comes. May be called more than once."""
        if self._compressor is not None:
            self._compressor.close()
        self._output.finish()

    def commit(self) -> None:
        """After `finish`."""
        self._output.commit()

    def discard(self) -> None:
        """Undo everything, unless it was committed."""
        self._discarded = True  # what the compression still holds goes nowhere
        if self._compressor is not None:
            self._compressor.close()
        self._output.discard()


class FileSide:
    """The half of readers and writers that opens a file and closes it."""

    def __init__(self, endpoint: FileEndpoint) -> None:
        self.endpoint = endpoint

    def types_of(self, names: Sequence[str]) -> dict[str, Type]:
        """The types that are given for columns of these names. Raises TransferError for another name among them."""
        types = self.endpoint.column_types()
        unknown = [name for name in types if name not in names]
        if unknown:
            raise TransferError(
                f"The file {self.endpoint.name} has no column {', '.join(map(repr, unknown))}, which types= names; it "
                f"has {', '.join(map(repr, names))}."
            )
        return types


class FileReaderSide(FileSide, ABC):
    """Of a reader of any format."""

    file: InputFile

    def __enter__(self) -> Self:
        self.file = InputFile(self.endpoint)
        try:
            self.look()
        except BaseException:
            self.file.close()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.file.close()

    @abstractmethod
    def look(self) -> None:
        """Find out the columns."""


class FileWriterSide(FileSide):
    """Of a writer of any format."""

    file: OutputFile
    cancelled: bool

    def __enter__(self) -> Self:
        self.file = OutputFile(self.endpoint)
        return self

    def __exit__(self, *error: object) -> None:
        self.file.discard()

    @property
    def size(self) -> int:
        """Bytes so far, before compression as a whole."""
        return self.file.written

    def finish(self) -> None:
        """All rows have come: write what is still to be written. May be called more than once."""
        self.file.finish()

    def commit(self) -> None:
        self.finish()
        if self.cancelled:
            raise TransferError(f"The file {self.endpoint.name} is left as it was: the transfer was told to stop.")
        self.file.commit()


def _resolve(path: str) -> Callable[[FileEndpoint], Any]:
    import importlib

    module, _, name = path.partition(":")
    found: Callable[[FileEndpoint], Any] = getattr(importlib.import_module(module), name)
    return found
