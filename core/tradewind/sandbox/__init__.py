"""Sandboxes: throw-away servers, so that a pipeline can be tried and tested with no account and nothing set up.

A provider ships one for each of its connection types and registers it with `register_sandboxes`.
"""

from __future__ import annotations

from tradewind.sandbox.contract import Sandbox

__all__ = ["Sandbox"]
