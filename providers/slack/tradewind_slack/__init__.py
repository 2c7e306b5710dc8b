"""Slack for tradewind. Names are loaded when they are used."""

from __future__ import annotations

from tradewind.lazy import lazy_names

_HOME: dict[str, str] = {}

__all__ = list(_HOME)

__getattr__, __dir__ = lazy_names(__name__, _HOME)
