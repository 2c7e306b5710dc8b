"""The provider keeps the contracts, on a real server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from tradewind.connection import Connection
from tradewind.testing import EndpointContract, HookContract, OperatorContract, ProviderContract
from tradewind_mysql import MySqlHook, MySqlOperator, MySqlTable

_SLEEPERS = "select count(*) from information_schema.processlist where info like 'select sleep%%' and db = %s"


class TestProvider(ProviderContract):
    name = "mysql"


class TestMySqlHook(HookContract):
    conn_type = "mysql"
    caller_closes = True
    impatient = {"connect_timeout": 2}


class TestMySqlOperator(OperatorContract):
    operator = MySqlOperator
    arguments = {"sql": "select 1", "mysql_conn_id": "nowhere", "parameters": {"a": 1}}
    stops_its_work = True

    @pytest.fixture
    def own(self, sandbox: Any) -> Connection:
        found: Connection = sandbox("mysql")
        return found

    @pytest.fixture
    def slow_task(self, own: Connection, connection: Any) -> MySqlOperator:
        connection("slow", own)
        return MySqlOperator(task_id="slow", sql="select sleep(300)", mysql_conn_id="slow")

    @pytest.fixture
    def count_running(self, own: Connection) -> Iterator[Callable[[], int]]:
        import pymysql

        where = {"host": own.host, "port": own.port, "user": own.login, "password": own.password or ""}
        with closing(pymysql.connect(**where, autocommit=True)) as conn:

            def count() -> int:
                with conn.cursor() as cursor:
                    cursor.execute(_SLEEPERS, (own.schema,))
                    return int(cursor.fetchone()[0])

            yield count


class TestMySqlTable(EndpointContract):
    appends = upserts = has_partitions = True

    @pytest.fixture
    def endpoint(self, sandbox: Any, connection: Any) -> Any:
        connection("target", sandbox("mysql"))
        MySqlHook("target").run(
            "create table contract (id int primary key, name text, amount decimal(12, 2), day date not null, "
            "seen datetime) character set utf8mb4"
        )
        return lambda **given: MySqlTable("contract", conn_id="target", **given)
