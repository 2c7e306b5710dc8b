"""A new database on a real PostgreSQL per test, reached through the connection `warehouse` in the environment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import psycopg2
import pytest

from tradewind.connection import Connection
from tradewind_postgres import PostgresHook


@pytest.fixture
def server(sandbox: Callable[[str], Connection], monkeypatch: pytest.MonkeyPatch) -> Connection:
    """The connection behind `warehouse`."""
    connection = sandbox("postgres")
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", connection.get_uri())
    return connection


@pytest.fixture
def hook(server: Connection) -> PostgresHook:
    return PostgresHook("warehouse")


@pytest.fixture
def ask(server: Connection) -> Iterator[Callable[..., list[tuple[Any, ...]]]]:
    """Asks the database with nothing but the driver: `ask("select ...", (1, 2))`."""
    with closing(psycopg2.connect(server.dsn)) as conn:
        conn.autocommit = True

        def ask(sql: str, values: Any = None) -> list[tuple[Any, ...]]:
            with conn.cursor() as cursor:
                cursor.execute(sql, values)
                return cursor.fetchall() if cursor.description else []

        yield ask
