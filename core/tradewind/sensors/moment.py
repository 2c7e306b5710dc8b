"""What sensors that wait for a moment have in common: they know when to look next."""

from __future__ import annotations

import datetime
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

from tradewind.operator import BaseSensor


class MomentSensor(BaseSensor):
    """Waits until a moment has come. Subclasses say which: `target(context)`.

    In mode "reschedule" it is looked at again exactly then; in mode "poke" it looks every `poke_interval`, and then.
    """

    def __init__(self, *, deferrable: bool = False, **kwargs: Any) -> None:
        super().__init__(**({"mode": "reschedule"} if deferrable else {}) | kwargs)
        self._target: datetime.datetime | None = None

    @abstractmethod
    def target(self, context: Mapping[str, Any]) -> datetime.datetime:
        """The moment waited for."""

    def poke(self, context: Any) -> bool:
        self._target = self.target(context)
        self.log.info("Waiting for %s", self._target.isoformat())
        return datetime.datetime.now(datetime.UTC) >= self._target

    def next_wait(self, elapsed: float) -> float:
        if self._target is None:
            return super().next_wait(elapsed)
        left = max((self._target - datetime.datetime.now(datetime.UTC)).total_seconds(), 0.0)
        return left if self.reschedule else min(left, self.poke_interval)


def first_look(context: Mapping[str, Any]) -> datetime.datetime:
    """When the sensor began to wait, however often it was rescheduled since."""
    ti = context.get("ti")
    first = getattr(ti, "first_started_at", None) or getattr(ti, "start_date", None)
    return first if isinstance(first, datetime.datetime) else datetime.datetime.now(datetime.UTC)
