"""DayOfWeekSensor: waits for a day of the week."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from typing import Any

from tradewind.operator import BaseSensor
from tradewind.operator.clock import in_zone
from tradewind.operator.weekday import WeekDay, read_days


class DayOfWeekSensor(BaseSensor):
    """Waits until it is one of some days of the week in the DAG's time zone.

        DayOfWeekSensor(task_id="weekend", week_day={"Saturday", "Sunday"}, mode="reschedule", poke_interval=3600)

    With `use_task_logical_date` it asks for the day of the run's logical date there, which does not change by waiting.
    """

    def __init__(
        self,
        *,
        week_day: str | WeekDay | Iterable[str | WeekDay],
        use_task_logical_date: bool = False,
        use_task_execution_day: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.week_day = read_days(week_day)
        self.use_task_logical_date = use_task_logical_date or use_task_execution_day

    def poke(self, context: Any) -> bool:
        moment = context["logical_date"] if self.use_task_logical_date else datetime.datetime.now(datetime.UTC)
        today = WeekDay.of(in_zone(self, moment))
        self.log.info("It is %s", today.name.capitalize())
        return today in self.week_day
