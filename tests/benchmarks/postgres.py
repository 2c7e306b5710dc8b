"""PostgresHook against psycopg2 alone, on a real PostgreSQL: seconds as ratios, and memory."""

import csv
import datetime
import io
import os
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import psycopg2

from tests.benchmarks.measure import timed as seconds
from tests.benchmarks.measure import told
from tradewind_postgres import PostgresHook, PostgresSandbox

ROWS = 1_000_000
FEW = 20_000  #: for what is slow: its time is taken for as many rows as the others
ROUNDS = 3
COLUMNS = ["id", "name", "share", "at", "ok"]
TABLE = "create table {} (id bigint primary key, name text, share float8, at timestamp, ok boolean)"
START = datetime.datetime(2024, 1, 1)


def rows(count=ROWS):
    return ((n, f"name {n}", n / 7, START + datetime.timedelta(seconds=n), n % 2 == 0) for n in range(count))


def run():
    with PostgresSandbox() as server:
        os.environ["AIRFLOW_CONN_BENCH"] = server.get_uri()
        hook = PostgresHook("bench")
        hook.run([TABLE.format(name) for name in ("ours", "plain", "other")])
        given = list(rows())
        _inserts(hook, server, given)
        _upserts(hook, given)
        _reads(hook, server)
        _files(hook, server)
        _memory()


def _best(hook, actions, tables=()):
    """The shortest time of each action, in seconds; they take turns, since other work on the machine comes and goes."""
    times = [[] for _ in actions]
    for _ in range(ROUNDS):
        for action, spent in zip(actions, times, strict=True):
            if tables:
                hook.run([f"truncate {', '.join(tables)}", "checkpoint"])
            spent.append(seconds(action))
    return [min(spent) for spent in times]


def _inserts(hook, server, given):
    plain, many, ours, one = _best(
        hook,
        [
            lambda: _plain_copy(server, given),
            lambda: _plain_executemany(server, given[:FEW]),
            lambda: hook.insert_rows("ours", given, COLUMNS),
            lambda: hook.insert_rows("ours", given, COLUMNS, commit_every=0),
        ],
        ("ours", "plain"),
    )
    many = many * ROWS / FEW
    told(f"psycopg2: csv module and COPY of {ROWS:,} rows (the measure)", f"{ROWS / plain:,.0f} rows/s")
    told("psycopg2: executemany, 1000 per commit, as Airflow's default", f"{ROWS / many:,.0f} rows/s")
    for label, spent in (("insert_rows", ours), ("insert_rows, commit_every=0", one)):
        told(f"{label}: speed / that of COPY", f"{plain / spent:.2f} x ({ROWS / spent:,.0f} rows/s)")
        told(f"{label}: speed / that of executemany", f"{many / spent:.1f} x")


def _plain_copy(server, given):
    with closing(psycopg2.connect(server.dsn)) as conn, conn.cursor() as cursor:
        text = io.StringIO()
        csv.writer(text).writerows(given)
        text.seek(0)
        cursor.copy_expert("copy plain from stdin with (format csv)", text)
        conn.commit()


def _plain_executemany(server, given):
    with closing(psycopg2.connect(server.dsn)) as conn, conn.cursor() as cursor:
        for start in range(0, len(given), 1000):
            cursor.executemany("insert into plain values (%s, %s, %s, %s, %s)", given[start : start + 1000])
            conn.commit()


def _upserts(hook, given):
    part = given[: ROWS // 5]
    hook.insert_rows("other", part[::2], COLUMNS, commit_every=0)
    for label, every in (("upsert_rows", 1000), ("upsert_rows, commit_every=0", 0)):
        spent = seconds(lambda every=every: hook.upsert_rows("other", part, COLUMNS, ["id"], commit_every=every))
        told(f"{label}: half of the rows are there", f"{len(part) / spent:,.0f} rows/s")


def _reads(hook, server):
    def plain_read():
        with closing(psycopg2.connect(server.dsn)) as conn, conn.cursor() as cursor:
            cursor.execute("select * from ours")
            cursor.fetchall()

    def plain_stream():
        with closing(psycopg2.connect(server.dsn)) as conn, conn.cursor("stream") as cursor:
            cursor.execute("select * from ours")
            while cursor.fetchmany(10_000):
                pass

    def stream():
        for _ in hook.get_records_by_chunks("select * from ours", chunksize=10_000):
            pass

    plain, ours = _best(hook, [plain_read, lambda: hook.get_records("select * from ours")])
    told("get_records: time / that of fetchall", f"{ours / plain:.2f} x")
    plain, ours = _best(hook, [plain_stream, stream])
    told("get_records_by_chunks: time / that of a server-side cursor", f"{ours / plain:.2f} x")


def _files(hook, server):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows"

        def plain_out():
            with closing(psycopg2.connect(server.dsn)) as conn, conn.cursor() as cursor, path.open("wb") as file:
                cursor.copy_expert("copy ours to stdout", file)

        def plain_in():
            with closing(psycopg2.connect(server.dsn)) as conn, conn.cursor() as cursor, path.open("rb") as file:
                cursor.copy_expert("copy plain from stdin", file)
                conn.commit()

        plain, ours = _best(hook, [plain_out, lambda: hook.copy_expert("copy ours to stdout", path)])
        told("copy_expert out: time / that of psycopg2", f"{ours / plain:.2f} x")
        plain, ours = _best(hook, [plain_in, lambda: hook.copy_expert("copy plain from stdin", path)], ["plain"])
        told("copy_expert in: time / that of psycopg2", f"{ours / plain:.2f} x")


#: Each in a fresh process, which prints the most memory that it had, before and after.
MEMORY = {
    "insert_rows of a generator": "hook.insert_rows('plain', rows())",
    "upsert_rows of a generator": "hook.upsert_rows('plain', rows(), COLUMNS, ['id'])",
    "get_records_by_chunks": "[None for _ in hook.get_records_by_chunks('select * from ours', chunksize=10_000)]",
    "copy_expert out": "hook.copy_expert('copy ours to stdout', '/dev/null')",
}


def _memory():
    for label, action in MEMORY.items():
        code = (
            "from tests.benchmarks.measure import peak_memory\n"
            "from tests.benchmarks.postgres import COLUMNS, PostgresHook, rows\n"
            "hook = PostgresHook('bench')\n"
            "hook.run('truncate plain')\n"
            "hook.get_first('select 1')\n"
            "before = peak_memory()\n"
            f"{action}\n"
            "print(before, peak_memory())\n"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        before, after = (int(number) / 2**20 for number in done.stdout.split())
        told(f"{label}: peak memory, {ROWS:,} rows", f"{after:.0f} MiB ({after - before:.0f} more than before)")
