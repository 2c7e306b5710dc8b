"""Reads Parquet files, a little of a row group at a time."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import IO, Any, Self

from tradewind.errors import TransferError
from tradewind.transfer.compression import compression_of
from tradewind.transfer.contract import Batch, Column, RowReader
from tradewind.transfer.files import FileEndpoint, FileSide
from tradewind.transfer.parquet_types import Found, found_in, pyarrow
from tradewind.transfer.values import RowConverter, reading

#: So many rows or bytes, whatever comes first, are in memory at once.
BATCH_ROWS = 2048
BATCH_BYTES = 1 << 21

#: Bytes that are read ahead of each column. The whole column of a row group would be, without it.
AHEAD = 1 << 18


class ParquetReader(FileSide, RowReader):
    """Reads a Parquet file. It needs no column but those that are wanted, and reads no other.

    The file must be one that can be read in any order; what cannot is copied into a temporary file first.
    """

    def __init__(self, endpoint: FileEndpoint) -> None:
        super().__init__(endpoint)
        check_name(endpoint)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._open(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def _open(self, stack: ExitStack) -> None:
        pa = pyarrow()
        raw = stack.enter_context(self.endpoint.open_input())
        self._errors = (pa.ArrowException, OSError)
        try:
            seekable = raw if raw.seekable() else stack.enter_context(_copied(raw))
            self._file = pa.parquet.ParquetFile(
                seekable, buffer_size=AHEAD, pre_buffer=False, coerce_int96_timestamp_unit="us"
            )
        except self._errors as error:
            raise TransferError(f"The file {self.endpoint.name} is not Parquet, or damaged: {error}") from error
        stack.callback(self._file.close)
        schema = self._file.schema_arrow
        found = [found_in(field, f"The file {self.endpoint.name}") for field in schema]
        declared = self.types_of(list(schema.names))
        self.columns = tuple(
            Column(field.name, declared.get(field.name, how.type), field.nullable) for field, how in zip(schema, found)
        )
        self._wanted = list(zip(range(len(found)), found))

    def narrow(self, names: Sequence[str]) -> bool:
        places = {column.name: place for place, column in enumerate(self.columns)}
        self._wanted = [self._wanted[places[name]] for name in names]
        self.columns = tuple(self.columns[places[name]] for name in names)
        return True

    def rows(self) -> Iterator[Batch]:
        convert = RowConverter(
            [reading(how.type, column.type) for (_, how), column in zip(self._wanted, self.columns)], self._failed
        )
        whole = list(self._file.schema_arrow.names)
        names = [whole[place] for place, _ in self._wanted]
        try:
            for batch in self._file.iter_batches(self._batch_rows(), columns=names, use_threads=False):
                columns = [self._values(batch, name, how) for name, (_, how) in zip(names, self._wanted)]
                yield convert(list(zip(*columns)))
        except self._errors as error:
            raise TransferError(f"The file {self.endpoint.name} cannot be read to its end: {error}") from error

    def _batch_rows(self) -> int:
        """How many rows are read at once; fewer if they are long."""
        found = self._file.metadata
        groups = [found.row_group(number) for number in range(found.num_row_groups)]
        longest = max((group.total_byte_size // max(1, group.num_rows) for group in groups), default=1)
        return max(1, min(BATCH_ROWS, BATCH_BYTES // max(1, int(longest))))

    def _values(self, batch: Any, name: str, how: Found) -> list[Any]:
        try:
            column = batch.column(name)
            values: list[Any] = (column if how.cast is None else column.cast(how.cast)).to_pylist()
            if how.convert is not None:
                convert = how.convert
                values = [None if value is None else convert(value) for value in values]
        except (ValueError, ArithmeticError, TypeError):  # pyarrow's are ValueErrors, and may tell values
            raise TransferError(
                f"The file {self.endpoint.name} has a value in the column {name!r} that is not of type {how.type}."
            ) from None
        return values

    def _failed(self, number: int, place: int, error: Exception) -> TransferError:
        column = self.columns[place]
        return TransferError(
            f"Row {number} of the file {self.endpoint.name}: column {column.name!r} has a value that is not of type "
            f"{column.type}."
        )


def check_name(endpoint: FileEndpoint) -> None:
    """Parquet compresses by itself, and a file that is compressed as a whole can only be read from its beginning."""
    if compression_of(endpoint.name):
        raise TransferError(f"The file {endpoint.name} is Parquet, which compresses by itself: leave the suffix off.")


def _copied(raw: IO[bytes]) -> IO[bytes]:
    copy = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    try:
        shutil.copyfileobj(raw, copy, 1 << 20)
        copy.seek(0)
    except BaseException:
        copy.close()
        raise
    return copy
