"""The provider keeps the contracts, on a real server."""

from __future__ import annotations

from tradewind.testing import HookContract, ProviderContract, SandboxContract


class TestProvider(ProviderContract):
    name = "mysql"


class TestMySqlHook(HookContract):
    conn_type = "mysql"
    caller_closes = True
    impatient = {"connect_timeout": 2}


class TestMySqlSandbox(SandboxContract):
    conn_type = "mysql"
