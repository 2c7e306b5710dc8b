"""What stands in cells: Python's values as the API's, and back.

Cells hold texts, numbers of double precision, and booleans; nothing else. What a value becomes:

| value | cell |
|---|---|
| None, empty text | empty |
| bool | TRUE or FALSE |
| int, Decimal, float | a number, if a double holds it exactly; else its digits as text. Not finite: text |
| date, datetime, time, timedelta | text as ISO 8601 writes it, a datetime with a zone in UTC; with `serials` a number |
| UUID, bytes, dict, list | text: the UUID, `\\x` and hexadecimal digits, JSON, `{a,b}` |
| str | itself |

In the mode RAW nothing of it is executed or interpreted: `=1+1` stays a text of four characters.
"""

from __future__ import annotations

import datetime
import decimal
import math
from collections.abc import Callable
from typing import Any

from tradewind.transfer.types import ANY, Type
from tradewind.transfer.values import reading, text_of
from tradewind_gsheet import serials
from tradewind_gsheet.numbers import Numbers

#: A value as JSON has it in requests and answers.
Cell = str | int | float | bool

#: Characters that a cell takes at most.
MAX_TEXT = 50_000

#: Doubles hold integers up to here, one by one, and decimals of so many digits.
MAX_INT = 2**53
_DIGITS = 15

#: What the cells of formulas that failed hold.
ERRORS = frozenset(
    {"#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#N/A", "#ERROR!", "#SPILL!", "#CALC!", "#BLOCKED!"}
)

#: Kinds of values that a spreadsheet keeps as numbers, how they are read from one, and how they look.
TEMPORAL: dict[str, tuple[Callable[[int | float], Any], str, str]] = {
    "date": (serials.to_date, "DATE", "yyyy-mm-dd"),
    "time": (serials.to_time, "TIME", "hh:mm:ss"),
    "timestamp": (serials.to_moment, "DATE_TIME", "yyyy-mm-dd hh:mm:ss"),
    "timestamptz": (
        lambda serial: serials.to_moment(serial).replace(tzinfo=datetime.UTC),
        "DATE_TIME",
        "yyyy-mm-dd hh:mm:ss",
    ),
    "interval": (serials.to_duration, "TIME", "[h]:mm:ss"),
}

#: Python type -> kind. The order matters: a datetime is a date too.
_KINDS = (
    (datetime.datetime, "timestamp"),
    (datetime.date, "date"),
    (datetime.time, "time"),
    (datetime.timedelta, "interval"),
)

_DATES = datetime.date | datetime.time | datetime.timedelta


def to_cell(value: Any, *, dates_as_serials: bool = False) -> Cell:
    """The cell for a value. Raises ValueError for what has no place in one."""
    kind = type(value)
    if kind is str and len(value) <= MAX_TEXT:  # what most cells are goes first
        return str(value)
    if kind is int and -MAX_INT <= value <= MAX_INT:
        return int(value)
    if value is None:
        return ""
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value) if abs(value) <= MAX_INT else text_of(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else text_of(value)
    if isinstance(value, decimal.Decimal):
        return _decimal(value)
    if isinstance(value, _DATES) and dates_as_serials:
        return serials.to_serial(value)
    text = text_of(value)
    if len(text) > MAX_TEXT:
        raise ValueError(f"a text of {len(text):,} characters; a cell takes {MAX_TEXT:,}")
    return text


def temporal_type(value: Any) -> Type | None:
    """The type of a date, a time and the like; None for anything else."""
    if isinstance(value, datetime.datetime) and value.tzinfo is not None:
        return Type("timestamptz")
    return next((Type(kind) for python, kind in _KINDS if isinstance(value, python)), None)


def text_of_cell(cell: Any) -> str:
    """A cell as text, by which cells are compared: the number 1 and the text `1` are the same."""
    return "" if cell is None else text_of(cell)


def reader(target: Type, numbers: Numbers | None) -> Callable[[Any], Any]:
    """What makes a value of `target` out of a cell that is not empty, or raises ValueError.

    `numbers` says how numbers are written that are kept as text.
    """
    from_serial = TEMPORAL[target.kind][0] if target.kind in TEMPORAL else None
    convert = reading(ANY, target)
    numeric = target.kind in ("int", "float", "decimal")

    def read(cell: Any) -> Any:
        if from_serial is not None and isinstance(cell, int | float) and not isinstance(cell, bool):
            return from_serial(cell)
        if isinstance(cell, str) and numbers is not None and numeric:
            found = numbers.read(cell)
            if found is None:
                raise ValueError("a text that is no number")
            cell = found
        return cell if convert is None else convert(cell)

    return read


def exactly(kind: Type) -> Callable[[Any], Any]:
    """What takes the cells of a column whose earlier ones are of this type, and raises ValueError for others."""
    convert = reading(ANY, kind)
    texts = kind.kind == "text"

    def read(cell: Any) -> Any:
        if isinstance(cell, str) is not texts or isinstance(cell, bool) is not (kind.kind == "bool"):
            raise ValueError("a value of another type")
        return cell if convert is None else convert(cell)

    return read


def type_of(cells: list[Any]) -> Type:
    """The type of a column with these cells, none of them empty: bool, int, float or text; `any` for a mix."""
    kinds = {_kind(cell) for cell in cells}
    if len(kinds) == 1:
        return Type(kinds.pop())
    return Type("float") if kinds == {"int", "float"} else ANY


def _kind(cell: Any) -> str:
    for kind, name in ((bool, "bool"), (int, "int"), (float, "float"), (str, "text")):
        if isinstance(cell, kind):
            return name
    return "any"


def _decimal(value: decimal.Decimal) -> Cell:
    if not value.is_finite():
        return text_of(value)
    if value == value.to_integral_value() and abs(value) <= MAX_INT:
        return int(value)
    plain = value.normalize()
    return float(plain) if len(plain.as_tuple().digits) <= _DIGITS else text_of(value)
