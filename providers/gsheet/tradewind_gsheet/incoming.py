"""Rows as people have them: sequences, dicts, data frames; made into columns and batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any

from tradewind.transfer import Column, Type
from tradewind_gsheet.errors import GSheetsError

BATCH = 5_000

Row = Sequence[Any]


def named(rows: Any, columns: Sequence[str] | None) -> tuple[list[Column], Iterator[list[Row]]]:
    """The columns of rows, and the rows in batches. Raises GSheetsError for rows whose columns nobody knows."""
    if hasattr(rows, "columns") and not isinstance(rows, Mapping):
        names, plain = _of_frame(rows)
    else:
        names, plain = _of_rows(iter(rows), columns)
    if not names:
        raise GSheetsError("The rows have no names: pass columns=[...], or rows that are dicts.")
    return [Column(name, Type("any")) for name in names], _batches(_even(plain, names))


def _of_frame(frame: Any) -> tuple[list[str], Iterator[Row]]:
    names = [str(name) for name in frame.columns]
    if hasattr(frame, "iter_rows"):  # polars
        return names, frame.iter_rows()
    # As objects, so that whole numbers stay so beside others; what pandas takes for missing becomes None.
    objects = frame.astype(object).where(frame.notna(), None)
    return names, objects.itertuples(index=False, name=None)


def _of_rows(rows: Iterator[Any], columns: Sequence[str] | None) -> tuple[list[str], Iterator[Row]]:
    first = next(rows, None)
    if first is None:
        return list(columns or ()), iter(())
    everything = chain([first], rows)
    if not isinstance(first, Mapping):
        return list(columns or ()), everything
    names = list(columns) if columns else [str(name) for name in first]
    return names, (_values(row, names, number) for number, row in enumerate(everything, 1))


def _values(row: Mapping[str, Any], names: list[str], number: int) -> Row:
    more = [name for name in row if name not in names]
    if more:
        raise GSheetsError(f"Row {number} has {more[0]!r}, which the first one has not: name all with columns=[...].")
    return [row.get(name) for name in names]


def _even(rows: Iterable[Row], names: list[str]) -> Iterator[Row]:
    for number, row in enumerate(rows, 1):
        if len(row) != len(names):
            raise GSheetsError(f"Row {number} has {len(row)} values for {len(names)} columns. Nothing was written.")
        yield row


def _batches(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while batch := list(islice(rows, BATCH)):
        yield batch
