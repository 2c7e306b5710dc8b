"""The one way in which requests reach Google: within the limits, repeated where that is safe, and never for ever.

Everything goes through it: the hook's own requests, gspread's, those of google-api-python-client, and the fetching of
tokens.

What is repeated: whatever Google refused without doing it (429, and a connection that did not open); and, after a 5xx
or a broken connection, what may be done twice without harm: reads, and writes that say what a place holds. What adds
something is not: it may have been done.
"""

from __future__ import annotations

import random
import re
import threading
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from tradewind_gsheet import quota
from tradewind_gsheet.errors import GSheetsError
from tradewind_gsheet.settings import Settings

if TYPE_CHECKING:
    import logging

#: Longest that a request waits, in seconds: once between two tries, and for what Google asks with Retry-After.
MAX_WAIT = 64.0
MAX_RETRY_AFTER = 300.0

#: Header of a request that says that it may be done twice; it is not sent.
REPEATABLE = "X-Tradewind-Repeatable"

#: What POST only takes away or says again: it may be done twice.
_HARMLESS_POST = re.compile(r"/values(?::batchUpdate|:batchClear|/[^/]+:clear|:batchGetByDataFilter)\Z")

#: Answers of a server that is in trouble for a while.
_BROKEN = (500, 502, 503, 504)

#: What Drive says in a 403 that is a 429.
_TOO_MANY = ("rateLimitExceeded", "userRateLimitExceeded")

_GOOGLE = re.compile(r"https://(?:sheets|www|drive|iamcredentials)\.googleapis\.com(?=/)")


class Stopped(GSheetsError):
    """A request was given up because whoever wanted it was told to stop."""


def is_repeatable(method: str, path: str, headers: Any) -> bool:
    """Whether a request may be sent again when nobody knows whether it was carried out."""
    if REPEATABLE in headers:
        return str(headers[REPEATABLE]) == "yes"
    return method in ("GET", "HEAD", "PUT", "DELETE") or bool(_HARMLESS_POST.search(path))


def make_session(credentials: Any, pace: Pace, pace_of_tokens: Pace) -> tuple[Any, Any]:
    """A `requests` session that logs in with the credentials, and the one that it fetches tokens with. Close both."""
    import requests
    from google.auth.transport.requests import AuthorizedSession, Request

    tokens = requests.Session()
    kind: Any = AuthorizedSession
    session = kind(credentials, auth_request=Request(tokens))
    session.headers["User-Agent"] = "tradewind"
    for one, kept in ((session, pace), (tokens, pace_of_tokens)):
        for scheme in ("https://", "http://"):
            one.mount(scheme, _adapter_class()(kept))
    return session, tokens


def _adapter_class() -> type[Any]:
    """The adapter for `requests`, which is not loaded before somebody needs it."""
    import requests
    from requests.adapters import HTTPAdapter

    class Adapter(HTTPAdapter):
        """Sends what a session hands it, when it may be sent, and again where that helps."""

        def __init__(self, pace: Pace) -> None:
            super().__init__()
            self._pace = pace

        def send(self, request: Any, *args: Any, **given: Any) -> Any:
            self._pace.redirect(request)
            path = request.path_url.partition("?")[0]
            repeatable = not self._pace.counts or is_repeatable(request.method, path, request.headers)
            request.headers.pop(REPEATABLE, None)
            given["timeout"] = self._pace.timeout
            tries = 0
            while True:
                self._pace.take(request.method)
                try:
                    answer = super().send(request, *args, **given)
                    answer.content  # noqa: B018 - it is read here, where a broken answer can be asked for again
                except requests.exceptions.RequestException as error:
                    safe = repeatable or not_opened(error)
                    if not safe or not self._pace.again(tries, type(error).__name__, None):
                        raise
                else:
                    refused = answer.status_code == 429 or (answer.status_code == 403 and _too_many(answer))
                    broken = answer.status_code in _BROKEN and repeatable
                    told = f"status {answer.status_code}"
                    if not (refused or broken) or not self._pace.again(tries, told, retry_after(answer.headers)):
                        return answer
                    answer.close()
                tries += 1

    return Adapter


class Pace:
    """When the next request may be made. `login`: whose requests Google counts; None: those for tokens, not counted."""

    def __init__(self, settings: Settings, log: logging.Logger, stop: threading.Event, login: str | None) -> None:
        self.counts = login is not None
        self.timeout = (settings.connect_timeout or None, settings.timeout or None)
        self._settings = settings
        self._log = log
        self._stop = stop
        self._quotas = {
            kind: quota.shared(login or "", kind, limit if self.counts else 0)
            for kind, limit in (("read", settings.reads_per_minute), ("write", settings.writes_per_minute))
        }

    def redirect(self, request: Any) -> None:
        """Send what is meant for Google to the address that the connection names."""
        if self._settings.endpoint:
            request.url = _GOOGLE.sub(self._settings.endpoint.replace("\\", "\\\\"), request.url)

    def take(self, method: str) -> None:
        """Wait until one more request is within the limits."""
        kind = "read" if method in ("GET", "HEAD") else "write"
        while wait := self._quotas[kind].take():
            self._log.info("Connection %r: waiting %.0f s, to stay below %d %ss a minute", self._settings.conn_id, wait,
                           self._quotas[kind].limit, kind)  # fmt: skip
            self._sleep(wait)

    def again(self, tries: int, why: str, asked: float | None) -> bool:
        """Wait before the next try and say True; False if it is enough. `asked` are seconds that Google asks for."""
        if tries >= self._settings.num_retries or (asked or 0) > MAX_RETRY_AFTER:
            return False
        wait = asked if asked is not None else self._backoff(tries)
        self._log.warning("Connection %r: %s; trying again in %.1f s", self._settings.conn_id, why, wait)
        self._sleep(wait)
        return True

    def pause(self, tries: int) -> None:
        """Wait before something is done another time, of which it was done `tries` times already."""
        self._sleep(self._backoff(tries))

    def _backoff(self, tries: int) -> float:
        backoff: float = min(self._settings.retry_delay * 2**tries, MAX_WAIT)
        return backoff + random.random() * min(backoff, 1.0)

    def _sleep(self, seconds: float) -> None:
        if self._stop.wait(seconds):
            raise Stopped(f"Connection {self._settings.conn_id!r}: a request was given up, for the task is stopped.")


def retry_after(headers: Any) -> float | None:
    """Seconds that an answer asks to wait, in either form of the header; None if it does not."""
    value = headers.get("Retry-After")
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        import datetime

        return max(0.0, (parsedate_to_datetime(value) - datetime.datetime.now(datetime.UTC)).total_seconds())
    except (TypeError, ValueError):
        return None


def _too_many(answer: Any) -> bool:
    return any(f'"{reason}"' in answer.text for reason in _TOO_MANY)


def not_opened(error: Exception) -> bool:
    """Whether no connection came about, so that nothing was sent."""
    from requests.exceptions import ConnectTimeout
    from urllib3.exceptions import NewConnectionError

    if isinstance(error, ConnectTimeout):
        return True
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(reason, NewConnectionError)
