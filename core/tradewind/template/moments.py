"""Methods that dates have inside templates, beside Python's own: the ones that Airflow users know from pendulum.

    {{ logical_date.subtract(days=1).to_date_string() }}      {{ data_interval_end.in_timezone('Europe/Berlin') }}

They exist in templates only; what a task's Python code gets is a plain datetime.
"""

from __future__ import annotations

import calendar
import datetime
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

from tradewind.template.macros import datetime_diff_for_humans


def attribute(owner: Any, name: str, default: Any) -> Any:
    """The method or property `name` for a date, or `default`."""
    if not isinstance(owner, datetime.datetime):
        return default
    if name in _METHODS:
        method = _METHODS[name]
        return lambda *args, **kwargs: method(owner, *args, **kwargs)
    return _PROPERTIES[name](owner) if name in _PROPERTIES else default


def add(
    moment: datetime.datetime, years: int = 0, months: int = 0, weeks: float = 0, days: float = 0, **rest: float
) -> datetime.datetime:
    """Later by so much. The 31st plus one month is the last day of the next one."""
    count = moment.year * 12 + moment.month - 1 + int(years) * 12 + int(months)
    year, month = divmod(count, 12)
    day = min(moment.day, calendar.monthrange(year, month + 1)[1])
    shifted = moment.replace(year=year, month=month + 1, day=day)
    return shifted + datetime.timedelta(weeks=weeks, days=days, **rest)


def subtract(moment: datetime.datetime, **parts: float) -> datetime.datetime:
    """Earlier by so much."""
    return add(moment, **{name: -value for name, value in parts.items()})  # type: ignore[arg-type]  # whole numbers stay so


def in_timezone(moment: datetime.datetime, zone: str | datetime.tzinfo) -> datetime.datetime:
    """The same instant on the clocks of another time zone."""
    return moment.astimezone(ZoneInfo(zone) if isinstance(zone, str) else zone)


def start_of(moment: datetime.datetime, unit: str) -> datetime.datetime:
    """First moment of its second, minute, hour, day, week (from Monday), month, quarter or year."""
    if unit not in _UNITS:
        raise ValueError(f"start_of knows {', '.join(_UNITS)}, not {unit!r}")
    cut = _UNITS.index(unit)
    zeros: dict[str, int] = {"microsecond": 0}
    zeros.update(dict.fromkeys(("second", "minute", "hour")[:cut], 0))
    start = moment.replace(**zeros)  # type: ignore[arg-type]  # the keys are fields of a datetime
    if unit == "week":
        return start - datetime.timedelta(days=start.weekday())
    if unit in ("month", "quarter", "year"):
        months = {"month": start.month, "quarter": (start.month - 1) // 3 * 3 + 1, "year": 1}
        return start.replace(day=1, month=months[unit])
    return start


def end_of(moment: datetime.datetime, unit: str) -> datetime.datetime:
    """Last microsecond of its second, minute, hour, day, week, month, quarter or year."""
    start = start_of(moment, unit)
    step = {"quarter": {"months": 3}}.get(unit, {f"{unit}s": 1})
    return add(start, **step) - datetime.timedelta(microseconds=1)


_UNITS = ("second", "minute", "hour", "day", "week", "month", "quarter", "year")

_METHODS: dict[str, Callable[..., Any]] = {
    "add": add,
    "subtract": subtract,
    "in_timezone": in_timezone,
    "in_tz": in_timezone,
    "start_of": start_of,
    "end_of": end_of,
    "to_date_string": lambda moment: moment.strftime("%Y-%m-%d"),
    "to_time_string": lambda moment: moment.strftime("%H:%M:%S"),
    "to_datetime_string": lambda moment: moment.strftime("%Y-%m-%d %H:%M:%S"),
    "to_iso8601_string": lambda moment: moment.isoformat().replace("+00:00", "Z"),
    "diff_for_humans": lambda moment, other=None: datetime_diff_for_humans(moment, other),
}

_PROPERTIES: dict[str, Callable[[datetime.datetime], Any]] = {
    "int_timestamp": lambda moment: int(moment.timestamp()),
    "float_timestamp": lambda moment: moment.timestamp(),
    "day_of_year": lambda moment: moment.timetuple().tm_yday,
    "week_of_year": lambda moment: moment.isocalendar().week,
    "quarter": lambda moment: (moment.month - 1) // 3 + 1,
    "timezone_name": lambda moment: getattr(moment.tzinfo, "key", None) or moment.tzname(),
}
