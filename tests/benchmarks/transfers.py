"""Transfers against what the databases' own tools do with the same rows, and how much memory they take.

`TRADEWIND_BENCH_ROWS` changes the number of rows: a million for speed, ten million for memory.
"""

import os
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack, closing
from itertools import pairwise
from pathlib import Path

from tests.benchmarks.measure import timed, told
from tradewind.transfer import LocalFile, Transfer
from tradewind_mysql import MySqlHook, MySqlSandbox, MySqlTable, load
from tradewind_postgres import PostgresHook, PostgresSandbox, PostgresTable
from tradewind_sql import SqliteTable

TIMES = 3

HEADER = "id,customer,amount,ordered_at,note\n"
POSTGRES = "(id bigint, customer text, amount numeric(12,2), ordered_at timestamp, note text)"
MYSQL = "(id bigint, customer varchar(100), amount decimal(12,2), ordered_at datetime, note varchar(100))"
TYPES = {"id": "int", "customer": "text", "amount": "decimal(12,2)", "ordered_at": "timestamp", "note": "text"}


def rows(default):
    return int(os.environ.get("TRADEWIND_BENCH_ROWS", default))


def write_csv(path, count):
    """Five columns; every tenth text has a comma in it, every third note is NULL."""
    with path.open("w", encoding="utf-8") as file:
        file.write(HEADER)
        for number in range(count):
            customer = f'"Customer, {number}"' if number % 10 == 0 else f"customer {number}"
            note = "" if number % 3 == 0 else f"note {number % 1000}"
            stamp = f"2025-03-{number % 28 + 1:02d} 12:{number % 60:02d}:00"
            file.write(f"{number},{customer},{number / 7:.2f},{stamp},{note}\n")


def move(source, sink):
    return Transfer(task_id="bench", source=source, sink=sink).execute({})


def compare(label, plain, ours, before=lambda: None):
    """Ratio of speeds, of the best of a few runs that take turns."""
    found = {plain: [], ours: []}
    for _ in range(TIMES):
        for action in (plain, ours):
            before()
            found[action].append(timed(action))
    best = {action: min(seconds) for action, seconds in found.items()}
    told(label, f"{best[plain] / best[ours]:.2f} x its speed ({best[ours]:.2f} s against {best[plain]:.2f} s)")


def run():
    count = rows(1_000_000)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "orders.csv"
        write_csv(path, count)
        print(f"  {count:,} rows x 5 columns, {path.stat().st_size / 1e6:.0f} MB of CSV")
        with PostgresSandbox() as server:
            os.environ["AIRFLOW_CONN_BENCH"] = server.get_uri()
            _postgres(path, Path(folder))
        with MySqlSandbox() as server:
            os.environ["AIRFLOW_CONN_BENCH"] = server.get_uri()
            _mysql(path)


def _postgres(path, folder):
    hook = PostgresHook("bench")
    hook.log_sql = False
    hook.run([f"create table {name} {POSTGRES}" for name in ("target", "filled", "copy")])

    def execute(work):
        with closing(hook.get_conn()) as conn, conn.cursor() as cursor:
            work(cursor)
            conn.commit()

    def copy_in(cursor):
        with path.open("rb") as file:
            cursor.copy_expert("copy target from stdin (format csv, header)", file)

    def copy_out(cursor):
        with (folder / "plain.csv").open("wb") as file:
            cursor.copy_expert("copy filled to stdout (format csv, header)", file)

    def copy_pipe():
        reading, writing = os.pipe()

        def send():
            with os.fdopen(writing, "wb", 1 << 18) as file:
                execute(lambda cursor: cursor.copy_expert("copy filled to stdout", file))

        sender = threading.Thread(target=send)
        sender.start()
        with os.fdopen(reading, "rb", 1 << 18) as file:
            execute(lambda cursor: cursor.copy_expert("copy target from stdin", file))
        sender.join()

    def table(name, **more):
        return PostgresTable(name, conn_id="bench", **more)

    def empty():
        hook.run("truncate target")

    source, target = LocalFile(path), table("target", mode="replace")
    compare("PostgreSQL: CSV -> table / COPY", lambda: execute(copy_in), lambda: move(source, target), empty)
    move(source, table("filled", mode="replace"))
    compare("PostgreSQL: table -> table / COPY | COPY", copy_pipe, lambda: move(table("filled"), target), empty)
    out = LocalFile(folder / "ours.csv")
    compare("PostgreSQL: table -> CSV / COPY", lambda: execute(copy_out), lambda: move(table("filled"), out))
    told("PostgreSQL: the same CSV into a table that is full", f"{timed(lambda: move(source, target)):.2f} s")
    hook.run("alter table target add primary key (id)")
    upsert = table("target", mode="upsert", keys=["id"])
    told("PostgreSQL: upsert of all its rows", f"{timed(lambda: move(source, upsert)):.2f} s")


def _mysql(path):
    hook = MySqlHook("bench")
    hook.log_sql = False
    hook.run(f"create table target {MYSQL}")
    into = "into table target fields terminated by ',' optionally enclosed by '\"' escaped by '' ignore 1 lines"

    def load_data():
        with closing(hook.get_conn()) as conn, path.open("rb") as file:
            load.send(conn, f"load data local infile 'orders' {into}", load.file_blocks(file))
            conn.commit()

    target = MySqlTable("target", conn_id="bench", mode="replace")
    compare(
        "MySQL: CSV -> table / LOAD DATA",
        load_data,
        lambda: move(LocalFile(path), target),
        lambda: hook.run("truncate target"),
    )
    told("MySQL: the same CSV into a table that is full", f"{timed(lambda: move(LocalFile(path), target)):.2f} s")


ONE = """
import resource, sys
sys.path.insert(0, sys.argv[1])
from tests.benchmarks.transfers import ENDS, move
source, sink = sys.argv[2:]
done = move(ENDS[source](None), ENDS[sink]("replace"))
print(done["rows"], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""

#: Ends that the transfers of the memory benchmark go through, each from the one before.
ENDS = {
    "csv": lambda mode: LocalFile("orders.csv"),
    "postgres": lambda mode: PostgresTable("orders", conn_id="postgres", mode=mode),
    "another postgres": lambda mode: PostgresTable("others", conn_id="postgres", mode=mode),
    "csv.gz": lambda mode: LocalFile("orders.csv.gz"),
    "mysql": lambda mode: MySqlTable("orders", conn_id="mysql", mode=mode),
    "jsonl": lambda mode: LocalFile("orders.jsonl", types=None if mode else TYPES),
    "sqlite": lambda mode: SqliteTable("orders", conn_id="sqlite", mode=mode, create=bool(mode)),
    "postgres again": lambda mode: PostgresTable("orders", conn_id="postgres", mode=mode),
}


def run_memory():
    count = rows(10_000_000)
    root = Path(__file__).parents[2]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        write_csv(folder / "orders.csv", count)
        postgres = stack.enter_context(PostgresSandbox())
        mysql = stack.enter_context(MySqlSandbox())
        hook = PostgresHook(connection=postgres)
        hook.run([f"create table {name} {POSTGRES}" for name in ("orders", "others")])
        MySqlHook(connection=mysql).run(f"create table orders {MYSQL}")
        environ = {
            **os.environ,
            "AIRFLOW_CONN_POSTGRES": postgres.get_uri(),
            "AIRFLOW_CONN_MYSQL": mysql.get_uri(),
            "AIRFLOW_CONN_SQLITE": f"sqlite:///{folder}/orders.db",
        }
        names = list(ENDS)
        for source, sink in pairwise(names):
            started = time.perf_counter()
            command = [sys.executable, "-c", ONE, str(root), source, sink]
            done = subprocess.run(command, cwd=folder, env=environ, stdout=subprocess.PIPE, text=True, check=True)
            moved, peak = map(int, done.stdout.split())
            assert moved == count
            seconds = time.perf_counter() - started
            told(f"{source} -> {sink}, {moved:,} rows", f"peak {peak / 1024:.0f} MB, {seconds:.0f} s")
