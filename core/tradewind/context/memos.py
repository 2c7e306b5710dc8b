"""`memos` in the context: small JSON values that the processes of one run remember together.

XComs belong to a task, and go when it is tried again. A memo belongs to the run: every attempt and every callback of
the run may read and change it, it outlives clears, and it is deleted with the run. Two that change it at the same
moment both have their way, one after the other.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from typing import Any

from tradewind.context.api import TaskApi
from tradewind.errors import TradewindError, UsageError

#: Longest memo, as JSON, in bytes.
LARGEST = 64 * 1024

#: How often a change is tried while others change the memo too, and how long the pauses become, in seconds.
_TRIES = 200
_PAUSE, _LONGEST_PAUSE = 0.001, 0.05


class Memos:
    """The memos of one run."""

    def __init__(self, dag_id: str, run_id: str, api: TaskApi) -> None:
        self._run = (dag_id, run_id)
        self._api = api

    def get(self, key: str, default: Any = None) -> Any:
        """The memo `key`, or `default` if the run has none of that name."""
        found = self._api.memo_get(*self._run, key)
        return default if found is None else json.loads(found[1])

    def change(self, key: str, change: Callable[[Any], Any]) -> Any:
        """Replace the memo by what `change` makes of it, and return that. `change` gets None where there is none yet.

        It is called again with the newer value if another process was quicker, so it must do nothing else. If it
        gives back what it got, nothing is written. Raises UsageError for a value that JSON cannot hold or that is
        larger than 64 KiB, and for more than 50 memos of one run; NotFound if the run was deleted.
        """
        pause = _PAUSE
        for _ in range(_TRIES):
            version, text = self._api.memo_get(*self._run, key) or (0, "null")
            value = change(json.loads(text))
            after = self._written(key, value)
            if after == text or self._api.memo_put(*self._run, key, version, after):
                return value
            time.sleep(random.uniform(0, pause))
            pause = min(2 * pause, _LONGEST_PAUSE)
        raise TradewindError(f"The memo {key!r} of {self._named} could not be changed: others change it all the time.")

    def put(self, key: str, value: Any) -> None:
        """Replace the memo, whatever it is."""
        self.change(key, lambda _: value)

    def _written(self, key: str, value: Any) -> str:
        try:
            text = json.dumps(value, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise UsageError(f"The memo {key!r} of {self._named} must be JSON: {error}.") from error
        if len(text) > LARGEST:
            raise UsageError(f"The memo {key!r} of {self._named} has {len(text)} bytes; {LARGEST} are the most.")
        return text

    @property
    def _named(self) -> str:
        return f"{self._run[1]} of {self._run[0]}"

    def __repr__(self) -> str:
        return f"<memos of {self._named}>"
