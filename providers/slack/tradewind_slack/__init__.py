"""Slack for tradewind. Names are loaded when they are used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.lazy import lazy_names

if TYPE_CHECKING:
    from tradewind_slack.endpoints import SlackFile as SlackFile
    from tradewind_slack.errors import SlackError as SlackError
    from tradewind_slack.errors import SlackUnclear as SlackUnclear
    from tradewind_slack.hook import SlackHook as SlackHook
    from tradewind_slack.notifiers import SlackNotifier as SlackNotifier
    from tradewind_slack.notifiers import SlackWebhookNotifier as SlackWebhookNotifier
    from tradewind_slack.operators import SlackAPIConversationsHistoryOperator as SlackAPIConversationsHistoryOperator
    from tradewind_slack.operators import SlackAPIFileOperator as SlackAPIFileOperator
    from tradewind_slack.operators import SlackAPIOperator as SlackAPIOperator
    from tradewind_slack.operators import SlackAPIPostOperator as SlackAPIPostOperator
    from tradewind_slack.operators import SlackWebhookOperator as SlackWebhookOperator
    from tradewind_slack.run_thread import SlackRunThreadOperator as SlackRunThreadOperator
    from tradewind_slack.sandbox.stand_ins import SlackSandbox as SlackSandbox
    from tradewind_slack.sandbox.stand_ins import SlackWebhookSandbox as SlackWebhookSandbox
    from tradewind_slack.sql_operators import SqlToSlackApiFileOperator as SqlToSlackApiFileOperator
    from tradewind_slack.sql_operators import SqlToSlackOperator as SqlToSlackOperator
    from tradewind_slack.sql_operators import SqlToSlackWebhookOperator as SqlToSlackWebhookOperator
    from tradewind_slack.webhook import SlackWebhookHook as SlackWebhookHook

_HOME = {
    "SlackAPIConversationsHistoryOperator": "operators",
    "SlackAPIFileOperator": "operators",
    "SlackAPIOperator": "operators",
    "SlackAPIPostOperator": "operators",
    "SlackError": "errors",
    "SlackFile": "endpoints",
    "SlackHook": "hook",
    "SlackNotifier": "notifiers",
    "SlackRunThreadOperator": "run_thread",
    "SlackSandbox": "sandbox.stand_ins",
    "SlackUnclear": "errors",
    "SlackWebhookHook": "webhook",
    "SlackWebhookNotifier": "notifiers",
    "SlackWebhookOperator": "operators",
    "SlackWebhookSandbox": "sandbox.stand_ins",
    "SqlToSlackApiFileOperator": "sql_operators",
    "SqlToSlackOperator": "sql_operators",
    "SqlToSlackWebhookOperator": "sql_operators",
}

__all__ = list(_HOME)

__getattr__, __dir__ = lazy_names(__name__, _HOME)
