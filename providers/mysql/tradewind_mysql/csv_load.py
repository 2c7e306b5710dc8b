"""The CSV of transfers as LOAD DATA reads it.

Two things differ. For MySQL an empty value is an empty text, and NULL is the word NULL without quotes; so the blocks
are changed on their way, as a whole where that can be done. And the texts of some types must be made values of: that
is what SET is for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from tradewind.transfer import Type

#: Delimiters as hexadecimal numbers, since backslashes in strings depend on the session.
_FORM = (
    "CHARACTER SET utf8mb4 FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '\"' ESCAPED BY '' "
    "LINES STARTING BY '' TERMINATED BY X'0A'"
)

#: Where an empty value is, in rows with a line end before them; what rows have that must be changed.
_EMPTY = (b",,", b"\n,", b",\n", b"\n\n")
_SPECIAL = (*_EMPTY, b"NULL")

#: A value with all that belongs to it: quoted, or plain up to the next comma or line end.
_VALUE = re.compile(rb'(?P<quoted>"[^"]*(?:""[^"]*)*"[,\n])|(?P<plain>[^",\n]*)(?P<end>[,\n])')


def clauses(columns: Sequence[tuple[str, Type]]) -> str:
    """What follows the name of the table: how the text is to be read, columns (quoted) and what is set from it."""
    names, sets = [], []
    for number, (name, type) in enumerate(columns):
        expression = _EXPRESSIONS.get(type.kind)
        if expression is None:
            names.append(name)
        else:
            names.append(f"@value{number}")
            sets.append(f"{name} = {expression.format(v=f'@value{number}')}")
    return f"{_FORM} ({', '.join(names)})" + (f" SET {', '.join(sets)}" if sets else "")


#: Whether a text of a moment ends with its distance to UTC: `+02`, `-0530`, `+02:00`.
_HAS_ZONE = "{v} REGEXP ':[0-9.]+[-+][0-9][0-9](:?[0-9][0-9])?$'"
_ZONE = "REGEXP_SUBSTR({v}, '[-+][0-9][0-9](:?[0-9][0-9])?$')"
_BEFORE_ZONE = f"LEFT({{v}}, CHAR_LENGTH({{v}}) - CHAR_LENGTH({_ZONE}))"
_MINUTES = f"(LEFT({_ZONE}, 3) * 60 + IF(CHAR_LENGTH({_ZONE}) > 3, CONCAT(LEFT({_ZONE}, 1), RIGHT({_ZONE}, 2)), 0))"
_MOMENT = (
    "CASE WHEN {v} IS NULL OR CHAR_LENGTH({v}) < 17 THEN {v} "
    "WHEN RIGHT({v}, 3) = '+00' THEN LEFT({v}, CHAR_LENGTH({v}) - 3) "
    "WHEN RIGHT({v}, 1) IN ('Z', 'z') THEN LEFT({v}, CHAR_LENGTH({v}) - 1) "
    f"WHEN {_HAS_ZONE} THEN CAST({_BEFORE_ZONE} AS DATETIME(6)) - INTERVAL {_MINUTES} MINUTE "
    "ELSE {v} END"
)

#: Kind of a column -> SQL that makes its value of the text `{v}`. What cannot be one gives a warning, and so an error.
_EXPRESSIONS = {
    "bool": (
        "CASE WHEN LOWER({v}) IN ('true', 't', '1') THEN 1 WHEN LOWER({v}) IN ('false', 'f', '0') THEN 0 "
        "WHEN {v} IS NULL THEN NULL ELSE 2147483647 END"  # a number, for BIT; out of its range
    ),
    "int": "IF({v} LIKE '%.%' OR {v} LIKE '%e%', 'no whole number', {v})",  # MySQL would round it
    "bytes": ("IF(LEFT({v}, 2) = X'5C78', IFNULL(UNHEX(SUBSTRING({v}, 3)), CAST({v} AS BINARY)), CAST({v} AS BINARY))"),
    "timestamp": _MOMENT,
    "timestamptz": _MOMENT,
}


def blocks(given: Iterable[bytes]) -> Iterator[bytes]:
    """CSV of transfers as CSV for LOAD DATA."""
    rest = b""
    for block in given:
        data = rest + block
        end = _row_end(data)
        rest = data[end:]
        if end:
            yield _translated(data[:end])
    if rest:
        yield _translated(rest + b"\n")


def _row_end(data: bytes) -> int:
    """Position behind the last line end that is not in quotes. Data begins with a row."""
    position, total, behind = len(data), data.count(b'"'), 0
    while (found := data.rfind(b"\n", 0, position)) >= 0:
        behind += data.count(b'"', found, position)
        if (total - behind) % 2 == 0:
            return found + 1
        position = found
    return 0


def _translated(rows: bytes) -> bytes:
    """Whole rows, each with its line end."""
    marked = b"\n" + rows
    if not any(mark in marked for mark in _SPECIAL):
        return rows
    if b'"' in rows or b"NULL" in rows:
        return _VALUE.sub(_value, rows)
    for empty in _EMPTY:
        null = empty[:1] + b"NULL" + empty[1:]
        marked = marked.replace(empty, null).replace(empty, null)  # twice: neighbours share a delimiter
    return marked[1:]


def _value(found: re.Match[bytes]) -> bytes:
    quoted, plain, end = found.groups()
    if quoted is not None:
        return bytes(quoted)
    return (b'"NULL"' if plain == b"NULL" else plain or b"NULL") + bytes(end)
