"""Rows of a query as a file that people open: csv, json, jsonl, or xlsx. Written row by row, whatever their number."""

from __future__ import annotations

import csv
import datetime
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from tradewind.errors import DagError, TradewindError
from tradewind.transfer.values import text_of

Rows = Iterable[Sequence[Any]]
Write = Callable[[Path, Sequence[str], Rows], None]

#: Rows that Excel can show, the header included.
_MOST_XLSX_ROWS = 1_048_576

#: Excel has floats only: whole numbers with more digits would be changed.
_LARGEST_EXACT = 2**53
_EXACT_DIGITS = 15


class Counted:
    """Rows, with the number of those that were taken."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self.count = 0

    def __iter__(self) -> Iterator[Sequence[Any]]:
        for row in self._rows:
            self.count += 1
            yield row


def writer_for(filename: str) -> Write:
    """The function that writes files of that suffix. Raises DagError."""
    suffix = filename.rpartition(".")[2].lower()
    if suffix not in _WRITERS:
        raise DagError(f"The file name {filename!r} does not tell a format: it must end in .{', .'.join(_WRITERS)}.")
    return _WRITERS[suffix]


def _write_csv(path: Path, columns: Sequence[str], rows: Rows) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(columns)
        for row in rows:
            out.writerow(["" if value is None else _text(value) for value in row])


def _write_json(path: Path, columns: Sequence[str], rows: Rows) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write("[")
        for number, row in enumerate(rows):
            file.write((",\n" if number else "\n") + _json(columns, row))
        file.write("\n]\n")


def _write_jsonl(path: Path, columns: Sequence[str], rows: Rows) -> None:
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(_json(columns, row) + "\n")


def _write_xlsx(path: Path, columns: Sequence[str], rows: Rows) -> None:
    try:
        import xlsxwriter
    except ImportError:
        raise TradewindError("A file .xlsx needs xlsxwriter: pip install tradewind-slack[xlsx]") from None
    with xlsxwriter.Workbook(str(path), {"constant_memory": True, "tmpdir": str(path.parent)}) as book:
        sheet = book.add_worksheet()
        bold = book.add_format({"bold": True})
        formats: dict[type, Any] = {
            datetime.datetime: book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}),
            datetime.date: book.add_format({"num_format": "yyyy-mm-dd"}),
        }
        for at, name in enumerate(columns):
            sheet.write_string(0, at, name, bold)
        for number, row in enumerate(rows, 1):
            if number >= _MOST_XLSX_ROWS:
                raise TradewindError(f"A sheet of Excel has {_MOST_XLSX_ROWS:,} rows at most; send a .csv, or fewer.")
            for at, value in enumerate(row):
                _write_cell(sheet, number, at, value, formats)
        sheet.freeze_panes(1, 0)


def _write_cell(sheet: Any, row: int, column: int, value: Any, formats: dict[type, Any]) -> None:
    """A value with its type where Excel has that, and as text otherwise: never as a formula."""
    if value is None:
        return
    if isinstance(value, bool):
        sheet.write_boolean(row, column, value)
    elif _is_exact_number(value):
        sheet.write_number(row, column, value)
    elif type(value) in formats and getattr(value, "tzinfo", None) is None and value.year >= 1900:
        sheet.write_datetime(row, column, value, formats[type(value)])
    elif sheet.write_string(row, column, _text(value)):
        raise TradewindError(f"Row {row}, column {column + 1} has a text that is longer than a cell of Excel can hold.")


def _is_exact_number(value: Any) -> bool:
    if isinstance(value, int):
        return abs(value) <= _LARGEST_EXACT
    if isinstance(value, Decimal):
        return value.is_finite() and len(value.as_tuple().digits) <= _EXACT_DIGITS
    return isinstance(value, float) and value - value == 0  # neither infinite nor NaN


def _text(value: Any) -> str:
    try:
        return text_of(value)
    except ValueError:
        return str(value)


def _json(columns: Sequence[str], row: Sequence[Any]) -> str:
    return json.dumps(dict(zip(columns, row)), ensure_ascii=False, default=_text)


_WRITERS: dict[str, Write] = {
    "csv": _write_csv,
    "json": _write_json,
    "jsonl": _write_jsonl,
    "xlsx": _write_xlsx,
}
