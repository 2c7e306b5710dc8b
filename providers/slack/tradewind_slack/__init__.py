"""Slack for tradewind. Names are loaded when they are used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.lazy import lazy_names

if TYPE_CHECKING:
    from tradewind_slack.errors import SlackError as SlackError
    from tradewind_slack.errors import SlackUnclear as SlackUnclear
    from tradewind_slack.hook import SlackHook as SlackHook
    from tradewind_slack.sandbox.stand_ins import SlackSandbox as SlackSandbox
    from tradewind_slack.sandbox.stand_ins import SlackWebhookSandbox as SlackWebhookSandbox
    from tradewind_slack.webhook import SlackWebhookHook as SlackWebhookHook

_HOME = {
    "SlackError": "errors",
    "SlackHook": "hook",
    "SlackSandbox": "sandbox.stand_ins",
    "SlackUnclear": "errors",
    "SlackWebhookHook": "webhook",
    "SlackWebhookSandbox": "sandbox.stand_ins",
}

__all__ = list(_HOME)

__getattr__, __dir__ = lazy_names(__name__, _HOME)
