"""Writes Parquet files, a row group at a time."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from tradewind.errors import TransferError
from tradewind.transfer.contract import Batch, Column, RowWriter
from tradewind.transfer.files import FileEndpoint, FileWriterSide, OutputFile
from tradewind.transfer.parquet_reader import check_name
from tradewind.transfer.parquet_types import NOTE, Kept, kept_as, pyarrow
from tradewind.transfer.types import TEXT

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

#: A row group is written when it has so many rows or bytes: until then it is in memory.
GROUP_ROWS = 1 << 16
GROUP_BYTES = 1 << 24


class ParquetWriter(FileWriterSide, RowWriter):
    """Writes a Parquet file, with the types of the source where `types` does not give others."""

    def __init__(self, endpoint: FileEndpoint) -> None:
        super().__init__(endpoint)
        check_name(endpoint)
        self._parquet: Any = None
        self._group: list[Any] = []
        self._bytes = self._rows = 0  #: of the group
        self._done = 0

    def adopt(self, columns: Sequence[Column]) -> Sequence[Column]:
        types = self.endpoint.column_types()
        unknown = [name for name in types if name not in [column.name for column in columns]]
        if unknown:
            raise TransferError(
                f"types= of the file {self.endpoint.name} names {', '.join(map(repr, unknown))}, which does not come."
            )
        found = [types.get(column.name, column.type) for column in columns]
        return [Column(column.name, TEXT if type.kind == "any" else type) for column, type in zip(columns, found)]

    def begin(self, columns: Sequence[Column]) -> None:
        pa = pyarrow()
        self._pa = pa
        self._columns = columns
        self._kept = [kept_as(column.type) for column in columns]
        fields = [
            pa.field(column.name, kept.type, metadata={NOTE: str(kept.note)} if kept.note else None)
            for column, kept in zip(columns, self._kept)
        ]
        self._schema = pa.schema(fields)
        self._parquet = pa.parquet.ParquetWriter(_Into(self.file), self._schema)

    def rows(self, batches: Iterable[Batch]) -> int:
        before = self._done
        for batch in batches:
            if batch:
                self._add(batch)
        return self._done - before

    @property
    def size(self) -> int:
        """What is written, and what the row group will have at most."""
        return super().size + self._bytes

    def finish(self) -> None:
        self._write_group()
        parquet, self._parquet = self._parquet, None
        if parquet is not None:
            parquet.close()
        super().finish()

    def __exit__(self, *error: object) -> None:
        super().__exit__(*error)
        if self._parquet is not None:
            with suppress(Exception):  # it writes the end of the file, which goes nowhere now
                self._parquet.close()

    def _add(self, rows: Batch) -> None:
        arrays = [self._array(place, values) for place, values in enumerate(zip(*rows))]
        batch = self._pa.RecordBatch.from_arrays(arrays, schema=self._schema)
        self._group.append(batch)
        self._done += len(rows)
        self._bytes += batch.nbytes
        self._rows += len(rows)
        if self._bytes >= GROUP_BYTES or self._rows >= GROUP_ROWS:
            self._write_group()

    def _write_group(self) -> None:
        group, self._group = self._group, []
        self._bytes = self._rows = 0
        if group:
            self._parquet.write_table(self._pa.Table.from_batches(group, self._schema))

    def _array(self, place: int, values: Sequence[Any]) -> Any:
        kept = self._kept[place]
        try:
            return self._pa.array(list(_converted(values, kept)), kept.type)
        except _UNFIT:
            raise self._unfit(place, values) from None  # its message may have the value

    def _unfit(self, place: int, values: Sequence[Any]) -> TransferError:
        kept, column = self._kept[place], self._columns[place]
        number = self._done + next((number for number, value in enumerate(values, 1) if not self._fits(value, kept)), 0)
        return TransferError(
            f"Row {number}: column {column.name!r} has a value that does not fit into the column of type {column.type} "
            f"({kept.type}) of the file {self.endpoint.name}."
        )

    def _fits(self, value: Any, kept: Kept) -> bool:
        try:
            self._pa.array(list(_converted([value], kept)), kept.type)
        except _UNFIT:
            return False
        return True


#: What pyarrow raises for a value that it cannot take; its own errors are ValueErrors, TypeErrors and these.
_UNFIT = (ValueError, TypeError, ArithmeticError, NotImplementedError)


def _converted(values: Iterable[Any], kept: Kept) -> Iterator[Any]:
    convert = kept.convert
    return iter(values) if convert is None else (None if value is None else convert(value) for value in values)


class _Into(io.RawIOBase):
    """As much of a file as pyarrow needs to write to."""

    def __init__(self, file: OutputFile) -> None:
        super().__init__()
        self._file = file

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._file.written

    def write(self, data: ReadableBuffer, /) -> int:
        block = bytes(data)
        self._file.write(block)
        return len(block)
