"""The CSV of transfers as LOAD DATA reads it.

Two things differ. For MySQL an empty value is an empty text, and NULL is the word NULL without quotes; so the blocks
are changed on their way, as a whole where that can be done. And the texts of some types must be made values of: that
is what SET is for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from tradewind.transfer import Type, csvtext

#: Delimiters as hexadecimal numbers, since backslashes in strings depend on the session.
_FORM = (
    "CHARACTER SET utf8mb4 FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '\"' ESCAPED BY '' "
    "LINES STARTING BY '' TERMINATED BY X'0A'"
)

#: Where an empty value is, in rows with a line end before them; two neighbours share a delimiter.
_EMPTY = (b",,", b",,", b"\n,", b",\n", b"\n\n", b"\n\n")
_NULL_WORD = re.compile(rb"[,\n]NULL[,\n]")

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
    "CASE WHEN LENGTH({v}) = 19 AND SUBSTRING({v}, 17, 1) = ':' THEN {v} "  # the usual form costs least
    "WHEN {v} IS NULL OR LENGTH({v}) < 17 THEN {v} "
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
    rows = csvtext.WholeRows()
    for block in given:
        if whole := rows.add(block):
            yield _translated(whole)
    if rest := rows.rest():
        yield _translated(rest + b"\n")


def _translated(rows: bytes) -> bytes:
    """Whole rows, each with its line end."""
    parts = (b"\n" + rows).split(b'"')
    outside = b'"'.join(parts[::2])  # every other part stands in quotes
    if b"NULL" in outside and _NULL_WORD.search(outside):
        return _VALUE.sub(_value, rows)
    for empty in _EMPTY:
        outside = outside.replace(empty, empty[:1] + b"NULL" + empty[1:])
    parts[::2] = outside.split(b'"')
    return b'"'.join(parts)[1:]


def _value(found: re.Match[bytes]) -> bytes:
    quoted, plain, end = found.groups()
    if quoted is not None:
        return bytes(quoted)
    return (b'"NULL"' if plain == b"NULL" else plain or b"NULL") + bytes(end)
