"""The provider keeps the contracts; SQLite is the server behind its hook."""

from __future__ import annotations

from pathlib import Path

import pytest

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


class TestCheck(OperatorContract):
    operator = SQLCheckOperator
    arguments = {"sql": "select 1", "conn_id": "nowhere"}


class TestValueCheck(OperatorContract):
    operator = SQLValueCheckOperator
    arguments = {"sql": "select 1", "pass_value": 1, "conn_id": "nowhere"}


class TestThresholdCheck(OperatorContract):
    operator = SQLThresholdCheckOperator
    arguments = {"sql": "select 1", "min_threshold": "select 0", "max_threshold": 2, "conn_id": "nowhere"}


class TestIntervalCheck(OperatorContract):
    operator = SQLIntervalCheckOperator
    arguments = {"table": "sales", "metrics_thresholds": {"count(*)": 1.5}, "conn_id": "nowhere"}


class TestColumnCheck(OperatorContract):
    operator = SQLColumnCheckOperator
    arguments = {
        "table": "sales",
        "column_mapping": {"id": {"null_check": {"equal_to": 0}}},
        "partition_clause": "id > 0",
        "conn_id": "nowhere",
    }


class TestTableCheck(OperatorContract):
    operator = SQLTableCheckOperator
    arguments = {
        "table": "sales",
        "checks": {"enough": {"check_statement": "count(*) > 0"}},
        "partition_clause": "id > 0",
        "conn_id": "nowhere",
    }


class TestBranch(OperatorContract):
    operator = BranchSQLOperator
    arguments = {
        "sql": "select 1",
        "follow_task_ids_if_true": "yes",
        "follow_task_ids_if_false": ["no"],
        "conn_id": "nowhere",
    }


class TestInsertRows(OperatorContract):
    operator = SQLInsertRowsOperator
    arguments = {
        "table_name": "sales",
        "schema": "main",
        "columns": ["id"],
        "ignored_columns": ["note"],
        "rows": [[1]],
        "preoperator": "select 1",
        "postoperator": ["select 1"],
        "insert_args": {"replace": True},
        "conn_id": "nowhere",
    }


class TestBulkLoad(OperatorContract):
    operator = SQLBulkLoadOperator
    arguments = {"table": "sales", "tmp_file": "sales.txt", "preoperator": "select 1", "conn_id": "nowhere"}


class TestTransfer(OperatorContract):
    operator = GenericTransfer
    arguments = {
        "sql": "select 1",
        "destination_table": "sales",
        "source_conn_id": "nowhere",
        "destination_conn_id": "elsewhere",
        "source_hook_params": {"log_sql": False},
        "destination_hook_params": {"log_sql": False},
        "preoperator": "select 1",
        "insert_args": {"replace": True},
        "page_size": 10,
        "paginated_sql_statement_clause": "{} LIMIT {} OFFSET {}",
    }


class TestSensor(OperatorContract):
    operator = SqlSensor
    arguments = {"sql": "select 1", "conn_id": "nowhere", "hook_params": {"log_sql": False}, "parameters": [1]}


class TestSqlite(OperatorContract):
    operator = SqliteOperator
    arguments = {"sql": "select 1", "sqlite_conn_id": "nowhere"}
