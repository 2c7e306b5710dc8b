"""PostgreSQL to S3 and back against `psql` and plain boto3, memory meanwhile, and listing many keys.

`TRADEWIND_BENCH_MB` changes the size of the table (1,000), `TRADEWIND_BENCH_KEYS` the number of keys (100,000).
`TRADEWIND_BENCH_S3=s3://key:secret@127.0.0.1:9000/bucket?tls=false` names a store to use in place of the sandbox, whose
own work is much of what is measured: how much, the first lines tell.
"""

import io
import os
import subprocess
import sys
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import boto3

from tests.benchmarks.measure import timed, told
from tradewind.connection import Connection
from tradewind_aws import S3Hook, S3Sandbox
from tradewind_postgres import PostgresHook, PostgresSandbox
from tradewind_postgres.sandbox import find_programs

TIMES = 3
ROOT = Path(__file__).parents[2]
BLOCK = 1 << 18

#: About 100 bytes a row.
ROWS = (
    "select n, 'customer ' || n, n / 7.0, timestamp '2025-03-01' + n * interval '1 second', repeat('x', 44) "
    "from generate_series(1, {}) n"
)
COLUMNS = "(id bigint, customer text, amount numeric(12,2), ordered_at timestamp, note text)"

COPY_OUT = "copy orders to stdout (format csv, header)"
COPY_IN = "copy back from stdin (format csv, header)"

#: One transfer in a process of its own: tells its rows, its seconds, and the most memory that it had, in MB.
OURS = """
import sys
from pathlib import Path
from tradewind.transfer import Transfer
from tradewind_aws import S3Object
from tradewind_postgres import PostgresTable
there = S3Object("orders.csv", conn_id="bench_s3")
if sys.argv[1] == "up":
    source, sink = PostgresTable("orders", conn_id="bench_postgres"), there
else:
    source, sink = there, PostgresTable("back", conn_id="bench_postgres", mode="replace")
done = Transfer(task_id="bench", source=source, sink=sink).execute({})
status = Path("/proc/self/status").read_text()
print(done["rows"], done["seconds"], int(status.partition("VmHWM:")[2].split()[0]) / 1024)
"""


def run():
    rows = int(os.environ.get("TRADEWIND_BENCH_MB", "1000")) * 10_000
    with ExitStack() as stack:
        store = _store(stack)
        postgres = stack.enter_context(PostgresSandbox())
        os.environ["AIRFLOW_CONN_BENCH_S3"] = store.get_uri()
        os.environ["AIRFLOW_CONN_BENCH_POSTGRES"] = postgres.get_uri()
        client = stack.enter_context(closing(_client(f"http://{store.host}:{store.port}", store)))
        hook = PostgresHook(connection=postgres)
        hook.log_sql = False
        hook.run([f"create table {name} {COLUMNS}" for name in ("orders", "back")])
        hook.run(f"insert into orders {ROWS.format(rows)}")
        psql = Psql(postgres)
        _store_alone(client, store.schema, psql)
        _compare_up(client, store.schema, psql, rows)
        _compare_down(client, store.schema, psql, rows)


def _store(stack):
    """The connection of a store, with a bucket."""
    named = os.environ.get("TRADEWIND_BENCH_S3")
    if named:
        return Connection.from_uri(named, "bench_s3", where="TRADEWIND_BENCH_S3")
    return stack.enter_context(S3Sandbox())


def _client(url, store):
    return boto3.client(
        "s3",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id=store.login,
        aws_secret_access_key=store.password,
    )


class Psql:
    """PostgreSQL's own tool, at one end of a pipe."""

    def __init__(self, server):
        self._command = [find_programs() / "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-c"]
        self._environ = {
            **os.environ,
            "PGHOST": server.host,
            "PGPORT": str(server.port),
            "PGUSER": server.login,
            "PGPASSWORD": server.password,
            "PGDATABASE": server.schema,
        }

    @contextmanager
    def __call__(self, sql, **pipes):
        with subprocess.Popen([*self._command, sql], env=self._environ, **pipes) as process:
            yield process
        assert process.returncode == 0


def _store_alone(client, bucket, psql):
    """What the store and boto3 take for the same bytes, without a database and without tradewind."""
    with psql(COPY_OUT, stdout=subprocess.PIPE) as process:
        data = process.stdout.read()
    told("the table as CSV", f"{len(data) / 1e6:,.0f} MB")
    seconds = timed(lambda: client.upload_fileobj(io.BytesIO(data), bucket, "alone"))
    told("boto3 and the store alone: upload_fileobj from memory", f"{seconds:.1f} s")

    def read():
        with closing(client.get_object(Bucket=bucket, Key="alone")["Body"]) as body:
            while body.read(BLOCK):
                pass

    told("boto3 and the store alone: get_object to its end", f"{timed(read):.1f} s")
    client.delete_object(Bucket=bucket, Key="alone")


def _compare_up(client, bucket, psql, rows):
    def plain():
        with psql(COPY_OUT, stdout=subprocess.PIPE) as process:
            client.upload_fileobj(process.stdout, bucket, "orders.csv")

    _compare("PostgreSQL -> S3 / psql | upload_fileobj", plain, "up", rows, lambda: None)


def _compare_down(client, bucket, psql, rows):
    def plain():
        with (
            closing(client.get_object(Bucket=bucket, Key="orders.csv")["Body"]) as body,
            psql(COPY_IN, stdin=subprocess.PIPE) as process,
        ):
            while block := body.read(BLOCK):
                process.stdin.write(block)
            process.stdin.close()

    def empty():
        with psql("truncate back"):
            pass

    _compare("S3 -> PostgreSQL / get_object | psql", plain, "down", rows, empty)


def _compare(label, plain, way, rows, before):
    """Ratio of speeds, of the best of a few runs that take turns."""
    theirs, ours, peaks = [], [], []
    for _ in range(TIMES):
        before()
        theirs.append(timed(plain))
        before()
        done = subprocess.run([sys.executable, "-c", OURS, way], cwd=ROOT, stdout=subprocess.PIPE, check=True)
        moved, seconds, peak = map(float, done.stdout.split())
        assert moved == rows
        ours.append(seconds)
        peaks.append(peak)
    told(label, f"{min(theirs) / min(ours):.2f} x its speed ({min(ours):.1f} s against {min(theirs):.1f} s)")
    told("    the most memory that its process had", f"{max(peaks):.0f} MB")


def run_listing():
    """All keys of a bucket through `S3Hook`, and through boto3's paginator.

    The answers are of S3's form and made beforehand, by a process of their own, so that no store's work is measured.
    """
    count = int(os.environ.get("TRADEWIND_BENCH_KEYS", "100000"))
    command = [sys.executable, "-m", "tests.benchmarks.s3_pages", str(count)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        try:
            port = int(server.stdout.readline())
            store = Connection(
                "bench_s3",
                "s3",
                host="127.0.0.1",
                port=port,
                login="key",
                password="secret",
                schema="lake",
                extra={"tls": False},
            )
            _compare_listing(store, f"http://127.0.0.1:{port}", count)
        finally:
            server.terminate()


def _compare_listing(store, url, count):
    with closing(_client(url, store)) as client, S3Hook(connection=store) as hook:

        def plain():
            pages = client.get_paginator("list_objects_v2").paginate(Bucket="lake")
            return [row["Key"] for page in pages for row in page["Contents"]]

        found = {plain: [], hook.list_keys: []}
        for _ in range(3):
            for action, seconds in found.items():
                seconds.append(timed(lambda action=action: _all(action, count)))
        theirs, ours = min(found[plain]), min(found[hook.list_keys])
        told(
            f"listing {count:,} keys / paginator",
            f"{ours / theirs:.2f} x its time ({ours:.1f} s against {theirs:.1f} s)",
        )


def _all(action, count):
    assert len(action()) == count
