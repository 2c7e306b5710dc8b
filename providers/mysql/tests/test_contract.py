"""The provider keeps the contracts, on a real server."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tradewind.connection import Connection, connections
from tradewind.operator import BaseOperator
from tradewind.testing import HookContract, OperatorContract, ProviderContract, SandboxContract
from tradewind_mysql import MySqlHook, MySqlOperator


class TestProvider(ProviderContract):
    name = "mysql"
    vendor_libraries = ("pymysql", "boto3", "sqlalchemy", "pandas", "polars", "cryptography")


class TestHook(HookContract):
    conn_type = "mysql"
    caller_closes = True
    impatient = {"connect_timeout": 1.0}


class TestOperator(OperatorContract):
    operator = MySqlOperator
    arguments = {"sql": "select 1", "mysql_conn_id": "nowhere", "parameters": {"a": 1}, "database": "other"}
    stops_its_work = True

    @pytest.fixture
    def server(self, sandbox: Callable[[str], Connection]) -> Iterator[Connection]:
        found = sandbox("mysql")
        with connections({"busy": found}):
            yield found

    @pytest.fixture
    def slow_task(self, server: Connection) -> BaseOperator:
        return MySqlOperator(task_id="slow", sql="SELECT SLEEP(300)", mysql_conn_id="busy")

    @pytest.fixture
    def count_running(self, server: Connection) -> Callable[[], int]:
        hook = MySqlHook(connection=server)
        sql = "SELECT count(*) FROM information_schema.processlist WHERE db = database() AND info LIKE 'SELECT SLEEP%%'"
        return lambda: int(hook.get_first(sql.replace("%%", "%"))[0])


class TestSandbox(SandboxContract):
    conn_type = "mysql"
