"""A workspace of its own for each test, and what the tests do in it behind the client's back."""

from __future__ import annotations

import pytest

from tradewind.sandbox import Control
from tradewind_slack import SlackHook


@pytest.fixture
def workspace(sandbox, connection):
    """The connection `slack` leads to a new workspace. Its client is not patient."""
    made = sandbox("slack")
    made.extra = {"retry_delay": 0.01, "timeout": 10}
    return connection("slack", made)


@pytest.fixture
def control(workspace):
    return Control(workspace)


@pytest.fixture
def hook(workspace):
    return SlackHook("slack")


@pytest.fixture
def client(hook):
    """slack_sdk's own client, as the hook sets it up."""
    return hook.client


@pytest.fixture
def texts(control):
    """Texts of the messages of a channel."""
    return lambda channel="general": [message["text"] for message in control.act("messages", channel=channel)]


@pytest.fixture
def webhook(sandbox, connection):
    """The connection `alerts` leads to a new webhook."""
    made = sandbox("slackwebhook")
    made.extra = {"retry_delay": 0.01, "timeout": 10}
    return connection("alerts", made)
