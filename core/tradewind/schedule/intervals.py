"""From moments to data intervals: which one comes next after the last one.

The only place that knows about catching up, start dates, end dates and changed schedules.
"""

from __future__ import annotations

import datetime
from typing import Protocol

import msgspec

#: Dates before this are taken as this: nothing ran earlier, and date arithmetic needs some air below it.
_EARLIEST = datetime.datetime(2, 1, 1, tzinfo=datetime.UTC)


class Interval(msgspec.Struct, frozen=True):
    """The stretch of time whose data a run works on: `start` belongs to it, `end` does not."""

    start: datetime.datetime
    end: datetime.datetime


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """Which runs of a schedule a DAG wants: those from `start` to `end`, both logical dates.

    Without `catchup` every interval that is over is left out but the latest. Without `start` there is nothing to
    catch up from, and the first run is that of the latest complete interval.
    """

    start: datetime.datetime | None = None
    end: datetime.datetime | None = None
    catchup: bool


class PlannedRun(msgspec.Struct, frozen=True):
    """A run that a schedule calls for."""

    logical_date: datetime.datetime
    interval_start: datetime.datetime
    interval_end: datetime.datetime
    run_after: datetime.datetime  #: the earliest moment at which it may be created

    @property
    def interval(self) -> Interval:
        return Interval(self.interval_start, self.interval_end)


class Points(Protocol):
    """The moments at which the intervals of a schedule begin and end, endless in both directions."""

    def after(self, moment: datetime.datetime) -> datetime.datetime: ...

    def before(self, moment: datetime.datetime) -> datetime.datetime: ...

    def at_or_after(self, moment: datetime.datetime) -> datetime.datetime: ...

    def at_or_before(self, moment: datetime.datetime) -> datetime.datetime: ...


def next_of(points: Points, last: Interval | None, now: datetime.datetime, bounds: Bounds) -> PlannedRun | None:
    """The run that follows `last`, or the first one; None after the end."""
    try:
        begin = _begin(points, last, now, bounds)
        if bounds.end is not None and begin > bounds.end:
            return None
        finish = points.after(begin)
    except OverflowError:  # no point within the years that a date can name
        return None
    return PlannedRun(begin, begin, finish, finish)


def _begin(points: Points, last: Interval | None, now: datetime.datetime, bounds: Bounds) -> datetime.datetime:
    start = bounds.start
    if last is not None and (start is None or last.end >= start):
        # Usually a point. After a change of schedule it need not be one: then this interval is a short one, which
        # bridges the two schedules, so that no stretch of time is left out or done twice.
        begin = last.end.astimezone(datetime.UTC)
    elif start is not None:
        begin = points.at_or_after(max(start, _EARLIEST))
    else:
        return points.before(points.at_or_before(now))
    if bounds.catchup:
        return begin
    return max(begin, points.before(points.at_or_before(now)))
