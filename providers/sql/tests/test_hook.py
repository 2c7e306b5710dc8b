"""`DbApiHook` on real SQLite files: running statements, results, transactions, logs, connections."""

from __future__ import annotations

import gc
import logging
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tradewind.connection import Connection
from tradewind.errors import BrokenConnection, ConnectionNotFound
from tradewind_sql import (
    DbApiHook,
    EmptySql,
    SqlError,
    SqliteHook,
    StatementCancelled,
    fetch_all_handler,
    fetch_one_handler,
    get_row_count,
)


class CountingHook(SqliteHook):
    """Keeps its connections, so that a test can see whether they were closed."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.opened: list[sqlite3.Connection] = []

    def get_conn(self) -> Any:
        self.opened.append(super().get_conn())
        return self.opened[-1]

    @property
    def open_connections(self) -> int:
        return sum(map(is_open, self.opened))


def is_open(conn: sqlite3.Connection) -> bool:
    try:
        conn.total_changes  # noqa: B018  # asking is the point
    except sqlite3.ProgrammingError:
        return False
    return True


@pytest.fixture
def hook(database: Path) -> Iterator[CountingHook]:
    hook = CountingHook("warehouse")
    hook.run("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT)")
    yield hook
    assert hook.open_connections == 0


# Results


def test_without_a_handler_nothing_is_returned(hook: SqliteHook) -> None:
    assert hook.run("select 1") is None
    assert hook.run(["select 1", "select 2"]) is None


@pytest.mark.parametrize(
    ("sql", "split", "last", "expected"),
    [
        ("select 1", False, True, [(1,)]),
        ("select 1", False, False, [(1,)]),
        ("select 1; select 2", True, True, [(2,)]),
        ("select 1; select 2", True, False, [[(1,)], [(2,)]]),
        ("select 1", True, False, [[(1,)]]),
        (["select 1"], False, True, [[(1,)]]),
        (["select 1", "select 2"], False, True, [[(1,)], [(2,)]]),
        (["select 1", "select 2"], True, False, [[(1,)], [(2,)]]),
    ],
)
def test_results_are_wrapped_as_airflow_does(
    hook: SqliteHook, sql: Any, split: bool, last: bool, expected: Any
) -> None:
    found = hook.run(sql, handler=fetch_all_handler, split_statements=split, return_last=last)
    assert found == expected
    single = isinstance(sql, str) and (last or not split)
    assert len(hook.descriptions) == (1 if single else len(expected))
    assert hook.last_description is not None
    assert len(hook.last_description) == 1


def test_descriptions_are_those_of_the_last_run(hook: SqliteHook) -> None:
    hook.get_records(["select 1 as a", "select 2 as b, 3 as c"])
    assert [[column[0] for column in found or ()] for found in hook.descriptions] == [["a"], ["b", "c"]]
    hook.run("select 1")
    assert hook.descriptions == []
    assert hook.last_description is None


def test_statements_may_come_from_any_iterable(hook: SqliteHook) -> None:
    assert hook.get_records(sql for sql in ("select 1", "select 2")) == [[(1,)], [(2,)]]  # type: ignore[arg-type]


def test_handlers_take_what_their_name_says(hook: SqliteHook) -> None:
    hook.insert_rows("t", [(1, "a"), (2, "b")])
    assert hook.get_records("select id from t order by id") == [(1,), (2,)]
    assert hook.get_first("select id from t order by id") == (1,)
    assert hook.get_first("select id from t where id = 9") is None
    assert hook.get_records("select id from t where id = 9") == []
    assert hook.run("update t set name = 'x'", handler=fetch_all_handler) is None
    assert hook.run("update t set name = 'x'", handler=fetch_one_handler) is None
    assert hook.run("update t set name = 'x'", handler=get_row_count) == 2
    assert hook.get_records("insert into t (name) values ('c') returning id, name") == [(3, "c")]


def test_parameters_go_by_place_or_by_name(hook: SqliteHook) -> None:
    assert hook.get_first("select ?, ?", ["a", 1]) == ("a", 1)
    assert hook.get_first("select :x, :y", {"x": "a", "y": None}) == ("a", None)
    assert hook.get_records(["select ?", "select ? + 1"], iter([1])) == [[(1,)], [(2,)]]  # type: ignore[arg-type]
    with pytest.raises(SqlError, match=r"\[value\]"):
        hook.get_first("select ?", "a")


def test_rows_come_in_chunks_with_constant_memory(hook: CountingHook) -> None:
    numbers = "with recursive n(i) as (select 1 union all select i + 1 from n limit 2500) select i from n"
    assert [len(rows) for rows in hook.get_records_by_chunks(numbers, chunksize=1000)] == [1000, 1000, 500]
    endless = hook.get_records_by_chunks(
        "with recursive n(i) as (select 1 union all select i + 1 from n) select i from n"
    )
    assert next(endless)[:2] == [(1,), (2,)]
    assert hook.open_connections == 1
    endless.close()  # type: ignore[attr-defined]
    assert hook.open_connections == 0
    assert list(hook.get_records_by_chunks("select ? where 1 = 0", [1])) == []
    with pytest.raises(ValueError, match="chunksize"):
        next(hook.get_records_by_chunks("select 1", chunksize=0))


def test_what_an_iteration_writes_stays_if_it_is_finished(hook: CountingHook) -> None:
    insert = "insert into t (name) values ('a'), ('b'), ('c') returning id"
    assert list(hook.get_records_by_chunks(insert, chunksize=2)) == [[(1,), (2,)], [(3,)]]
    given_up = hook.get_records_by_chunks(insert, chunksize=2)
    next(given_up)
    given_up.close()  # type: ignore[attr-defined]
    assert list(hook.get_records_by_chunks("insert into t values (9, 'd')")) == []
    assert hook.get_records("select id from t") == [(1,), (2,), (3,), (9,)]


# What cannot be run


@pytest.mark.parametrize("sql", ["", "  \n", "-- only a comment", "/* select 1 */ ;", [], ["select 1", "-- nothing"]])
@pytest.mark.parametrize("split", [True, False])
def test_empty_sql_is_a_clear_error(hook: SqliteHook, sql: Any, split: bool) -> None:
    with pytest.raises(EmptySql, match=r"List of SQL statements is empty.*") as caught:
        hook.run(sql, split_statements=split)
    assert "'warehouse'" in str(caught.value)
    assert isinstance(caught.value, ValueError)


def test_the_empty_one_among_several_is_named(hook: SqliteHook) -> None:
    with pytest.raises(EmptySql, match="Statement 2 of 3"):
        hook.run(["select 1", " ", "select 2"])


def test_several_statements_that_were_not_split_get_a_hint(hook: SqliteHook) -> None:
    with pytest.raises((sqlite3.Warning, sqlite3.ProgrammingError)) as caught:
        hook.run("select 1; select 2")
    assert any("split_statements=True" in note for note in caught.value.__notes__)


def test_an_error_tells_connection_and_statement(hook: CountingHook) -> None:
    with pytest.raises(sqlite3.OperationalError, match="no such table") as caught:
        hook.run("select * from missing where a = ?", parameters=["hush"])
    assert caught.value.__notes__ == ["On connection 'warehouse': select * from missing where a = ?"]
    hook.log_sql = False
    with pytest.raises(sqlite3.OperationalError) as caught:
        hook.run("select * from missing")
    assert caught.value.__notes__ == ["On connection 'warehouse'."]


def test_an_unknown_connection_is_not_found(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConnectionNotFound, match="nowhere"):
        SqliteHook("nowhere").get_records("select 1")


# Transactions


def test_a_failure_rolls_everything_back_tables_included(hook: SqliteHook) -> None:
    with pytest.raises(sqlite3.OperationalError):
        hook.run(["insert into t values (1, 'a')", "create table u (a)", "drop table t", "select * from missing"])
    assert hook.get_records("select name from sqlite_master where type = 'table'") == [("t",)]
    assert hook.get_records("select * from t") == []


def test_a_failing_handler_rolls_back_too(hook: SqliteHook) -> None:
    def fail(cursor: Any) -> None:
        raise KeyError("handler")

    with pytest.raises(KeyError):
        hook.run("insert into t values (1, 'a')", handler=fail)
    assert hook.get_records("select * from t") == []


def test_statements_of_one_run_are_one_transaction(hook: SqliteHook, database: Path) -> None:
    seen: list[Any] = []

    def peek(cursor: Any) -> None:
        seen.append(SqliteHook("warehouse").get_records("select count(*) from t"))

    hook.run(["insert into t values (1, 'a')", "insert into t values (2, 'b')"], handler=peek)
    assert seen == [[(0,)], [(0,)]]
    assert hook.get_first("select count(*) from t") == (2,)


def test_with_autocommit_each_statement_counts_by_itself(hook: SqliteHook) -> None:
    with pytest.raises(sqlite3.OperationalError):
        hook.run(["insert into t values (1, 'a')", "select * from missing"], autocommit=True)
    assert hook.get_records("select * from t") == [(1, "a")]


def test_what_cannot_be_in_a_transaction_runs_alone_or_gets_a_hint(hook: SqliteHook) -> None:
    hook.run("vacuum")
    hook.run(["insert into t values (1, 'a')", "vacuum"], autocommit=True)
    with pytest.raises(sqlite3.OperationalError) as caught:
        hook.run(["insert into t values (2, 'b')", "vacuum"])
    assert any("autocommit=True" in note for note in caught.value.__notes__)


def test_a_script_may_bring_its_own_transaction(hook: SqliteHook) -> None:
    hook.run("begin; insert into t values (1, 'a'); rollback; insert into t values (2, 'b')", split_statements=True)
    assert hook.get_records("select id from t") == [(2,)]


def test_a_trigger_in_a_script_stays_in_one_piece(hook: SqliteHook) -> None:
    hook.run(
        """
        create table log (name text); -- what happened
        create trigger g after insert on t begin
            insert into log values ('first; ' || new.name);
            insert into log select case when new.id > 1 then 'big' else 'small' end;
        end;
        insert into t values (1, 'a;b');
        """,
        split_statements=True,
    )
    assert hook.get_records("select * from log") == [("first; a;b",), ("small",)]


# Logs


def test_values_never_reach_a_log(hook: SqliteHook, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    hook.get_records("select ?", ["hush-1"])
    hook.run("insert into t values (:id, :name)", parameters={"id": 1, "name": "hush-2"})
    hook.insert_rows("t", [(2, "hush-3")], replace=True, replace_index="id")
    with pytest.raises(sqlite3.IntegrityError):
        hook.insert_rows("t", [(1, "hush-4")])
    with pytest.raises(sqlite3.IntegrityError):
        hook.run("insert into t values (?, ?)", parameters=(1, "hush-5"))
    list(hook.get_records_by_chunks("select ?", ["hush-6"]))
    assert "insert into t values (:id, :name)" in caplog.text
    assert 'INSERT INTO "t"' in caplog.text
    assert "hush" not in caplog.text


def test_statements_stay_out_of_the_log_when_asked(database: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    SqliteHook("warehouse", log_sql=False).get_records("select 'hush'")
    assert "hush" not in caplog.text


# Connections


def test_every_method_closes_its_connection_also_when_it_fails(hook: CountingHook) -> None:
    hook.get_records("select 1")
    hook.get_first("select 1")
    hook.insert_rows("t", [(1, "a")])
    hook.get_table_schema("t")
    hook.test_connection()
    for sql in ("nonsense", "insert into t values (1, 'a')"):
        with pytest.raises(sqlite3.Error):
            hook.run(sql)
    with pytest.raises(sqlite3.Error):
        hook.insert_rows("t", [(1, "a")])
    with pytest.raises(ZeroDivisionError):
        hook.insert_rows("t", ((1 // 0, "a") for _ in range(3)))
    assert len(hook.opened) >= 9
    assert hook.open_connections == 0


def test_engine_and_inspector_leave_no_connection_open(hook: CountingHook) -> None:
    from sqlalchemy import text

    engine = hook.get_sqlalchemy_engine()
    with engine.begin() as conn:
        conn.execute(text("insert into t values (1, 'a')"))
    assert hook.inspector.get_table_names() == ["t"]
    gc.collect()
    assert hook.open_connections == 0
    assert hook.get_records("select * from t") == [(1, "a")]


def test_get_cursor_hands_its_connection_to_the_caller(hook: CountingHook) -> None:
    cursor = hook.get_cursor()
    assert cursor.execute("select 1").fetchone() == (1,)
    assert hook.open_connections == 1
    cursor.connection.close()


def test_a_running_statement_can_be_cancelled_from_another_thread(hook: SqliteHook) -> None:
    started = threading.Event()
    caught: list[BaseException] = []

    class Announcing(SqliteHook):
        def _run_command(self, cursor: Any, sql_statement: str, parameters: Any) -> None:
            started.set()
            super()._run_command(cursor, sql_statement, parameters)

    busy = Announcing("warehouse")

    def query() -> None:
        try:
            busy.get_records("with recursive n(i) as (select 1 union all select i + 1 from n) select max(i) from n")
        except StatementCancelled as error:
            caught.append(error)

    thread = threading.Thread(target=query)
    thread.start()
    assert started.wait(60)
    while thread.is_alive():
        busy.cancel()
        thread.join(0.01)
    assert "interrupted" in str(caught[0].__cause__)
    busy.cancel()  # nothing runs: nothing happens


# Settings


def test_the_connection_id_is_positional_or_named(database: Path) -> None:
    assert SqliteHook("warehouse").get_conn_id() == "warehouse"
    assert SqliteHook(sqlite_conn_id="warehouse").get_first("select 1") == (1,)
    assert SqliteHook().get_conn_id() == "sqlite_default"
    with pytest.raises(TypeError, match="one positional argument"):
        SqliteHook("a", "b")


def test_the_placeholder_is_the_driver_s_or_the_connection_s() -> None:
    def placeholder(hook: type[DbApiHook], **extra: Any) -> str:
        return hook(connection=Connection(conn_id="c", conn_type="generic", extra=extra)).placeholder

    assert placeholder(DbApiHook) == "%s"
    assert placeholder(DbApiHook, placeholder="?") == "?"
    assert placeholder(SqliteHook) == "?"
    with pytest.raises(BrokenConnection, match=r"'c'.*placeholder"):
        placeholder(DbApiHook, placeholder=":1")


def test_a_hook_without_a_driver_says_what_its_author_must_do() -> None:
    with pytest.raises(TypeError, match=r"get_conn\(\)"):
        DbApiHook(connection=Connection(conn_id="c", conn_type="generic")).get_records("select 1")


def test_a_connector_is_called_with_the_parts_of_the_connection() -> None:
    class Connector:
        def connect(self, **given: Any) -> Any:
            self.given = given
            return sqlite3.connect(":memory:")

    class ConnectorHook(DbApiHook):
        connector = Connector()

    conn = Connection(conn_id="c", conn_type="generic", host="h", login="u", port=1, schema="s")
    assert ConnectorHook(connection=conn).get_first("select 1") == (1,)
    assert ConnectorHook.connector.given == {"host": "h", "port": 1, "username": "u", "schema": "s"}
    assert ConnectorHook(connection=conn, schema="other").get_first("select 1") == (1,)
    assert ConnectorHook.connector.given["schema"] == "other"


def test_test_connection_answers_instead_of_raising(hook: SqliteHook, tmp_path: Path) -> None:
    assert hook.test_connection() == (True, "Connection successfully tested")
    works, message = SqliteHook("warehouse", schema=str(tmp_path / "missing" / "x.db")).test_connection()
    assert not works
    assert "missing" in message
    works, message = SqliteHook("warehouse", schema=str(tmp_path / "later.db")).test_connection()
    assert works
    assert "later.db is not there yet" in message
    assert not (tmp_path / "later.db").exists()  # a test writes nothing


def test_a_connection_of_another_type_is_not_taken_for_a_path() -> None:
    hook = SqliteHook(connection=Connection.from_uri("postgres://etl:hush@db.example/sales", "warehouse"))
    with pytest.raises(BrokenConnection, match="'warehouse' is of type 'postgres': SqliteHook opens 'sqlite'") as told:
        hook.get_records("select 1")
    assert "hush" not in str(told.value)
    assert SqliteHook(connection=Connection("untyped", host="")).get_first("select 1") == (1,)


def test_statements_are_split_as_the_database_reads_them() -> None:
    assert DbApiHook.split_sql_string("select 1; select 2", strip_semicolon=True) == ["select 1", "select 2"]
    assert SqliteHook.split_sql_string("select [a;b]; select 2") == ["select [a;b];", "select 2"]
    assert DbApiHook.strip_sql_string(" select 1 ;; ") == "select 1 "


def test_reserved_words_come_from_sqlalchemy(hook: SqliteHook) -> None:
    assert "select" in hook.reserved_words
    assert "analyse" in hook.get_reserved_words("postgresql")
    assert hook.get_reserved_words("no-such-dialect") == set()
