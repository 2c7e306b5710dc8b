"""The provider keeps the contracts, on a real server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tradewind.connection import Connection
from tradewind.testing import HookContract, OperatorContract, ProviderContract, SandboxContract
from tradewind_postgres import PostgresOperator


class TestProvider(ProviderContract):
    name = "postgres"


class TestPostgresHook(HookContract):
    conn_type = "postgres"
    caller_closes = True
    impatient = {"connect_timeout": 2}

    @pytest.fixture
    def server(self, sandbox: Callable[[str], Connection]) -> Connection:
        return sandbox("postgres")


class TestPostgresSandbox(SandboxContract):
    conn_type = "postgres"


class TestPostgresOperator(OperatorContract):
    operator = PostgresOperator
    arguments = {
        "sql": "select 1",
        "postgres_conn_id": "nowhere",
        "parameters": {"a": 1},
        "database": "other",
        "runtime_parameters": {"work_mem": "1MB"},
    }
    stops_its_work = True

    @pytest.fixture
    def slow_task(self, server: Connection) -> PostgresOperator:
        return PostgresOperator(task_id="slow", sql="select pg_sleep(300)", postgres_conn_id="warehouse")

    @pytest.fixture
    def count_running(self, ask: Callable[..., Any]) -> Callable[[], int]:
        sql = (
            "select count(*) from pg_stat_activity where state = 'active' and query like 'select pg_sleep%' "
            "and datname = current_database()"
        )
        return lambda: int(ask(sql)[0][0])
