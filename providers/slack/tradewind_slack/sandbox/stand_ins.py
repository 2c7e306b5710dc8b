"""The sandboxes of the connection types `slack` and `slackwebhook`: a workspace of their own on a local Slack."""

from __future__ import annotations

from typing import ClassVar

from tradewind.sandbox import StandIn


class SlackSandbox(StandIn):
    """A workspace with an app's bot token, some channels and some people.

        with SlackSandbox() as connection:
            connection.get_hook().call("chat.postMessage", json={"channel": "#general", "text": "Hello"})

    `Control(connection).act(...)` knows the actions of `tradewind_slack.sandbox.actions`.
    """

    conn_type: ClassVar[str] = "slack"
    label: ClassVar[str] = "Slack"
    application: ClassVar[str] = "tradewind_slack.sandbox.service:SlackService"


class SlackWebhookSandbox(SlackSandbox):
    """A workspace of its own, with an incoming webhook that posts to its channel #general."""

    conn_type: ClassVar[str] = "slackwebhook"
    label: ClassVar[str] = "Slack webhook"
