"""DateTimeSensor: waits for a moment."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from tradewind.errors import TradewindError
from tradewind.operator.clock import in_zone
from tradewind.sensors.moment import MomentSensor


class DateTimeSensor(MomentSensor):
    """Waits until a moment has come.

        DateTimeSensor(task_id="wait", target_time="{{ data_interval_end + macros.timedelta(hours=6) }}")

    - `target_time`: datetime, or text in ISO form, templated. Without a time zone it is meant in that of the DAG.
    - `deferrable`: as `mode="reschedule"`: no process waits in between.
    """

    template_fields = ("target_time",)

    def __init__(self, *, target_time: str | datetime.datetime, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.target_time = target_time

    def target(self, context: Mapping[str, Any]) -> datetime.datetime:
        moment = self.target_time
        if isinstance(moment, str):
            try:
                moment = datetime.datetime.fromisoformat(moment.strip())
            except ValueError:
                raise TradewindError(
                    f"Sensor {self.task_id!r}: target_time is {self.target_time!r}, which is not a moment in ISO form "
                    "such as 2025-11-21T06:30:00+00:00."
                ) from None
        if not isinstance(moment, datetime.datetime):
            raise TradewindError(f"Sensor {self.task_id!r}: target_time must be a datetime or text, not {moment!r}.")
        return in_zone(self, moment)
