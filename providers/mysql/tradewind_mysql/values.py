"""Python values as PyMySQL and LOAD DATA take them. What MySQL has no type for is refused, never turned into a text."""

from __future__ import annotations

import datetime
import decimal
import enum
import json
import math
import re
import uuid
from collections.abc import Callable, Iterable, Sequence
from pathlib import PurePath
from typing import Any

from tradewind_sql.errors import SqlError

#: What stands for NULL in a line of LOAD DATA.
NULL = "\\N"

_ESCAPES = {"\\": "\\\\", "\t": "\\t", "\n": "\\n"}
_SPECIAL = re.compile(r"[\\\t\n]")


def adapt(cell: Any) -> Any:
    """A value of one of: None, bool, int, float, Decimal, str, bytes, date, naive datetime, naive time.

    Datetimes with a zone become UTC, for MySQL's types have none; lists, tuples and dicts become JSON; timedeltas
    and UUIDs text; numpy's scalars Python's. Raises SqlError for NaN, infinity, and types that MySQL lacks.
    """
    kind = type(cell)
    if kind in _PLAIN:
        return cell
    if kind is float or kind is decimal.Decimal:
        return _finite(cell)
    if isinstance(cell, datetime.date | datetime.time | datetime.timedelta):
        return _moment(cell)
    if isinstance(cell, enum.Enum):
        return adapt(cell.value)
    if kind.__module__.partition(".")[0] == "numpy":
        return adapt(_from_numpy(cell))
    if isinstance(cell, list | tuple | dict):
        return _json(cell)
    if isinstance(cell, uuid.UUID | PurePath):
        return str(cell)
    return _plainer(cell)


def _plainer(cell: Any) -> Any:
    """The value of a subclass of a plain type, or of what looks like one."""
    if isinstance(cell, bytes | bytearray | memoryview):
        return bytes(cell)
    for plain in (int, float, str):
        if isinstance(cell, plain):
            return adapt(plain(cell))
    if isinstance(cell, decimal.Decimal):
        return adapt(decimal.Decimal(cell))
    if type(cell).__name__ == "NAType" and type(cell).__module__.startswith("pandas"):
        return None
    raise SqlError(f"MySQL has no type for a {type(cell).__name__}; convert it to a number, text or bytes first.")


_PLAIN = frozenset({type(None), bool, int, str, bytes, datetime.date})


def _finite(number: Any) -> Any:
    if math.isfinite(number):
        return number
    raise SqlError(f"MySQL has no number {number}; give None for a value that is missing.")


def _moment(cell: Any) -> Any:
    if type(cell) is datetime.datetime and cell.tzinfo is None:
        return cell
    if cell != cell:  # pandas' NaT
        return None
    if isinstance(cell, datetime.timedelta):
        return timedelta_text(cell)
    if isinstance(cell, datetime.datetime):
        if cell.tzinfo is not None:
            cell = cell.astimezone(datetime.UTC)
        return datetime.datetime(cell.year, cell.month, cell.day, cell.hour, cell.minute, cell.second, cell.microsecond)
    if isinstance(cell, datetime.date):
        return datetime.date(cell.year, cell.month, cell.day)
    if cell.tzinfo is not None:
        raise SqlError("MySQL has no type for a time of day with a zone; drop the zone first.")
    return datetime.time(cell.hour, cell.minute, cell.second, cell.microsecond)


def timedelta_text(delta: datetime.timedelta) -> str:
    """As a TIME is written: `-25:06:17.500000`."""
    sign, delta = ("-", -delta) if delta.days < 0 else ("", delta)
    minutes, seconds = divmod(delta.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    fraction = f".{delta.microseconds:06d}" if delta.microseconds else ""
    return f"{sign}{delta.days * 24 + hours:02d}:{minutes:02d}:{seconds:02d}{fraction}"


def _json(cell: Any) -> str:
    try:
        return json.dumps(cell, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise SqlError(f"a {type(cell).__name__} becomes JSON, but this one holds something that JSON lacks.") from None


def _from_numpy(cell: Any) -> Any:
    name = type(cell).__name__
    if name in ("datetime64", "timedelta64"):
        return cell.astype(f"{name}[us]").item()  # nanoseconds would come as a bare number
    return cell.tolist()


# As cells of LOAD DATA


def lines(rows: Sequence[Sequence[Any]]) -> str:
    """Rows of values of `NATIVE` types as lines for LOAD DATA; bytes stand in them as surrogates.

    A column at a time, for most columns hold values of one type.
    """
    columns = [_written(cells) for cells in zip(*rows)]
    return "\n".join(map("\t".join, zip(*columns))) + "\n"


def _written(cells: Sequence[Any]) -> Iterable[str]:
    kinds = set(map(type, cells))
    if kinds == {str}:
        return map(escaped, cells) if _SPECIAL.search("".join(cells)) else cells
    if kinds == {int}:
        return map(str, cells)
    if kinds == {float} and math.isfinite(sum(cells)):
        return map(repr, cells)
    return [_WRITERS[type(cell)](cell) for cell in cells]


def escaped(text: str) -> str:
    """A text as a cell: tab, line feed and backslash would mean something."""
    return _SPECIAL.sub(_escape, text) if _SPECIAL.search(text) else text


def _escape(found: re.Match[str]) -> str:
    return _ESCAPES[found.group()]


def _bytes(cell: bytes) -> str:
    return escaped(cell.decode("ascii", "surrogateescape"))


def _decimal(cell: decimal.Decimal) -> str:
    return format(_finite(cell), "f")


def _float(cell: float) -> str:
    return repr(cell) if cell - cell == 0 else _finite(cell)


def _datetime(cell: datetime.datetime) -> str:
    return (cell if cell.tzinfo is None else _moment(cell)).isoformat(" ")


_WRITERS: dict[type, Callable[[Any], str]] = {
    type(None): lambda cell: NULL,
    bool: lambda cell: "1" if cell else "0",
    int: str,
    float: _float,
    str: escaped,
    bytes: _bytes,
    decimal.Decimal: _decimal,
    datetime.date: datetime.date.isoformat,
    datetime.datetime: _datetime,
    datetime.time: lambda cell: adapt(cell).isoformat(),
}

#: Types that both ways of inserting look after themselves.
NATIVE = frozenset(_WRITERS)
