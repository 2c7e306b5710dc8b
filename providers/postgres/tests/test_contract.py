"""The provider keeps the contracts, on a real server."""

from __future__ import annotations

from tradewind.testing import HookContract, ProviderContract, SandboxContract


class TestProvider(ProviderContract):
    name = "postgres"


class TestPostgresHook(HookContract):
    conn_type = "postgres"
    caller_closes = True
    impatient = {"connect_timeout": 2}


class TestPostgresSandbox(SandboxContract):
    conn_type = "postgres"
