"""What a cell holds: a plain value where that is all, else a `Cell` with formula, format, note and validation.

A sheet may have ten million cells: a plain Python value is the smallest thing that says what most of them hold.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

#: Day 0 of the numbers that stand for dates.
EPOCH = datetime.datetime(1899, 12, 30)

_DAY = datetime.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class CellError:
    """An error that a formula ended with, such as `#DIV/0!`."""

    name: str
    told: str = ""

    @property
    def kind(self) -> str:
        """As the API calls it."""
        return _KINDS.get(self.name, "ERROR")


_KINDS = {
    "#ERROR!": "ERROR",
    "#NULL!": "NULL_VALUE",
    "#DIV/0!": "DIVIDE_BY_ZERO",
    "#VALUE!": "VALUE",
    "#REF!": "REF",
    "#NAME?": "NAME",
    "#NUM!": "NUM",
    "#N/A": "N_A",
}

Value = str | float | int | bool | None
Result = Value | CellError


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell that is more than its value. Nothing in it is changed after it is made."""

    value: Value = None  #: what was entered, unless that is a formula
    formula: str = ""  #: with its "="
    format: Mapping[str, Any] | None = None  #: `userEnteredFormat`
    note: str = ""
    validation: Mapping[str, Any] | None = None  #: `dataValidation`

    @property
    def is_empty(self) -> bool:
        return self.value is None and not self.formula


Stored = Value | Cell

_EMPTY = Cell()


def full(stored: Stored) -> Cell:
    """The cell that is stored."""
    if stored is None:
        return _EMPTY
    return stored if isinstance(stored, Cell) else Cell(stored)


def smallest(cell: Cell) -> Stored:
    """How it is stored."""
    return cell.value if not (cell.formula or cell.format or cell.note or cell.validation) else cell


def with_content(stored: Stored, value: Value, formula: str = "", format: Mapping[str, Any] | None = None) -> Stored:
    """The same cell with other content. A format is added to the one that it has."""
    if not isinstance(stored, Cell) and not formula and not format:
        return value
    before = full(stored)
    merged = {**(before.format or {}), **format} if format else before.format
    return smallest(replace(before, value=value, formula=formula, format=merged))


def is_empty(stored: Stored) -> bool:
    return stored is None or (isinstance(stored, Cell) and stored.is_empty)


def serial(moment: datetime.datetime) -> float | int:
    """The number that stands for a date or a time: days since the epoch."""
    days = (moment - EPOCH) / _DAY
    return int(days) if days.is_integer() else days


def moment(number: float) -> datetime.datetime | None:
    """The time that a number stands for, to the millisecond; None beyond the calendar."""
    try:
        return EPOCH + datetime.timedelta(milliseconds=round(number * 86_400_000))
    except (OverflowError, ValueError):
        return None
