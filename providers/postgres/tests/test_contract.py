"""The provider keeps the contracts, on a real server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tradewind.connection import Connection
from tradewind.testing import EndpointContract, HookContract, OperatorContract, ProviderContract
from tradewind_postgres import PostgresHook, PostgresOperator, PostgresTable


class TestProvider(ProviderContract):
    name = "postgres"


class TestPostgresHook(HookContract):
    conn_type = "postgres"
    caller_closes = True
    impatient = {"connect_timeout": 2}

    @pytest.fixture
    def server(self, sandbox: Callable[[str], Connection]) -> Connection:
        return sandbox("postgres")


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


class TestPostgresTable(EndpointContract):
    appends = upserts = has_partitions = True

    @pytest.fixture
    def endpoint(self, hook: PostgresHook) -> Any:
        hook.run(
            "create table contract (id int primary key, name text, amount decimal(12, 2), day date not null, "
            "seen timestamp)"
        )
        return lambda **given: PostgresTable("contract", conn_id="warehouse", **given)
