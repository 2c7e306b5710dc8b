"""Sensors that come with the core. `from tradewind.sensors import FileSensor` loads only the module it is in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.lazy import lazy_names

if TYPE_CHECKING:
    from tradewind.sensors.bash import BashSensor
    from tradewind.sensors.date_time import DateTimeSensor
    from tradewind.sensors.filesystem import FileSensor
    from tradewind.sensors.python import PythonSensor
    from tradewind.sensors.time import TimeSensor
    from tradewind.sensors.time_delta import TimeDeltaSensor, WaitSensor
    from tradewind.sensors.weekday import DayOfWeekSensor

#: Public name -> module that has it.
_PLACES = {
    "BashSensor": "bash",
    "DateTimeSensor": "date_time",
    "DayOfWeekSensor": "weekday",
    "FileSensor": "filesystem",
    "PythonSensor": "python",
    "TimeDeltaSensor": "time_delta",
    "TimeSensor": "time",
    "WaitSensor": "time_delta",
}

__all__ = [
    "BashSensor",
    "DateTimeSensor",
    "DayOfWeekSensor",
    "FileSensor",
    "PythonSensor",
    "TimeDeltaSensor",
    "TimeSensor",
    "WaitSensor",
]

__getattr__, __dir__ = lazy_names(__name__, _PLACES)
