"""The provider keeps the contracts; a real PostgreSQL is the server behind its hook."""

from __future__ import annotations

import pytest

from tradewind.testing import HookContract, OperatorContract, ProviderContract
from tradewind_postgres import PostgresOperator


class TestProvider(ProviderContract):
    name = "postgres"
    vendor_libraries = ("sqlalchemy", "boto3", "botocore", "pandas", "polars", "pyarrow")


class TestHook(HookContract):
    conn_type = "postgres"
    caller_closes = True
    impatient = {"connect_timeout": 2}

    @pytest.fixture
    def server(self, sandbox):
        return sandbox("postgres")


class TestOperator(OperatorContract):
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
    def slow_task(self, server):
        return PostgresOperator(task_id="slow", sql="select pg_sleep(77)", postgres_conn_id="warehouse")

    @pytest.fixture
    def count_running(self, ask):
        busy = "select count(*) from pg_stat_activity where state = 'active' and query = 'select pg_sleep(77)'"
        return lambda: ask(busy)[0][0]
