"""Python values as PyMySQL and LOAD DATA take them. What MySQL has no type for is refused, never turned into a text."""

from __future__ import annotations

import datetime
import decimal
import enum
import json
import math
import uuid
from pathlib import PurePath
from typing import Any

from tradewind_sql.errors import SqlError

#: Types that need no look at the value: floats may be NaN, datetimes and times may have a zone.
NATIVE = frozenset({type(None), bool, int, str, bytes, datetime.date})


def adapt(cell: Any) -> Any:
    """A value of one of: None, bool, int, float, Decimal, str, bytes, date, naive datetime, naive time.

    Datetimes with a zone become UTC, for MySQL's types have none; lists, tuples and dicts become JSON; timedeltas
    and UUIDs text; numpy's scalars Python's. Raises SqlError for NaN, infinity, and types that MySQL lacks.
    """
    kind = type(cell)
    if kind in NATIVE:
        return cell
    if kind is float or kind is decimal.Decimal:
        return _finite(cell)
    if kind is datetime.datetime and cell.tzinfo is None:
        return cell
    if isinstance(cell, enum.Enum):
        return adapt(cell.value)
    if isinstance(cell, datetime.date | datetime.time | datetime.timedelta):
        return _moment(cell)
    if kind.__module__.partition(".")[0] == "numpy":
        return adapt(_from_numpy(cell))
    if isinstance(cell, list | tuple | dict):
        return _json(cell)
    if isinstance(cell, uuid.UUID | PurePath):
        return str(cell)
    if isinstance(cell, bytearray | memoryview):
        return bytes(cell)
    for plain in (bool, int, float, decimal.Decimal, str, bytes):
        if isinstance(cell, plain):
            return adapt(plain(cell))
    if kind.__name__ == "NAType" and kind.__module__.startswith("pandas"):
        return None
    raise SqlError(f"MySQL has no type for a {kind.__name__}; convert it to a number, text or bytes first.")


def _finite(number: float | decimal.Decimal) -> float | decimal.Decimal:
    if math.isfinite(number):
        return number
    raise SqlError(f"MySQL has no number {number}; give None for a value that is missing.")


def _moment(cell: Any) -> Any:
    if cell != cell:  # pandas' NaT
        return None
    if isinstance(cell, datetime.timedelta):
        return timedelta_text(cell)
    if isinstance(cell, datetime.datetime):
        if cell.tzinfo is not None:
            cell = cell.astimezone(datetime.UTC)
        return datetime.datetime(
            cell.year, cell.month, cell.day, cell.hour, cell.minute, cell.second, cell.microsecond
        )
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
