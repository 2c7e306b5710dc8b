"""Values of one type as values of another, exactly or not at all; and every value as text.

`reading(source, target)` is the one conversion of all transfers: a text of a CSV file to the type of a column, a number
of a database without booleans to a boolean, and so on. What would lose something (3.5 as int, a time of day as a date)
is a ValueError. A moment without a zone counts as UTC where one with a zone is wanted, and the other way round.
"""

from __future__ import annotations

import datetime
import decimal
import json
import math
import re
import uuid
from collections.abc import Callable, Sequence
from typing import Any, Final

from tradewind.transfer.array_text import read_array, write_array
from tradewind.transfer.types import ANY, TEXT, Type

Convert = Callable[[Any], Any]

_TRUE: Final = frozenset({"true", "t", "1"})
_FALSE: Final = frozenset({"false", "f", "0"})

#: A list as PostgreSQL writes it, perhaps with bounds of its own: `[2:3]={a,b}`.
_ARRAY = re.compile(r"\{|(\[[-+\d]+:[-+\d]+\])+=\{")

_DURATION = re.compile(
    r"(?P<sign>-)?P(?:(?P<weeks>-?\d+)W)?(?:(?P<days>-?\d+)D)?"
    r"(?:T(?:(?P<hours>-?\d+)H)?(?:(?P<minutes>-?\d+)M)?(?:(?P<seconds>-?\d+(?:\.\d{1,6})?)S)?)?\Z"
)


def reading(source: Type, target: Type) -> Convert | None:
    """What makes a value of `target` of one of `source` (never None), or raises ValueError; None: nothing is to do."""
    if target.kind == "any" or (source.kind == target.kind and source.kind != "array"):
        return None
    if target.kind == "array":
        item = target.item or TEXT
        if source.kind == "array" and reading(source.item or TEXT, item) is None:
            return None
        return lambda value: _array(value, item)
    if source.kind == "array" and target.kind in ("text", "json"):
        return json_text
    return _READERS[target.kind]


def reading_text(source: Type, target: Type) -> Convert | None:
    """As `reading`, for the text of a value of `source`."""
    first = reading(ANY, source)
    second = reading(source, target)
    if source.kind in ("any", "text", "json"):
        first = None
    if target.kind in ("any", "text") and source.kind in ("any", "text", "json"):
        return None
    if first is None or second is None:
        return first or second
    read, convert = first, second
    return lambda text: convert(read(text))


class RowConverter:
    """Converts the values of rows by place. `failed(number, place, error)` is what to raise for the value there."""

    def __init__(
        self, converters: Sequence[Convert | None], failed: Callable[[int, int, Exception], Exception]
    ) -> None:
        self._converters = [(place, read) for place, read in enumerate(converters) if read is not None]
        self._failed = failed
        self._done = 0

    def __call__(self, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        """The next rows, converted; they are counted, and the first one has the number 1."""
        if self._converters:
            rows = [self._converted(row, number) for number, row in enumerate(rows, self._done + 1)]
        self._done += len(rows)
        return rows

    def _converted(self, row: tuple[Any, ...], number: int) -> tuple[Any, ...]:
        cells = list(row)
        for place, read in self._converters:
            if cells[place] is not None:
                try:
                    cells[place] = read(cells[place])
                except (ValueError, ArithmeticError, TypeError) as error:
                    raise self._failed(number, place, error) from None  # its message may have the value
        return tuple(cells)


def text_of(value: Any) -> str:
    """A value of any type (but not None) as the text that stands for it in CSV."""
    write = _WRITERS.get(type(value))
    if write is not None:
        return write(value)
    for kind, writer in _WRITERS.items():  # a subclass, such as a driver's own kind of text
        if isinstance(value, kind):
            return writer(value)
    raise ValueError(f"a {type(value).__name__}, which has no place in a column")


def json_text(value: Any) -> str:
    """A list or dict as JSON; what JSON lacks is written as text."""
    return json.dumps(plain(value), ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def plain(value: Any) -> Any:
    """A value with nothing in it but what JSON has."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    return text_of(value)


def _refuse(value: Any, kind: str) -> ValueError:
    return ValueError(f"a {type(value).__name__} that is not of type {kind}")


def _bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    text = text_of(value).lower() if isinstance(value, str | int | decimal.Decimal) else ""
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    raise _refuse(value, "bool")


def _int(value: Any) -> int:
    if isinstance(value, str):
        if "_" in value:
            raise _refuse(value, "int")
        return int(value)
    if isinstance(value, bool | int):
        return int(value)
    if isinstance(value, float | decimal.Decimal) and math.isfinite(value) and int(value) == value:
        return int(value)
    raise _refuse(value, "int")


def _float(value: Any) -> float:
    if isinstance(value, str) and "_" not in value:
        return float(value)
    if isinstance(value, int):
        found = float(value)
        if int(found) == value:
            return found
    if isinstance(value, float | decimal.Decimal):
        return float(value)
    raise _refuse(value, "float")


def _decimal(value: Any) -> decimal.Decimal:
    if isinstance(value, decimal.Decimal):
        return value
    if isinstance(value, float):
        return decimal.Decimal(repr(value))
    if isinstance(value, int):
        return decimal.Decimal(int(value))
    if isinstance(value, str) and "_" not in value:
        try:
            return decimal.Decimal(value.strip())
        except decimal.InvalidOperation:
            pass
    raise _refuse(value, "decimal")


def _text(value: Any) -> str:
    return value if type(value) is str else json_text(value) if isinstance(value, dict | list) else text_of(value)


def _bytes(value: Any) -> bytes:
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    if isinstance(value, str):
        return bytes.fromhex(value[2:]) if value.startswith("\\x") else value.encode()
    raise _refuse(value, "bytes")


def _date(value: Any) -> datetime.date:
    if isinstance(value, datetime.datetime):
        if value.time() != datetime.time():
            raise ValueError("a moment that is not midnight, and so not a date")
        return value.date()
    if isinstance(value, datetime.date):
        return value
    if isinstance(value, str):
        return datetime.date.fromisoformat(value) if len(value) == 10 else _date(datetime.datetime.fromisoformat(value))
    raise _refuse(value, "date")


def _time(value: Any) -> datetime.time:
    if isinstance(value, str):
        value = datetime.time.fromisoformat(value)
    if isinstance(value, datetime.timedelta) and datetime.timedelta() <= value < datetime.timedelta(days=1):
        return (datetime.datetime.min + value).time()
    if isinstance(value, datetime.time) and value.tzinfo is None:
        return value
    raise _refuse(value, "time")


def _moment(value: Any) -> datetime.datetime:
    if isinstance(value, str):
        return datetime.datetime.fromisoformat(value)
    if isinstance(value, datetime.datetime):
        return value
    if isinstance(value, datetime.date):
        return datetime.datetime(value.year, value.month, value.day)
    raise _refuse(value, "timestamp")


def _timestamp(value: Any) -> datetime.datetime:
    moment = _moment(value)
    return moment if moment.tzinfo is None else moment.astimezone(datetime.UTC).replace(tzinfo=None)


def _timestamptz(value: Any) -> datetime.datetime:
    moment = _moment(value)
    return moment.replace(tzinfo=datetime.UTC) if moment.tzinfo is None else moment.astimezone(datetime.UTC)


def _interval(value: Any) -> datetime.timedelta:
    if isinstance(value, datetime.timedelta):
        return value
    if isinstance(value, str):
        return _duration(value)
    raise _refuse(value, "interval")


def _duration(text: str) -> datetime.timedelta:
    found = _DURATION.match(text)
    if found is None or text[-1] in "PT":
        raise ValueError("a text that is no duration as ISO 8601 writes it, of days and less, such as P1DT2H")
    parts = {name: decimal.Decimal(part) for name, part in found.groupdict().items() if part and name != "sign"}
    seconds = parts.pop("seconds", decimal.Decimal())
    whole = datetime.timedelta(**{name: int(part) for name, part in parts.items()}, microseconds=int(seconds.scaleb(6)))
    return -whole if found["sign"] else whole


def _duration_text(value: datetime.timedelta) -> str:
    fraction = f".{value.microseconds:06}".rstrip("0") if value.microseconds else ""
    return f"P{value.days}DT{value.seconds}{fraction}S"  # only the days of a timedelta have a sign


def _uuid(value: Any) -> uuid.UUID:
    if isinstance(value, uuid.UUID):
        return value
    if isinstance(value, str):
        return uuid.UUID(value)
    raise _refuse(value, "uuid")


def _json(value: Any) -> str:
    if isinstance(value, str):
        return value
    import msgspec

    encoder = msgspec.json.Encoder(decimal_format="number")  # what came from JSON keeps its numbers
    return encoder.encode(value).decode()


def _array(value: Any, item: Type) -> list[Any]:
    values = _listed(value) if isinstance(value, str) else value
    if not isinstance(values, Sequence) or isinstance(values, str | bytes):
        raise _refuse(value, "array")
    read = _READERS[item.kind] if item.kind != "any" else None

    def one(cell: Any) -> Any:
        if isinstance(cell, list | tuple):
            return [one(inner) for inner in cell]
        return cell if cell is None or read is None else read(cell)

    return [one(cell) for cell in values]


def _listed(text: str) -> Any:
    return read_array(text) if _ARRAY.match(text) else json.loads(text, parse_float=decimal.Decimal)


def _float_text(value: float) -> str:
    if math.isfinite(value):
        return repr(value)
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _decimal_text(value: decimal.Decimal) -> str:
    if value.is_finite():
        return format(value, "f")
    return "NaN" if value.is_nan() else "Infinity" if value > 0 else "-Infinity"


def _moment_text(value: datetime.datetime) -> str:
    if value.tzinfo is None:
        return value.isoformat(" ")
    return value.astimezone(datetime.UTC).replace(tzinfo=None).isoformat(" ") + "+00"


#: Kind -> makes a value of it out of any value.
_READERS: dict[str, Convert] = {
    "bool": _bool,
    "int": _int,
    "float": _float,
    "decimal": _decimal,
    "text": _text,
    "bytes": _bytes,
    "date": _date,
    "time": _time,
    "timestamp": _timestamp,
    "timestamptz": _timestamptz,
    "interval": _interval,
    "uuid": _uuid,
    "json": _json,
}

#: Python type -> its text. The order matters for subclasses: bool before int, datetime before date.
_WRITERS: dict[type, Callable[[Any], str]] = {
    str: str,
    bool: lambda value: "true" if value else "false",
    int: int.__repr__,
    float: _float_text,
    decimal.Decimal: _decimal_text,
    datetime.datetime: _moment_text,
    datetime.date: datetime.date.isoformat,
    datetime.time: datetime.time.isoformat,
    datetime.timedelta: _duration_text,
    bytes: lambda value: "\\x" + value.hex(),
    bytearray: lambda value: "\\x" + value.hex(),
    memoryview: lambda value: "\\x" + value.hex(),
    uuid.UUID: str,
    dict: json_text,
    list: lambda value: write_array(value, text_of),
    tuple: lambda value: write_array(value, text_of),
}
