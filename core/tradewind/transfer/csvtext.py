"""The one form of CSV in which transfers pass text on, and its translation to rows and back.

It is what PostgreSQL's COPY writes with `FORMAT csv`: UTF-8, a comma between values, `\\n` after each row, no header.
An empty value is NULL and `""` is the empty text. A value with a comma, a quote or a line end in it stands in quotes,
and a quote inside is doubled. So much for the frame; the texts of the values:

| type        | text                                                                    |
|-------------|-------------------------------------------------------------------------|
| bool        | `true`, `false`                                                         |
| int         | `-12`                                                                   |
| decimal     | `1.10`, with all its digits; `NaN`                                      |
| float       | the shortest that gives the same float; `NaN`, `Infinity`, `-Infinity`  |
| bytes       | `\\x` and hexadecimal digits                                             |
| date, time  | `2025-03-08`, `13:45:00.5`                                              |
| timestamp   | `2025-03-08 13:45:00.5`                                                 |
| timestamptz | the same in UTC, with `+00` behind it                                   |
| interval    | as ISO 8601 has it: `P1DT30S`                                           |
| json        | the JSON                                                                |
| array       | `{1,2,NULL}`, `{"a, b"}`                                                |

Read are `t`, `f`, `1` and `0` for bool too, and any moment that ISO 8601 allows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from tradewind.errors import TransferError
from tradewind.transfer.contract import Batch, Column
from tradewind.transfer.types import Type
from tradewind.transfer.values import reading_text, text_of

_MUST_BE_QUOTED = re.compile(r'[,"\r\n]|\A\\\.\Z')  # a line of `\.` alone would end PostgreSQL's COPY

Cells = list[str | None]


def quoted(text: str, delimiter: str = ",") -> str:
    """A text as it stands in a line of CSV."""
    if text and not _MUST_BE_QUOTED.search(text) and delimiter not in text:
        return text
    return '"' + text.replace('"', '""') + '"'


def encode(rows: Iterable[Sequence[Any]], columns: Sequence[Column], *, delimiter: str = ",") -> bytes:
    """Rows as CSV. Raises TransferError, naming the column, for a value that has no text."""
    lines = []
    for row in rows:
        try:
            lines.append(delimiter.join(["" if cell is None else quoted(text_of(cell), delimiter) for cell in row]))
        except ValueError as error:
            raise _cannot_write(row, columns) from error
    lines.append("")
    try:
        return "\n".join(lines).encode()
    except UnicodeEncodeError as error:
        raise TransferError("A text has half of a surrogate pair in it, which UTF-8 cannot hold.") from error


def _cannot_write(row: Sequence[Any], columns: Sequence[Column]) -> TransferError:
    for cell, column in zip(row, columns):
        try:
            text_of(cell) if cell is not None else None
        except ValueError as error:
            return TransferError(f"Column {column.name!r} has {error}.")
    return TransferError("A row has a value that has no text.")


def encoded(batches: Iterable[Batch], columns: Sequence[Column]) -> Iterator[bytes]:
    """CSV, a block for each batch."""
    for batch in batches:
        yield encode(batch, columns)


def last_row_end(data: bytes, *, in_quotes: bool = False) -> int:
    """The position behind the last line end that is not in quotes, 0 if there is none. `in_quotes`: data begins so."""
    total = in_quotes + data.count(b'"')
    position = len(data)
    behind = 0  # quotes behind the position
    while (found := data.rfind(b"\n", 0, position)) >= 0:
        behind += data.count(b'"', found, position)
        if (total - behind) % 2 == 0:
            return found + 1
        position = found
    return 0


class WholeRows:
    """Cuts CSV, which comes in blocks of any size, behind its last whole row, and keeps what follows for the next one.

    A row may be longer than many blocks: each is looked at once.
    """

    def __init__(self) -> None:
        self.in_quotes = False  #: what is kept ends so
        self._kept: list[bytes] = []

    def add(self, block: bytes) -> bytes:
        """The rows that are complete by now; empty if none is."""
        cut = last_row_end(block, in_quotes=self.in_quotes)
        self.in_quotes = (self.in_quotes + block.count(b'"')) % 2 == 1
        if not cut:
            self._kept.append(block)
            return b""
        whole = b"".join([*self._kept, block[:cut]])
        self._kept = [block[cut:]]
        return whole

    def rest(self) -> bytes:
        """What is left when nothing more comes: a row without a line end."""
        rest, self._kept = b"".join(self._kept), []
        return rest


class LineCounter:
    """Counts the rows in blocks of CSV: the line ends that are not in quotes. Or other marks than line ends."""

    def __init__(self, mark: bytes = b"\n") -> None:
        self._mark = mark
        self._others = bytes(set(range(256)) - {ord('"'), *mark})
        self._ended = 0
        self._in_quotes = False
        self._open = False  #: the last line has no end yet

    @property
    def rows(self) -> int:
        """Rows so far; the last one may have no line end yet."""
        return self._ended + self._open

    @property
    def marks(self) -> int:
        """Marks so far."""
        return self._ended

    def count(self, block: bytes) -> None:
        if not block:
            return
        self._open = not block.endswith(b"\n")
        mark = self._mark
        if not self._in_quotes and b'"' not in block:
            self._ended += block.count(mark)
            return
        marks = block.translate(None, self._others)
        if self._in_quotes:
            marks = b'"' + marks
        marks = marks.replace(b'""', b"")  # takes no line end out of quotes or into them
        outside = marks.split(b'"')[::2]
        self._ended += sum(part.count(mark) for part in outside)
        self._in_quotes = marks.count(b'"') % 2 == 1
        self._open = self._open or self._in_quotes


class Splitter:
    """Takes a line of CSV apart: its values without their quotes, and None for one that is empty."""

    def __init__(self, delimiter: str, place: Callable[[int], str]) -> None:
        end = re.escape(delimiter)
        self._place = place
        self._token = re.compile(rf'(?:"(?P<quoted>[^"]*(?:""[^"]*)*)"|(?P<plain>[^"{end}]*))(?P<end>{end}|\Z)')

    def __call__(self, record: str, line: int) -> Cells:
        cells: Cells = []
        position = 0
        while True:
            found = self._token.match(record, position)
            if found is None:
                raise TransferError(
                    f"The {self._place(line)} has a quote in the middle of value {len(cells) + 1}. A value with a "
                    "quote in it must stand in quotes, with the inner quote doubled."
                )
            value = found["quoted"]
            cells.append(value.replace('""', '"') if value is not None else found["plain"] or None)
            position = found.end()
            if not found["end"]:
                return cells


class Decoder:
    """Makes batches of rows out of CSV that is written to it, in pieces of any size.

    `types` are those of the values that are wanted, a type for each column. `place` tells where a line is. Raises
    TransferError with place and column, never with a value.
    """

    def __init__(
        self,
        columns: Sequence[Column],
        types: Sequence[Type],
        put: Callable[[Batch], None],
        place: Callable[[int], str],
        *,
        delimiter: str = ",",
    ) -> None:
        self._columns = columns
        self._types = types
        found = [reading_text(column.type, wanted) for column, wanted in zip(columns, types)]
        self._converters = [(index, read) for index, read in enumerate(found) if read is not None]
        self._put = put
        self._place = place
        self._delimiter = delimiter
        self._line = 1  #: of the next row to come
        self._whole = WholeRows()
        self._split = Splitter(delimiter, place)

    def write(self, block: bytes) -> int:
        """Take more text; gives every row that is complete by now to `put`."""
        if rows := self._whole.add(bytes(block)):
            self._rows(rows)
        return len(block)

    def end(self) -> None:
        """Nothing more comes: the last row may have no line end."""
        rest = self._whole.rest()
        if self._whole.in_quotes:
            raise TransferError(f"The {self._place(self._line)} begins a value in quotes that does not end.")
        if rest:
            self._rows(rest)

    def _rows(self, data: bytes) -> None:
        try:
            text = data.decode()
        except UnicodeDecodeError as error:
            line = self._line + data.count(b"\n", 0, error.start)
            raise TransferError(f"The {self._place(line)} is not UTF-8.") from error
        rows = [self._converted(cells, line) for line, cells in self._records(text)]
        self._put(rows)

    def _records(self, text: str) -> Iterator[tuple[int, Cells]]:
        """Pairs of the number of a line and the values of the row that begins there."""
        lines = text.split("\n")
        if not lines[-1]:
            lines.pop()
        position = 0
        while position < len(lines):
            start, record = position, lines[position]
            position += 1
            if '"' not in record:
                plain = record.removesuffix("\r").split(self._delimiter)
                yield self._line + start, [cell or None for cell in plain]
                continue
            quotes = record.count('"')
            if quotes % 2:
                parts = [record]
                while quotes % 2:
                    parts.append(lines[position])
                    quotes += lines[position].count('"')
                    position += 1
                record = "\n".join(parts)
            yield self._line + start, self._split(record.removesuffix("\r"), self._line + start)
        self._line += len(lines)

    def _converted(self, cells: Cells, line: int) -> tuple[Any, ...]:
        if len(cells) != len(self._columns):
            raise TransferError(
                f"The {self._place(line)} has {len(cells)} values, but there are {len(self._columns)} columns: "
                f"{', '.join(column.name for column in self._columns)}."
            )
        row: list[Any] = [*cells]
        for index, read in self._converters:
            text = row[index]
            if text is not None:
                try:
                    row[index] = read(text)
                except (ValueError, ArithmeticError):
                    told = f"column {self._columns[index].name!r} has a text that is not of type {self._types[index]}"
                    raise TransferError(f"The {self._place(line)}: {told}.") from None  # values are not told
        return tuple(row)
