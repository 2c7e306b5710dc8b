"""TimeDeltaSensor and WaitSensor: wait for some time."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from tradewind.sensors.moment import MomentSensor, first_look


class TimeDeltaSensor(MomentSensor):
    """Waits until some time after the end of the run's data interval.

        TimeDeltaSensor(task_id="late_data", delta=timedelta(hours=3), mode="reschedule")

    `deferrable` is the same as `mode="reschedule"`: no process waits in between.
    """

    def __init__(self, *, delta: datetime.timedelta, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.delta = delta

    def target(self, context: Mapping[str, Any]) -> datetime.datetime:
        end: datetime.datetime = context["data_interval_end"]
        return end + self.delta


class WaitSensor(MomentSensor):
    """Waits for some time, counted from its first look.

        WaitSensor(task_id="pause", time_to_wait=timedelta(minutes=5))

    `time_to_wait` is a timedelta or a number of minutes; `deferrable` is the same as `mode="reschedule"`.
    """

    def __init__(self, *, time_to_wait: datetime.timedelta | int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        given = time_to_wait
        self.time_to_wait = given if isinstance(given, datetime.timedelta) else datetime.timedelta(minutes=given)
        self._began: datetime.datetime | None = None

    def target(self, context: Mapping[str, Any]) -> datetime.datetime:
        self._began = self._began or first_look(context)
        return self._began + self.time_to_wait
