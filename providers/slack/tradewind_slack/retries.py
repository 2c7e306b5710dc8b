"""When a call of Slack is made again: as Slack's own client is told by an object of its `retry_handlers`.

Slack is asked again where it says so (429, with Retry-After), where it failed (5xx, `internal_error`), and where it was
not reached. A call whose answer was lost may have been carried out: that is made again only if it does no harm, because
it only reads, sets what is set already, or carries an id by which Slack knows it again (`client_msg_id`).
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from tradewind_slack.errors import let_go, may_pass, was_not_sent

log = logging.getLogger(__name__)

RETRIES = 5
RETRY_DELAY = 1.0  # seconds
LONGEST_WAIT = 120.0  # seconds

#: Last words of methods that may be carried out twice.
_HARMLESS = frozenset(
    (
        *("test", "list", "info", "history", "replies", "members", "get", "getPermalink", "lookupByEmail"),
        *("getUploadURLExternal", "update", "join", "open", "rename", "setTopic", "setPurpose", "archive"),
    )
)
_LIMITED = ("ratelimited", "rate_limited")
_BUSY = ("service_unavailable", "team_added_to_org")
_FAILED = ("internal_error", "fatal_error", "request_timeout")
_TOO_MANY = 429
_UNDONE = (500, 503)  #: statuses with which Slack says that it did nothing


def is_repeatable(url: str, body: bytes | None) -> bool:
    """Whether the call of that URL may be carried out twice."""
    method = urlsplit(url).path.rpartition("/")[2]
    _, dot, last = method.rpartition(".")  # the path of a webhook has no dot
    return (bool(dot) and last in _HARMLESS) or b"client_msg_id" in (body or b"")


class Retries:
    """A retry handler for every client of slack_sdk that is not asynchronous."""

    def __init__(self, count: int = RETRIES, delay: float = RETRY_DELAY, longest_wait: float = LONGEST_WAIT) -> None:
        self.count = count
        self.delay = delay
        self.longest_wait = longest_wait

    def can_retry(self, *, state: Any, request: Any, response: Any = None, error: BaseException | None = None) -> bool:
        if response is None and error is not None:
            let_go(error)
        if state.current_attempt >= self.count:
            return False
        repeatable = is_repeatable(request.url, request.data)
        if response is None:
            return error is not None and may_pass(error) and (repeatable or was_not_sent(error))
        said = str((response.body or {}).get("error", ""))
        if response.status_code == _TOO_MANY or said in _LIMITED:
            return self._wait(state, response) <= self.longest_wait
        if response.status_code in _UNDONE or said in _BUSY:
            return True
        return repeatable and (response.status_code >= _UNDONE[0] or said in _FAILED)

    def prepare_for_next_attempt(
        self, *, state: Any, request: Any, response: Any = None, error: BaseException | None = None
    ) -> None:
        wait = self._wait(state, response)
        what = f"status {response.status_code}" if response is not None else type(error).__name__
        log.warning("Slack: %s; asked again in %.1f s, for the %d. time", what, wait, state.current_attempt + 1)
        time.sleep(wait)
        state.next_attempt_requested = True
        state.increment_current_attempt()

    def _wait(self, state: Any, response: Any) -> float:
        """Seconds until the next try: what Slack says, or twice as long each time."""
        told = _retry_after(response.headers) if response is not None else None
        if told is not None:
            return told + random.uniform(0, 0.1)
        return self.pause(state.current_attempt)

    def pause(self, attempt: int) -> float:
        """Seconds to wait after the first (0), second (1) ... try, where Slack does not say how long."""
        wait: float = self.delay * 2**attempt * random.uniform(1, 1.25)
        return min(self.longest_wait, wait)


def _retry_after(headers: Mapping[str, list[str]]) -> float | None:
    for name, values in headers.items():
        if name.lower() == "retry-after" and values:
            try:
                return max(0.0, float(values[0]))
            except ValueError:
                return None
    return None
