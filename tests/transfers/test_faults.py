"""Servers that die, processes that are killed, tasks that are stopped: the table is as it was, the next run right."""

from __future__ import annotations

import dataclasses
import signal
import subprocess
import sys
import textwrap
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from tradewind.errors import TaskTimeout
from tradewind.runner.interrupts import Interrupts
from tradewind.transfer import LocalFile, Transfer

from .conftest import Rows, move

TYPES = {"id": "int", "name": "text"}
OLD = [(1, "old"), (9, "old")]
NEW = [(number, "new") for number in range(100, 1500)]
MODES = {"replace": {}, "append": {}, "upsert": {"keys": ["id"]}}

SERVERS = ["postgres", "mysql"]

SESSIONS = {
    "postgres": "select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() "
    "and backend_type = 'client backend'",
    "mysql": "select id from information_schema.processlist where db = database() and id <> connection_id()",
}


@pytest.fixture
def server(database_of, request):
    return filled(database_of(request.param))


def filled(database):
    database.run("create table orders (id int primary key, name varchar(20))")
    database.run("insert into orders values (1, 'old'), (9, 'old')")
    return database


def orders(database):
    return database.rows("select id, name from orders order by id")


def sessions(database):
    """Of others in the same database."""
    return [row[0] for row in database.rows(SESSIONS[database.kind])]


def kill_sessions(database):
    found = sessions(database)
    assert found
    for session in found:
        database.run(f"select pg_terminate_backend({session})" if database.kind == "postgres" else f"kill {session}")


def until(condition, what):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def expected(mode):
    return NEW if mode == "replace" else OLD + NEW if mode == "append" else sorted(OLD + NEW)


def dying(database, mode):
    """The table as a sink whose sessions are killed when all is done but the commit."""

    class Dying(database.table_class.writer_class):
        def _check_partition(self):
            super()._check_partition()
            kill_sessions(database)

    @dataclasses.dataclass(frozen=True, repr=False)
    class DyingTable(database.table_class):
        writer_class = Dying

    return DyingTable("orders", conn_id=database.conn_id, mode=mode, **MODES[mode])


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("server", SERVERS, indirect=True)
def test_a_server_that_ends_the_session_before_the_commit(server, mode):
    with pytest.raises(Exception, match=r"(?i)terminat|lost|killed|gone|closed|aborted|connection"):
        move(Rows(TYPES, NEW), dying(server, mode))
    assert orders(server) == OLD
    move(Rows(TYPES, NEW), server.table("orders", mode, **MODES[mode]))
    assert orders(server) == sorted(expected(mode))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("server", SERVERS, indirect=True)
def test_a_server_that_ends_the_session_while_rows_are_under_way(server, mode):
    many = [(number, "x" * 20) for number in range(100, 20_000)]
    source = Rows(TYPES, many, lambda: kill_sessions(server), many)
    with pytest.raises(Exception, match=r"(?i)terminat|lost|killed|gone|closed|reset|broken|connection"):
        move(source, server.table("orders", mode, **MODES[mode]))
    assert orders(server) == OLD
    move(Rows(TYPES, NEW), server.table("orders", mode, **MODES[mode]))
    assert orders(server) == sorted(expected(mode))


@pytest.mark.parametrize("server", SERVERS, indirect=True)
def test_a_source_whose_session_is_ended(server, database_of):
    server.run("create table big (id bigint, name text)")
    move(Rows(TYPES, [(number, "x" * 100) for number in range(100_000)]), server.table("big", "append"))
    target = filled(database_of("sqlite"))
    killed = []

    class Slow(target.table_class.writer_class):
        def rows(self, batches):
            def watched():
                for batch in batches:
                    if not killed:
                        kill_sessions(server)
                        killed.append(True)
                    yield batch

            return super().rows(watched())

    @dataclasses.dataclass(frozen=True, repr=False)
    class SlowTable(target.table_class):
        writer_class = Slow

    with pytest.raises(Exception, match=r"(?i)terminat|lost|killed|gone|closed|connection"):
        move(server.table("big"), SlowTable("orders", conn_id=target.conn_id, mode="replace"))
    assert orders(target) == OLD


KILLED = textwrap.dedent(
    """
    import sys, time
    from tradewind.transfer import Column, RowReader, Source, Transfer, Type
    import tradewind_sql, tradewind_postgres, tradewind_mysql

    class Reader(RowReader):
        columns = (Column("id", Type("int")), Column("name", Type("text")))
        def __enter__(self): return self
        def __exit__(self, *error): pass
        def rows(self):
            for start in range(0, 50_000, 1000):
                yield [(1000 + start + number, "half") for number in range(1000)]
            print("half way", flush=True)
            time.sleep(600)

    class Slow(Source):
        def reader(self): return Reader()

    module, name, conn_id, mode = sys.argv[1:5]
    table = getattr(sys.modules[module], name)("orders", conn_id=conn_id, mode=mode, keys=sys.argv[5:])
    Transfer(task_id="load", source=Slow(), sink=table).execute({})
    """
)


@pytest.mark.parametrize("mode", MODES)
def test_a_process_that_is_killed_half_way(database, mode, tmp_path):
    filled(database)
    kind = database.table_class
    words = [kind.__module__.partition(".")[0], kind.__name__, database.conn_id, mode, *MODES[mode].get("keys", [])]
    process = subprocess.Popen([sys.executable, "-c", KILLED, *words], stdout=subprocess.PIPE, cwd=tmp_path)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"half way\n"
        assert orders(database) == OLD
    finally:
        process.kill()
        process.communicate()
    if database.kind != "sqlite":
        until(lambda: not sessions(database), "the server has not noticed that its client is gone")
    assert orders(database) == OLD
    assert database.tables() == {"orders"}
    move(Rows(TYPES, NEW), database.table("orders", mode, **MODES[mode]))
    assert orders(database) == sorted(expected(mode))


# Stopping


def stopped(task, until_ready):
    """Execute a task as the runner does, and have its time run out as soon as it is where it is wanted."""
    interrupts = Interrupts()
    interrupts.install()
    errors = []

    def watch():
        try:
            until_ready()
        except BaseException as error:
            errors.append(error)
        interrupts.stop("told by the test")

    before = signal.getsignal(signal.SIGTERM)
    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        with interrupts.watch("task load", on_kill=task.on_kill):
            task.execute({})
    finally:
        watcher.join()
        signal.signal(signal.SIGTERM, before)
        assert not errors


@pytest.mark.parametrize("server", SERVERS, indirect=True)
def test_a_task_that_is_stopped_stops_the_query_that_it_reads_from(server, tmp_path):
    from tradewind.runner.interrupts import AttemptStopped

    sleep = "pg_sleep(600)" if server.kind == "postgres" else "sleep(600)"
    (tmp_path / "a.csv").write_text("old")
    task = Transfer(task_id="load", source=server.query(f"select {sleep} as a"), sink=LocalFile(tmp_path / "a.csv"))
    started = time.monotonic()
    with pytest.raises(AttemptStopped):
        stopped(task, lambda: until(lambda: running(server, sleep), "the query does not run"))
    assert time.monotonic() - started < 60
    until(lambda: not sessions(server), "the query still runs")
    assert (tmp_path / "a.csv").read_text() == "old"
    assert [path.name for path in tmp_path.glob("*.csv*")] == ["a.csv"]


def running(server, text):
    sql = {
        "postgres": "select count(*) from pg_stat_activity where datname = current_database() and state = 'active' "
        f"and pid <> pg_backend_pid() and query like '%{text}%'",
        "mysql": "select count(*) from information_schema.processlist where db = database() "
        f"and id <> connection_id() and info like '%{text}%'",
    }[server.kind]
    return server.rows(sql) != [(0,)]


@pytest.mark.parametrize("server", SERVERS, indirect=True)
def test_a_task_whose_time_is_up_while_it_waits_for_a_lock_ends_at_once(server):
    """The wait is in the server, in the middle of taking the rows over: no signal reaches a driver that is in there."""
    with closing(server.hook.get_conn()) as other, closing(other.cursor()) as cursor:
        if server.kind == "postgres":
            cursor.execute("lock table orders in access exclusive mode")
        else:
            other.begin()
            cursor.execute("select * from orders for update")
        if (
            server.kind == "postgres"
        ):  # reading the columns of the table does not wait for the lock, counting its rows does
            cursor.execute("select 1")
        task = Transfer(task_id="load", source=Rows(TYPES, NEW), sink=server.table("orders", "replace"))
        started = time.monotonic()
        with pytest.raises(TaskTimeout), Interrupts().watch("task load", on_kill=task.on_kill, timeout=2.0):
            task.execute({})
        assert time.monotonic() - started < 30
        other.rollback()
    until(lambda: not sessions(server), "a session is left")
    assert orders(server) == OLD
    move(Rows(TYPES, NEW), server.table("orders", "replace"))
    assert orders(server) == NEW


@pytest.mark.parametrize("server", SERVERS, indirect=True)
def test_no_session_and_no_file_is_left_open(server):
    descriptors = Path("/proc/self/fd")
    before = len([*descriptors.iterdir()]) if descriptors.exists() else None
    for _ in range(3):
        move(Rows(TYPES, NEW), server.table("orders", "replace"))
        with pytest.raises(Exception, match=r"(?i)unique|duplicate"):
            move(Rows(TYPES, [*NEW, *NEW]), server.table("orders", "replace"))
        move(server.table("orders"), Rows({}))
    until(lambda: not sessions(server), "a session is left")
    if before is not None:
        assert len([*descriptors.iterdir()]) == before
