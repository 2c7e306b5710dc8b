"""When a DAG runs: pure schedules, computed from what was run last, the bounds and the present moment.

A schedule is data (a tagged struct, stored inside `DagSpec`) with the rule that reads it. Runs cover data intervals
as in Airflow 2: the logical date is the start of the interval, and the run may start when the interval is over.
Intervals of one DAG touch and never overlap, also when its schedule is changed: the first interval after a change
begins where the last one ended.
"""

from __future__ import annotations

import datetime
from typing import TypeAlias

import msgspec

from tradewind.errors import ScheduleError, nearest
from tradewind.schedule.intervals import Bounds, Interval, PlannedRun, Points, next_of
from tradewind.schedule.points import CronPoints, DeltaPoints, check_cron
from tradewind.schedule.zones import default_zone, get_zone

__all__ = [
    "PRESETS",
    "Bounds",
    "ContinuousSchedule",
    "CronSchedule",
    "DeltaSchedule",
    "Interval",
    "Never",
    "OnceSchedule",
    "PlannedRun",
    "Schedule",
    "default_zone",
    "get_zone",
    "parse_schedule",
]

PRESETS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@quarterly": "0 0 1 */3 *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}

#: A shorter timedelta is a mistake, and would flood the metadata database.
SHORTEST_DELTA = 1.0  # seconds

_TICK = datetime.timedelta(microseconds=1)


class CronSchedule(msgspec.Struct, frozen=True, tag_field="kind", tag="cron"):
    """By the clock on the wall of one time zone."""

    expression: str  #: five fields
    timezone: str = "UTC"

    @property
    def summary(self) -> str:
        return self.expression

    @property
    def points(self) -> Points:
        """The moments at which intervals begin and end."""
        return CronPoints(self.expression, get_zone(self.timezone))

    def next_run(self, last: Interval | None, now: datetime.datetime, bounds: Bounds) -> PlannedRun | None:
        """The run after `last`, which may lie in the future (see `run_after`); None if there is none any more."""
        return next_of(self.points, last, now, bounds)

    def manual_interval(self, at: datetime.datetime) -> Interval:
        """The data interval of a run triggered by hand at `at`: the last complete one."""
        points = self.points
        end = points.at_or_before(at)
        return Interval(points.before(end), end)


class DeltaSchedule(msgspec.Struct, frozen=True, tag_field="kind", tag="delta"):
    """Every so many seconds of absolute time, counted from the start date (or from 1970, without one)."""

    seconds: float

    @property
    def delta(self) -> datetime.timedelta:
        return datetime.timedelta(seconds=self.seconds)

    @property
    def summary(self) -> str:
        return f"every {_in_words(self.delta)}"

    def next_run(self, last: Interval | None, now: datetime.datetime, bounds: Bounds) -> PlannedRun | None:
        return next_of(DeltaPoints(self.delta, bounds.start), last, now, bounds)

    def manual_interval(self, at: datetime.datetime) -> Interval:
        """The stretch of one delta that ends at `at`."""
        at = at.astimezone(datetime.UTC)
        return Interval(at - self.delta, at)


class OnceSchedule(msgspec.Struct, frozen=True, tag_field="kind", tag="once"):
    """One run, at the start date or, without one, at once."""

    @property
    def summary(self) -> str:
        return "@once"

    def next_run(self, last: Interval | None, now: datetime.datetime, bounds: Bounds) -> PlannedRun | None:
        at = (bounds.start or now).astimezone(datetime.UTC)
        if last is not None or (bounds.end is not None and at > bounds.end):
            return None
        return PlannedRun(at, at, at, at)

    def manual_interval(self, at: datetime.datetime) -> Interval:
        return _moment(at)


class ContinuousSchedule(msgspec.Struct, frozen=True, tag_field="kind", tag="continuous"):
    """A run as soon as the one before it ended; each covers the time since the last one was planned.

    The caller sees to it that the last run has ended (`max_active_runs` is 1).
    """

    @property
    def summary(self) -> str:
        return "@continuous"

    def next_run(self, last: Interval | None, now: datetime.datetime, bounds: Bounds) -> PlannedRun | None:
        start = bounds.start
        begin = (start or now) if last is None or (start and start > last.end) else last.end
        begin = begin.astimezone(datetime.UTC)
        # An interval is never empty, or the next run would have the same logical date.
        until = max(now.astimezone(datetime.UTC), begin + _TICK)
        if bounds.end is not None and until > bounds.end:
            return None
        return PlannedRun(begin, begin, until, until)

    def manual_interval(self, at: datetime.datetime) -> Interval:
        return _moment(at)


class Never(msgspec.Struct, frozen=True, tag_field="kind", tag="never"):
    """Runs only when somebody triggers it."""

    @property
    def summary(self) -> str:
        return "none"

    def next_run(self, last: Interval | None, now: datetime.datetime, bounds: Bounds) -> PlannedRun | None:
        return None

    def manual_interval(self, at: datetime.datetime) -> Interval:
        return _moment(at)


Schedule: TypeAlias = CronSchedule | DeltaSchedule | OnceSchedule | ContinuousSchedule | Never


def parse_schedule(value: str | datetime.timedelta | Schedule | None, timezone: str, dag_id: str) -> Schedule:
    """What a DAG's author wrote as a `Schedule`. Raises ScheduleError, naming the DAG, if that cannot be."""
    try:
        get_zone(timezone)
        return _parse(value, timezone)
    except ScheduleError as error:
        raise ScheduleError(f"DAG {dag_id!r}: {error}") from None


def _parse(value: object, timezone: str) -> Schedule:
    if value is None:
        return Never()
    if isinstance(value, CronSchedule):
        get_zone(value.timezone)
        check_cron(value.expression)
        return value
    if isinstance(value, DeltaSchedule):
        return _delta(value.seconds)
    if isinstance(value, OnceSchedule | ContinuousSchedule | Never):
        return value
    if isinstance(value, datetime.timedelta):
        return _delta(value.total_seconds())
    if isinstance(value, str):
        return _parse_text(value, timezone)
    raise ScheduleError(
        f"a schedule cannot be a {type(value).__name__}; it is a cron expression, a preset such as '@daily', "
        "a timedelta or None"
    )


def _parse_text(text: str, timezone: str) -> Schedule:
    words = text.split()
    if len(words) != 1 or not words[0].startswith("@"):
        expression = " ".join(words)
        check_cron(expression)
        return CronSchedule(expression, timezone)
    name = words[0].lower()
    if name == "@once":
        return OnceSchedule()
    if name == "@continuous":
        return ContinuousSchedule()
    if name not in PRESETS:
        names = [*PRESETS, "@once", "@continuous"]
        hint = nearest(name, names, f"there are {', '.join(names)}.")
        raise ScheduleError(f"there is no schedule preset {text!r}; {hint}")
    return CronSchedule(PRESETS[name], timezone)


def _delta(seconds: float) -> DeltaSchedule:
    if not seconds >= SHORTEST_DELTA:
        raise ScheduleError(f"the schedule of every {seconds:g} seconds is too short; the least is {SHORTEST_DELTA:g}")
    return DeltaSchedule(seconds)


def _moment(at: datetime.datetime) -> Interval:
    at = at.astimezone(datetime.UTC)
    return Interval(at, at)


def _in_words(delta: datetime.timedelta) -> str:
    """`1 day`, `1 hour 30 minutes`, `90.5 seconds` becomes `1 minute 30.5 seconds`."""
    rest = delta.days * 86400 + delta.seconds
    parts: list[str] = []
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count} {unit}{'s' if count > 1 else ''}")
    seconds = rest + delta.microseconds / 1e6
    if seconds:
        parts.append(f"{seconds:g} second{'' if seconds == 1 else 's'}")
    return " ".join(parts)
