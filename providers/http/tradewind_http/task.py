"""What tasks that ask a service over HTTP share: the connection, and how its sockets are kept alive."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tradewind import BaseOperator
from tradewind_http.hook import HttpHook


class UsesHttp(BaseOperator):
    """A task with an HTTP connection.

    - `http_conn_id`: the connection. `method`: `GET`, `POST` ...
    - `tcp_keep_alive`, `tcp_keep_alive_idle`, `tcp_keep_alive_count`, `tcp_keep_alive_interval`: see `HttpHook`.
    """

    def __init__(
        self,
        *,
        method: str,
        http_conn_id: str = HttpHook.default_conn_name,
        tcp_keep_alive: bool = True,
        tcp_keep_alive_idle: int = 120,
        tcp_keep_alive_count: int = 20,
        tcp_keep_alive_interval: int = 30,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.method = method
        self.http_conn_id = http_conn_id
        self.tcp_keep_alive = tcp_keep_alive
        self.tcp_keep_alive_idle = tcp_keep_alive_idle
        self.tcp_keep_alive_count = tcp_keep_alive_count
        self.tcp_keep_alive_interval = tcp_keep_alive_interval

    def get_hook(self, auth_type: Callable[..., Any] | None = None) -> HttpHook:
        """A hook as the task describes it; close it."""
        return HttpHook(
            self.method,
            self.http_conn_id,
            auth_type,
            self.tcp_keep_alive,
            self.tcp_keep_alive_idle,
            self.tcp_keep_alive_count,
            self.tcp_keep_alive_interval,
        )
