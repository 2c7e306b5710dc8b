"""The moments that cron expressions and timedeltas name, in UTC, correct over changes of the clocks.

cronsim does the calendar on clock faces without a zone; what a clock face means in a zone is decided here, by the
rule of Debian's cron. An expression that names hours and minutes ("30 2 * * *") follows the wall clock: each face
fires once a day; one that the clocks jump over fires at the jump, one that they show twice fires the first time.
An expression with a star in the minutes or hours ("0 * * * *") follows real time: it fires whenever the clock shows
a matching face.
"""

from __future__ import annotations

import datetime
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from tradewind.errors import ScheduleError

_UTC = datetime.UTC
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=_UTC)
_TICK = datetime.timedelta(microseconds=1)
_SECOND = datetime.timedelta(seconds=1)
_DAY = datetime.timedelta(days=1)

#: No zone changes its clocks forth and back within this time.
_PROBE = datetime.timedelta(days=7)

_FIELDS = ("minute", "hour", "day of month", "month", "day of week")


def check_cron(expression: str) -> None:
    """Raises ScheduleError if the expression cannot be read or never fires."""
    fields = expression.split()
    if len(fields) != len(_FIELDS):
        raise ScheduleError(
            f"the cron expression {expression!r} has {len(fields)} field{'' if len(fields) == 1 else 's'} and needs 5: "
            f"{', '.join(_FIELDS)}"
        )
    for position, (name, field) in enumerate(zip(_FIELDS, fields)):
        alone = ["*"] * len(_FIELDS)
        alone[position] = field
        if not _readable(" ".join(alone)):
            raise ScheduleError(f"the cron expression {expression!r} cannot be read: the {name} cannot be {field!r}")
    if not _readable(expression) or next(CronSim(expression, datetime.datetime(2000, 1, 1)), None) is None:
        raise ScheduleError(
            f"the cron expression {expression!r} never fires: no month that it names has such a day; "
            "use None for a DAG that is only triggered by hand"
        )


def _readable(expression: str) -> bool:
    try:
        CronSim(expression, datetime.datetime(2000, 1, 1))
    except (CronSimError, ValueError):  # ValueError: a number of thousands of digits
        return False
    return True


class DeltaPoints:
    """`anchor` plus any number of deltas."""

    def __init__(self, delta: datetime.timedelta, anchor: datetime.datetime | None) -> None:
        self._delta = delta
        self._anchor = (anchor or _EPOCH).astimezone(_UTC)

    def after(self, moment: datetime.datetime) -> datetime.datetime:
        return self.at_or_before(moment) + self._delta

    def before(self, moment: datetime.datetime) -> datetime.datetime:
        return self.at_or_before(moment - _TICK)

    def at_or_after(self, moment: datetime.datetime) -> datetime.datetime:
        return self.after(moment - _TICK)

    def at_or_before(self, moment: datetime.datetime) -> datetime.datetime:
        return self._anchor + (moment - self._anchor) // self._delta * self._delta


class CronPoints:
    """The moments at which a (checked) cron expression fires in a zone."""

    def __init__(self, expression: str, zone: ZoneInfo) -> None:
        self._expression = expression
        self._zone = zone
        minute, hour = expression.split()[:2]
        self._by_wall_clock = not minute.startswith("*") and not hour.startswith("*")

    def after(self, moment: datetime.datetime) -> datetime.datetime:
        moment = moment.astimezone(_UTC)
        return self._after_by_wall(moment) if self._by_wall_clock else self._after_by_time(moment)

    def before(self, moment: datetime.datetime) -> datetime.datetime:
        moment = moment.astimezone(_UTC)
        return self._before_by_wall(moment) if self._by_wall_clock else self._before_by_time(moment)

    def at_or_after(self, moment: datetime.datetime) -> datetime.datetime:
        return self.after(moment - _TICK)

    def at_or_before(self, moment: datetime.datetime) -> datetime.datetime:
        return self.before(moment + _TICK)

    def _after_by_wall(self, moment: datetime.datetime) -> datetime.datetime:
        faces = CronSim(self._expression, _face(moment, self._offset(moment)))
        for face in faces:
            found = self._moment_of(face)
            if found > moment:  # not so for a face that the clocks show a second time
                return found
        raise OverflowError(f"{self._expression} does not fire after {moment}")

    def _before_by_wall(self, moment: datetime.datetime) -> datetime.datetime:
        # When the clocks went back a short while ago, faces later than the present one have been shown already.
        latest = max(self._offset(moment), self._offset(moment - _DAY))
        faces = CronSim(self._expression, _face(moment, latest), reverse=True)
        for face in faces:
            found = self._moment_of(face)
            if found < moment:
                return found
        raise OverflowError(f"{self._expression} does not fire before {moment}")

    def _after_by_time(self, moment: datetime.datetime) -> datetime.datetime:
        offset = self._offset(moment)
        face = _face(moment, offset)
        while True:
            face = self._next_face(face)
            found = _at_offset(face, offset)
            change = self._first_change(moment, found)
            if change is None:
                return found
            moment, offset = change, self._offset(change)
            face = _face(change, offset) - _TICK  # the new clock's first face counts

    def _before_by_time(self, moment: datetime.datetime) -> datetime.datetime:
        offset = self._offset(moment - _TICK)
        face = _face(moment, offset)
        while True:
            face = self._next_face(face, reverse=True)
            found = _at_offset(face, offset)
            change = self._last_change(found, moment - _TICK)
            if change is None:
                return found
            moment, offset = change, self._offset(change - _TICK)
            face = _face(change, offset)

    def _next_face(self, face: datetime.datetime, *, reverse: bool = False) -> datetime.datetime:
        for found in CronSim(self._expression, face, reverse=reverse):
            return found
        raise OverflowError(f"{self._expression} does not fire {'before' if reverse else 'after'} {face}")

    def _moment_of(self, face: datetime.datetime) -> datetime.datetime:
        """When the clock first shows this face; the moment of the jump if the clocks jump over it."""
        local = face.replace(tzinfo=self._zone)
        found = local.astimezone(_UTC)
        if _face(found, self._offset(found)) == face:
            return found
        return self._bisect(local.replace(fold=1).astimezone(_UTC), found)

    def _offset(self, moment: datetime.datetime) -> datetime.timedelta:
        offset = moment.astimezone(self._zone).utcoffset()
        assert offset is not None
        return offset

    def _first_change(self, low: datetime.datetime, high: datetime.datetime) -> datetime.datetime | None:
        """The first moment after `low`, up to `high`, at which the clocks are changed."""
        while low < high:
            step = min(low + _PROBE, high)
            if self._offset(step) != self._offset(low):
                return self._bisect(low, step)
            low = step
        return None

    def _last_change(self, low: datetime.datetime, high: datetime.datetime) -> datetime.datetime | None:
        """The last moment after `low`, up to `high`, at which the clocks are changed."""
        while low < high:
            step = max(high - _PROBE, low)
            if self._offset(step) != self._offset(high):
                return self._bisect(step, high)
            high = step
        return None

    def _bisect(self, low: datetime.datetime, high: datetime.datetime) -> datetime.datetime:
        """The moment between the two at which the clocks are changed; they are only at whole seconds."""
        low, high = low.replace(microsecond=0), high.replace(microsecond=0)
        offset = self._offset(low)
        while high - low > _SECOND:
            middle = low + (high - low) // 2 // _SECOND * _SECOND
            if self._offset(middle) == offset:
                low = middle
            else:
                high = middle
        return high


def _face(moment: datetime.datetime, offset: datetime.timedelta) -> datetime.datetime:
    """What a clock shows that is `offset` ahead of UTC."""
    return (moment + offset).replace(tzinfo=None)


def _at_offset(face: datetime.datetime, offset: datetime.timedelta) -> datetime.datetime:
    return (face - offset).replace(tzinfo=_UTC)
