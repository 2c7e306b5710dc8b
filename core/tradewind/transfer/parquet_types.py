"""Types of Parquet's columns and of transfers: which stands for which, and what makes values of one out of the other's.

What Parquet has no type for (decimals of any size, intervals, UUIDs, JSON) is a text in it, with a note in the metadata
of the column, so that it is read as what it was.
"""

from __future__ import annotations

import datetime
import uuid
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tradewind.errors import TransferError
from tradewind.transfer import types
from tradewind.transfer.types import Type
from tradewind.transfer.values import Convert, json_text, reading, text_of

#: Metadata of a column that is a text in the file: the type that it stands for.
NOTE = b"tradewind.type"

#: Digits that a decimal of Parquet can have.
MOST_DIGITS = 76


def pyarrow() -> Any:
    """The library, with `pyarrow.parquet`. Raises TransferError, saying what to install."""
    try:
        import pyarrow as library
        import pyarrow.parquet
    except ImportError:
        raise TransferError('Parquet files need the package pyarrow: `pip install "tradewind[parquet]"`.') from None
    return library


# -- out of files


@dataclass(frozen=True)
class Found:
    """How a column of a file is read."""

    type: Type
    cast: Any = None  #: the type of pyarrow that its values are brought to first, without loss
    convert: Convert | None = None  #: makes a value of `type` of one of pyarrow's, which is never None


def found_in(field: Any, place: str) -> Found:
    """How a field of a schema is read. Raises TransferError, beginning with `place`, for a type that has no values."""
    found = _found(pyarrow(), field.type)
    if found is None:
        raise TransferError(f"{place} has the column {field.name!r} of type {field.type}, which no transfer can carry.")
    note = (field.metadata or {}).get(NOTE)
    if note is None:
        return found
    noted = Type.parse(note.decode())
    return Found(noted, found.cast, reading(found.type, noted))


def _found(pa: Any, type: Any) -> Found | None:
    of = pa.types
    if isinstance(type, pa.BaseExtensionType):
        return _extension(pa, type)
    if of.is_dictionary(type):
        inner = _found(pa, type.value_type)
        return inner and Found(inner.type, inner.cast or type.value_type, inner.convert)
    if of.is_list(type) or of.is_large_list(type) or of.is_fixed_size_list(type):
        return _list(pa, type)
    if of.is_struct(type) or of.is_map(type):
        return Found(types.JSON, convert=lambda value: json_text(dict(value) if isinstance(value, list) else value))
    if of.is_timestamp(type):
        return _moment(pa, type)
    if of.is_time(type):
        return Found(types.TIME, pa.time64("us") if type.unit == "ns" else None)
    if of.is_duration(type):
        return Found(types.INTERVAL, pa.duration("us"))
    if of.is_decimal(type):
        return Found(Type("decimal", type.precision, type.scale) if type.scale >= 0 else types.DECIMAL)
    if of.is_uint64(type):
        return Found(Type("decimal", 20, 0), convert=Decimal)
    return next((Found(kind) for name, kind in _SIMPLE if getattr(of, name, _no)(type)), None)


#: Name of a question to `pyarrow.types` -> the type if it is answered with yes.
_SIMPLE = (
    ("is_boolean", types.BOOL),
    ("is_integer", types.INT),
    ("is_floating", types.FLOAT),
    ("is_string", types.TEXT),
    ("is_large_string", types.TEXT),
    ("is_string_view", types.TEXT),
    ("is_binary", types.BYTES),
    ("is_large_binary", types.BYTES),
    ("is_fixed_size_binary", types.BYTES),
    ("is_binary_view", types.BYTES),
    ("is_date", types.DATE),
    ("is_null", types.ANY),
)


def _no(type: Any) -> bool:
    """For questions that an older pyarrow does not know."""
    return False


def _extension(pa: Any, type: Any) -> Found | None:
    if type.extension_name == "arrow.uuid":
        return Found(types.UUID, type.storage_type, lambda value: uuid.UUID(bytes=value))
    if type.extension_name == "arrow.json":
        return Found(types.JSON, type.storage_type)
    inner = _found(pa, type.storage_type)
    return inner and Found(inner.type, inner.cast or type.storage_type, inner.convert)


def _list(pa: Any, type: Any) -> Found | None:
    inner = _found(pa, type.value_type)
    if inner is None:
        return None
    if inner.type.kind in ("array", "json"):
        return Found(types.JSON, convert=json_text)
    convert = inner.convert
    cast = None if inner.cast is None else pa.list_(inner.cast)
    if convert is None:
        return Found(Type("array", item=inner.type), cast)
    one = convert
    return Found(
        Type("array", item=inner.type), cast, lambda value: [None if item is None else one(item) for item in value]
    )


def _moment(pa: Any, type: Any) -> Found:
    """What is finer than a microsecond is refused by the cast."""
    if type.tz is None:
        return Found(types.TIMESTAMP, None if type.unit == "us" else pa.timestamp("us"))
    return Found(types.TIMESTAMPTZ, pa.timestamp("us", "UTC"), lambda value: value.astimezone(datetime.UTC))


# -- into files


@dataclass(frozen=True)
class Kept:
    """How a column is kept in a file."""

    type: Any  #: of pyarrow
    note: Type | None = None  #: if it is a text that stands for something else
    convert: Convert | None = None  #: makes a value for pyarrow of one of a transfer, which is never None


def kept_as(type: Type) -> Kept:
    """How values of this type are kept."""
    pa = pyarrow()
    if type.kind == "array":
        return _kept_list(pa, type)
    if type.kind == "decimal" and type.precision is not None and type.precision <= MOST_DIGITS:
        make = pa.decimal128 if type.precision <= 38 else pa.decimal256
        return Kept(make(type.precision, type.scale or 0))
    if type.kind == "json":
        return Kept(pa.string(), type)
    if type.kind in ("decimal", "interval", "uuid"):
        return Kept(pa.string(), type, text_of)
    return Kept(
        {
            "bool": pa.bool_(),
            "int": pa.int64(),
            "float": pa.float64(),
            "bytes": pa.binary(),
            "date": pa.date32(),
            "time": pa.time64("us"),
            "timestamp": pa.timestamp("us"),
            "timestamptz": pa.timestamp("us", "UTC"),
        }.get(type.kind, pa.string())
    )


def _kept_list(pa: Any, type: Type) -> Kept:
    item = type.item or types.TEXT
    inner = kept_as(types.TEXT if item.kind == "any" else item)
    note = type if inner.note is not None else None
    if inner.convert is None:
        return Kept(pa.list_(inner.type), note)
    one = inner.convert
    return Kept(pa.list_(inner.type), note, lambda value: [None if cell is None else one(cell) for cell in value])
