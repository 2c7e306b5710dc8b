"""Google's own clients, unchanged, in a project on the sandbox."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from google.oauth2 import service_account
from googleapiclient.discovery import build

from tradewind.connection import Connection
from tradewind.sandbox import Control

SCOPES = ("https://www.googleapis.com/auth/spreadsheets", "https://www.googleapis.com/auth/drive")


@pytest.fixture(scope="module")
def google(sandboxes: Any) -> Iterator[Connection]:
    """The connection of a project that the tests of a module share; each has files of its own."""
    with sandboxes.open("google_cloud_platform") as connection:
        yield connection


@pytest.fixture(scope="module")
def control(google: Connection) -> Control:
    return Control(google)


@pytest.fixture(scope="module")
def key(google: Connection) -> dict[str, str]:
    """Content of the key file of its service account."""
    told: dict[str, str] = json.loads(google.extra_dejson["keyfile_dict"])
    return told


@pytest.fixture(scope="module")
def client(google: Connection, key: dict[str, str]) -> Iterator[Callable[..., Any]]:
    """`client("sheets")`, `client("drive", key=..., scopes=...)`: a client of google-api-python-client."""
    opened = []

    def make(api: str, key: dict[str, str] = key, scopes: Any = SCOPES) -> Any:
        credentials = service_account.Credentials.from_service_account_info(key, scopes=scopes)
        version, path = {"sheets": ("v4", ""), "drive": ("v3", "/drive/v3/")}[api]
        where = {"api_endpoint": google.extra_dejson["api_endpoint"] + path}
        made = build(api, version, credentials=credentials, client_options=where, static_discovery=True)
        opened.append(made)
        return made

    yield make
    for one in opened:
        one.close()


@pytest.fixture(scope="module")
def sheets(client: Callable[..., Any]) -> Any:
    """`spreadsheets()` of the Sheets API."""
    return client("sheets").spreadsheets()


@pytest.fixture(scope="module")
def files(client: Callable[..., Any]) -> Any:
    """`files()` of the Drive API."""
    return client("drive").files()


@pytest.fixture
def book(sheets: Any) -> Book:
    """A new spreadsheet with one sheet, `Sheet1`."""
    return Book(sheets, sheets.create(body={"properties": {"title": "Book"}}).execute()["spreadsheetId"])


class Book:
    """A spreadsheet, and short words for what tests do with it."""

    def __init__(self, sheets: Any, id: str) -> None:
        self.sheets = sheets
        self.id = id
        self.values = sheets.values()

    def write(self, range_: str, values: list[list[Any]], option: str = "USER_ENTERED", **more: Any) -> Any:
        body = {"values": values, **more}
        asked = self.values.update(spreadsheetId=self.id, range=range_, valueInputOption=option, body=body)
        return asked.execute()

    def append(self, range_: str, values: list[list[Any]], option: str = "RAW", **more: Any) -> Any:
        body = {"values": values}
        return self.values.append(
            spreadsheetId=self.id, range=range_, valueInputOption=option, body=body, **more
        ).execute()

    def read(self, range_: str = "Sheet1", **how: Any) -> Any:
        return self.values.get(spreadsheetId=self.id, range=range_, **how).execute().get("values", [])

    def formulas(self, range_: str = "Sheet1") -> Any:
        return self.read(range_, valueRenderOption="FORMULA")

    def do(self, **requests: Any) -> Any:
        """`do(addSheet={...})`: a batchUpdate. Answers the replies."""
        body = {"requests": [{kind: told} for kind, told in requests.items()]}
        return self.sheets.batchUpdate(spreadsheetId=self.id, body=body).execute()["replies"]

    def get(self, **how: Any) -> Any:
        return self.sheets.get(spreadsheetId=self.id, **how).execute()


def area(top: int, left: int, bottom: int, right: int, sheet: int = 0) -> dict[str, int]:
    """A `GridRange`."""
    return {
        "sheetId": sheet,
        "startRowIndex": top,
        "startColumnIndex": left,
        "endRowIndex": bottom,
        "endColumnIndex": right,
    }


@pytest.fixture
def span() -> Callable[..., dict[str, int]]:
    return area


@pytest.fixture
def refused() -> Callable[..., tuple[int, str]]:
    """`refused(call)`: status and message with which a call fails."""
    from googleapiclient.errors import HttpError

    def ask(call: Callable[[], Any]) -> tuple[int, str]:
        with pytest.raises(HttpError) as caught:
            call()
        return caught.value.status_code, json.loads(caught.value.content)["error"]["message"]

    return ask
