"""The provider keeps the contracts, on a local stand-in for Slack."""

from __future__ import annotations

from tradewind.testing import HookContract, ProviderContract, SandboxContract


class TestProvider(ProviderContract):
    name = "slack"


class TestSlackSandbox(SandboxContract):
    conn_type = "slack"


class TestSlackWebhookSandbox(SandboxContract):
    conn_type = "slackwebhook"


class TestSlackHook(HookContract):
    conn_type = "slack"
    impatient = {"timeout": 1}


class TestSlackWebhookHook(HookContract):
    conn_type = "slackwebhook"
    impatient = {"timeout": 1}
