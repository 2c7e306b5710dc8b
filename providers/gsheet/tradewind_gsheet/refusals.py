"""What a refusal of Google means: which connection and spreadsheet it was about, and what to do; never a key."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from tradewind.errors import TradewindError
from tradewind.secrets import redact
from tradewind_gsheet import transport
from tradewind_gsheet.errors import (
    BadRange,
    GSheetsError,
    LoginRefused,
    NotShared,
    OutcomeUnknown,
    QuotaExceeded,
    SpreadsheetNotFound,
)

#: What the server of tokens says -> what to do.
_LOGIN_HINTS = (
    (
        "invalid_grant",
        "The key was revoked or deleted, or the clock of this machine is wrong: make a new key, or set it.",
    ),
    ("invalid_client", "The account or client of the key is not there any more: make a new key."),
    ("unauthorized_client", "The account may not act so: check impersonation_chain and the delegation of its domain."),
    (
        "impersonated",
        "Each account of impersonation_chain must give the one before it the role Service Account Token Creator.",
    ),
    ("account not found", "The account of the key was deleted: make a new one, and share the spreadsheets with it."),
)

#: What is answered to what is not done.
_NOT_IMPLEMENTED = 501

_UNKNOWN = "It may have been done all the same: look before you repeat it."

_RANGE = re.compile(r"parse range|exceeds grid|No grid|No sheet|Invalid range|out of bounds", re.IGNORECASE)


class Explainer:
    """Makes errors of ours out of those of gspread, google-auth and requests."""

    def __init__(
        self, conn_id: str, email: str | None, ask_email: Callable[[], str | None], endpoint: str | None
    ) -> None:
        self._who = f"Connection {conn_id!r}"
        self._email = email
        self._ask_email = ask_email
        self._server = endpoint or "Google"

    def error(
        self, error: Exception, about: str, tabs: Callable[[], list[str]] | None = None, *, once: bool = False
    ) -> TradewindError | None:
        """The error to raise in the place of `error`; None if it is not one of a request.

        `about` says what was wanted of what, `once` that it was not repeated, for that would do it again. `tabs` asks
        for the titles of the spreadsheet's tabs.
        """
        from google.auth.exceptions import GoogleAuthError
        from gspread.exceptions import APIError
        from requests.exceptions import RequestException

        if isinstance(error, APIError):
            return self._refused(error.response, about, tabs, once)
        if isinstance(error, GoogleAuthError):
            return self._login(error)
        if isinstance(error, RequestException):
            return self._unreachable(error, about, once)
        return None

    def _refused(self, response: Any, about: str, tabs: Callable[[], list[str]] | None, once: bool) -> TradewindError:
        status, told = response.status_code, _told(response)
        said = f"{self._who} cannot {about}: {self._said(told['message'])}"
        if status == 401:
            return LoginRefused(f"{said} The login is not accepted any more: check the key of the connection.")
        if status == 403:
            return NotShared(f"{said} {self._forbidden(told)}")
        if status == 404:
            return SpreadsheetNotFound(
                f"{said} There is no such spreadsheet, or it is not shared with {self._account()}: check its key or "
                "URL, and share it."
            )
        if status == 429:
            return QuotaExceeded(
                f"{said} Google takes no more requests for now. Ask for fewer: let tasks run one after the other in a "
                "pool, or set reads_per_minute and writes_per_minute of the connection below your quota."
            )
        if status == 400 and tabs is not None and _RANGE.search(told["message"]):
            return BadRange(f"{said} {_tabs(tabs)}")
        if status >= 500 and status != _NOT_IMPLEMENTED and once:
            return OutcomeUnknown(f"{said} {_UNKNOWN}")
        if status >= 500:
            return GSheetsError(f"{said} Google is in trouble (status {status}): try again later.")
        return GSheetsError(said)

    def _forbidden(self, told: dict[str, Any]) -> str:
        text = str(told)
        if "SERVICE_DISABLED" in text or "has not been used in project" in text:
            return "Enable the Google Sheets API and the Google Drive API in that project."
        if "insufficient" in text.lower() and "scope" in text.lower():
            return "The scopes of the connection do not allow it: leave the extra scope out, or add what is missing."
        if "storageQuota" in text:
            return "The account has no room of its own: make the spreadsheet in a folder of a shared drive."
        if "protected" in text.lower():
            return f"Let {self._account()} edit the protected range, or write elsewhere."
        return f"Share the spreadsheet with {self._account()}, as an editor if it is to be written."

    def _account(self) -> str:
        return self._email or self._ask_email() or "the account that this machine is logged in with"

    def _login(self, error: Exception) -> TradewindError:
        from google.auth.exceptions import TransportError

        said = str(error.args[0]) if error.args else type(error).__name__
        if isinstance(error, TransportError):
            return LoginRefused(
                f"{self._who} cannot reach the server of tokens: {_network(error)} Check the network and token_uri."
            )
        hint = next((hint for sign, hint in _LOGIN_HINTS if sign in said.lower()), "Check the key of the connection.")
        account = f" as {self._email}" if self._email else ""
        return LoginRefused(f"{self._who} cannot log in{account}: {self._said(said)} {hint}")

    def _unreachable(self, error: Exception, about: str, once: bool) -> TradewindError:
        said = str(redact(f"{self._who} cannot {about}: {self._server} does not answer: {_network(error)}"))
        if once and not transport.not_opened(error):
            return OutcomeUnknown(f"{said} {_UNKNOWN}")
        return GSheetsError(said)

    def _said(self, text: str) -> str:
        return str(redact(" ".join(text.split()).rstrip(".") + "."))


def _told(response: Any) -> dict[str, Any]:
    try:
        found = response.json()["error"]
        if isinstance(found, dict):
            return {**found, "message": str(found.get("message") or found.get("status") or "no reason given")}
    except (ValueError, KeyError, TypeError):
        pass
    return {"message": f"status {response.status_code}, and no reason given"}


def _tabs(tabs: Callable[[], list[str]]) -> str:
    try:
        found = tabs()
    except TradewindError:
        return ""
    return f"The spreadsheet has the tab{'s' if len(found) > 1 else ''} {', '.join(map(repr, found))}."


def _network(error: Exception) -> str:
    text = " ".join(str(error).split())
    place = re.search(r"host='([^']*)', port=(\d+)", text)
    where = f"{place[1]}:{place[2]}: " if place else ""
    lowered = text.lower()
    for sign, meaning in (
        ("name or service", "its name cannot be looked up"),
        ("nameresolution", "its name cannot be looked up"),
        ("refused", "nothing listens there"),
        ("timed out", "it took too long, and the time-out is over"),
        ("timeout", "it took too long, and the time-out is over"),
        ("certificate", "its certificate cannot be trusted"),
    ):
        if sign in lowered:
            return f"{where}{meaning}."
    return f"{where}the connection broke off ({type(error).__name__})."
