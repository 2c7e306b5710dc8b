"""The types that columns have while rows are under way, whatever the databases at both ends call theirs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from tradewind.errors import DagError

#: Kind -> the Python type of its values. NULL is None for each of them.
KINDS: Final = {
    "any": "whatever Python value comes: a text from a CSV file, or a value of a database without types",
    "bool": "bool",
    "int": "int, of 64 bits with a sign",
    "decimal": "decimal.Decimal; precision and scale are None where they are unlimited",
    "float": "float, of 64 bits",
    "text": "str",
    "bytes": "bytes",
    "date": "datetime.date",
    "time": "datetime.time, without a zone",
    "timestamp": "datetime.datetime without a zone",
    "timestamptz": "datetime.datetime with the zone UTC",
    "interval": "datetime.timedelta",
    "uuid": "uuid.UUID",
    "json": "str that holds JSON, so that nothing of its numbers and order is lost",
    "array": "list of values of `item`, or of such lists",
}

_WRITTEN = re.compile(r"(?P<kind>[a-z]+)(?:\((?P<precision>\d+)(?:,\s*(?P<scale>\d+))?\))?(?P<array>\[\])?\Z")


@dataclass(frozen=True, slots=True)
class Type:
    """What the values of a column are. `str()` and `Type.parse` are inverse: `decimal(10,2)`, `text[]`."""

    kind: str  #: one of `KINDS`
    precision: int | None = None  #: of a decimal: digits in all
    scale: int | None = None  #: of a decimal: digits behind the point
    item: Type | None = None  #: of an array

    def __str__(self) -> str:
        if self.kind == "array":
            return f"{self.item or ANY}[]"
        if self.precision is not None:
            return f"{self.kind}({self.precision},{self.scale or 0})"
        return self.kind

    @classmethod
    def parse(cls, text: str) -> Type:
        """The type that is written so. Raises DagError, which lists the kinds."""
        found = _WRITTEN.match(text.strip().lower())
        kind = found["kind"] if found else ""
        if found is None or kind not in KINDS or kind == "array" or (found["precision"] and kind != "decimal"):
            known = ", ".join(kind for kind in KINDS if kind != "array")
            raise DagError(
                f"{text!r} is not a type of columns; there are {known}, decimal(10,2) and, for lists, int[]."
            )
        precision = int(found["precision"]) if found["precision"] else None
        scale = int(found["scale"] or 0) if precision is not None else None
        plain = cls(kind, precision, scale)
        return cls("array", item=plain) if found["array"] else plain


ANY: Final = Type("any")
BOOL: Final = Type("bool")
INT: Final = Type("int")
DECIMAL: Final = Type("decimal")
FLOAT: Final = Type("float")
TEXT: Final = Type("text")
BYTES: Final = Type("bytes")
DATE: Final = Type("date")
TIME: Final = Type("time")
TIMESTAMP: Final = Type("timestamp")
TIMESTAMPTZ: Final = Type("timestamptz")
INTERVAL: Final = Type("interval")
UUID: Final = Type("uuid")
JSON: Final = Type("json")
