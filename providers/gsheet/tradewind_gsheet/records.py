"""Rows with names: records, and data frames made from them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from tradewind_gsheet.errors import GSheetsError
from tradewind_gsheet.numbers import Numbers

Numericise = bool | Numbers


def check_expected(names: Sequence[str], expected: Sequence[str] | None, where: str) -> None:
    """Raise GSheetsError unless the header has all names that are expected."""
    lost = [name for name in expected or () if name not in names]
    if lost:
        raise GSheetsError(
            f"{where}: the header lacks {', '.join(map(repr, lost))}; it has {', '.join(map(repr, names))}."
        )


class Converter:
    """Makes the values of records out of cells."""

    def __init__(
        self, names: Sequence[str], numericise: Numericise, ignored: Collection[str], default_blank: Any, where: str
    ) -> None:
        everything = "all" in ignored and "all" not in names
        unknown = [] if everything else [name for name in ignored if name not in names]
        if unknown:
            raise GSheetsError(f"{where} has no column {unknown[0]!r}, which numericise_ignore= names.")
        numbers = Numbers() if numericise is True else numericise or None
        self._numbers = [None if everything or name in ignored else numbers for name in names]
        self._default = default_blank

    def __call__(self, row: Sequence[Any]) -> list[Any]:
        return [
            self._value(row[place] if place < len(row) else "", numbers) for place, numbers in enumerate(self._numbers)
        ]

    def _value(self, cell: Any, numbers: Numbers | None) -> Any:
        if cell in ("", None):
            return self._default
        if numbers is not None and isinstance(cell, str):
            found = numbers.read(cell)
            if found is not None:
                return found if isinstance(found, int) else float(found)
        return cell


def make_frame(names: Sequence[str], rows: list[list[Any]], df_type: str) -> Any:
    """A data frame of pandas or polars. Raises GSheetsError if the library is not installed."""
    if df_type not in ("pandas", "polars"):
        raise GSheetsError(f"df_type={df_type!r} must be 'pandas' or 'polars'.")
    try:
        if df_type == "pandas":
            import pandas

            return pandas.DataFrame(rows, columns=list(names)).infer_objects()
        import polars
    except ImportError:
        raise GSheetsError(f'Data frames need {df_type}: pip install "tradewind-gsheet[{df_type}]".') from None
    columns = {name: [row[place] for row in rows] for place, name in enumerate(names)}
    return polars.DataFrame({name: _of_one_type(values) for name, values in columns.items()})


def _of_one_type(values: list[Any]) -> list[Any]:
    """Values that one column of polars can hold: where numbers and texts are mixed, texts."""
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {int, float} or len(kinds) <= 1:
        return values
    return [None if value is None else str(value) for value in values]
