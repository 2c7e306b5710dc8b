"""`HttpNotifier`: a callback that tells a service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from tradewind.context import Context
from tradewind.notifier import BaseNotifier
from tradewind_http.hook import HttpHook


class HttpNotifier(BaseNotifier):
    """Sends a request for each callback: `HttpNotifier(http_conn_id="pager", endpoint="alerts", json={...})`.

    The arguments are those of `HttpHook.run`. What goes wrong is logged, and fails nothing.
    """

    template_fields: ClassVar[Sequence[str]] = ("http_conn_id", "endpoint", "data", "json", "headers", "extra_options")

    def __init__(
        self,
        *,
        http_conn_id: str = HttpHook.default_conn_name,
        endpoint: str | None = None,
        method: str = "POST",
        data: Any = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        extra_options: Mapping[str, Any] | None = None,
    ) -> None:
        self.http_conn_id = http_conn_id
        self.endpoint = endpoint
        self.method = method
        self.data = data
        self.json = json
        self.headers = headers
        self.extra_options = extra_options

    def notify(self, context: Context) -> None:
        with HttpHook(self.method, self.http_conn_id) as hook:
            hook.run(self.endpoint, self.data, self.headers, self.extra_options, json=self.json)
