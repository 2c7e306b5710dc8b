"""What a connection says: the address of Slack, the token or webhook, and how the client is set up."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tradewind.errors import BrokenConnection
from tradewind_slack.retries import LONGEST_WAIT, RETRIES, RETRY_DELAY, Retries

if TYPE_CHECKING:
    from tradewind.connection import Connection

TIMEOUT = 30.0  # seconds

#: Slack's own host, for the Web API and for webhooks.
API_HOST = "slack.com"
WEBHOOK_HOST = "hooks.slack.com"
_API_PATH = "/api/"
_WEBHOOK_PATH = "/services"

_SECRET = re.compile(r"[!-~]+")
_WEBHOOK = re.compile(r"/?(?:services/)?([A-Za-z0-9]+/[A-Za-z0-9]+/[A-Za-z0-9]+)/?")


def token_of(connection: Connection, conn_id: str) -> str:
    token = (connection.password or "").strip()
    if not token:
        raise BrokenConnection(
            f"Connection {conn_id!r} has no password; put the token of your app there: slack://:xoxb-...@"
        )
    if not _SECRET.fullmatch(token):  # the HTTP library would show it in its error
        raise BrokenConnection(f"Connection {conn_id!r}: a token has no spaces, and no letters but those of ASCII.")
    return token


def api_url(connection: Connection, given: Mapping[str, Any]) -> str:
    """The address of the Web API: the extra `base_url`, or the connection's host, or Slack's own."""
    base = given.get("base_url")
    if base:
        return str(base).rstrip("/") + "/"
    return _origin(connection, API_HOST, _API_PATH)


def webhook_url(connection: Connection, conn_id: str) -> str:
    """The webhook's whole address, which is a secret. Raises BrokenConnection if the password is none."""
    password = (connection.password or "").strip()
    if password.startswith(("http://", "https://")) and _SECRET.fullmatch(password):
        return password
    found = _WEBHOOK.fullmatch(password)
    if not found:
        what = "its password is no webhook" if password else "it has no password"
        raise BrokenConnection(
            f"Connection {conn_id!r}: {what}; put the webhook's whole URL there, or T.../B.../X... of it. "
            "The app's page, Incoming Webhooks, has it."
        )
    return f"{_origin(connection, WEBHOOK_HOST, _WEBHOOK_PATH)}/{found[1]}"


def _origin(connection: Connection, host: str, path: str) -> str:
    """Protocol, host, port and path: those of the connection where it has them."""
    protocol, separator, found = (connection.host or host).rpartition("://")
    if not separator:
        protocol = connection.schema if connection.schema in ("http", "https") else "https"
    name, slash, rest = found.rstrip("/").partition("/")
    port = f":{connection.port}" if connection.port else ""
    return f"{protocol}://{name}{port}" + (f"/{rest}" if slash else path)


def place_of(url: str) -> str:
    """Host and port of a URL: what may be shown of it."""
    parts = urlsplit(url)
    return parts.netloc.rpartition("@")[2]


def client_settings(
    given: Mapping[str, Any], *, timeout: float | None, proxy: str | None, retry_handlers: list[Any] | None
) -> dict[str, Any]:
    """Keywords of a client of slack_sdk: what the hook was given, or the connection's extras, or our defaults."""
    return {
        "timeout": given.get("timeout", TIMEOUT) if timeout is None else timeout,
        "proxy": proxy or given.get("proxy"),
        "retry_handlers": [retries_of(given)] if retry_handlers is None else retry_handlers,
        "logger": _SILENT,
    }


def retries_of(given: Mapping[str, Any]) -> Retries:
    """How often calls are made again, as the extras say."""
    count, delay = given.get("retries", RETRIES), given.get("retry_delay", RETRY_DELAY)
    return Retries(count, delay, given.get("longest_wait", LONGEST_WAIT))


def made(kind: Callable[..., Any], **settings: Any) -> Any:
    """A client; without a proxy of its own it minds NO_PROXY too, which slack_sdk does not."""
    client = kind(**settings)
    if not settings["proxy"]:
        client.proxy = None
    return client


#: The SDK logs what it sends, the URL of a webhook included. What is worth knowing is logged by `Retries`.
_SILENT = logging.Logger("tradewind_slack.silent", logging.CRITICAL + 1)
