"""Keeps this process within Google's limits: so many requests in any minute, and no more.

Google counts reads and writes of each user by the minute. Whatever in this process uses the same login shares one
`Quota` for each: hooks, tasks that run in threads, both ends of a transfer.
"""

from __future__ import annotations

import threading
import time
from collections import deque

#: The length of what is counted, in seconds.
MINUTE = 60.0


class Quota:
    """At most `limit` requests in any `window` seconds. A `limit` of 0 is none."""

    def __init__(self, limit: int, window: float = MINUTE) -> None:
        self.limit = limit
        self._window = window
        self._made: deque[float] = deque()  #: when each request of the last window was made
        self._lock = threading.Lock()

    def take(self) -> float:
        """Ask for one request: 0 if it may be made now, and it counts then; else seconds to wait before asking."""
        if not self.limit:
            return 0.0
        with self._lock:
            now = time.monotonic()
            while self._made and now - self._made[0] >= self._window:
                self._made.popleft()
            if len(self._made) >= self.limit:
                return self._window - (now - self._made[0])
            self._made.append(now)
            return 0.0


_shared: dict[tuple[str, str, int], Quota] = {}
_lock = threading.Lock()


def shared(login: str, kind: str, limit: int) -> Quota:
    """The quota of a login for requests of a kind, the same one for everybody in this process."""
    with _lock:
        return _shared.setdefault((login, kind, limit), Quota(limit))
