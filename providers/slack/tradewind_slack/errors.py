"""What Slack refuses, and what goes wrong on the way there, in words that say what to do. Never with a token or URL."""

from __future__ import annotations

import socket
import ssl
import traceback
from collections.abc import Mapping
from typing import Any
from urllib.error import URLError

from tradewind.errors import ConnectionFault
from tradewind.secrets import redact

_FAILED = 500  #: statuses from here on are the server's fault

_TOKEN = "Put a token that is in force into the connection's password: the app's page, OAuth & Permissions, has it."

#: Slack's word -> what to do about it.
HINTS: Mapping[str, str] = {
    "account_inactive": _TOKEN,
    "invalid_auth": _TOKEN,
    "not_authed": _TOKEN,
    "token_expired": _TOKEN,
    "token_revoked": _TOKEN,
    "channel_not_found": "Check the channel's name; in a private one the app must be a member: /invite it there.",
    "not_in_channel": "The app must be a member: /invite it in that channel, or call conversations.join.",
    "is_archived": "The channel is archived: name another one.",
    "channel_is_archived": "The channel is archived: name another one.",
    "msg_too_long": "The text is too long: 4,000 characters at most where a message is edited.",
    "no_text": "There is nothing to show: give text, blocks or attachments.",
    "thread_not_found": "thread_ts must be the ts of a message in that channel.",
    "message_not_found": "There is no such message in that channel, or it was deleted.",
    "cant_update_message": "Only what the app itself has posted can be edited.",
    "invalid_payload": "What was sent is no message: give text, blocks or attachments.",
    "no_service": "The webhook was removed, or its URL is wrong: make a new one, and put it into the password.",
    "no_service_id": "The webhook's URL is wrong: copy it again into the password.",
    "no_active_hooks": "The webhook was switched off: make a new one, and put it into the password.",
    "no_team": "The webhook's URL is wrong, or its workspace is gone: make a new one, and put it into the password.",
    "invalid_token": "The webhook's URL is wrong, or was revoked: make a new one, and put it into the password.",
    "action_prohibited": "An administrator of the workspace does not allow this webhook to post there.",
    "ratelimited": "Slack takes no more for now: call it less often, or allow more by retries= and longest_wait=.",
    "rate_limited": "Slack takes no more for now: call it less often, or allow more by retries= and longest_wait=.",
}

#: What slack_sdk calls an answer that is none of the Web API's, but of some server in between.
_NO_JSON = "Received a response in a non-JSON format"

#: What the operating system says -> what to do about it.
_NETWORK_HINTS = (
    ("timed out", "Nothing answers there in time: check the network and the proxy; timeout= gives it more time."),
    ("Connection refused", "Nothing listens there: check host and port, or the proxy."),
    ("Name or service not known", "Check the host's name, and that this machine can look it up."),
    ("nodename nor servname", "Check the host's name, and that this machine can look it up."),
    ("CERTIFICATE_VERIFY_FAILED", "This machine does not trust its certificate: SSL_CERT_FILE= names one to trust."),
    ("WRONG_VERSION_NUMBER", "It does not speak TLS: name the protocol, http, in the connection's schema."),
)


class SlackError(ConnectionFault):
    """Slack refused a call, or could not be asked."""

    def __init__(self, message: str, *, error: str = "", status: int = 0, response: Mapping[str, Any] | None = None):
        super().__init__(message)
        self.error = error  #: Slack's word for it, such as `channel_not_found`; empty if it could not be asked
        self.status = status  #: of HTTP; 0 if there was no answer
        self.response = dict(response or {})  #: what Slack answered


class SlackUnclear(SlackError):
    """No answer came, and the call may have been carried out: it is not made again, lest it happens twice."""


def refused(conn_id: str, method: str, status: int, response: Mapping[str, Any]) -> SlackError:
    """Slack answered `ok: false`, or with a status that is none of success."""
    error = str(response.get("error") or "")
    if not error or error.startswith(_NO_JSON):
        error = f"status {status}"
    told = [f"Connection {conn_id!r}: Slack refused {method}: {error}."]
    if error == "missing_scope":
        needed = response.get("needed")
        told.append(f"The app lacks the scope {needed}: add it under OAuth & Permissions, and install the app again.")
    detail = (response.get("response_metadata") or {}).get("messages") or ()
    told += [str(one).removeprefix("[ERROR] ").rstrip(".") + "." for one in detail]
    if error in HINTS:
        told.append(HINTS[error])
    elif status >= _FAILED and not detail:
        told.append("Slack has trouble of its own (https://slack-status.com): try again later.")
    return SlackError(str(redact(" ".join(told))), error=error, status=status, response=response)


def unreached(conn_id: str, method: str, place: str, error: BaseException) -> SlackError:
    """No answer came from `place`, a host with its port."""
    reason = error.reason if isinstance(error, URLError) else error
    said = str(getattr(reason, "strerror", None) or reason or type(reason).__name__)
    said = " ".join(said.split()).rstrip(".")
    if isinstance(reason, TimeoutError) and "timed out" not in said:
        said = f"timed out ({said})"
    hint = next((hint for sign, hint in _NETWORK_HINTS if sign in said), "")
    if isinstance(error, URLError):
        message = f"Connection {conn_id!r} cannot reach Slack at {place} for {method}: {said}. {hint}"
        return SlackError(str(redact(message.rstrip())))
    message = (
        f"Connection {conn_id!r}: {place} did not answer {method} to its end: {said}. "
        f"It may have been done nevertheless. {hint}"
    )
    return SlackUnclear(str(redact(message.rstrip())))


def let_go(error: BaseException) -> None:
    """Free what the frames of an error hold: slack_sdk does not close an answer that breaks off while it is read."""
    traceback.clear_frames(error.__traceback__)


def was_not_sent(error: BaseException) -> bool:
    """Whether an error of urllib shows that the call has not reached Slack."""
    return isinstance(error, URLError)


def may_pass(error: BaseException) -> bool:
    """Whether it can be otherwise at the next try."""
    reason = getattr(error, "reason", error)
    if isinstance(reason, socket.gaierror):
        return reason.errno == socket.EAI_AGAIN
    return not isinstance(reason, ssl.SSLCertVerificationError)
