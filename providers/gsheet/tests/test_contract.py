"""The provider keeps the contracts, on the stand-in for Google."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tradewind.connection import Connection
from tradewind.testing import EndpointContract, HookContract, OperatorContract, ProviderContract
from tradewind_gsheet import (
    GoogleSheetsAppendOperator,
    GoogleSheetsClearOperator,
    GoogleSheetsCreateSpreadsheetOperator,
    GoogleSheetsReadOperator,
    GSheetsHook,
    Sheet,
    SQLToGoogleSheetsOperator,
)


class TestProvider(ProviderContract):
    name = "gsheet"


class TestGSheetsHook(HookContract):
    conn_type = "google_cloud_platform"
    checks_password = False  # a key takes its place: test_connecting.py
    impatient = {"timeout": 1, "num_retries": 0}

    @pytest.fixture
    def server(self, sandbox: Callable[[str], Connection]) -> Connection:
        connection = sandbox("gsheet")
        connection.extra = {**connection.extra_dejson, "retry_delay": 0.01}
        return connection


class TestSheet(EndpointContract):
    appends = upserts = has_partitions = True
    checks_values = False  # a spreadsheet takes everything
    keeps_empty_text = False  # an empty cell is both

    @pytest.fixture
    def endpoint(self, hook: GSheetsHook, key: str) -> Any:
        return lambda **given: Sheet(key, "Sheet1", conn_id="sheets", **given)


class TestSheetOfSerials(TestSheet):
    """With real dates."""

    @pytest.fixture
    def endpoint(self, hook: GSheetsHook, key: str) -> Any:
        types = {"id": "int", "name": "text", "amount": "decimal(12,2)", "day": "date", "seen": "timestamp"}

        def make(**given: Any) -> Sheet:
            told = {} if given else {"types": types}
            return Sheet(key, "New tab!B3", conn_id="sheets", dates="serial", create=True, **given, **told)

        return make


class TestCreate(OperatorContract):
    operator = GoogleSheetsCreateSpreadsheetOperator
    arguments = {
        "spreadsheet": {"properties": {"title": "Sales"}},
        "drive_id": "x",
        "gcp_conn_id": "nowhere",
        "impersonation_chain": "a@b.example",
    }


class TestRead(OperatorContract):
    operator = GoogleSheetsReadOperator
    arguments = {"spreadsheet": "Sales", "tab": "May", "expected_headers": ["a"], "gcp_conn_id": "nowhere"}


class TestAppend(OperatorContract):
    operator = GoogleSheetsAppendOperator
    arguments = {
        "spreadsheet": "Sales",
        "tab": "May",
        "rows": [{"a": 1}],
        "columns": ["a"],
        "partition": {"day": "x"},
        "gcp_conn_id": "nowhere",
    }


class TestClear(OperatorContract):
    operator = GoogleSheetsClearOperator
    arguments = {"spreadsheet": "Sales", "ranges": ["May"], "gcp_conn_id": "nowhere"}


class TestSqlToSheets(OperatorContract):
    operator = SQLToGoogleSheetsOperator
    arguments = {
        "sql": "select 1",
        "spreadsheet_id": "Sales",
        "sql_conn_id": "nowhere",
        "parameters": {"a": 1},
        "spreadsheet_range": "May",
    }
