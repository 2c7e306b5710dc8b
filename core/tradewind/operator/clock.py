"""Moments and times of the day as the DAG of a task means them: in its time zone, unless they name another one."""

from __future__ import annotations

import datetime
from typing import Any

from tradewind import settings
from tradewind.schedule import default_zone, get_zone

Ends = datetime.datetime | datetime.time | None


def in_zone(task: Any, moment: datetime.datetime) -> datetime.datetime:
    """`moment` on the clocks of the DAG's time zone; one without a zone is taken to be meant there."""
    zone = zone_of(task)
    return moment.replace(tzinfo=zone) if moment.tzinfo is None else moment.astimezone(zone)


def zone_of(task: Any) -> datetime.tzinfo:
    """The time zone of the task's DAG, or the default one."""
    if task.has_dag():
        return get_zone(task.dag.timezone_name)
    return default_zone(settings.read().default_timezone)


def within(moment: datetime.datetime, lower: Ends, upper: Ends) -> bool:
    """Whether `moment` is between the two, both included. Times of the day in falling order span midnight."""
    after = lower is None or not _before(moment, lower)
    until = upper is None or not _after(moment, upper)
    if isinstance(lower, datetime.time) and isinstance(upper, datetime.time) and _wraps(moment, lower, upper):
        return after or until
    return after and until


def _wraps(moment: datetime.datetime, lower: datetime.time, upper: datetime.time) -> bool:
    day = moment.date()
    return _on(day, upper, moment.tzinfo) < _on(day, lower, moment.tzinfo)


def _on(day: datetime.date, time: datetime.time, zone: datetime.tzinfo | None) -> datetime.datetime:
    return datetime.datetime.combine(day, time, tzinfo=time.tzinfo or zone)


def _before(moment: datetime.datetime, end: datetime.datetime | datetime.time) -> bool:
    here, there = _comparable(moment, end)
    return bool(here < there)


def _after(moment: datetime.datetime, end: datetime.datetime | datetime.time) -> bool:
    here, there = _comparable(moment, end)
    return bool(here > there)


def _comparable(moment: datetime.datetime, end: datetime.datetime | datetime.time) -> tuple[Any, Any]:
    if isinstance(end, datetime.time):
        local = moment.astimezone(end.tzinfo) if end.tzinfo else moment
        return local.replace(tzinfo=None).time(), end.replace(tzinfo=None)
    return moment, end if end.tzinfo else end.replace(tzinfo=moment.tzinfo)
