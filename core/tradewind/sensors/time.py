"""TimeSensor: waits for a time of the day."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from tradewind.errors import DagError
from tradewind.operator.clock import zone_of
from tradewind.sensors.moment import MomentSensor, first_look


class TimeSensor(MomentSensor):
    """Waits until a time of the day, of the day on which it starts to wait.

        TimeSensor(task_id="after_six", target_time=datetime.time(6))

    - `target_time`: in the DAG's time zone unless it has one of its own. If that time is past already, nothing is
      waited for. A wait that goes on past midnight does not start over.
    - `deferrable`: as `mode="reschedule"`: no process waits in between.
    """

    def __init__(self, *, target_time: datetime.time, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(target_time, datetime.time):
            raise DagError(f"Task {self.task_id!r}: target_time must be a datetime.time, not {target_time!r}.")
        self.target_time = target_time

    def target(self, context: Mapping[str, Any]) -> datetime.datetime:
        zone = self.target_time.tzinfo or zone_of(self)
        day = first_look(context).astimezone(zone).date()
        return datetime.datetime.combine(day, self.target_time, tzinfo=zone)
