"""What the names that databases give their column types mean for a transfer: `numeric(10,2)` is `decimal(10,2)`."""

from __future__ import annotations

import re
from typing import Final

from tradewind.transfer import Type

_DECLARED = re.compile(
    r"\s*(?P<name>[a-z_][\w ]*?)\s*(?:\((?P<first>\d+)(?:\s*,\s*(?P<second>-?\d+))?\)(?P<rest>[ a-z]*))?"
    r"(?P<array>(\[\])*)\s*\Z"
)

#: What the many names of databases mean. `timestamp` and `datetime` have no zone, unless they say so.
_KINDS: Final = {
    "bool": ("bool", "boolean"),
    "int": (
        *("int", "integer", "tinyint", "smallint", "mediumint", "bigint", "int2", "int4", "int8", "year"),
        *("smallserial", "serial", "bigserial"),
    ),
    "decimal": ("decimal", "numeric", "number", "dec", "decimal_text"),
    "float": ("float", "float4", "float8", "real", "double", "double precision"),
    "bytes": ("blob", "tinyblob", "mediumblob", "longblob", "binary", "varbinary", "bytea", "bytes"),
    "date": ("date",),
    "time": ("time", "time without time zone"),
    "timestamp": ("timestamp", "datetime", "timestamp without time zone"),
    "timestamptz": ("timestamptz", "timestamp with time zone"),
    "interval": ("interval", "duration_text"),
    "uuid": ("uuid",),
    "json": ("json", "jsonb", "json_text"),
}
_BY_NAME: Final = {name: kind for kind, names in _KINDS.items() for name in names}


def type_of(declared: str) -> Type:
    """The type of a column that is declared so; whatever is not known is text, and nothing at all is `any`."""
    if not declared.strip():
        return Type("any")
    found = _DECLARED.match(declared.lower())
    if found is None:
        return Type("text")
    words = [*found["name"].split(), *(found["rest"] or "").split()]
    name = " ".join(word for word in words if word not in ("unsigned", "zerofill"))
    plain = _plain(name, found["first"], found["second"], "unsigned" in words)
    return Type("array", item=plain) if found["array"] else plain


def _plain(name: str, first: str | None, second: str | None, unsigned: bool) -> Type:
    kind = _BY_NAME.get(name, "text")
    if kind == "int" and unsigned and name == "bigint":
        return Type("decimal", 20, 0)  # twice as far as 64 bits with a sign
    if kind == "decimal" and first:
        return Type("decimal", int(first), int(second or 0))
    return Type(kind)
