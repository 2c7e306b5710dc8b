"""Values passed between tasks: to JSON text and back, exactly.

Beside what JSON has, these come back as they were: datetime (with its zone), date, time, timedelta, Decimal, UUID,
bytes, tuple, set, frozenset, Path, NaN and the infinities, and dictionaries with keys other than text. Subclasses come
back as the plain type (a named tuple as a tuple, a pandas Timestamp as a datetime), scalars of numpy as Python's.
Everything else is refused by an `XComError` that says where in the value it lies and what to do about it.

What JSON lacks is written as `{"__type__": "date", "value": "2025-11-21"}`; that is the only thing to know in order to
read it in another language.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import datetime
import decimal
import enum
import json
import math
import pathlib
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from tradewind.errors import XComError

#: Key under which the value that `execute` returns is kept.
RETURN_KEY = "return_value"

_TAG = "__type__"

#: Longer whole numbers are written in hexadecimal: Python refuses to read them in decimal.
_LONG_INT_BITS = 12_000


def dumps(value: Any, *, name: str = "The value", limit: int | None = None) -> str:
    """`value` as JSON text. `name` begins the message of an error; `limit` is in bytes of UTF-8.

    Raises XComError for a value that would not come back, saying where it is and what to do.
    """
    writer = _Writer(name)
    try:
        plain = writer.plain(value, "")
    except RecursionError:
        raise XComError(f"{name} cannot be passed on: it is nested too deeply. Pass something flatter.") from None
    text = json.dumps(plain, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    try:
        size = len(text.encode())
    except UnicodeEncodeError:  # half of a surrogate pair, as in file names that are not UTF-8
        text = json.dumps(plain, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
        size = len(text)
    if limit is not None and size > limit:
        raise XComError(
            f"{name} is too large to be passed on: {size:,} bytes, and the setting max_xcom_bytes allows {limit:,}. "
            "Write it to a file or table and pass its name."
        )
    return text


def loads(text: str) -> Any:
    """The value that `dumps` made `text` of, fetched from the XCom store if it was put away there.

    Raises XComError if the text is not an XCom, or the store does not have it.
    """
    try:
        return json.loads(text, object_hook=_restore)
    except RecursionError:
        raise XComError("The stored XCom cannot be read: it is nested too deeply.") from None
    except (ValueError, TypeError, KeyError, AttributeError, ArithmeticError) as error:
        raise XComError(f"The stored XCom cannot be read: {error}. Clear the task that wrote it.") from error


class _Writer:
    """Turns one value into what the json module can write."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.open: set[int] = set()  # ids of the containers that are being written: meeting one again is a circle

    def plain(self, value: Any, where: str) -> Any:
        kind = type(value)
        if value is None or kind is bool or kind is str:
            return value
        if isinstance(value, enum.Enum):
            raise self.refused(value, where, "Pass its `.value` or its `.name`.")
        for base, write in _SCALARS:
            if isinstance(value, base):
                return write(value)
        if isinstance(value, (dict, list, tuple, set, frozenset)):
            return self.container(value, where)
        if kind.__module__.partition(".")[0] == "numpy" and getattr(value, "shape", None) == ():
            return self.plain(value.item(), where)
        raise self.refused(value, where, _advice(value))

    def container(self, value: Any, where: str) -> Any:
        if id(value) in self.open:
            raise XComError(f"{self.name} cannot be passed on: {_at(where)}it contains itself. Pass a copy without it.")
        self.open.add(id(value))
        try:
            if isinstance(value, dict):
                return self.mapping(value, where)
            if isinstance(value, list):
                return [self.plain(item, f"{where}[{index}]") for index, item in enumerate(value)]
            if isinstance(value, tuple):
                return _tagged("tuple", [self.plain(item, f"{where}[{index}]") for index, item in enumerate(value)])
            items = [self.plain(item, f"{where}{{{_short(item)}}}") for item in value]
            kind = "set" if isinstance(value, set) else "frozenset"
            return _tagged(kind, sorted(items, key=json.dumps))  # equal sets give equal text
        finally:
            self.open.discard(id(value))

    def mapping(self, value: dict[Any, Any], where: str) -> Any:
        if all(type(key) is str for key in value) and _TAG not in value:
            return {key: self.plain(item, f"{where}[{key!r}]") for key, item in value.items()}
        pairs = []
        for key, item in value.items():
            written = self.plain(key, f"{where}<key {_short(key)}>")
            pairs.append([written, self.plain(item, f"{where}[{_short(key)}]")])
        return _tagged("dict", pairs)

    def refused(self, value: Any, where: str, advice: str) -> XComError:
        kind = type(value)
        known = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
        return XComError(f"{self.name} cannot be passed on: {_at(where)}it is of type {known}. {advice}")


def _tagged(kind: str, value: Any, **more: Any) -> dict[str, Any]:
    return {_TAG: kind, "value": value, **more}


def _at(where: str) -> str:
    return f"at {where} " if where else ""


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


def _write_int(value: int) -> Any:
    number = int(value)
    return number if number.bit_length() <= _LONG_INT_BITS else _tagged("int", hex(number))


def _write_float(value: float) -> Any:
    number = float(value)
    return number if math.isfinite(number) else _tagged("float", repr(number))


def _write_datetime(value: datetime.datetime) -> Any:
    more: dict[str, Any] = {}
    zone = getattr(value.tzinfo, "key", None)
    if isinstance(zone, str):
        more["zone"] = zone
    if value.fold:
        more["fold"] = 1
    return _tagged("datetime", datetime.datetime.isoformat(value), **more)


def _write_time(value: datetime.time) -> Any:
    if value.tzinfo is not None and value.utcoffset() is None:  # a zone alone has no offset without a date
        zone = getattr(value.tzinfo, "key", None)
        return _tagged("time", value.replace(tzinfo=None).isoformat(), zone=zone, fold=value.fold)
    return _tagged("time", value.isoformat(), fold=value.fold) if value.fold else _tagged("time", value.isoformat())


#: Type -> how it is written. The first match counts: a bool is an int, a datetime is a date.
_SCALARS: tuple[tuple[type, Callable[[Any], Any]], ...] = (
    (bool, bool),
    (int, _write_int),
    (float, _write_float),
    (str, lambda value: str.__str__(value)),
    (datetime.datetime, _write_datetime),
    (datetime.date, lambda value: _tagged("date", datetime.date.isoformat(value))),
    (datetime.time, _write_time),
    (datetime.timedelta, lambda value: _tagged("timedelta", [value.days, value.seconds, value.microseconds])),
    (decimal.Decimal, lambda value: _tagged("decimal", str(value))),
    (uuid.UUID, lambda value: _tagged("uuid", str(value))),
    (bytes, lambda value: _tagged("bytes", base64.b64encode(value).decode("ascii"))),
    (bytearray, lambda value: _tagged("bytearray", base64.b64encode(value).decode("ascii"))),
    (pathlib.PurePath, lambda value: _tagged("path", str(value))),
)


def _advice(value: Any) -> str:
    """What to pass in place of a value that is refused."""
    kind = type(value)
    root = kind.__module__.partition(".")[0]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return "Pass `dataclasses.asdict(value)`."
    if hasattr(value, "model_dump"):
        return "Pass `value.model_dump(mode='json')`."
    if hasattr(kind, "__attrs_attrs__"):
        return "Pass `attrs.asdict(value)`."
    if hasattr(kind, "__struct_fields__"):
        return "Pass `msgspec.to_builtins(value)`."
    if root in ("pandas", "polars", "pyarrow", "numpy"):
        return "Write it to a file or table and pass its name, or pass it as a list (`to_dict`, `tolist`)."
    if isinstance(value, Mapping):
        return "Pass `dict(value)`."
    if isinstance(value, Iterator) or kind.__name__ in ("dict_keys", "dict_values", "dict_items", "range"):
        return "Pass `list(value)`."
    if isinstance(value, BaseException):
        return "Pass `str(value)`, or raise it."
    if callable(value):
        return "Functions and classes cannot travel: pass the name of what should be done."
    return "Pass text, numbers, lists or dictionaries made of it, or write it to a file and pass the name."


def _restore(found: dict[str, Any]) -> Any:
    kind = found.get(_TAG)
    if kind is None:
        return found
    try:
        read = _READERS[kind]
    except (KeyError, TypeError):
        raise ValueError(f"it has the unknown type {kind!r}") from None
    return read(found["value"], found)


def _read_stored(_: str, found: dict[str, Any]) -> Any:
    from tradewind.remote import values  # only those need it who have an XCom store

    return loads(values.fetch(found))


def _read_datetime(value: str, found: dict[str, Any]) -> datetime.datetime:
    moment = datetime.datetime.fromisoformat(value)
    if "zone" in found:
        moment = moment.replace(tzinfo=ZoneInfo(found["zone"]))
    return moment.replace(fold=found.get("fold", 0))


def _read_time(value: str, found: dict[str, Any]) -> datetime.time:
    moment = datetime.time.fromisoformat(value)
    zone = found.get("zone")
    return moment.replace(tzinfo=ZoneInfo(zone) if zone else moment.tzinfo, fold=found.get("fold", 0))


def _read_bytes(value: str, _: dict[str, Any]) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error as error:
        raise ValueError(f"its bytes are not base64: {error}") from error


#: Name of a type in the text -> how it is read.
_READERS: dict[str, Callable[[Any, dict[str, Any]], Any]] = {
    "int": lambda value, _: int(value, 16),
    "float": lambda value, _: float(value),
    "datetime": _read_datetime,
    "date": lambda value, _: datetime.date.fromisoformat(value),
    "time": _read_time,
    "timedelta": lambda value, _: datetime.timedelta(*value),
    "decimal": lambda value, _: decimal.Decimal(value),
    "uuid": lambda value, _: uuid.UUID(value),
    "bytes": _read_bytes,
    "bytearray": lambda value, found: bytearray(_read_bytes(value, found)),
    "path": lambda value, _: pathlib.Path(value),
    "tuple": lambda value, _: tuple(value),
    "set": lambda value, _: set(value),
    "frozenset": lambda value, _: frozenset(value),
    "dict": lambda value, _: dict(value),
    "stored": _read_stored,
}
