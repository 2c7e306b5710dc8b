"""MySqlHook against bare PyMySQL and bare LOAD DATA LOCAL, on a MariaDB or MySQL that is started for it."""

import subprocess
import sys
import tempfile
import textwrap
from contextlib import closing
from pathlib import Path

from tests.benchmarks.measure import timed, told
from tradewind_mysql import MySqlHook, MySqlSandbox

ROWS = 300_000
TIMES = 3
TABLE = "create table {} (id int primary key, name varchar(100), x double, at datetime, note text)"

#: Inserts in a process of its own, to see what that needs; prints the peak in MB before and after.
MEMORY = """
    import sys
    from pathlib import Path
    from tradewind_mysql import MySqlHook
    hook = MySqlHook("bench")
    def peak():
        status = Path("/proc/self/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) // 1024
    hook.run("truncate table ours")
    hook.insert_rows("ours", [(0, "", 0.0, None, None)])
    before = peak()
    rows = ((n, f"name {n}", n / 7, "2024-05-06 07:08:09", None) for n in range(1, int(sys.argv[1])))
    hook.insert_rows("ours", rows, commit_every=0)
    loaded = peak()
    total = sum(len(chunk) for chunk in hook.get_records_by_chunks("select * from ours", chunksize=10_000))
    assert total == int(sys.argv[1])
    hook.bulk_dump("ours", sys.argv[2])
    print(before, loaded, peak())
"""


def run():
    with MySqlSandbox() as connection, tempfile.TemporaryDirectory() as folder:
        _compare(MySqlHook(connection=connection), Path(folder))
        _memory(connection, folder)


def _rows():
    return [(n, f"name number {n}", n / 7, "2024-05-06 07:08:09", f"text {n}" if n % 3 else None) for n in range(ROWS)]


def _compare(hook, folder):
    rows, file = _rows(), folder / "rows.tsv"
    hook.run([TABLE.format("ours"), TABLE.format("plain")])
    plain = MySqlHook(connection=hook.connection, local_infile=True)
    inserting = MySqlHook(connection=hook.connection, local_infile=False)
    write = timed(lambda: _write(file, rows))

    def bare(action):
        def call():
            with closing(plain.get_conn()) as conn, closing(conn.cursor()) as cursor:
                action(cursor)
                conn.commit()

        return call

    load = bare(
        lambda cursor: cursor.execute(f"load data local infile '{file}' into table plain character set utf8mb4")
    )
    many = bare(lambda cursor: cursor.executemany("insert into plain values (%s, %s, %s, %s, %s)", rows))
    bare_load, ours, bulk, small = _best(
        hook,
        load,
        lambda: hook.insert_rows("ours", rows, commit_every=0),
        lambda: hook.bulk_load("ours", str(file)),
        lambda: hook.insert_rows("ours", rows),
    )
    told(f"bare LOAD DATA LOCAL of {ROWS:,} rows x 5 from a file", f"{bare_load:.2f} s")
    told("speed of insert_rows from tuples, one transaction / it", f"{bare_load / ours:.2f}")
    told("the same / writing the file first and loading it", f"{(write + bare_load) / ours:.2f}")
    told("speed of insert_rows, commit_every=1000 / it", f"{bare_load / small:.2f}")
    told("speed of bulk_load / it", f"{bare_load / bulk:.2f}")
    bare_many, ours_many = _best(hook, many, lambda: inserting.insert_rows("ours", rows, commit_every=0))
    told("bare executemany (PyMySQL, many rows per statement)", f"{bare_many:.2f} s")
    told("speed of insert_rows with local_infile=False / it", f"{bare_many / ours_many:.2f}")
    told("speed of insert_rows, one transaction / it", f"{bare_many / ours:.2f}")


def _best(hook, *actions):
    """The shortest of several times of each, in turns, into empty tables."""
    times = [[] for _ in actions]
    for _ in range(TIMES):
        for action, found in zip(actions, times):
            hook.run(["truncate table ours", "truncate table plain"])
            found.append(timed(action))
    return [min(found) for found in times]


def _write(file, rows):
    with file.open("w", encoding="utf-8") as lines:
        for row in rows:
            lines.write("\t".join("\\N" if cell is None else str(cell) for cell in row) + "\n")


def _memory(connection, folder):
    number = 2_000_000
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(MEMORY), str(number), f"{folder}/dump.tsv"],
        env={"AIRFLOW_CONN_BENCH": connection.get_uri()},
        capture_output=True,
        text=True,
        check=True,
    )
    before, loaded, read = done.stdout.split()
    told(f"peak memory: at first, {number:,} rows inserted, read and dumped", f"{before}, {loaded}, {read} MB")
