"""The open client of a connection: one session, and what is made from it: gspread, google-api-python-client, requests.

gspread does the talking for the hook; its `APIError`s become errors that say what to do.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from tradewind.errors import TradewindError
from tradewind_gsheet import credentials, transport
from tradewind_gsheet.errors import GSheetsError
from tradewind_gsheet.refusals import Explainer
from tradewind_gsheet.settings import Settings

if TYPE_CHECKING:
    import logging


#: The address of the Drive API, whose place the session may know another for.
DRIVE = "https://www.googleapis.com/drive/v3"


class Client:
    """Talks to Google for one connection. Close it."""

    def __init__(self, settings: Settings, log: logging.Logger) -> None:
        import gspread

        self.settings = settings
        self.log = log
        self.credentials = credentials.make(settings)
        self._email = credentials.who(self.credentials)
        self._asked = False
        self._stop = threading.Event()
        login = f"{self._email or id(self.credentials)} {settings.endpoint or ''}"
        self.pace = transport.Pace(settings, log, self._stop, login)
        tokens = transport.Pace(settings, log, self._stop, None)
        self.session, self._tokens = transport.make_session(self.credentials, self.pace, tokens)
        self.gspread: Any = gspread.Client(auth=self.credentials, session=self.session)
        self.http: Any = self.gspread.http_client
        self._explainer = Explainer(settings.conn_id, self._email, self.account, settings.endpoint)

    def close(self) -> None:
        self.session.close()
        self._tokens.close()

    def stop(self) -> None:
        """Give up every wait, now and from now on. Called from another thread."""
        self._stop.set()

    def service(self, name: str, version: str) -> Any:
        """The service of google-api-python-client, from the description that the library has in it."""
        from googleapiclient.discovery import build

        return build(name, version, http=_Http(self.session), static_discovery=True, cache_discovery=False)

    @contextmanager
    def explained(self, about: str, spreadsheet_id: str = "", *, once: bool = False) -> Iterator[None]:
        """Errors of the block's requests as ours. `once`: they are not repeated, for they add something."""
        try:
            yield
        except GSheetsError:
            raise
        except Exception as error:
            tabs: Callable[[], list[str]] | None = None
            if spreadsheet_id and not about.startswith("read the tabs"):
                tabs = lambda: self.titles(spreadsheet_id)  # noqa: E731 - it is asked for only where it helps
            told = self._explainer.error(error, about, tabs, once=once)
            if told is None:
                raise
            raise told from None  # what it comes from has requests in it, with tokens

    # Requests that several modules make

    def ask_who(self) -> str | None:
        """The e-mail of the user that Drive takes this login for."""
        with self.explained("ask Google Drive who this is"):
            found = self.http.request("get", f"{DRIVE}/about", params={"fields": "user"}).json()
        email = found.get("user", {}).get("emailAddress")
        return str(email) if email else None

    def account(self) -> str | None:
        """The e-mail that spreadsheets must be shared with: that of the key, or else as Drive tells it, asked once."""
        if self._email is None and not self._asked:
            self._asked = True
            with suppress(TradewindError):
                self._email = self.ask_who()
        return self._email

    def titles(self, spreadsheet_id: str) -> list[str]:
        with self.explained("read the tabs of it", spreadsheet_id):
            found = self.http.spreadsheets_get(spreadsheet_id, {"fields": "sheets.properties.title"})
        return [sheet["properties"]["title"] for sheet in found.get("sheets", ())]

    def metadata(self, spreadsheet_id: str) -> dict[str, Any]:
        """Properties of a spreadsheet and of its tabs, without their cells."""
        fields = "spreadsheetId,spreadsheetUrl,properties(title,locale,timeZone),sheets.properties"
        with self.explained(f"read the spreadsheet {spreadsheet_id}", spreadsheet_id):
            found: dict[str, Any] = self.http.spreadsheets_get(spreadsheet_id, {"fields": fields})
        return found

    def values(self, spreadsheet_id: str, range_: str, **options: str) -> list[list[Any]]:
        """The values of a range, rows of different lengths, without blank ones at the end."""
        with self.explained(f"read {range_} of the spreadsheet {spreadsheet_id}", spreadsheet_id):
            found: list[list[Any]] = self.http.values_get(spreadsheet_id, range_, options).get("values", [])
        return found

    def batch_update(
        self, spreadsheet_id: str, requests: list[dict[str, Any]], about: str, *, repeatable: bool = False
    ) -> dict[str, Any]:
        """Requests that Google carries out all together or not at all. `repeatable`: twice is as good as once."""
        with self.explained(f"{about} in the spreadsheet {spreadsheet_id}", spreadsheet_id, once=not repeatable):
            answer = self.post(f"/{spreadsheet_id}:batchUpdate", {"requests": requests}, repeatable=repeatable)
        return answer

    def post(self, path: str, body: Mapping[str, Any], *, repeatable: bool) -> dict[str, Any]:
        from gspread.urls import SPREADSHEETS_API_V4_BASE_URL as BASE

        marked = {transport.REPEATABLE: "yes" if repeatable else "no"}
        found: dict[str, Any] = self.http.request("post", f"{BASE}{path}", json=body, headers=marked).json()
        return found

    def put_values(self, spreadsheet_id: str, range_: str, body: bytes, option: str) -> None:
        """Write the values in a body that is JSON already."""
        from gspread.urls import SPREADSHEET_VALUES_URL
        from gspread.utils import quote

        url = SPREADSHEET_VALUES_URL % (spreadsheet_id, quote(range_))
        with self.explained(f"write {range_} of the spreadsheet {spreadsheet_id}", spreadsheet_id):
            self.http.request(
                "put",
                url,
                params={"valueInputOption": option},
                data=body,
                headers={"Content-Type": "application/json; charset=utf-8"},
            )


class _Http:
    """As much of `httplib2.Http` as google-api-python-client uses, on the session of the connection."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def request(
        self, uri: str, method: str = "GET", body: Any = None, headers: Any = None, **_: Any
    ) -> tuple[Any, bytes]:
        import httplib2

        answer = self._session.request(method, uri, data=body, headers=headers)
        told = {name.lower(): value for name, value in answer.headers.items()}
        told.pop("content-encoding", None)  # it is undone already
        response = httplib2.Response({**told, "status": str(answer.status_code)})
        response.reason = answer.reason
        return response, answer.content

    def close(self) -> None:
        """The session belongs to the hook."""
