"""A session of `requests` made from a connection: credentials, time limits, and what is sent again."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tradewind.connection import Connection
from tradewind_http.address import base_url, origin
from tradewind_http.extras import NAMES

TIMEOUT = 60.0  # seconds between two parts of an answer
CONNECT_TIMEOUT = 10.0  # seconds
RETRIES = 3
RETRY_BACKOFF = 0.5  # seconds
MAX_RETRY_AFTER = 120.0  # seconds

#: The service did not do what it was asked (429), or may do it later (502 to 504).
RETRIED_STATUSES = (429, 502, 503, 504)

#: Doing it twice does no harm, as RFC 9110 defines these methods.
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"})


@dataclass(frozen=True)
class KeepAlive:
    """When the system probes a connection on which nothing comes."""

    idle: int  #: seconds before the first probe
    interval: int  #: seconds between probes
    count: int  #: probes without an answer after which it is broken


def open_session(connection: Connection, auth: Any = None, keep_alive: KeepAlive | None = None) -> Any:
    """A `requests.Session` with what the connection says. `auth` takes the place of its login and password.

    Extras that are not told of in `extras` are headers, as in Airflow.
    """
    extra = connection.extra_dejson
    session = _session_class()()
    session.home = origin(base_url(connection))
    session.headers.update({name: str(value) for name, value in extra.items() if name not in NAMES})
    session.headers.update({name: str(value) for name, value in (extra.get("headers") or {}).items()})
    if extra.get("token"):
        session.headers["Authorization"] = f"Bearer {extra['token']}"
    session.auth = auth if auth is not None else _auth(connection)
    session.own_headers = frozenset(name.lower() for name in session.headers) - _ORDINARY
    session.verify = extra.get("ca_file") or extra.get("verify", extra.get("verify_ssl", True))
    session.stream = extra.get("stream", False)
    session.cert = extra.get("cert")
    session.trust_env = extra.get("trust_env", True)
    session.max_redirects = extra.get("max_redirects", 30)
    proxy = extra.get("proxy")
    session.proxies = {"http": proxy, "https": proxy} if proxy else dict(extra.get("proxies") or {})
    adapter = _adapter(_retries(extra), keep_alive)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


def time_limits(extra: Mapping[str, Any]) -> tuple[float, float]:
    """Seconds to connect, and to wait for each part of an answer. `requests` alone would wait for ever."""
    return extra.get("connect_timeout", CONNECT_TIMEOUT), extra.get("timeout", TIMEOUT)


#: Headers that every client sends.
_ORDINARY = frozenset({"user-agent", "accept", "accept-encoding", "connection", "content-type"})


def _auth(connection: Connection) -> Any:
    if not connection.login:
        return None
    from requests.auth import HTTPBasicAuth, HTTPDigestAuth

    digest = connection.extra_dejson.get("auth_type") == "digest"
    password = connection.password or ""
    return (HTTPDigestAuth if digest else HTTPBasicAuth)(
        connection.login.encode(),
        password.encode(),  # text would be sent in Latin-1, and refused beyond it
    )


def _session_class() -> Any:
    import requests

    class Session(requests.Session):
        """Gives the connection's headers to nobody but the service that they are for."""

        home: tuple[str, str, int]
        own_headers: frozenset[str]

        def rebuild_auth(self, prepared_request: Any, response: Any) -> None:
            """Called for each redirect. `requests` takes away the header Authorization, and no other."""
            super().rebuild_auth(prepared_request, response)
            if origin(prepared_request.url) != self.home:
                for name in [name for name in prepared_request.headers if name.lower() in self.own_headers]:
                    del prepared_request.headers[name]

    return Session


def _adapter(retries: Any, keep_alive: KeepAlive | None) -> Any:
    from requests.adapters import HTTPAdapter
    from urllib3.connection import HTTPConnection

    options = [*HTTPConnection.default_socket_options, *_socket_options(keep_alive)]

    class Adapter(HTTPAdapter):
        """Opens sockets with these options, to the service and to proxies."""

        def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
            super().init_poolmanager(*args, **kwargs, socket_options=options)

        def proxy_manager_for(self, proxy: Any, **kwargs: Any) -> Any:
            return super().proxy_manager_for(proxy, **kwargs, socket_options=options)

    return Adapter(max_retries=retries)


def _socket_options(keep_alive: KeepAlive | None) -> list[tuple[int, int, int]]:
    """The options of a socket that is probed so, as far as the system has them."""
    if keep_alive is None:
        return []
    idle = "TCP_KEEPIDLE" if hasattr(socket, "TCP_KEEPIDLE") else "TCP_KEEPALIVE"  # as macOS calls it
    wanted = {idle: keep_alive.idle, "TCP_KEEPINTVL": keep_alive.interval, "TCP_KEEPCNT": keep_alive.count}
    times = [(name, value) for name, value in wanted.items() if hasattr(socket, name)]
    return [
        (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
        *((socket.IPPROTO_TCP, getattr(socket, name), value) for name, value in times),
    ]


def _retries(extra: Mapping[str, Any]) -> Any:
    from urllib3.util.retry import Retry

    longest = extra.get("max_retry_after", MAX_RETRY_AFTER)

    class Retries(Retry):
        """Repeats what is safe to repeat, and any request that was not done because there were too many (429)."""

        def is_retry(self, method: str, status_code: int, has_retry_after: bool = False) -> bool:
            if status_code == 429:
                return bool(self.total)
            return super().is_retry(method, status_code, has_retry_after)

        def get_retry_after(self, response: Any) -> float | None:
            told = super().get_retry_after(response)
            return None if told is None else min(told, longest)

    times = extra.get("retries", RETRIES)
    return Retries(
        total=times,
        backoff_factor=extra.get("retry_backoff", RETRY_BACKOFF),
        status_forcelist=RETRIED_STATUSES,
        allowed_methods=SAFE_METHODS,
        raise_on_status=False,
    )
