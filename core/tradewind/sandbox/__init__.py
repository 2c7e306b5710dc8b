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

_HOME = {"Guard": "guard", "Sandbox": "contract", "ServerSandbox": "server"}

__all__ = list(_HOME)

__getattr__, __dir__ = lazy_names(__name__, _HOME)
