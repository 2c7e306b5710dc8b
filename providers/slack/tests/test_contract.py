"""The provider keeps the contracts, on a local stand-in for Slack."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import tradewind_slack
from tradewind.connection import Connection
from tradewind.operator import BaseOperator
from tradewind.testing import EndpointContract, HookContract, OperatorContract, ProviderContract, SandboxContract
from tradewind_slack import (
    SlackAPIConversationsHistoryOperator,
    SlackAPIFileOperator,
    SlackAPIOperator,
    SlackAPIPostOperator,
    SlackFile,
    SlackNotifier,
    SlackRunThreadOperator,
    SlackWebhookOperator,
    SqlToSlackApiFileOperator,
    SqlToSlackOperator,
    SqlToSlackWebhookOperator,
)

#: What each operator that calls the Web API takes.
_API = {
    "slack_conn_id": "nowhere",
    "base_url": "http://127.0.0.1:1/api/",
    "timeout": 3.0,
    "proxy": "http://127.0.0.1:1",
}
_SQL = {"sql": "select 1", "sql_conn_id": "nowhere", "parameters": {"a": 1}, "sql_hook_params": {"log_sql": False}}


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


class TestSlackAPIOperator(OperatorContract):
    operator = SlackAPIOperator
    arguments = {**_API, "method": "conversations.join", "api_params": {"channel": "C0123456789"}}


class TestSlackAPIPostOperator(OperatorContract):
    operator = SlackAPIPostOperator
    arguments = {
        **_API,
        "channel": "#data",
        "text": "loaded",
        "username": "loader",
        "icon_url": "https://example.com/i.png",
        "blocks": [{"type": "divider"}],
        "attachments": [{"text": "more"}],
        "thread_ts": "1.000001",
    }


class TestSlackAPIFileOperator(OperatorContract):
    operator = SlackAPIFileOperator
    arguments = {**_API, "channels": "#data", "content": "a,b", "title": "Rows", "display_filename": "rows.csv"}


class TestSlackAPIConversationsHistoryOperator(OperatorContract):
    operator = SlackAPIConversationsHistoryOperator
    arguments = {**_API, "channel": "#data", "oldest": "0", "latest": "1.000001", "limit": 5}


class TestSlackWebhookOperator(OperatorContract):
    operator = SlackWebhookOperator
    arguments = {"slack_webhook_conn_id": "nowhere", "message": "loaded", "blocks": [{"type": "divider"}]}


class TestSqlToSlackWebhookOperator(OperatorContract):
    operator = SqlToSlackWebhookOperator
    arguments = {**_SQL, "slack_message": "{{ results_df }}", "slack_webhook_conn_id": "nowhere"}


class TestSqlToSlackOperator(OperatorContract):
    operator = SqlToSlackOperator
    arguments = {**_SQL, "slack_channel": "#data", "slack_conn_id": "nowhere", "thread_ts": "1.000001"}


class TestSqlToSlackApiFileOperator(OperatorContract):
    operator = SqlToSlackApiFileOperator
    arguments = {**_SQL, "slack_filename": "rows.xlsx", "slack_channels": ["#data"], "slack_conn_id": "nowhere"}


class TestSlackRunThreadOperator(OperatorContract):
    operator = SlackRunThreadOperator
    arguments = {"notifier": SlackNotifier(channel="#data"), "text": "loaded", "blocks": [{"type": "divider"}]}


class _SlackFileContract(EndpointContract, contract=True):
    checks_values = False
    filename: str

    @pytest.fixture
    def endpoint(self, connection: Callable[..., Connection], sandbox: Callable[[str], Connection]) -> Any:
        server = sandbox("slack")
        connection("slack", server)
        return lambda **given: SlackFile("#alerts", self.filename, conn_id="slack", types=_TYPES)


#: Text files do not keep types.
_TYPES = {"id": "int", "name": "text", "amount": "decimal(12,2)", "day": "date", "seen": "timestamp"}


class TestSlackFileCsv(_SlackFileContract):
    filename = "contract.csv.gz"


class TestSlackFileJsonl(_SlackFileContract):
    filename = "contract.jsonl"


def test_no_operator_is_left_out() -> None:
    found = [getattr(tradewind_slack, name) for name in tradewind_slack.__all__]
    operators = {one for one in found if isinstance(one, type) and issubclass(one, BaseOperator)}
    assert operators == {getattr(one, "operator", None) for name, one in globals().items() if name[:4] == "Test"} - {
        None
    }
