"""The provider keeps the contracts; a real PostgreSQL is the server behind its hook."""

from __future__ import annotations

from tradewind.testing import HookContract, OperatorContract, ProviderContract, SandboxContract
from tradewind_postgres import PostgresOperator


class TestProvider(ProviderContract):
    name = "postgres"
    vendor_libraries = ("sqlalchemy", "boto3", "botocore", "pandas", "polars", "pyarrow")


class TestHook(HookContract):
    conn_type = "postgres"
    caller_closes = True
    impatient = {"connect_timeout": 2}


class TestOperator(OperatorContract):
    operator = PostgresOperator
    arguments = {
        "sql": "select 1",
        "postgres_conn_id": "nowhere",
        "parameters": {"a": 1},
        "database": "other",
    }


class TestSandbox(SandboxContract):
    conn_type = "postgres"
