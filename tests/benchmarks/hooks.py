"""SqliteHook against the bare driver."""

import os
import sqlite3
import tempfile
from contextlib import closing

from tests.benchmarks.measure import timed, told
from tradewind_sql import SqliteHook

ROWS = 200_000


def run():
    rows = [(number, f"name {number}", number / 7, None) for number in range(ROWS)]
    with tempfile.TemporaryDirectory() as folder:
        os.environ["AIRFLOW_CONN_BENCH"] = f"sqlite:///{folder}/bench.db"
        hook = SqliteHook("bench")
        create = "create table {} (a integer, b text, c real, d text)"
        hook.run([create.format("ours"), create.format("plain")])

        def plain_insert():
            with closing(sqlite3.connect(f"{folder}/bench.db")) as connection, connection:
                connection.executemany("insert into plain values (?, ?, ?, ?)", rows)

        def plain_read():
            with closing(sqlite3.connect(f"{folder}/bench.db")) as connection:
                connection.execute("select * from plain").fetchall()

        plain = timed(plain_insert)
        ours = timed(lambda: hook.insert_rows("ours", rows, commit_every=0))
        told(f"insert_rows of {ROWS:,} rows / bare executemany", f"{ours / plain:.1f} x")
        plain = min(timed(plain_read) for _ in range(3))
        ours = min(timed(lambda: hook.get_records("select * from ours")) for _ in range(3))
        told(f"get_records of {ROWS:,} rows / bare fetchall", f"{ours / plain:.1f} x")
