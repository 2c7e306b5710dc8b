"""`SqliteHook`: where the database is, extras, locks, several processes at once, signals."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tradewind.connection import Connection
from tradewind.errors import BrokenConnection, ConnectionFault, TaskTimeout
from tradewind_sql import SqliteHook


def hook_for(uri: str) -> SqliteHook:
    return SqliteHook(connection=Connection.from_uri(uri, conn_id="c"))


# Where it is


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("sqlite:///data/x.db", "/data/x.db"),
        ("sqlite:////data/x.db", "/data/x.db"),
        ("sqlite:///%2Fdata%2Fx.db", "/data/x.db"),
        ("sqlite://%2Fdata%2Fx.db", "/data/x.db"),
        ("sqlite://data/x.db", "{cwd}/data/x.db"),
        ("sqlite://x.db", "{cwd}/x.db"),
        ("sqlite://Mixed/Case.db", "{cwd}/Mixed/Case.db"),
        ("sqlite:////data/a%20b%23c%3F.db", "/data/a b#c?.db"),
        ("sqlite://", None),
        ("sqlite://?cache=private", None),
        ("sqlite:///:memory:", None),
    ],
)
def test_the_path_is_read_as_airflow_and_sqlalchemy_write_it(uri: str, path: str | None) -> None:
    found = hook_for(uri).location.path
    assert found == (None if path is None else Path(path.format(cwd=Path.cwd())))


def test_host_of_a_connection_made_by_hand_is_the_path(tmp_path: Path) -> None:
    for given in ({"host": str(tmp_path / "x.db")}, {"schema": str(tmp_path / "x.db")}):
        hook = SqliteHook(connection=Connection(conn_id="c", conn_type="sqlite", **given))
        assert hook.location.path == tmp_path / "x.db"


def test_schema_of_the_hook_is_another_file(hook: SqliteHook, tmp_path: Path) -> None:
    other = SqliteHook("warehouse", schema=str(tmp_path / "other.db"))
    other.run("create table t (a)")
    assert (tmp_path / "other.db").exists()
    assert not (tmp_path / "warehouse.db").exists()


@pytest.mark.parametrize("name", ["a b.db", "a#b?c.db", "50%.db", "ä.db", "a%20b.db", "q=1&mode=ro.db"])
def test_any_file_name_works_everywhere(tmp_path: Path, name: str) -> None:
    from sqlalchemy import create_engine, text

    for extra in ({}, {"mode": "rwc"}):
        hook = SqliteHook(
            connection=Connection(conn_id="c", conn_type="sqlite", host=str(tmp_path / name), extra=extra)
        )
        hook.run("create table if not exists t (a)")
        assert [path.name for path in tmp_path.iterdir()] == [name]
        engine = hook.get_sqlalchemy_engine()
        with engine.connect() as conn:
            assert conn.execute(text("select count(*) from t")).scalar() == 0
    own = create_engine(
        SqliteHook(connection=Connection(conn_id="c", conn_type="sqlite", host=str(tmp_path / name))).get_uri()
    )
    with closing(own.raw_connection()) as raw:
        assert raw.cursor().execute("select count(*) from t").fetchone() == (0,)
    own.dispose()


def test_in_memory_each_call_gets_a_new_database() -> None:
    hook = hook_for("sqlite://")
    hook.run("create table t (a)")
    assert hook.get_records("select * from sqlite_master") == []
    from sqlalchemy import text

    engine = hook.get_sqlalchemy_engine()
    with engine.begin() as conn:
        conn.execute(text("create table t (a)"))
    with engine.begin() as conn:
        assert conn.execute(text("select count(*) from t")).scalar() == 0
    engine.dispose()


# What cannot be opened


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConnectionFault, match=r"'c'.*/missing/x.db.*its folder .*/missing does not exist"):
        hook_for(f"sqlite:///{tmp_path}/missing/x.db").get_records("select 1")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mode", ["ro", "rw"])
def test_a_missing_file_is_not_created_by_these_modes(tmp_path: Path, mode: str) -> None:
    hook = hook_for(f"sqlite:///{tmp_path}/x.db?mode={mode}")
    with pytest.raises(ConnectionFault, match=f"x.db does not exist, and mode={mode} does not create it"):
        hook.get_records("select 1")
    with pytest.raises(ConnectionFault, match="does not exist"):
        hook.get_sqlalchemy_engine().connect()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    with pytest.raises(ConnectionFault, match="is a folder"):
        hook_for(f"sqlite:///{tmp_path}").get_records("select 1")


def test_another_kind_of_file_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "x.db"
    file.write_text("something else, and long enough to be looked at\n" * 100)
    with pytest.raises(sqlite3.DatabaseError, match="not a database") as caught:
        hook_for(f"sqlite:///{file}").run("create table t (a)")
    assert "On connection 'c'" in caught.value.__notes__[0]
    assert file.read_text().startswith("something else")


def test_reading_only_means_it(tmp_path: Path) -> None:
    from sqlalchemy import text
    from sqlalchemy.exc import OperationalError

    hook_for(f"sqlite:///{tmp_path}/x.db").run("create table t (a)")
    hook = hook_for(f"sqlite:///{tmp_path}/x.db?mode=ro")
    assert hook.get_records("select * from t") == []
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        hook.run("insert into t values (1)")
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        hook.insert_rows("t", [(1,)])
    with pytest.raises(OperationalError, match="readonly"), hook.get_sqlalchemy_engine().begin() as conn:
        conn.execute(text("insert into t values (1)"))


# Extras


def test_an_extra_that_sqlite_does_not_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BrokenConnection, match=r"'c'.*no extra 'mod'; did you mean 'mode'"):
        hook_for(f"sqlite:///{tmp_path}/x.db?mod=ro").get_records("select 1")
    assert list(tmp_path.iterdir()) == []


def test_extras_become_settings_of_each_connection(tmp_path: Path) -> None:
    hook = hook_for(
        f"sqlite:///{tmp_path}/x.db?journal_mode=wal&foreign_keys=true&synchronous=off&isolation_level=IMMEDIATE"
    )

    def settings(conn: Any) -> list[Any]:
        names = ("journal_mode", "foreign_keys", "synchronous", "busy_timeout")
        return [conn.execute(f"pragma {name}").fetchone()[0] for name in names]

    with closing(hook.get_conn()) as conn:
        assert settings(conn) == ["wal", 1, 0, 30_000]
        assert conn.isolation_level == "IMMEDIATE"
    with closing(hook.get_sqlalchemy_engine().raw_connection()) as raw:
        assert settings(raw.cursor()) == ["wal", 1, 0, 30_000]
    hook.run("create table t (a)")
    assert hook.insert_rows("t", [(1,)]) == 1


def test_foreign_keys_are_enforced_when_asked(tmp_path: Path) -> None:
    tables = ["create table a (id integer primary key)", "create table b (a references a)"]
    hook_for(f"sqlite:///{tmp_path}/x.db").run([*tables, "insert into b values (1)"])
    with pytest.raises(sqlite3.IntegrityError):
        hook_for(f"sqlite:///{tmp_path}/x.db?foreign_keys=1").run("insert into b values (2)")


def test_the_connection_survives_its_uri(tmp_path: Path) -> None:
    extra = {"mode": "ro", "timeout": 2.5, "foreign_keys": False, "cached_statements": 5}
    for host in (str(tmp_path / "a b.db"), "rel/x.db"):
        first = Connection(conn_id="c", conn_type="sqlite", host=host, extra=extra)
        second = Connection.from_uri(first.get_uri(), conn_id="c")
        assert SqliteHook(connection=second).location == SqliteHook(connection=first).location
        assert second.extra_dejson == extra


# Others at work


def test_a_locked_database_is_waited_for_and_then_told(tmp_path: Path) -> None:
    hook = hook_for(f"sqlite:///{tmp_path}/x.db?timeout=0.05")
    hook.run("create table t (a)")
    with closing(hook.get_conn()) as conn:
        conn.execute("begin immediate")
        with pytest.raises(sqlite3.OperationalError, match="locked") as caught:
            hook.run("insert into t values (1)")
        assert "journal_mode=wal" in caught.value.__notes__[-1]
    patient = hook_for(f"sqlite:///{tmp_path}/x.db")
    with closing(patient.get_conn()) as conn:
        conn.execute("begin immediate")
        waiting = threading.Thread(target=lambda: patient.run("insert into t values (1)"))
        waiting.start()
        waiting.join(0.1)
        assert waiting.is_alive()
        conn.rollback()
        waiting.join(60)
    assert patient.get_first("select count(*) from t") == (1,)


WRITER = """
import sys
from tradewind_sql import SqliteHook
hook, name = SqliteHook("warehouse"), sys.argv[1]
for batch in range(10):
    hook.run(["select count(*) from t", f"update t set n = n + 1 where name in ('{name}', 'all')"])
    hook.insert_rows("u", [(name, batch, row) for row in range(50)], commit_every=0)
"""


@pytest.mark.parametrize("journal_mode", ["delete", "wal"])
def test_processes_write_side_by_side_and_nothing_is_lost(tmp_path: Path, journal_mode: str) -> None:
    uri = f"sqlite:///{tmp_path}/x.db?journal_mode={journal_mode}&synchronous=off"
    hook = hook_for(uri)
    hook.run(["create table t (name, n)", "create table u (name, batch, row)"])
    hook.insert_rows("t", [(name, 0) for name in ("a", "b", "c", "all")])
    environment = {**os.environ, "AIRFLOW_CONN_WAREHOUSE": uri}
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, name], env=environment) for name in ("a", "b", "c")]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    assert hook.get_records("select name, n from t order by n") == [("a", 10), ("b", 10), ("c", 10), ("all", 30)]
    assert hook.get_first("select count(*), count(distinct name || '-' || batch || '-' || row) from u") == (1500, 1500)


def test_with_wal_a_table_can_be_copied_while_it_is_read(tmp_path: Path) -> None:
    hook = hook_for(f"sqlite:///{tmp_path}/x.db?journal_mode=wal")
    hook.run(["create table a (n)", "create table b (n)"])
    hook.insert_rows("a", ((n,) for n in range(5000)))
    rows = (row for chunk in hook.get_records_by_chunks("select n from a") for row in chunk)
    assert hook.insert_rows("b", rows) == 5000
    assert hook.get_first("select sum(n) from a") == hook.get_first("select sum(n) from b")


def test_a_script_that_reads_first_waits_for_other_writers(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/x.db?timeout=60"
    hook = hook_for(uri)
    hook.run(["create table t (n)", "insert into t values (0), (1), (2)"])
    statements = ["select * from t", "with a as (select * from t) select * from a", "update t set n = n + 1"]
    with closing(hook.get_conn()) as other:
        other.execute("begin immediate")
        waiting = threading.Thread(target=lambda: hook.run(statements, handler=lambda cursor: cursor.fetchone()))
        waiting.start()
        waiting.join(0.1)
        other.execute("update t set n = n + 10")
        other.commit()
        waiting.join(60)
    assert hook.get_records("select n from t") == [(11,), (12,), (13,)]


def test_a_timeout_ends_a_long_statement(hook: SqliteHook) -> None:
    def stop(number: int, frame: object) -> None:
        raise TaskTimeout("it took too long")

    endless = "with recursive n(i) as (select 1 union all select i + 1 from n) select max(i) from n"
    before = signal.signal(signal.SIGALRM, stop)
    try:
        for _ in range(3):
            signal.setitimer(signal.ITIMER_REAL, 0.1)
            with pytest.raises(TaskTimeout, match="too long"):
                hook.get_records(endless)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert hook.get_records("select 1") == [(1,)]


# The three-line script


def test_a_script_needs_nothing_but_the_variable(tmp_path: Path) -> None:
    script = """
        from tradewind_sql import SqliteHook
        print(SqliteHook("warehouse").get_records("select 1"))

        import sys
        heavy = ("sqlalchemy", "alembic", "jinja2", "click", "rich", "pandas", "cryptography", "sqlparse")
        parts = ("scheduler", "parser", "store", "cli", "executor", "runner", "dag", "operator")
        heavy += tuple(f"tradewind.{name}" for name in parts)
        print([name for name in heavy if name in sys.modules], len(sys.modules))
    """
    home = tmp_path / "home"
    home.mkdir()
    environment = {
        "AIRFLOW_CONN_WAREHOUSE": f"sqlite:///{tmp_path}/x.db",
        "HOME": str(home),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(script)],
        cwd=home,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    first, second = done.stdout.splitlines()
    assert first == "[(1,)]"
    assert second.startswith("[] ")
    assert int(second.split()[-1]) < 300
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["home", "x.db"]
