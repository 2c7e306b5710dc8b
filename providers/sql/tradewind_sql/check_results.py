"""What a check found: the one form in which all check operators keep their results, and how values meet bounds."""

from __future__ import annotations

import datetime
import decimal
import operator
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

#: What a value may be compared with, and how that is written in messages.
SIGNS = {"is": "", "equal_to": "=", "greater_than": ">", "geq_to": ">=", "less_than": "<", "leq_to": "<="}

_COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    "equal_to": operator.eq,
    "greater_than": operator.gt,
    "geq_to": operator.ge,
    "less_than": operator.lt,
    "leq_to": operator.le,
}


@dataclass(frozen=True)
class CheckResult:
    """One check of one run of a task."""

    name: str  #: unique within the task: `amount:max`, `row_count`, the name of a result's column
    column: str | None  #: of the table or of the query's result; None: the check is not about one column
    check: str  #: what was checked: `null_check`, `max`, an SQL expression, `value`, `threshold`, a ratio's formula
    value: Any  #: what was found
    expected: Mapping[str, Any]  #: bound -> its value, such as `{"geq_to": 1, "less_than": 100}`
    tolerance: float | None  #: share by which a bound may be missed
    passed: bool
    details: Mapping[str, Any] = field(default_factory=dict)  #: more that was looked at: `partition_clause`, `current`

    def record(self) -> dict[str, Any]:
        """The result as a dict for XCom, with keys as above."""
        found = asdict(self)
        found["value"] = _storable(self.value)
        found["expected"] = {bound: _storable(value) for bound, value in self.expected.items()}
        found["details"] = {key: _storable(value) for key, value in self.details.items()}
        return found

    def __str__(self) -> str:
        wanted = " and ".join(f"{SIGNS[bound]} {shown(value)}".strip() for bound, value in self.expected.items())
        tolerance = f", tolerance {number(self.tolerance):%}" if self.tolerance is not None else ""
        details = "".join(f", {key} {shown(value)}" for key, value in self.details.items() if value is not None)
        return f"{self.name}: {self.check} is {shown(self.value)}, wanted {wanted}{tolerance}{details}"


def meets(value: Any, expected: Mapping[str, Any], tolerance: Any = None) -> bool:
    """Whether a value keeps within all bounds, each of which may be missed by the share `tolerance` of itself.

    Numbers are compared exactly, as they are written; dates as dates, also with texts; everything else as text. NULL
    meets no bound. Raises ValueError for a tolerance that is none, or that is given for something else than numbers.
    """
    return value is not None and all(_meets(value, bound, limit, tolerance) for bound, limit in expected.items())


def _meets(value: Any, bound: str, limit: Any, tolerance: Any) -> bool:
    compared = _COMPARED[bound]
    wanted = number(limit)
    if wanted is None:
        if tolerance is not None:
            raise ValueError(f"tolerance={tolerance!r} makes sense for numbers only, not for {limit!r}")
        return compared(*_alike(value, limit))
    found = number(value)
    if found is None:
        return False
    slack = abs(wanted * share(tolerance))
    if bound == "equal_to":
        return wanted - slack <= found <= wanted + slack
    return compared(found, wanted - slack if bound.startswith("g") else wanted + slack)


def share(tolerance: Any) -> decimal.Decimal:
    """A tolerance as a number, 0 if there is none. Raises ValueError if it is something else."""
    found = decimal.Decimal(0) if tolerance is None else number(tolerance)
    if found is None or found < 0:
        raise ValueError(f"tolerance={tolerance!r} is not a share such as 0.05")
    return found


def number(value: Any) -> decimal.Decimal | None:
    """A number as it is written, without the detour of a float; None if it is none."""
    if isinstance(value, bool):
        return decimal.Decimal(int(value))
    try:
        found = decimal.Decimal(str(value).strip())
    except decimal.InvalidOperation:
        return None
    return found if found.is_finite() else None


def _alike(value: Any, limit: Any) -> tuple[Any, Any]:
    """Both as moments where one is a date, else both as text."""
    if isinstance(limit, datetime.date) or isinstance(value, datetime.date):
        try:
            found, wanted = _moment(value), _moment(limit)
        except ValueError:
            return str(value), str(limit)
        if (found.tzinfo is None) != (wanted.tzinfo is None):  # without a zone it is meant as the other one is
            zone = found.tzinfo or wanted.tzinfo
            found, wanted = (part.replace(tzinfo=part.tzinfo or zone) for part in (found, wanted))
        return found, wanted
    return str(value), str(limit)


def _moment(value: Any) -> datetime.datetime:
    if isinstance(value, datetime.datetime):
        return value
    if isinstance(value, datetime.date):
        return datetime.datetime.combine(value, datetime.time())
    return datetime.datetime.fromisoformat(str(value))


def shown(value: Any) -> str:
    """A value as messages show it."""
    if value is None:
        return "NULL"
    return str(value) if isinstance(value, int | float | decimal.Decimal | datetime.date) else repr(value)


def _storable(value: Any) -> Any:
    """What XCom can keep: a type that only the driver knows becomes text."""
    if value is None or isinstance(value, str | int | float | bool | bytes | decimal.Decimal | datetime.date):
        return value
    return [_storable(item) for item in value] if isinstance(value, list | tuple) else str(value)
