"""`in_place_of_google`: programs that know nothing of the sandbox talk to it.

gspread has the addresses of Google written into it. Within the block the two libraries that carry requests, requests
and httplib2, take those for Google's APIs to the sandbox, and all others where they belong.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tradewind.errors import SandboxError

if TYPE_CHECKING:
    from tradewind.connection import Connection

#: Hosts whose requests go to the sandbox.
HOSTS = ("sheets.googleapis.com", "www.googleapis.com", "oauth2.googleapis.com")

_CREDENTIALS = "GOOGLE_APPLICATION_CREDENTIALS"


@contextmanager
def in_place_of_google(connection: Connection) -> Iterator[Path]:
    """Within the block this process finds the sandbox of a connection where Google is. Answers a key file.

        with GSheetSandbox() as connection, in_place_of_google(connection) as key_file:
            gspread.service_account(key_file).create("Budget")

    The key file is also the one that `gspread.service_account()` and `google.auth.default()` find. Requests to other
    hosts are left alone. Not for threads that are to reach Google itself at the same time.
    Raises SandboxError if the connection is not that of a sandbox.
    """
    extra = connection.extra_dejson
    endpoint, key = extra.get("api_endpoint"), extra.get("keyfile_dict")
    if not endpoint or not key:
        raise SandboxError(
            "This connection is not that of a Google Sheets sandbox: it needs api_endpoint and keyfile_dict."
        )
    with tempfile.TemporaryDirectory() as folder:
        key_file = Path(folder) / "service_account.json"
        key_file.touch(0o600)
        key_file.write_text(key if isinstance(key, str) else _json(key), encoding="utf-8")
        with _requests_routed(endpoint), _httplib2_routed(endpoint), _default_key_file(key_file):
            yield key_file


def _json(key: Any) -> str:
    import json

    return json.dumps(key)


def _there(url: str, endpoint: str) -> str:
    """Where a request to this address goes."""
    parts = urlsplit(url)
    # For uploads google-api-python-client takes the host of an endpoint, and https whatever the endpoint says.
    is_meant = parts.hostname in HOSTS or parts.netloc == urlsplit(endpoint).netloc
    return endpoint.rstrip("/") + url[url.index("/", 8) :] if is_meant and parts.path else url


@contextmanager
def _replaced(owner: Any, name: str, made: Callable[[Any], Any]) -> Iterator[None]:
    before = getattr(owner, name)
    setattr(owner, name, made(before))
    try:
        yield
    finally:
        setattr(owner, name, before)


@contextmanager
def _requests_routed(endpoint: str) -> Iterator[None]:
    from requests import Session

    def made(send: Any) -> Any:
        def routed(self: Any, request: Any, **given: Any) -> Any:
            request.url = _there(request.url, endpoint)
            return send(self, request, **given)

        return routed

    with _replaced(Session, "send", made):
        yield


@contextmanager
def _httplib2_routed(endpoint: str) -> Iterator[None]:
    from httplib2 import Http

    def made(request: Any) -> Any:
        def routed(self: Any, uri: str, *given: Any, **named: Any) -> Any:
            return request(self, _there(uri, endpoint), *given, **named)

        return routed

    with _replaced(Http, "request", made):
        yield


@contextmanager
def _default_key_file(key_file: Path) -> Iterator[None]:
    """What programs find that name no key file."""
    import gspread.auth

    before = os.environ.get(_CREDENTIALS)
    os.environ[_CREDENTIALS] = str(key_file)

    def made(defaults: tuple[Any, ...]) -> tuple[Any, ...]:
        return (key_file, *defaults[1:])

    try:
        with _replaced(gspread.auth.service_account, "__defaults__", made):
            yield
    finally:
        if before is None:
            del os.environ[_CREDENTIALS]
        else:
            os.environ[_CREDENTIALS] = before
