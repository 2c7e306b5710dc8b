"""Connections that several calls share: sessions, transactions, what ends them, and how statements are stopped."""

from __future__ import annotations

import gc
import logging
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tradewind.connection import Connection
from tradewind.errors import BrokenConnection, TaskTimeout
from tradewind_sql import DbApiHook, SqlError, SqliteHook, StatementCancelled, StatementTimeout
from tradewind_sql.waiting import call_in_thread

ENDLESS = "with recursive n(i) as (select 1 union all select i + 1 from n) select max(i) from n"


class CountingHook(SqliteHook):
    """Keeps its connections, so that a test can see how many there were, and whether they were closed."""

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
    hook.run("create table t (id integer primary key, name text)")
    hook.opened.clear()
    yield hook
    assert hook.open_connections == 0
    assert hook._sessions == {}
    assert hook._running == hook._cancelled == []


def names(hook: SqliteHook) -> list[str]:
    """What others see."""
    return [name for (name,) in SqliteHook(hook.get_conn_id()).get_records("select name from t order by id")]


def in_session(block: Callable[[CountingHook], None]) -> Callable[[CountingHook], None]:
    def call(hook: CountingHook) -> None:
        with hook.session():
            block(hook)

    return call


def in_transaction(block: Callable[[CountingHook], None]) -> Callable[[CountingHook], None]:
    def call(hook: CountingHook) -> None:
        with hook.transaction():
            block(hook)

    return call


# Sessions


def test_calls_of_a_session_share_one_connection_and_commit_each(hook: CountingHook) -> None:
    with hook.session() as conn:
        hook.run("create temp table seen (id)")
        hook.insert_rows("seen", [(1,), (2,)])
        hook.run("insert into t values (1, 'a')")
        assert names(hook) == ["a"]
        assert hook.get_first("select count(*) from seen") == (2,)
        assert hook.dialect.get_column_names("seen") == ["id"]
        assert list(hook.get_records_by_chunks("select id from seen", chunksize=1)) == [[(1,)], [(2,)]]
        with hook.session() as same:
            assert same is conn
    assert len(hook.opened) == 1
    hook.run("select 1")
    assert len(hook.opened) == 2


def test_a_session_is_closed_also_when_it_fails(hook: CountingHook) -> None:
    @in_session
    def fail(hook: CountingHook) -> None:
        hook.run("insert into t values (1, 'a')")
        raise KeyError

    with pytest.raises(KeyError):
        fail(hook)
    assert hook.open_connections == 0
    assert names(hook) == ["a"]


def test_a_failed_call_is_rolled_back_and_the_session_goes_on(hook: CountingHook) -> None:
    with hook.session():
        with pytest.raises(sqlite3.IntegrityError):
            hook.run(["insert into t values (1, 'a')", "insert into t values (1, 'b')"])
        hook.run("insert into t values (2, 'c')")
    assert names(hook) == ["c"]
    assert len(hook.opened) == 1


def test_while_rows_are_read_a_session_is_busy(hook: CountingHook) -> None:
    hook.insert_rows("t", [(1, "a"), (2, "b")])
    with hook.session():
        chunks = hook.get_records_by_chunks("select id from t order by id", chunksize=1)
        assert next(chunks) == [(1,)]
        for call in (lambda: hook.run("select 1"), lambda: next(hook.get_records_by_chunks("select 1"))):
            with pytest.raises(SqlError, match="'warehouse' is busy with an earlier call"):
                call()
        with pytest.raises(SqlError, match="busy"), hook.transaction():
            pass
        assert list(chunks) == [[(2,)]]
        assert hook.get_first("select 1") == (1,)


def test_a_call_inside_a_call_leaves_the_commit_to_the_outer_one(hook: CountingHook) -> None:
    def rows() -> Iterator[tuple[int, str]]:
        for place in range(3):
            hook.run("update t set name = name")
            yield place, "a"
        raise KeyError

    with hook.session():
        with pytest.raises(KeyError):
            hook.insert_rows("t", rows(), commit_every=0)
        assert names(hook) == []


def test_threads_do_not_share_a_session(hook: CountingHook) -> None:
    found: list[Any] = []
    with hook.session():
        thread = threading.Thread(target=lambda: found.extend(hook.get_records("select count(*) from t")))
        thread.start()
        thread.join()
    assert found == [(0,)]
    assert len(hook.opened) == 2


# Transactions


def test_a_transaction_commits_all_calls_at_its_end(hook: CountingHook) -> None:
    with hook.transaction():
        hook.run("create table u (id)")
        hook.insert_rows("u", [(place,) for place in range(10)], ["id"], commit_every=3)
        with hook.transaction():
            hook.run("insert into t values (1, 'a')")
        assert hook.get_first("select count(*) from u") == (10,)
        assert SqliteHook("warehouse").get_records("select name from sqlite_master where name = 'u'") == []
    assert SqliteHook("warehouse").get_first("select count(*) from u") == (10,)
    assert names(hook) == ["a"]
    assert len(hook.opened) == 1


def test_a_failure_undoes_the_whole_transaction(hook: CountingHook) -> None:
    hook.insert_rows("t", [(1, "old")])

    @in_transaction
    def insert_twice(hook: CountingHook) -> None:
        hook.run("delete from t")
        hook.insert_rows("t", [(2, "new"), (2, "new")], commit_every=1)

    @in_transaction
    def fail(hook: CountingHook) -> None:
        hook.run("delete from t")
        raise KeyError

    with pytest.raises(sqlite3.IntegrityError):
        insert_twice(hook)
    assert names(hook) == ["old"]
    with pytest.raises(KeyError):
        fail(hook)
    assert names(hook) == ["old"]


def test_a_failure_that_somebody_swallowed_undoes_it_too(hook: CountingHook) -> None:
    hook.insert_rows("t", [(1, "old")])

    @in_transaction
    def swallow(hook: CountingHook) -> None:
        hook.run("delete from t")
        with pytest.raises(sqlite3.IntegrityError):
            hook.run(["insert into t values (5, 'x')", "insert into t values (5, 'y')"])

    with pytest.raises(SqlError, match=r"something in this transaction\(\) failed"):
        swallow(hook)
    assert names(hook) == ["old"]
    with hook.session():
        with pytest.raises(sqlite3.OperationalError), hook.transaction():
            hook.run("select * from missing")
        with hook.transaction():
            hook.run("update t set name = 'new'")
    assert names(hook) == ["new"]


def test_nothing_more_is_done_in_a_failed_transaction(hook: CountingHook) -> None:
    @in_transaction
    def go_on(hook: CountingHook) -> None:
        with pytest.raises(sqlite3.OperationalError):
            hook.run("select * from missing")
        with pytest.raises(SqlError, match="failed"):
            hook.run("insert into t values (1, 'a')")

    with pytest.raises(SqlError, match="failed"):
        go_on(hook)
    assert names(hook) == []


def test_who_has_read_enough_rows_does_not_undo_the_transaction(hook: CountingHook) -> None:
    with hook.transaction():
        hook.insert_rows("t", [(1, "a"), (2, "b")])
        chunks = hook.get_records_by_chunks("select id from t order by id", chunksize=1)
        assert next(chunks) == [(1,)]
        chunks.close()  # type: ignore[attr-defined]
        hook.run("insert into t values (3, 'c')")
    assert names(hook) == ["a", "b", "c"]


def test_autocommit_is_refused_inside_a_transaction(hook: CountingHook) -> None:
    with pytest.raises(SqlError, match="autocommit=True is not possible"), hook.transaction():
        hook.run("insert into t values (1, 'a')", autocommit=True)
    assert names(hook) == []
    with hook.session():
        hook.run("insert into t values (1, 'a')", autocommit=True)
        with hook.transaction():
            hook.run("delete from t")
            assert names(hook) == ["a"]
    assert names(hook) == []


# Limits and cancelling


@pytest.mark.parametrize("given", [{"schema": None, "statement_timeout": 0.2}, {}])
def test_a_statement_that_takes_too_long_is_given_up(
    database: Path, monkeypatch: pytest.MonkeyPatch, given: dict[str, Any]
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SLOW", f"sqlite:///{database}?statement_timeout=0.2")
    hook = SqliteHook("warehouse" if given else "slow", **given)
    for call in (hook.get_first, lambda sql: next(hook.get_records_by_chunks(sql)), hook.get_records):
        began = time.monotonic()
        with pytest.raises(StatementTimeout, match=r"'(warehouse|slow)': .* statement_timeout of 0.2 s") as caught:
            call(ENDLESS)
        assert 0.15 < time.monotonic() - began < 60
        assert any(ENDLESS in note for note in caught.value.__notes__)
    assert hook.get_first("select 1") == (1,)


def test_who_reads_slowly_is_not_taken_for_a_slow_statement(database: Path) -> None:
    hook = SqliteHook("warehouse", statement_timeout=2)
    numbers = "with recursive n(i) as (select 1 union all select i + 1 from n limit 90000) select i from n"
    read = 0
    for rows in hook.get_records_by_chunks(numbers, chunksize=30_000):
        time.sleep(0.8)
        read += len(rows)
    assert read == 90_000


def test_a_timeout_must_be_possible(database: Path) -> None:
    with pytest.raises(BrokenConnection, match="statement_timeout=-1"):
        SqliteHook("warehouse", statement_timeout=-1).get_first("select 1")

    class Plain(DbApiHook):
        def get_conn(self) -> Any:
            self.opened = sqlite3.connect(":memory:")
            return self.opened

    hook = Plain(connection=Connection("plain", "generic"), statement_timeout=5)
    with pytest.raises(SqlError, match="'plain': Plain cannot limit how long a statement takes"):
        hook.get_first("select 1")
    assert not is_open(hook.opened)


def test_a_cancelled_call_executes_no_further_statement(hook: CountingHook) -> None:
    def cancel(cursor: Any) -> None:
        hook.cancel()

    with pytest.raises(StatementCancelled, match="'warehouse': the statement was cancelled"):
        hook.run(["insert into t values (1, 'a')", "insert into t values (2, 'b')"], handler=cancel)
    assert names(hook) == []
    hook.run("insert into t values (3, 'c')")  # the hook can be used again
    assert names(hook) == ["c"]


def test_a_statement_that_cannot_be_stopped_is_logged(database: Path, caplog: pytest.LogCaptureFixture) -> None:
    class Stubborn(SqliteHook):
        def _cancel(self, conn: Any) -> None:
            raise OSError("the server is gone")

    hook = Stubborn("warehouse")
    with pytest.raises(StatementCancelled):
        hook.run(["select 1", "select 2"], handler=lambda cursor: hook.cancel())
    assert "'warehouse': its statement could not be stopped: the server is gone" in caplog.text


def test_a_plain_connection_has_no_way_to_stop() -> None:
    hook = DbApiHook(connection=Connection("plain", "generic"))
    with pytest.raises(SqlError, match="DbApiHook cannot stop"):
        hook._cancel(object())


class BlockingHook(SqliteHook):
    blocks_signals = True

    def get_conn(self) -> Any:
        conn = super().get_conn()
        conn.set_progress_handler(None, 0)  # as a driver without that care
        return conn


@pytest.mark.parametrize("error", [KeyboardInterrupt, TaskTimeout("too long")])
def test_a_signal_stops_a_driver_that_knows_no_signals(
    database: Path, monkeypatch: pytest.MonkeyPatch, error: Any
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", f"sqlite:///{database}?check_same_thread=false")
    hook = BlockingHook("warehouse")

    def interrupt(number: int, frame: Any) -> None:
        hook.cancel()
        raise error

    previous = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        with pytest.raises(type(error) if isinstance(error, Exception) else error):
            hook.get_first(ENDLESS)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert [thread for thread in threading.enumerate() if thread.name == "sql-statement"] == []
    assert hook.get_first("select 1") == (1,)


def test_a_call_in_a_thread_gives_back_what_it_returns_or_raises() -> None:
    assert call_in_thread(lambda: 5, lambda: None) == 5
    with pytest.raises(KeyError, match="own"):
        call_in_thread(lambda: {}["own"], lambda: None)


def test_no_error_keeps_a_connection_alive(database: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    hook = CountingHook("warehouse")
    for _ in range(3):
        with pytest.raises(sqlite3.Error):
            hook.run("nonsense")
    gc.collect()
    assert hook.open_connections == 0
