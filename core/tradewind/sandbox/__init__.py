"""Sandboxes: throw-away servers, so that a pipeline can be tried and tested with no account and nothing set up.

A provider ships one for each of its connection types and registers it with `register_sandboxes`. Names are loaded when
they are used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.lazy import lazy_names

if TYPE_CHECKING:
    from tradewind.sandbox.contract import Sandbox as Sandbox
    from tradewind.sandbox.guard import Guard as Guard
    from tradewind.sandbox.server import ServerSandbox as ServerSandbox
    from tradewind.sandbox.stand_in import Control as Control
    from tradewind.sandbox.stand_in import StandIn as StandIn
    from tradewind.sandbox.web import Application as Application
    from tradewind.sandbox.web import Request as Request
    from tradewind.sandbox.web import Response as Response

_HOME = {
    "Application": "web",
    "Control": "stand_in",
    "Guard": "guard",
    "Request": "web",
    "Response": "web",
    "Sandbox": "contract",
    "ServerSandbox": "server",
    "StandIn": "stand_in",
}

__all__ = list(_HOME)

__getattr__, __dir__ = lazy_names(__name__, _HOME)
