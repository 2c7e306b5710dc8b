"""What this provider brings to tradewind."""

from __future__ import annotations

from tradewind.hookspecs import Register, RegisterConnectionType, hookimpl
from tradewind_slack import extras


@hookimpl
def register_connection_types(register: RegisterConnectionType) -> None:
    register(extras.SLACK_TYPE)
    register(extras.WEBHOOK_TYPE)


@hookimpl
def register_sandboxes(register: Register) -> None:
    register("slack", "tradewind_slack.sandbox:SlackSandbox")
    register("slackwebhook", "tradewind_slack.sandbox:SlackWebhookSandbox")
