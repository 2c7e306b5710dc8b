"""`BaseSensor`: a task that looks again and again until what it waits for is there.

In mode "poke" the process sleeps between looks; in mode "reschedule" it gives its place back and is started anew for
each look. The timeout counts from the first look of the try, however often it was rescheduled.
"""

from __future__ import annotations

import datetime
import math
import time
from collections.abc import Mapping
from typing import Any, Unpack

from tradewind.errors import DagError, SensorTimeout, TaskFailed, TaskRescheduled, TaskSkipped, TaskTimeout, sentence
from tradewind.operator import values
from tradewind.operator.arguments import OperatorArguments, Seconds
from tradewind.operator.task import BaseOperator

MODES = ("poke", "reschedule")

#: Longest exponent of the backoff: beyond it the wait is longer than anybody waits.
_MAX_DOUBLINGS = 30


class PokeReturnValue:
    """What `poke` may return instead of a bool, in order to pass a value on as the sensor's XCom."""

    def __init__(self, is_done: bool, xcom_value: Any = None) -> None:
        self.is_done = is_done
        self.xcom_value = xcom_value

    def __bool__(self) -> bool:
        return self.is_done


class BaseSensor(BaseOperator):
    """Subclasses define `poke(context)`, which says whether the wait is over."""

    ui_color = "#e6f1f2"

    def __init__(
        self,
        *,
        poke_interval: Seconds = 60.0,
        timeout: Seconds = 7 * 24 * 3600.0,
        mode: str = "poke",
        soft_fail: bool = False,
        exponential_backoff: bool = False,
        max_wait: Seconds | None = None,
        silent_fail: bool = False,
        never_fail: bool = False,
        **kwargs: Unpack[OperatorArguments],
    ) -> None:
        super().__init__(**kwargs)
        self.poke_interval = self._seconds("poke_interval", poke_interval)  #: seconds between looks
        self.timeout = self._seconds("timeout", timeout)  #: seconds from the first look to giving up
        self.max_wait = (
            None if max_wait is None else self._seconds("max_wait", max_wait)
        )  #: seconds, at most, between looks
        if mode not in MODES:
            raise DagError(
                f"{self.task_type} {self.task_id!r}: there is no mode {mode!r}{values.nearest(str(mode), MODES)}"
            )
        if soft_fail and never_fail:
            raise DagError(
                f"{self.task_type} {self.task_id!r}: soft_fail and never_fail exclude each other; choose one."
            )
        self.mode = mode
        self.soft_fail = soft_fail  #: a timeout skips the task
        self.exponential_backoff = exponential_backoff  #: each wait is twice as long as the one before
        self.silent_fail = silent_fail  #: an error while looking is logged and means "not yet"
        self.never_fail = never_fail  #: a timeout or an error while looking skips the task

    def poke(self, context: Any) -> bool | PokeReturnValue:
        """Whether the wait is over. Every sensor defines it."""
        raise NotImplementedError(f"{self.task_type} defines no poke(context), so task {self.task_id!r} can only wait")

    @property
    def reschedule(self) -> bool:
        return self.mode == "reschedule"

    def execute(self, context: Any) -> Any:
        """Look until `poke` is true; gives the XCom value that it named."""
        waited = self._stopwatch(context)
        while True:
            found = self._look(context)
            if found:
                return found.xcom_value if isinstance(found, PokeReturnValue) else None
            elapsed = waited()
            if elapsed >= self.timeout:
                raise self._gave_up(
                    f"Sensor {self.task_id!r} waited {elapsed:.0f} s, and its timeout is {self.timeout:g} s."
                )
            # The last look is at the timeout, not after it.
            wait = min(self.next_wait(elapsed), self.timeout - elapsed)
            if self.reschedule:
                raise TaskRescheduled(datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=wait))
            time.sleep(wait)

    def next_wait(self, elapsed: float) -> float:
        """Seconds to the next look, `elapsed` seconds after the first one.

        With exponential backoff the waits are 1, 2, 4... times `poke_interval`: which of them is due follows from the
        time elapsed, so that a rescheduled sensor needs no counter.
        """
        wait = self.poke_interval
        if self.exponential_backoff and wait > 0:
            doublings = min(int(math.log2(max(elapsed, 0.0) / wait + 1)), _MAX_DOUBLINGS)
            wait *= 2.0**doublings
        return wait if self.max_wait is None else min(wait, self.max_wait)

    def _stopwatch(self, context: Any) -> Any:
        """A function that tells the seconds since the first look of this try."""
        began = time.monotonic()
        earlier = 0.0
        ti = context.get("ti") if isinstance(context, Mapping) else None
        first = getattr(ti, "first_started_at", None)
        if self.reschedule and first is not None:
            earlier = max((datetime.datetime.now(datetime.UTC) - first).total_seconds(), 0.0)
        return lambda: earlier + time.monotonic() - began

    def _look(self, context: Any) -> bool | PokeReturnValue:
        try:
            return self.poke(context)
        except (TaskSkipped, TaskRescheduled):
            raise
        except (SensorTimeout, TaskTimeout, TaskFailed) as error:
            if self.soft_fail or self.never_fail:
                raise TaskSkipped(f"Sensor {self.task_id!r} is skipped instead of failing: {error}") from error
            raise
        except Exception as error:
            if self.silent_fail:
                self.log.exception("Sensor %s could not look; it goes on waiting", self.task_id)
                return False
            if self.never_fail:
                told = f"{type(error).__name__}: {error}"
                raise TaskSkipped(f"Sensor {self.task_id!r} is skipped instead of failing: {told}") from error
            raise

    def _gave_up(self, told: str) -> TaskSkipped | SensorTimeout:
        return TaskSkipped(told) if self.soft_fail or self.never_fail else SensorTimeout(told)

    def _seconds(self, name: str, value: Seconds) -> float:
        try:
            return values.seconds(value)
        except ValueError as error:
            raise DagError(f"{self.task_type} {self.task_id!r}: the argument {name!r}: {sentence(error)}") from error
