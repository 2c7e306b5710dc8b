"""What the columns of a result hold, by the numbers of MySQL's protocol (PyMySQL's FIELD_TYPE)."""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Sequence
from typing import Any

_KINDS: dict[int, type] = {
    **dict.fromkeys((1, 2, 3, 8, 9, 13), int),  # TINY, SHORT, LONG, LONGLONG, INT24, YEAR
    **dict.fromkeys((4, 5), float),  # FLOAT, DOUBLE
    **dict.fromkeys((0, 246), decimal.Decimal),  # DECIMAL, NEWDECIMAL
    **dict.fromkeys((7, 12), datetime.datetime),  # TIMESTAMP, DATETIME
    10: datetime.date,  # DATE
    11: datetime.timedelta,  # TIME
    16: bytes,  # BIT
    245: str,  # JSON
}

#: Types (BIT, YEAR, geometry) that LOAD DATA reads otherwise than INSERT.
NOT_LOADED = frozenset({16, 13, 255})


def kinds(description: Sequence[Sequence[Any]]) -> list[type | None]:
    """Python's type of each column; None for texts and bytes, which MySQL has the same numbers for."""
    return [_KINDS.get(column[1]) for column in description]
