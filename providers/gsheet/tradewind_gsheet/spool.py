"""Rows on their way into a spreadsheet: kept on disk as the JSON of requests, so that memory stays small.

All rows are known before the first one is sent. So it can be checked whether they fit, a tab can be made in the right
size at once, and a source that fails costs no request.
"""

from __future__ import annotations

import tempfile
from array import array
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from tradewind_gsheet.cells import Cell

#: Bytes of a request, at most, as Google recommends.
MAX_REQUEST = 2_000_000

#: Bytes that are kept in memory.
_IN_MEMORY = 4_000_000

_BEGIN, _END = b'{"majorDimension":"ROWS","values":[', b"]}"


class Spool:
    """Rows of cells, in the order in which they came."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - closed by `close`
        self._ends = array("Q", [0])  #: where each row ends, after where the first one begins

    def __len__(self) -> int:
        return len(self._ends) - 1

    def add(self, rows: Iterable[Sequence[Cell]]) -> None:
        end = self._ends[-1]
        lines = []
        for row in rows:
            line = msgspec.json.encode(row)
            end += len(line)
            lines.append(line)
            self._ends.append(end)
        self._file.write(b"".join(lines))

    def close(self) -> None:
        self._file.close()

    def bodies(
        self, before: Sequence[Sequence[Cell]] = (), order: Iterable[int] | None = None
    ) -> Iterator[tuple[int, int, bytes]]:
        """Bodies of requests, none larger than need be: number of its first row, how many rows, and the JSON.

        The rows of `before` come first; `order` chooses rows by their numbers, by default all.
        """
        lines: list[bytes] = []
        first, size = 0, len(_BEGIN) + len(_END)
        for line in self._lines(before, range(len(self)) if order is None else order):
            if lines and size + len(line) + 1 > MAX_REQUEST:
                yield first, len(lines), _BEGIN + b",".join(lines) + _END
                first += len(lines)
                lines, size = [], len(_BEGIN) + len(_END)
            lines.append(line)
            size += len(line) + 1
        if lines:
            yield first, len(lines), _BEGIN + b",".join(lines) + _END

    def _lines(self, before: Sequence[Sequence[Cell]], order: Iterable[int]) -> Iterator[bytes]:
        for row in before:
            yield msgspec.json.encode(row)
        position = -1
        for number in order:
            begin, end = self._ends[number], self._ends[number + 1]
            if begin != position:
                self._file.seek(begin)
            yield self._file.read(end - begin)
            position = end
