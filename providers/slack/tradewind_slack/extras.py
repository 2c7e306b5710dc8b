"""The connection types `slack` and `slackwebhook` with their extras, whose names the hooks know from here."""

from __future__ import annotations

from tradewind.records import ConnectionType, Extra

#: Read by both hooks.
CLIENT = (
    Extra("timeout", float, "seconds that Slack gets for each answer (default: 30)"),
    Extra("proxy", str, "proxy for Slack alone, http://host:port (default: HTTPS_PROXY and NO_PROXY)", secret=True),
    Extra("retries", int, "how often a call is made again that Slack limits, or that fails on the way (default: 5)"),
    Extra("retry_delay", float, "seconds before the first of these, doubled each time (default: 1)"),
    Extra("longest_wait", float, "seconds to wait at most where Slack says how long to wait (default: 120)"),
)

SLACK = (Extra("base_url", str, "address of the Web API (default: https://slack.com/api/)"), *CLIENT)

SLACK_TYPE = ConnectionType(
    "slack",
    hook="tradewind_slack.hook:SlackHook",
    label="Slack API",
    extras=SLACK,
    schema_label="protocol",
)

WEBHOOK_TYPE = ConnectionType(
    "slackwebhook",
    hook="tradewind_slack.webhook:SlackWebhookHook",
    label="Slack incoming webhook",
    aliases=("slack_webhook",),
    extras=CLIENT,
    schema_label="protocol",
)
