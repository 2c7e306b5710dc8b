"""A stand-in for Slack: the Web API, incoming webhooks, and a page that shows a channel. Names are loaded when used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.lazy import lazy_names

if TYPE_CHECKING:
    from tradewind_slack.sandbox.stand_ins import SlackSandbox as SlackSandbox
    from tradewind_slack.sandbox.stand_ins import SlackWebhookSandbox as SlackWebhookSandbox

_HOME = {"SlackSandbox": "stand_ins", "SlackWebhookSandbox": "stand_ins"}

__all__ = list(_HOME)

__getattr__, __dir__ = lazy_names(__name__, _HOME)
