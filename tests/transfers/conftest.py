"""The databases that transfers are tested on: SQLite, and a real PostgreSQL and MariaDB."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import Any

import pytest

from tradewind.connection import Connection
from tradewind.transfer import Column, RowReader, RowWriter, Sink, Source, Transfer, Type
from tradewind_mysql import MySqlHook, MySqlQuery, MySqlTable
from tradewind_postgres import PostgresHook, PostgresQuery, PostgresTable
from tradewind_sql import DbApiHook, SqliteHook, SqliteQuery, SqliteTable, SqlQuery, SqlTable

KINDS = {
    "sqlite": (SqliteHook, SqliteTable, SqliteQuery),
    "postgres": (PostgresHook, PostgresTable, PostgresQuery),
    "mysql": (MySqlHook, MySqlTable, MySqlQuery),
}


@dataclass
class Database:
    """An empty database, reached through the connection `conn_id`."""

    kind: str
    conn_id: str
    hook: DbApiHook
    table_class: type[SqlTable]
    query_class: type[SqlQuery]

    def table(self, name: str, mode: str | None = None, **more: Any) -> SqlTable:
        return self.table_class(name, conn_id=self.conn_id, mode=mode, **more)

    def query(self, sql: str, **more: Any) -> SqlQuery:
        return self.query_class(sql, conn_id=self.conn_id, **more)

    def run(self, *statements: str) -> None:
        for statement in statements:
            self.hook.run(statement)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.hook.get_records(sql)]

    def quote(self, name: str) -> str:
        return self.hook.dialect.quote(name)

    def tables(self) -> set[str]:
        sql = {
            "sqlite": "select name from sqlite_master where type = 'table'",
            "postgres": "select relname from pg_class where relkind = 'r' and relname not like 'pg%' "
            "and relname not like 'sql%'",
            "mysql": "show tables",
        }[self.kind]
        return {row[0] for row in self.rows(sql)}


@pytest.fixture
def database_of(
    sandbox: Callable[[str], Connection], tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], Database]:
    """A database of that kind; two of them are two databases."""
    count = iter(range(9))

    def make(kind: str) -> Database:
        conn_id = f"{kind}_{next(count)}"
        uri = f"sqlite:///{tmp_path}/{conn_id}.db" if kind == "sqlite" else sandbox(kind).get_uri()
        monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", uri)
        hook, table, query = KINDS[kind]
        made = hook(conn_id)
        made.log_sql = False
        return Database(kind, conn_id, made, table, query)

    return make


@pytest.fixture(params=list(KINDS))
def database(request: pytest.FixtureRequest, database_of: Callable[[str], Database]) -> Database:
    return database_of(request.param)


def move(source: Source, sink: Sink, **more: Any) -> dict[str, Any]:
    """Do one transfer."""
    result: dict[str, Any] = Transfer(task_id="load", source=source, sink=sink, **more).execute({})
    return result


class Rows(Source, Sink):
    """Rows in memory; `steps` are called between their batches."""

    def __init__(self, types: dict[str, str], *batches: Any) -> None:
        self.columns = tuple(Column(name, Type.parse(kind)) for name, kind in types.items())
        self.batches = batches
        self.found: list[tuple[Any, ...]] = []

    def reader(self) -> Any:
        return _RowsReader(self)

    def writer(self) -> Any:
        return _RowsWriter(self)


class _RowsReader(RowReader):
    def __init__(self, rows: Rows) -> None:
        self.given = rows

    def __enter__(self) -> Any:
        self.columns = self.given.columns
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def rows(self) -> Iterator[list[tuple[Any, ...]]]:
        for batch in self.given.batches:
            if callable(batch):
                batch()
            else:
                yield list(batch)


class _RowsWriter(RowWriter):
    def __init__(self, rows: Rows) -> None:
        self.given = rows

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def begin(self, columns: Any) -> None:
        self.given.columns = tuple(columns)

    def rows(self, batches: Any) -> int:
        for batch in batches:
            self.given.found += batch
        return len(self.given.found)

    def commit(self) -> None:
        pass


@pytest.fixture
def in_thread() -> Iterator[Callable[..., threading.Thread]]:
    """Runs something beside the test; what it raises is raised at the end."""
    errors: list[BaseException] = []
    with ExitStack() as stack:

        def start(function: Callable[..., Any], *args: Any) -> threading.Thread:
            def work() -> None:
                try:
                    function(*args)
                except BaseException as error:
                    errors.append(error)

            thread = threading.Thread(target=work)
            thread.start()
            stack.callback(thread.join)
            return thread

        yield start
    if errors:
        raise errors[0]


__all__ = ["Database", "Rows", "closing", "move"]
