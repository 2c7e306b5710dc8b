"""The provider keeps the contracts; SQLite is the server behind its hook."""

from __future__ import annotations

from pathlib import Path

import pytest

from tradewind.connection import Connection
from tradewind.testing import HookContract, OperatorContract, ProviderContract
from tradewind_sql import (
    SQLCheckOperator,
    SQLExecuteQueryOperator,
    SQLValueCheckOperator,
)


class TestProvider(ProviderContract):
    name = "sql"
    vendor_libraries = ("sqlalchemy", "jinja2", "pandas", "polars", "pyarrow")


class TestSqliteHook(HookContract):
    conn_type = "sqlite"
    has_network = False
    checks_password = False
    caller_closes = True

    @pytest.fixture
    def server(self, tmp_path: Path) -> Connection:
        return Connection.from_uri(f"sqlite:///{tmp_path}/contract.db", "contract")


class TestExecuteQuery(OperatorContract):
    operator = SQLExecuteQueryOperator
    arguments = {"sql": "select 1", "conn_id": "nowhere", "parameters": {"a": 1}, "database": "other"}


class TestCheck(OperatorContract):
    operator = SQLCheckOperator
    arguments = {"sql": "select 1", "conn_id": "nowhere"}


class TestValueCheck(OperatorContract):
    operator = SQLValueCheckOperator
    arguments = {"sql": "select 1", "pass_value": 1, "conn_id": "nowhere"}
