"""`HttpSandbox`: a store of JSON on this machine, for pipelines that ask a service over HTTP."""

from __future__ import annotations

from tradewind.sandbox import StandIn


class HttpSandbox(StandIn):
    """A server that keeps JSON and gives it back, in the ways that services on the web page their answers.

    It checks login and password. What it does is described in `tradewind_http.service`.
    """

    conn_type = "http"
    label = "HTTP"
    application = "tradewind_http.service:JsonStore"
