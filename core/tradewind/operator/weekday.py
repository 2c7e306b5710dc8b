"""Days of the week, by number or by name."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from enum import IntEnum
from typing import Any

from tradewind.errors import DagError


class WeekDay(IntEnum):
    """Monday is 1 and Sunday 7, as in ISO 8601."""

    MONDAY = 1
    TUESDAY = 2
    WEDNESDAY = 3
    THURSDAY = 4
    FRIDAY = 5
    SATURDAY = 6
    SUNDAY = 7

    @classmethod
    def of(cls, moment: datetime.date) -> WeekDay:
        return cls(moment.isoweekday())


def read_days(value: Any) -> frozenset[WeekDay]:
    """One day or several: WeekDay, or its English name in any case. Raises DagError for anything else."""
    several = not isinstance(value, (str, WeekDay)) and isinstance(value, Iterable)
    days = frozenset(_read_day(day) for day in (value if several else [value]))
    if not days:
        raise DagError("No day of the week is given; name at least one, such as 'Monday' or WeekDay.MONDAY.")
    return days


def _read_day(value: Any) -> WeekDay:
    if isinstance(value, WeekDay):
        return value
    if isinstance(value, str) and value.strip().upper() in WeekDay.__members__:
        return WeekDay[value.strip().upper()]
    known = ", ".join(day.name.capitalize() for day in WeekDay)
    raise DagError(f"{value!r} is not a day of the week; there are {known}.")
