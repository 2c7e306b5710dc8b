"""Python values as the text that PostgreSQL reads: for COPY, a batch of rows at once, and for single parameters.

Speed is why COPY text is made column by column: nearly everything then happens inside Python's own C code, and a
column whose values are all numbers, or all texts without a special character, costs next to nothing.

The database would take many a text for another thing than was meant: digits for a date, the hex digits of bytes for a
text. So what INSERT refuses for a column is refused here.
"""

from __future__ import annotations

import datetime
import decimal
import enum
import ipaddress
import json
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from tradewind_sql import RowError

#: What stands for NULL in COPY's text format.
NULL = "\\N"

_INTEGERS = frozenset({"int2", "int4", "int8", "oid"})
_JSON = frozenset({"json", "jsonb"})


@dataclass(frozen=True)
class Kind:
    """What matters of a column's type when values are written."""

    name: str  #: "integer", "bytes", "json", "time", "array", "row", "any"
    type: str  #: PostgreSQL's own name, for messages
    element: Kind | None = None  #: of an array


#: Names of the types of pandas' missing values.
_MISSING = frozenset({"NaTType", "NAType"})

#: A column about which nothing is known.
ANY = Kind("any", "unknown")


class Unwritable(TypeError):
    """A value that only psycopg2 knows how to write, perhaps as SQL."""


def kind_of(name: str, typtype: str, category: str, *element: str | None) -> Kind:
    """The kind of a type, from its row of `pg_type` and that of its elements: name, typtype, typcategory of each."""
    if category == "A" and element and element[0] is not None:
        return Kind("array", name, kind_of(element[0], str(element[1]), str(element[2])))
    if name in _INTEGERS:
        return Kind("integer", name)
    if name in _JSON:
        return Kind("json", name)
    if name == "bytea":
        return Kind("bytes", name)
    if typtype == "c":
        return Kind("row", name)
    return Kind("time" if category in ("D", "T") else "any", name)


# One value


def text_of(value: Any, kind: Kind = ANY) -> str | None:
    """How PostgreSQL reads `value` for a column of this kind; None for NULL.

    Raises TypeError for what does not belong there, and Unwritable for objects of psycopg2 or unknown ones.
    """
    write = _WRITERS.get(type(value))
    return write(value, kind) if write is not None else _other(value, kind)


def _null(value: None, kind: Kind) -> None:
    return None


def _string(value: str, kind: Kind) -> str:
    return value


def _boolean(value: bool, kind: Kind) -> str:
    _refuse("a bool", kind, "time", "bytes")
    return "true" if value else "false"


def _whole(value: int, kind: Kind) -> str:
    _refuse("a number", kind, "time", "bytes")
    return str(int(value))  # a derived class may write itself in its own way


def _float(value: float, kind: Kind) -> str:
    _refuse("a number", kind, "time", "bytes")
    if kind.name == "integer" and value.is_integer():
        return str(int(value))
    return repr(float(value))


def _decimal(value: decimal.Decimal, kind: Kind) -> str:
    _refuse("a number", kind, "time", "bytes")
    if value.is_nan():
        return "NaN"  # PostgreSQL has only one
    if kind.name == "integer" and value == value.to_integral_value():
        return str(int(value))
    return str(value)


def _moment(value: datetime.datetime | datetime.date | datetime.time, kind: Kind) -> str:
    _refuse("a date or time", kind, "integer", "bytes")
    return str(value)


def _duration(value: datetime.timedelta, kind: Kind) -> str:
    _refuse("a timedelta", kind, "integer", "bytes")
    return f"{value.days} days {value.seconds} seconds {value.microseconds} microseconds"


def _binary(value: bytes | bytearray | memoryview, kind: Kind) -> str:
    if kind.name != "bytes" and kind is not ANY:
        raise TypeError(f"bytes cannot go into a column of type {kind.type}")
    return "\\x" + bytes(value).hex()


def _plain(value: Any, kind: Kind) -> str:
    _refuse(f"a {type(value).__name__}", kind, "integer", "time", "bytes")
    return str(value)


def _list(value: Sequence[Any], kind: Kind) -> str:
    if kind.name == "json":
        return _json(value)
    if kind.name == "row":
        return _row(value)
    if kind.name != "array" and kind is not ANY:
        raise TypeError(f"a {type(value).__name__} cannot go into a column of type {kind.type}")
    element = kind.element or ANY
    return "{" + ",".join(_element(item, kind if _nested(item, element) else element) for item in value) + "}"


def _nested(item: Any, element: Kind) -> bool:
    return isinstance(item, list | tuple) and element.name not in ("json", "row")


def _element(item: Any, kind: Kind) -> str:
    text = text_of(item, kind)
    if text is None:
        return "NULL"
    return text if kind.name == "array" else _quoted(text)


def _row(value: Sequence[Any]) -> str:
    texts = [text_of(item) for item in value]
    return "(" + ",".join("" if text is None else _quoted(text) for text in texts) + ")"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _mapping(value: Mapping[Any, Any], kind: Kind) -> str:
    _refuse("a dict", kind, "integer", "time", "bytes", "array", "row")
    return _json(value)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=_json_default)


def _json_default(value: Any) -> Any:
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, uuid.UUID | PurePath):
        return str(value)
    if isinstance(value, enum.Enum):
        return value.value
    if type(value).__module__ == "numpy" and hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"JSON has no {type(value).__name__}; convert it first")


def _refuse(what: str, kind: Kind, *names: str) -> None:
    if kind.name in names:
        raise TypeError(f"{what} cannot go into a column of type {kind.type}")


def _other(value: Any, kind: Kind) -> str | None:
    """A value of a type that is not in the table: of a library, or derived from a type that is."""
    module, name = type(value).__module__.partition(".")[0], type(value).__name__
    if name in _MISSING:
        return None
    if isinstance(value, enum.Enum):
        return text_of(value.value, kind)
    if module == "numpy":
        return _numpy(value, kind)
    if module == "psycopg2":
        return _psycopg(value, kind)
    for known, write in _WRITERS.items():
        if isinstance(value, known):
            return write(value, kind)
    if isinstance(value, PurePath):
        return _plain(value, kind)
    raise Unwritable(f"a {name} is nothing that PostgreSQL has a type for; convert it to text first")


def _numpy(value: Any, kind: Kind) -> str | None:
    if type(value).__name__ in ("datetime64", "timedelta64"):
        if str(value) == "NaT":
            return None
        return str(value) if type(value).__name__ == "datetime64" else text_of(value.astype("m8[us]").item(), kind)
    return text_of(value.tolist(), kind)


def _psycopg(value: Any, kind: Kind) -> str:
    if hasattr(value, "lower_inc"):  # a range
        if value.isempty:
            return "empty"
        ends = [text_of(end) for end in (value.lower, value.upper)]
        start, end = ("" if text is None else _quoted(text) for text in ends)
        return f"{'[' if value.lower_inc else '('}{start},{end}{']' if value.upper_inc else ')'}"
    if type(value).__name__ == "Json":
        return str(value.dumps(value.adapted))
    raise Unwritable(f"psycopg2's {type(value).__name__} is written as SQL")


_WRITERS: dict[type, Callable[[Any, Kind], str | None]] = {
    type(None): _null,
    str: _string,
    bool: _boolean,
    int: _whole,
    float: _float,
    decimal.Decimal: _decimal,
    datetime.datetime: _moment,
    datetime.date: _moment,
    datetime.time: _moment,
    datetime.timedelta: _duration,
    bytes: _binary,
    bytearray: _binary,
    memoryview: _binary,
    uuid.UUID: _plain,
    dict: _mapping,
    list: _list,
    tuple: _list,
    ipaddress.IPv4Address: _plain,
    ipaddress.IPv6Address: _plain,
    ipaddress.IPv4Interface: _plain,
    ipaddress.IPv6Interface: _plain,
    ipaddress.IPv4Network: _plain,
    ipaddress.IPv6Network: _plain,
}


#: Values that psycopg2 writes as they are meant.
NATIVE = frozenset(_WRITERS) - {
    *(uuid.UUID, dict, list, tuple),
    *(ipaddress.IPv4Address, ipaddress.IPv4Interface, ipaddress.IPv4Network),
    *(ipaddress.IPv6Address, ipaddress.IPv6Interface, ipaddress.IPv6Network),
}


def adapted(value: Any) -> Any:
    """A parameter that psycopg2 has no words for in a form that it has: JSON, text, or what an enum stands for."""
    if type(value) in NATIVE:
        return value
    if isinstance(value, Mapping):
        from psycopg2.extras import Json

        return Json(value, dumps=_json)
    if isinstance(value, enum.Enum):
        return adapted(value.value)
    if (type(value) in _WRITERS and not isinstance(value, list | tuple)) or isinstance(value, PurePath):
        return str(value)
    if isinstance(value, list):
        return [adapted(item) for item in value]
    if type(value) is tuple:
        return tuple([adapted(item) for item in value])
    if type(value).__name__ in _MISSING:
        return None
    if type(value).__module__ == "numpy" and hasattr(value, "tolist"):
        return adapted(value.tolist())
    return value


# Many rows


class CopyEncoder:
    """Rows as COPY's text format, in UTF-8, for columns of known names and kinds."""

    def __init__(self, columns: Iterable[tuple[str, Kind]]) -> None:
        self._columns = list(columns)

    def encode(self, rows: Sequence[Sequence[Any]]) -> bytes:
        """All rows, each as long as there are columns. Raises RowError, which names the column, and Unwritable."""
        texts = [
            self._column(values, name, kind)
            for values, (name, kind) in zip(zip(*rows, strict=True), self._columns, strict=True)
        ]
        lines = "\n".join(map("\t".join, zip(*texts)))
        try:
            return (lines + "\n").encode()
        except UnicodeEncodeError:
            raise RowError(_SURROGATE) from None

    def _column(self, values: Sequence[Any], name: str, kind: Kind) -> Sequence[str]:
        types = set(map(type, values))
        missing = type(None) in types
        types.discard(type(None))
        if not types:
            return [NULL] * len(values)
        present = [value for value in values if value is not None] if missing else values
        try:
            texts = self._present(present, types, kind)
        except (TypeError, ValueError, RecursionError) as error:
            if isinstance(error, Unwritable):
                raise
            raise RowError(f"column {name!r}: {error}") from None
        if not missing:
            return texts
        rest = iter(texts)
        return [NULL if value is None else next(rest) for value in values]

    def _present(self, values: Sequence[Any], types: set[type], kind: Kind) -> Sequence[str]:
        if types == {str}:
            return _escaped(values)
        if types == {int} and kind.name not in ("time", "bytes"):
            return list(map(str, values))
        if types == {float} and kind.name == "any":
            return list(map(repr, values))
        if types == {datetime.datetime} and kind.name == "time":
            return list(map(str, values))
        texts = [text_of(value, kind) for value in values]
        if None in texts:  # pandas has missing values of its own
            written = iter(_escaped([text for text in texts if text is not None]))
            return [NULL if text is None else next(written) for text in texts]
        return _escaped(texts)  # type: ignore[arg-type]  # no None is left


_NUL = "PostgreSQL's texts cannot hold the character NUL (0x00)"
_SURROGATE = "a text holds half of a surrogate pair, which UTF-8 cannot write"


def checked(text: str | None) -> str | None:
    """`text`, if a statement can hold it. Raises ValueError."""
    if text is not None and not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise ValueError(_SURROGATE) from None
    if text is not None and "\0" in text:
        raise ValueError(_NUL)
    return text


def _escaped(texts: Sequence[str]) -> Sequence[str]:
    """The texts with backslashes before what COPY would take for something else."""
    if not texts:
        return texts
    together = "\0".join(texts)
    if together.count("\0") != len(texts) - 1:
        raise ValueError(_NUL)
    if not any(char in together for char in "\\\t\n\r"):
        return texts
    for char, written in (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r")):
        together = together.replace(char, written)
    return together.split("\0")
