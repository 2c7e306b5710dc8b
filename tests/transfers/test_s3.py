"""Between databases and S3: bytes are passed on as they are, and what fails on one side leaves the other as it was."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap

import pytest

from tradewind.sandbox import Control
from tradewind.transfer import LocalFile
from tradewind_aws import S3Hook, S3Object

from .conftest import KINDS, Rows, move

ROWS = [(number, None if number % 3 == 0 else f'"{number}", é\n') for number in range(20_000)]


@pytest.fixture
def lake(sandbox, monkeypatch):
    connection = sandbox("s3")
    monkeypatch.setenv("AIRFLOW_CONN_LAKE", connection.get_uri())
    return connection


def objects(**more):
    return S3Object("out/rows.csv.gz", conn_id="lake", **more)


def filled(database):
    database.run("create table t (id int primary key, name text)")
    move(Rows({"id": "int", "name": "text"}, ROWS), database.table("t", "replace"))
    return database.table("t")


@pytest.mark.parametrize("kind", list(KINDS))
@pytest.mark.parametrize("more", [{}, {"max_rows_per_file": 7000}], ids=["one", "split"])
def test_a_table_goes_to_s3_and_comes_back(database_of, lake, kind, more):
    source = filled(database_of(kind))
    assert move(source, objects(**more))["rows"] == len(ROWS)
    back = database_of(kind)
    back.run("create table t (id int primary key, name text)")
    assert move(objects(**more), back.table("t", "replace"))["rows"] == len(ROWS)
    assert back.rows("select id, name from t order by id") == ROWS
    with S3Hook("lake") as hook:
        assert len(hook.list_keys(prefix="out/")) == (3 if more else 1)


@pytest.mark.parametrize("more", [{}, {"max_rows_per_file": 7000}], ids=["one", "split"])
def test_postgres_and_s3_pass_on_bytes(database_of, lake, more):
    """Then the result tells how many, and their checksum."""
    database = database_of("postgres")
    there = move(filled(database), objects(**more))
    back = move(objects(**more), database.table("t", "replace"))
    assert there["checksum"] is not None
    assert (there["bytes"], there["checksum"]) == (back["bytes"], back["checksum"])


@pytest.mark.parametrize("kind", ["postgres", "mysql"])
def test_a_table_that_refuses_a_row_stays_and_the_line_is_told(database_of, lake, kind):
    database = database_of(kind)
    database.run("create table t (id int, day date)", "insert into t values (7, null)")
    with S3Hook("lake") as hook:
        hook.load_string("id,day\n1,2024-05-01\n", "in/a.csv")
        hook.load_string("id,day\n2,2024-05-01\n3,2024-02-30\n", "in/b.csv")
    with pytest.raises(Exception, match=r".") as caught:
        move(S3Object("s3://sandbox/in/*.csv", conn_id="lake"), database.table("t", "replace"))
    assert "It was line 3 of the file s3://sandbox/in/b.csv." in caught.value.__notes__
    assert database.rows("select * from t") == [(7, None)]


@pytest.mark.parametrize("kind", ["postgres", "mysql"])
def test_a_source_that_breaks_off_leaves_the_table(database_of, lake, kind, tmp_path):
    database = database_of(kind)
    database.run("create table t (id int, name text)", "insert into t values (7, 'old')")
    move(Rows({"id": "int", "name": "text"}, ROWS), S3Object("a.csv", conn_id="lake"))
    control = Control(lake)
    control.fault("cut", method="GET", path="/a.csv")
    control.fault("status", status=403, method="GET", path="/a.csv", times=9)
    with pytest.raises(Exception, match=r"s3://sandbox/a\.csv"):
        move(S3Object("a.csv", conn_id="lake"), database.table("t", "replace"))
    assert database.rows("select * from t") == [(7, "old")]
    control.clear()
    control.fault("cut", method="GET", path="/a.csv")
    assert move(S3Object("a.csv", conn_id="lake"), database.table("t", "replace"))["rows"] == len(ROWS)


def test_a_transfer_that_is_killed_leaves_both_sides(database_of, lake, tmp_path):
    """`kill -9` while rows are under way from S3 into a table, and from the table into S3."""
    database = database_of("postgres")
    database.run("create table t (id int, name text)", "insert into t values (7, 'old')")
    with S3Hook("lake") as hook:
        hook.load_string("id,name\n1,old\n", "out.csv")
        hook.load_bytes(b"id,name\n" + b"".join(b"%d,%s\n" % (n, b"x" * 1000) for n in range(20_000)), "in.csv")
        code = textwrap.dedent(
            """
            import os, sys
            from tradewind.transfer import Transfer, channel
            from tradewind_aws import S3Object
            from tradewind_postgres import PostgresQuery, PostgresTable
            put, seen = channel.Channel.put, []
            def counted(self, item):
                put(self, item)
                seen.append(item)
                if len(seen) == 40:  # 10 MB
                    print("under way", flush=True)
                    sys.stdin.read()
            channel.Channel.put = counted
            if sys.argv[1] == "in":
                source = S3Object("in.csv", conn_id="lake")
                sink = PostgresTable("t", conn_id="postgres_0", mode="replace")
            else:
                sql = "select n as id, repeat('x', 1000) as name from generate_series(1, 20000) n"
                source, sink = PostgresQuery(sql, conn_id="postgres_0"), S3Object("out.csv", conn_id="lake")
            Transfer(task_id="t", source=source, sink=sink).execute({})
            """
        )
        for way in ("in", "out"):
            process = subprocess.Popen(
                [sys.executable, "-c", code, way], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ.copy()
            )
            with process:
                assert process.stdout is not None
                assert process.stdout.readline() == b"under way\n"
                process.send_signal(signal.SIGKILL)
        assert database.rows("select * from t") == [(7, "old")]
        assert hook.read_key("out.csv") == "id,name\n1,old\n"
        move(database.table("t"), S3Object("out.csv", conn_id="lake"))
        assert "Uploads" not in hook.get_conn().list_multipart_uploads(Bucket="sandbox")
    move(S3Object("in.csv", conn_id="lake"), LocalFile(tmp_path / "back.csv"))
