"""The provider keeps the contracts; SQLite is the server behind its hook."""

from __future__ import annotations

from pathlib import Path

import pytest

import tradewind_sql
from tradewind import BaseOperator
from tradewind.connection import Connection
from tradewind.testing import HookContract, OperatorContract, ProviderContract
from tradewind_sql import (
    BranchSQLOperator,
    GenericTransfer,
    SQLBulkLoadOperator,
    SQLCheckOperator,
    SQLColumnCheckOperator,
    SQLExecuteQueryOperator,
    SQLInsertRowsOperator,
    SQLIntervalCheckOperator,
    SqliteOperator,
    SqlSensor,
    SQLTableCheckOperator,
    SQLThresholdCheckOperator,
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


class TestSqlite(OperatorContract):
    operator = SqliteOperator
    arguments = {"sql": "select 1", "sqlite_conn_id": "nowhere"}


class TestCheck(OperatorContract):
    operator = SQLCheckOperator
    arguments = {"sql": "select 1", "conn_id": "nowhere", "parameters": [1]}


class TestValueCheck(OperatorContract):
    operator = SQLValueCheckOperator
    arguments = {"sql": "select 1", "pass_value": "1", "conn_id": "nowhere"}


class TestThresholdCheck(OperatorContract):
    operator = SQLThresholdCheckOperator
    arguments = {"sql": "select 1", "min_threshold": "select 0", "max_threshold": "select 2", "conn_id": "nowhere"}


class TestIntervalCheck(OperatorContract):
    operator = SQLIntervalCheckOperator
    arguments = {"table": "t", "metrics_thresholds": {"count(*)": 2}, "conn_id": "nowhere"}


class TestColumnCheck(OperatorContract):
    operator = SQLColumnCheckOperator
    arguments = {"table": "t", "column_mapping": {"a": {"null_check": {"equal_to": 0}}}, "conn_id": "nowhere"}


class TestTableCheck(OperatorContract):
    operator = SQLTableCheckOperator
    arguments = {"table": "t", "checks": {"some": {"check_statement": "count(*) > 0"}}, "conn_id": "nowhere"}


class TestBranch(OperatorContract):
    operator = BranchSQLOperator
    arguments = {
        "sql": "select 1",
        "follow_task_ids_if_true": "a",
        "follow_task_ids_if_false": ["b"],
        "conn_id": "nowhere",
    }


class TestInsertRows(OperatorContract):
    operator = SQLInsertRowsOperator
    arguments = {"table_name": "t", "rows": [(1, "a")], "columns": ["a", "b"], "schema": "s", "conn_id": "nowhere"}


class TestBulkLoad(OperatorContract):
    operator = SQLBulkLoadOperator
    arguments = {"table": "t", "tmp_file": "t.tsv", "preoperator": "delete from t", "conn_id": "nowhere"}


class TestGenericTransfer(OperatorContract):
    operator = GenericTransfer
    arguments = {
        "sql": "select 1",
        "destination_table": "t",
        "source_conn_id": "nowhere",
        "destination_conn_id": "nowhere",
        "preoperator": ["delete from t"],
    }


class TestSqlSensor(OperatorContract):
    operator = SqlSensor
    arguments = {"sql": "select 1", "conn_id": "nowhere"}


def test_every_operator_is_among_them() -> None:
    found = {getattr(tradewind_sql, name) for name in tradewind_sql.__all__}
    public = {kind for kind in found if isinstance(kind, type) and issubclass(kind, BaseOperator)}
    tried = {kind.operator for kind in globals().values() if isinstance(kind, type) and hasattr(kind, "operator")}
    assert {kind for kind in public - tried if not kind.__name__.startswith("Base")} == set()
