"""How often a method may be called: Slack's tiers, each a bucket that fills up again as time goes by.

Slack documents a number of calls a minute for each tier, and that short bursts are allowed. Here a burst is as large as
a minute's calls; of messages, one a second may be posted to a channel, and some more at once.
"""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Tier:
    """`burst` calls at once, and `per_minute` on the average."""

    per_minute: float
    burst: int


TIER_2 = Tier(20, 20)
TIER_3 = Tier(50, 50)
TIER_4 = Tier(100, 100)
#: `auth.test`: hundreds a minute.
SPECIAL = Tier(600, 600)
#: Messages to one channel, and calls of one webhook.
POSTING = Tier(60, 20)


class Limits:
    """The buckets of one workspace. `speed` lets their time run faster; 0: nothing is limited."""

    def __init__(self, speed: float = 1.0) -> None:
        self._lock = threading.Lock()
        self._speed = speed
        self._buckets: dict[str, tuple[float, float]] = {}  #: name -> (calls left, moment in seconds)

    def set_speed(self, speed: float) -> None:
        """From now on; every bucket is full."""
        with self._lock:
            self._speed = speed
            self._buckets.clear()

    def take(self, name: str, tier: Tier) -> int | None:
        """Take one call; if there is none left, the whole seconds after which there is one again."""
        with self._lock:
            if not self._speed:
                return None
            now = time.monotonic()
            left, before = self._buckets.get(name, (float(tier.burst), now))
            rate = tier.per_minute / 60 * self._speed
            left = min(float(tier.burst), left + (now - before) * rate)
            if left >= 1:
                self._buckets[name] = left - 1, now
                return None
            self._buckets[name] = left, now
            return math.ceil((1 - left) / rate) if self._speed <= 1 else round((1 - left) / rate)
