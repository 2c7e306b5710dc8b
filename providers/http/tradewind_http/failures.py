"""Words for what went wrong with a request: the connection, the place, the reason, and nothing of the query."""

from __future__ import annotations

import socket
from typing import Any

from tradewind.secrets import redact
from tradewind_http.address import shown
from tradewind_http.errors import HttpError, HttpStatusError

#: So much of an answer is shown in an error.
_EXCERPT = 300  # characters


def no_answer(conn_id: str, method: str, url: str, error: Exception) -> HttpError:
    """The error for a request that got no answer."""
    return HttpError(f"{method} {shown(url)} (connection {conn_id!r}) got no answer: {redact(_reason(error))}")


def refused(conn_id: str, response: Any) -> HttpStatusError:
    """The error for an answer with a status of 400 and above."""
    method, place = response.request.method, shown(response.url or response.request.url)
    excerpt = _excerpt(response)
    said = f": {redact(excerpt)}" if excerpt else "."
    message = f"{method} {place} (connection {conn_id!r}) was answered with {told(response)}{said}{_advice(response)}"
    return HttpStatusError(message, response.status_code)


def told(response: Any) -> str:
    """`404 Not Found`"""
    return f"{response.status_code} {response.reason or ''}".strip()


def _advice(response: Any) -> str:
    if response.status_code in (401, 403):
        return " Look at login, password, token and headers of the connection."
    return ""


def _excerpt(response: Any) -> str:
    """The beginning of the answer on one line; of a page of HTML nothing."""
    if "html" in response.headers.get("Content-Type", ""):
        return ""
    try:
        start = next(response.iter_content(4 * _EXCERPT), b"")
    except Exception:  # a body that breaks off is not what this error is about
        return ""
    text = " ".join(start.decode(response.encoding or "utf-8", "replace").split())
    return text if len(text) <= _EXCERPT else text[:_EXCERPT] + " ..."


def _reason(error: Exception) -> str:
    import requests

    if isinstance(error, requests.ConnectTimeout):
        return "it timed out while connecting; is host or port wrong, or a firewall in between?"
    if isinstance(error, requests.Timeout):
        return "it timed out; the extra `timeout` allows more seconds."
    if isinstance(error, requests.TooManyRedirects):
        return "it was sent from one place to the next too often."
    if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema):
        return "this is no address of HTTP."
    cause = _root(error)
    text = str(getattr(cause, "strerror", None) or cause) or type(cause).__name__
    if isinstance(cause, socket.gaierror):
        return f"there is no host of that name ({text})."
    if isinstance(cause, ConnectionRefusedError):
        return f"{text}. Nothing listens there: check host and port, or the proxy."
    if isinstance(error, requests.exceptions.SSLError):
        return f"TLS failed ({text}). The extra `ca_file` names certificates to trust."
    return text if "url:" not in text else type(cause).__name__


def _root(error: BaseException) -> BaseException:
    """What was the matter in the first place: `requests` and `urllib3` wrap it several times."""
    seen: set[int] = set()
    while id(error) not in seen:
        seen.add(id(error))
        inner = getattr(error, "reason", None) or next((arg for arg in error.args if isinstance(arg, Exception)), None)
        if not isinstance(inner, BaseException):
            break
        error = inner
    # What the system says is the cause of what urllib3 makes of it.
    return error.__cause__ if isinstance(error.__cause__, OSError) else error
