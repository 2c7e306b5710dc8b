"""Statements on a real server: transactions, what the server warns of, time limits, stopping, streams."""

from __future__ import annotations

import logging
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from contextlib import closing

import pymysql
import pytest

from tradewind.connection import Connection, connections
from tradewind.operators import PythonOperator
from tradewind.states import TaskState
from tradewind.testing import run_task
from tradewind_mysql import MySqlHook, MySqlOperator
from tradewind_mysql.diagnostics import without_values
from tradewind_sql.errors import SqlError, StatementCancelled, StatementTimeout

#: Seconds for the server to do what it is asked to.
PATIENCE = 30.0


def running(hook: MySqlHook, text: str) -> int:
    """How many connections to the hook's database execute a statement that starts so."""
    sql = "select count(*) from information_schema.processlist where db = database() and info like %s"
    return int(MySqlHook(connection=hook.connection).get_first(sql, parameters=[text + "%"])[0])


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


# Transactions


def test_a_failure_undoes_all(hook: MySqlHook) -> None:
    hook.run("create table t (a int primary key)")
    with pytest.raises(pymysql.err.IntegrityError) as caught:
        hook.run(["insert into t values (1)", "insert into t values (1)"])
    assert hook.get_records("select * from t") == []
    assert caught.value.__notes__ == ["On connection 'sandbox_mysql': insert into t values (1)"]


def test_autocommit(hook: MySqlHook) -> None:
    hook.run("create table t (a int primary key)")
    with pytest.raises(pymysql.err.IntegrityError):
        hook.run(["insert into t values (1)", "insert into t values (1)"], autocommit=True)
    assert hook.get_records("select * from t") == [(1,)]
    with closing(hook.get_conn()) as conn:
        for value in (True, False, True):
            hook.set_autocommit(conn, value)
            assert hook.get_autocommit(conn) is value


def test_percent_signs_need_no_doubling_without_parameters(hook: MySqlHook) -> None:
    assert hook.get_first("select 'a%b' like 'a%', '%s'") == (1, "%s")
    assert hook.get_first("select 'a%%b', %s", parameters=["%s"]) == ("a%b", "%s")
    assert hook.get_first("select %(x)s, %(x)s", parameters={"x": 1}) == (1, 1)


def test_a_procedure_with_several_results(hook: MySqlHook) -> None:
    hook.run("create procedure p() begin select 1; select 2; end")
    assert hook.get_records("call p()") == [(1,)]
    assert hook.get_records(["call p()", "select 3"]) == [[(1,)], [(3,)]]


# Warnings


def test_what_the_server_warns_of_is_logged_without_values(changed, caplog: pytest.LogCaptureFixture) -> None:
    hook = changed(conn_id="shop", extra={"sql_mode": ""})
    hook.run(["create table t (a int, b varchar(3))", "drop table if exists nothing"])
    notes = [record for record in caplog.records if "Unknown table" in record.getMessage()]
    assert notes == []  # notes are for the level INFO
    hook.run("insert into t values (%s, %s)", parameters=["gehe1m", "too long"])
    hook.insert_rows("t", [(1, "too long")])
    told = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(told) == 3
    assert told[0].startswith("Connection 'shop': the server says: Incorrect integer value: ... for column")
    assert "Data truncated for column 'b'" in told[1]
    assert "Data truncated for column 'b'" in told[2]
    assert "gehe1m" not in caplog.text


def test_many_warnings_are_cut_short(changed, caplog: pytest.LogCaptureFixture) -> None:
    hook = changed(extra={"sql_mode": ""})
    hook.run("create table t (a tinyint)")
    hook.run("insert into t values " + ", ".join(["(1000)"] * 30))
    told = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(told) == 11
    assert told[-1] == "Connection 'sandbox_mysql': and 20 more."


WRONG = "Incorrect integer value: "


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("Duplicate entry 'a'b' for key 'PRIMARY'", "Duplicate entry ... for key 'PRIMARY'"),
        ("Duplicate entry ''' for key 'x' for key 't.u'", "Duplicate entry ... for key 't.u'"),
        (WRONG + "'x' for column `d`.`t`.`a` at row 1", WRONG + "... for column `d`.`t`.`a` at row 1"),
        (WRONG + "'x' for column 'a' at row 1", WRONG + "... for column 'a' at row 1"),
        ("Truncated incorrect DOUBLE value: 'a\nb'", "Truncated incorrect DOUBLE value: ..."),
        ("Data truncated for column 'b' at row 1", "Data truncated for column 'b' at row 1"),
    ],
)  # fmt: skip
def test_values_are_taken_out(said: str, told: str) -> None:
    assert without_values(said) == told


@pytest.mark.parametrize(
    ("sql", "parameters", "told"),
    [
        ("insert into t values (%s, %s)", (1, 2), "(1062, \"Duplicate entry ... for key 'PRIMARY'\")"),
        ("insert into t values (%s, %s)", ("geheim", 2), f"{WRONG}... for column"),
        ("select * form t where s = %s", ("geheim",), "to use near ... at line 1"),
        ("select * from t\n where s is %s", ("geheim",), "to use near ... at line 2"),
        ("select *\n form t", None, "to use near 'form t' at line 2"),
    ],
)
def test_errors_quote_no_value_of_a_row_or_parameter(hook: MySqlHook, sql: str, parameters: object, told: str) -> None:
    hook.run(["create table t (id int primary key, b int)", "insert into t values (1, 1)"])
    with pytest.raises(pymysql.err.MySQLError) as caught:
        hook.run(sql, parameters=parameters)
    assert told in str(caught.value)
    assert "geheim" not in str(caught.value)


# Time limits


@pytest.mark.parametrize("by", ["hook", "extra"])
def test_a_statement_timeout(changed, by: str) -> None:
    hook = changed(conn_id="shop", **{by: {"statement_timeout": 0.3}})
    assert hook.get_first("select 1") == (1,)
    with pytest.raises(StatementTimeout, match=r"'shop': a statement took longer than the statement_timeout of 0.3 s"):
        hook.get_first("select sleep(60)")
    with pytest.raises(StatementTimeout):
        list(hook.get_records_by_chunks("select sleep(60)"))
    assert running(hook, "select sleep") == 0


def test_a_task_s_time_limit_stops_the_statement(server: Connection) -> None:
    import datetime

    hook = MySqlHook(connection=server)

    def query() -> None:
        MySqlHook("busy").run("select sleep(300)")

    with connections({"busy": server}):
        ended = run_task(
            PythonOperator(task_id="x", python_callable=query, execution_timeout=datetime.timedelta(seconds=1)),
            check=False,
        )
    assert ended.state is TaskState.FAILED
    wait_until(lambda: running(hook, "select sleep") == 0)


# Stopping


def in_thread(action: Callable[[], object]) -> tuple[threading.Thread, list[BaseException]]:
    caught: list[BaseException] = []

    def act() -> None:
        try:
            action()
        except BaseException as error:
            caught.append(error)

    thread = threading.Thread(target=act)
    thread.start()
    return thread, caught


def test_cancel_stops_it_on_the_server(hook: MySqlHook) -> None:
    thread, caught = in_thread(lambda: hook.run(["select sleep(300)", "create table never (a int)"]))
    wait_until(lambda: running(hook, "select sleep") == 1)
    hook.cancel()
    thread.join(PATIENCE)
    assert [type(error) for error in caught] == [StatementCancelled]
    assert running(hook, "select sleep") == 0
    assert hook.get_records("show tables") == []


def test_cancel_stops_a_load(hook: MySqlHook) -> None:
    hook.run("create table t (a int)")
    started = threading.Event()

    def endless():  # type: ignore[no-untyped-def]
        while True:
            started.set()
            yield (1,)

    thread, caught = in_thread(lambda: hook.insert_rows("t", endless(), commit_every=0))
    assert started.wait(PATIENCE)
    hook.cancel()
    thread.join(PATIENCE)
    assert [type(error) for error in caught] == [StatementCancelled]
    assert hook.get_first("select count(*) from t") == (0,)


KILLED = """
    import os, signal
    from tradewind_mysql import MySqlHook
    hook = MySqlHook("shop")
    def rows():
        number = 0
        while True:
            number += 1
            if number == 50_000:
                os.kill(os.getpid(), signal.{signal})
            yield (number,)
    try:
        hook.insert_rows("t", rows(), commit_every=0)
    finally:
        print("ended", flush=True)
"""


@pytest.mark.parametrize("how", ["SIGKILL", "SIGINT"])
def test_a_load_that_is_broken_off_leaves_nothing(hook: MySqlHook, server: Connection, how: str) -> None:
    """The server must not take the part that it got for the whole."""
    hook.run("create table t (a int)")
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(KILLED.replace("{signal}", how))],
        env={"AIRFLOW_CONN_SHOP": server.get_uri(), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode != 0
    assert ("KeyboardInterrupt" in done.stderr) is (how == "SIGINT"), done.stderr
    wait_until(lambda: running(hook, "LOAD DATA") == 0)
    assert hook.get_first("select count(*) from t") == (0,)


# Streams


def test_chunks(hook: MySqlHook) -> None:
    hook.run("create table t (a int)")
    hook.insert_rows("t", [(number,) for number in range(2500)])
    chunks = list(hook.get_records_by_chunks("select a from t order by a", chunksize=1000))
    assert [len(chunk) for chunk in chunks] == [1000, 1000, 500]
    assert [row for chunk in chunks for row in chunk] == [(number,) for number in range(2500)]
    assert list(hook.get_records_by_chunks("select a from t where a > %s", [9999])) == []
    assert list(hook.get_records_by_chunks("update t set a = 1 where a = 0")) == []


ENDLESS = "select a.seq, repeat('x', 1000) from {0} a, {0} b, {0} c"


def test_a_stream_that_is_given_up_is_stopped_on_the_server(hook: MySqlHook) -> None:
    """There are a thousand million rows of a thousand bytes: reading them all would take an hour."""
    hook.run("create table thousand (seq int)")
    hook.insert_rows("thousand", [(number,) for number in range(1000)])
    sql = ENDLESS.format("thousand")
    started = time.monotonic()
    with hook.session():
        for _ in range(3):
            for chunk in hook.get_records_by_chunks(sql, chunksize=10):
                assert len(chunk) == 10
                break
            assert hook.get_first("select 1") == (1,)
    stream = hook.get_records_by_chunks(sql, chunksize=10)
    next(stream)
    stream.close()
    assert time.monotonic() - started < PATIENCE
    wait_until(lambda: running(hook, "select a.seq") == 0)


def test_a_stream_that_is_read_to_its_end_is_not_stopped(hook: MySqlHook, monkeypatch: pytest.MonkeyPatch) -> None:
    stopped: list[object] = []
    monkeypatch.setattr(MySqlHook, "_cancel", lambda self, conn: stopped.append(conn))
    union = " union all ".join(["select 1"] * 20)
    for size in (1, 10, 20, 100):
        assert sum(len(chunk) for chunk in hook.get_records_by_chunks(union, chunksize=size)) == 20
    assert stopped == []


def test_memory_stays_small(hook: MySqlHook) -> None:
    import tracemalloc

    hook.run("create table t (a int, b varchar(100))")
    hook.insert_rows("t", ((number, "x" * 100) for number in range(100_000)), commit_every=0)
    tracemalloc.start()
    try:
        assert sum(len(chunk) for chunk in hook.get_records_by_chunks("select * from t")) == 100_000
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 5_000_000


@pytest.mark.parametrize("kind", ["pandas", "polars", "arrow"])
def test_data_frames(hook: MySqlHook, kind: str) -> None:
    frame = hook.get_df("select 1 as a, 'x' as b, null as c union all select 2, 'y', null", df_type=kind)
    assert frame.shape == (2, 3)
    chunks = list(hook.get_df_by_chunks("select 1 as a union select 2 union select 3", chunksize=2, df_type=kind))
    assert [len(chunk) for chunk in chunks] == [2, 1]


def test_chunks_of_a_data_frame_have_the_same_types(hook: MySqlHook) -> None:
    hook.run("create table t (n int primary key, i int, f double, t datetime, day date)")
    hook.insert_rows("t", [(1, None, None, None, None), (2, 1, 0.5, "2024-01-01", "2024-01-01")])
    for kind, types in (("polars", lambda frame: frame.schema), ("arrow", lambda frame: frame.schema.types)):
        first, second = hook.get_df_by_chunks("select * from t order by n", chunksize=1, df_type=kind)
        assert types(first) == types(second), kind


# Operators


def test_the_operator(server: Connection) -> None:
    with connections({"shop": server, "mysql_default": server}):
        task = MySqlOperator(task_id="x", sql="select %(n)s, database()", mysql_conn_id="shop", parameters={"n": 5})
        assert run_task(task).result == [[5, server.schema]]
        task = MySqlOperator(task_id="x", sql="select database()", database="information_schema")
        assert run_task(task).result == [["information_schema"]]
        task = MySqlOperator(task_id="x", sql=["create table t (a int)", "select 1"], autocommit=True)
        assert run_task(task).state is TaskState.SUCCESS


def test_the_operator_says_which_task_failed(server: Connection) -> None:
    with connections({"shop": server}):
        task = MySqlOperator(task_id="bad", sql="select nonsense from nowhere", mysql_conn_id="shop")
        ended = run_task(task, check=False)
    assert "Task 'bad' failed on connection 'shop'" in str(ended.reason)
    assert server.password not in str(ended.reason)


def test_it_needs_a_mysql_connection(server: Connection) -> None:
    with connections({"shop": "sqlite://"}), pytest.raises(SqlError, match="of type 'sqlite'"):
        raise SqlError(str(MySqlHook("shop").test_connection()[1]))
