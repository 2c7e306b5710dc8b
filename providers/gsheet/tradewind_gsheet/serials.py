"""Dates and times as numbers, as spreadsheets keep them: days since 30 December 1899, with the time as a fraction.

There are no time zones in it. A number has fifteen digits, which are good for a tenth of a millisecond in our days;
what is read is rounded to the millisecond, so that whole seconds and milliseconds come back as they were.
"""

from __future__ import annotations

import datetime

EPOCH = datetime.datetime(1899, 12, 30)
_DAY = datetime.timedelta(days=1)
_MILLISECOND = datetime.timedelta(milliseconds=1)


def to_serial(value: datetime.date | datetime.time | datetime.timedelta) -> int | float:
    """The number for a date, a moment, a time of day or a duration. A moment with a zone is taken in UTC."""
    if isinstance(value, datetime.datetime):
        if value.tzinfo is not None:
            value = value.astimezone(datetime.UTC).replace(tzinfo=None)
        return _days(value - EPOCH)
    if isinstance(value, datetime.date):
        return (value - EPOCH.date()).days
    if isinstance(value, datetime.time):
        return _days(datetime.datetime.combine(EPOCH, value) - EPOCH)
    return _days(value)


def to_moment(serial: int | float) -> datetime.datetime:
    """The moment that a number stands for. Raises ValueError for one that is none."""
    return EPOCH + to_duration(serial)


def to_date(serial: int | float) -> datetime.date:
    """The date that a number stands for. Raises ValueError for one with a time of day."""
    moment = to_moment(serial)
    if moment.time() != datetime.time():
        raise ValueError("a number with a fraction, which is a moment and no date")
    return moment.date()


def to_time(serial: int | float) -> datetime.time:
    """The time of day that a number stands for. Raises ValueError for one of a day or more."""
    if not 0 <= serial < 1:
        raise ValueError("a number that is not between 0 and 1, and so no time of day")
    return to_moment(serial).time()


def to_duration(serial: int | float) -> datetime.timedelta:
    """The duration that a number of days is. Raises ValueError if it is none."""
    try:
        exact = _DAY * serial
        return _MILLISECOND * round(exact / _MILLISECOND)
    except (OverflowError, ValueError):
        raise ValueError("a number that is too large to be a date") from None


def _days(value: datetime.timedelta) -> int | float:
    found = value / _DAY
    return int(found) if found == int(found) else found
