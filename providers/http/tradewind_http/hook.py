"""`HttpHook`: asks a service over HTTP, with the address and the credentials of a connection."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from tradewind import BaseHook
from tradewind_http import address, failures
from tradewind_http.errors import HttpError

if TYPE_CHECKING:
    import requests

    from tradewind import Connection

#: What `extra_options` may say of one request; everything else is in the connection.
_OPTIONS = ("stream", "verify", "cert", "proxies", "allow_redirects", "timeout")

#: Methods that have no body: their `data` are parameters in the URL.
_DATA_IN_URL = ("GET", "HEAD")


class HttpHook(BaseHook):
    """Requests to one service.

        with HttpHook("GET", http_conn_id="weather") as hook:
            today = hook.run("forecast", data={"city": "Oslo"}).json()

    A request that failed is sent again where that is safe: GET, HEAD, PUT, DELETE and OPTIONS after a lost connection
    or 502, 503 and 504; any method where the service was not reached at all, or said 429. `Retry-After` is honoured.
    """

    conn_name_attr = "http_conn_id"
    default_conn_name = "http_default"
    conn_type = "http"
    hook_name = "HTTP"

    def __init__(
        self,
        method: str = "POST",
        http_conn_id: str = default_conn_name,
        auth_type: Callable[..., Any] | None = None,
        tcp_keep_alive: bool = True,
        tcp_keep_alive_idle: int = 120,
        tcp_keep_alive_count: int = 20,
        tcp_keep_alive_interval: int = 30,
        *,
        connection: Connection | None = None,
    ) -> None:
        """`auth_type` is called with login and password, or with nothing where the connection has no login, and gives
        what `requests` takes as `auth`. `connection` is used in place of a look-up of `http_conn_id`.

        `tcp_keep_alive` has the system probe a connection on which nothing came for `idle` seconds, every `interval`
        seconds, so that nothing on the way forgets it while the service works on a long answer; after `count` probes
        without an answer it is broken.
        """
        self.method = method.upper()
        self.http_conn_id = http_conn_id
        self.auth_type = auth_type
        self.tcp_keep_alive = tcp_keep_alive
        self.tcp_keep_alive_idle = tcp_keep_alive_idle
        self.tcp_keep_alive_count = tcp_keep_alive_count
        self.tcp_keep_alive_interval = tcp_keep_alive_interval
        self._connection = connection
        self._session: Any = None

    @property
    def connection(self) -> Connection:
        """Raises ConnectionNotFound or BrokenConnection."""
        if self._connection is None:
            self._connection = self.get_connection(self.http_conn_id)
        return self._connection

    @property
    def base_url(self) -> str:
        """The address that endpoints lie below, without a slash at its end."""
        return address.base_url(self.connection)

    def get_conn(self, headers: Mapping[str, str] | None = None) -> requests.Session:
        """The session, which `close` closes. `headers` are sent with all its requests from now on."""
        if self._session is None:
            from tradewind_http.session import KeepAlive, open_session

            times = KeepAlive(self.tcp_keep_alive_idle, self.tcp_keep_alive_interval, self.tcp_keep_alive_count)
            self._session = open_session(self.connection, self._auth(), times if self.tcp_keep_alive else None)
        self._session.headers.update(headers or {})
        session: requests.Session = self._session
        return session

    def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_session": None}

    def run(
        self,
        endpoint: str | None = None,
        data: Any = None,
        headers: Mapping[str, str] | None = None,
        extra_options: Mapping[str, Any] | None = None,
        **request_kwargs: Any,
    ) -> requests.Response:
        """Send a request and return the answer.

        - `endpoint`: a path below the connection's address, or an URL. An URL of another service gets none of the
          connection's credentials.
        - `data`: parameters for GET and HEAD, the body of other methods.
        - `extra_options`: `timeout` (seconds), `stream`, `verify`, `cert`, `proxies`, `allow_redirects`, and
          `check_response=False`, with which an error status is no error. They count more than the connection's extras.
        - `request_kwargs`: what `requests.Request` takes: `json`, `params`, `files`, `cookies`.

        Raises HttpStatusError for a status of 400 and above, HttpError if no answer comes.
        """
        import requests

        options = dict(extra_options or {})
        check = options.pop("check_response", self.connection.extra_dejson.get("check_response", True))
        unknown = sorted(set(options) - set(_OPTIONS))
        if unknown:
            raise HttpError(
                f"extra_options has no {unknown[0]!r}; there are {', '.join((*_OPTIONS, 'check_response'))}."
            )
        session = self.get_conn()
        url = address.endpoint_url(self.base_url, endpoint)
        if data is not None:
            request_kwargs.setdefault("params" if self.method in _DATA_IN_URL else "data", data)
        try:
            request = self._prepared(session, requests.Request(self.method, url, headers=headers, **request_kwargs))
            answer = session.send(request, **self._send_options(session, request.url, options))
        except (requests.RequestException, ValueError) as error:
            # What is raised there tells the URL with its query, which may hold a secret: it is no cause of this.
            raise failures.no_answer(self.http_conn_id, self.method, url, error) from None
        if check:
            self.check_response(answer)
        return answer

    def check_response(self, response: requests.Response) -> None:
        """Raise HttpStatusError, with the beginning of the answer, for a status of 400 and above."""
        if response.status_code >= 400:
            raise failures.refused(self.http_conn_id, response)

    def url_from_endpoint(self, endpoint: str | None) -> str:
        """The whole address of an endpoint."""
        return address.endpoint_url(self.base_url, endpoint)

    def test_connection(self) -> tuple[bool, str]:
        """Whether the service answers, and lets us in."""
        asked = HttpHook("GET", self.http_conn_id, self.auth_type, connection=self.connection)
        endpoint = self.connection.extra_dejson.get("test_endpoint")
        with asked:
            try:
                answer = asked.run(endpoint, extra_options={"check_response": False, "stream": True})
            except HttpError as error:
                return False, str(error)
            with answer:
                status, told = answer.status_code, failures.told(answer)
                if status in (401, 403, 407) or status >= 500 or (endpoint and status >= 400):
                    return False, str(failures.refused(self.http_conn_id, answer))
        return True, f"{address.shown(self.base_url)} answers {told}."

    def _auth(self) -> Any:
        if self.auth_type is None:
            return None
        login = self.connection.login
        return self.auth_type(login, self.connection.password or "") if login else self.auth_type()

    def _prepared(self, session: Any, request: Any) -> Any:
        """The request with what the session adds; for another service that is nothing of the connection's."""
        if address.origin(request.url) == session.home:
            return session.prepare_request(request)
        request.auth = request.auth or (lambda prepared: prepared)  # else it would be the session's
        prepared = session.prepare_request(request)
        given = {name.lower() for name in request.headers or {}}
        for name in [name for name in prepared.headers if name.lower() in session.own_headers - given]:
            del prepared.headers[name]
        return prepared

    def _send_options(self, session: Any, url: str, options: dict[str, Any]) -> dict[str, Any]:
        from tradewind_http.session import time_limits

        extra = self.connection.extra_dejson
        timeout = options.pop("timeout", None) or time_limits(extra)
        redirects = options.pop("allow_redirects", extra.get("allow_redirects", True))
        # Told as if they were this request's own: else the environment would count more than the connection.
        proxies = dict(options.get("proxies") or session.proxies)
        given = [options.get(name, getattr(session, name)) for name in ("stream", "verify", "cert")]
        merged: dict[str, Any] = session.merge_environment_settings(url, proxies, *given)
        return {"timeout": timeout, "allow_redirects": redirects, **merged}
