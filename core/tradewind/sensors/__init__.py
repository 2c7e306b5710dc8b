"""Sensors that come with the core. `from tradewind.sensors import FileSensor` loads only the module it is in."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

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


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_PLACES])
