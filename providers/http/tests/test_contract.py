"""The provider keeps the contracts."""

from __future__ import annotations

from tradewind.testing import HookContract, OperatorContract, ProviderContract, SandboxContract
from tradewind_http import HttpOperator, HttpSensor


class TestProvider(ProviderContract):
    name = "http"


class TestHttpHook(HookContract):
    conn_type = "http"
    impatient = {"timeout": 1, "connect_timeout": 1, "retries": 0}


class TestHttpSandbox(SandboxContract):
    conn_type = "http"


class TestHttpOperator(OperatorContract):
    operator = HttpOperator
    arguments = {"endpoint": "orders", "data": {"a": 1}, "headers": {"X-A": "1"}, "http_conn_id": "nowhere"}


class TestHttpSensor(OperatorContract):
    operator = HttpSensor
    arguments = {"endpoint": "orders", "request_params": {"a": 1}, "headers": {"X-A": "1"}, "http_conn_id": "nowhere"}
