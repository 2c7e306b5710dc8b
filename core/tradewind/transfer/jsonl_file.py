"""Files with a JSON object per line (JSON Lines): a name for every value, and values of JSON's own types."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any

from tradewind.errors import TransferError
from tradewind.transfer.contract import Batch, Column, RowReader, RowWriter
from tradewind.transfer.files import FileReaderSide, FileWriterSide
from tradewind.transfer.json_rows import JsonRows
from tradewind.transfer.types import ANY
from tradewind.transfer.values import plain

#: So many bytes or rows, whatever comes first, are in memory at once.
BATCH_BYTES = 1 << 18
BATCH_ROWS = 1000


class JsonlFileReader(FileReaderSide, RowReader):
    """Reads a file of JSON objects. The first line has all names, unless `types` gives them; a name that is missing
    in a later line is NULL there.
    """

    def look(self) -> None:
        self._first = self.file.readline()
        types = self.endpoint.column_types()
        names = list(types) if types else list(self._object(self._first, 1)) if self._first else []
        if not names:
            raise TransferError(f"The file {self.endpoint.name} is empty, and types= does not name its columns.")
        self.columns = tuple(Column(name, types.get(name, ANY)) for name in names)

    def rows(self) -> Iterator[Batch]:
        make = JsonRows(self.columns, self._place).row
        batch: Batch = []
        size = 0
        for number, line in enumerate(self._lines(), 1):
            batch.append(make(self._object(line, number), number))
            size += len(line)
            if size > BATCH_BYTES or len(batch) == BATCH_ROWS:
                yield batch
                batch, size = [], 0
        yield batch

    def _lines(self) -> Iterator[bytes]:
        line = self._first
        while line:
            yield line
            line = self.file.readline()

    def _object(self, line: bytes, number: int) -> dict[str, Any]:
        found = JsonRows.decode(line, lambda: self._place(number))
        if not isinstance(found, dict):
            raise TransferError(f"{self._place(number)} is not a JSON object, with a name for every value.")
        return found

    def _place(self, number: int) -> str:
        return f"Line {number} of the file {self.endpoint.name}"


class JsonlFileWriter(FileWriterSide, RowWriter):
    """Writes a file of JSON objects. Decimals are numbers with all their digits, JSON is embedded; what JSON has no
    type for is the text that CSV would have.
    """

    def begin(self, columns: Sequence[Column]) -> None:
        import msgspec

        self._columns = columns
        self._encode = msgspec.json.Encoder(decimal_format="number").encode
        self._raw = msgspec.Raw
        self._writers = [self._writer_of(column) for column in columns]

    def rows(self, batches: Iterable[Batch]) -> int:
        count = 0
        names = [column.name for column in self._columns]
        for batch in batches:
            lines = []
            for row in batch:
                values = [
                    write(cell) if write is not None and cell is not None else cell
                    for write, cell in zip(self._writers, row)
                ]
                lines.append(self._encode(dict(zip(names, values))))
            lines.append(b"")
            self.file.write(b"\n".join(lines))
            count += len(batch)
        return count

    def _writer_of(self, column: Column) -> Callable[[Any], Any] | None:
        kind = column.type.kind
        if kind in ("bool", "int", "text"):
            return None
        if kind == "json":
            return lambda text: self._raw(_one_line(text))
        return _number if kind in ("decimal", "float") else _whatever


def _one_line(text: str) -> bytes:
    return text.replace("\r", " ").replace("\n", " ").encode()  # inside JSON's own texts they are escaped


def _number(value: Any) -> Any:
    return value if math.isfinite(value) else plain(float(value))


def _whatever(value: Any) -> Any:
    if isinstance(value, Decimal | float):
        return _number(value)
    if isinstance(value, list | tuple):
        return [_whatever(item) for item in value]
    return value if value is None or isinstance(value, bool | int | str | dict) else plain(value)
