"""The time between tasks, and tasks per second, with local processes, on each kind of metadata database.

The servers are the throw-away ones that `tradewind.sandbox` starts, on this machine.
"""

import itertools
import logging
import multiprocessing
import os
import tempfile
import textwrap
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from tests.benchmarks.measure import Clock, cpu, milliseconds, timed, told
from tradewind import plugins, settings
from tradewind.scheduler.planner import triggered_run
from tradewind.scheduler.service import Service, ensure_folders
from tradewind.store import open_store

CHAIN = """
    from datetime import datetime
    from tradewind import DAG, chain
    from tradewind.operators.python import PythonOperator

    with DAG("bench", start_date=datetime(2026, 1, 1), schedule=None, max_active_tasks=1000):
        chain(*[PythonOperator(task_id=f"t{n:03}", python_callable=int) for n in range(20)])
"""

PARALLEL = """
    from datetime import datetime
    from tradewind import DAG
    from tradewind.operators.python import PythonOperator

    with DAG("bench", start_date=datetime(2026, 1, 1), schedule=None, max_active_tasks=1000):
        for n in range(200):
            PythonOperator(task_id=f"t{n:03}", python_callable=int)
"""

STORE_VERBS = (
    "apply", "task", "tasks", "run", "version", "create_run", "claim_runs", "change_marker", "dags", "pools",
    "requests", "release_run", "scheduler_heartbeat",
)  # fmt: skip


KINDS = ("sqlite", "postgres", "mysql")


@contextmanager
def database(kind):
    """The URL of an empty metadata database; None for SQLite, which needs no server."""
    if kind == "sqlite":
        yield None
        return
    with plugins.current().resolve("register_sandboxes", kind)() as connection:
        yield connection.get_uri()


def play(code, parallelism, rounds, url=None):
    """Run the DAG a few times with a real scheduler in this process; returns (tasks, seconds, CPU) of each round."""
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(TRADEWIND_HOME=folder, TRADEWIND_PARALLELISM=str(parallelism))  # attempts read it too
        os.environ.pop("TRADEWIND_DATABASE_URL", None)
        if url:
            os.environ["TRADEWIND_DATABASE_URL"] = url
        found = settings.read()
        ensure_folders(found)
        (Path(found.dags_folder) / "bench.py").write_text(textwrap.dedent(code))
        with open_store(found, create=True) as store, open_store(found) as outside:
            return [*_rounds(Service(store, found), outside, rounds)]


def _rounds(service, store, rounds):
    """`store` is ours: what the scheduler's own store does is on its clock."""
    current = {}

    def over():
        return store.run("bench", current["run"].run_id).state.is_finished

    thread = threading.Thread(target=service.run)
    thread.start()
    while not store.dags():
        time.sleep(0.01)
    clock = Clock()
    clock.watch(service.store, "store", STORE_VERBS)
    clock.watch(service.executor, "fork", ["submit"])
    clock.watch(service.executor, "wait", ["poll"])
    try:
        for number in range(rounds + 1):  # the first one loads the DAG file, and is not counted
            clock.spent.clear()
            clock.calls.clear()
            before = cpu()
            now = datetime.now(UTC)
            current["run"] = store.create_run(triggered_run(store.dag("bench"), now, name=f"r{number}"), now)
            while not over():
                time.sleep(0.02)
            if number:
                yield store.tasks(current["run"].id), dict(clock.spent), cpu().since(before)
    finally:
        service.stop()
        thread.join()


def run_chain():
    gaps = {}
    for kind in KINDS:
        print(f"-- metadata in {kind}")
        with database(kind) as url:
            gaps[kind] = run_chain_on(url)
    for kind in KINDS[1:]:
        told(f"median gap on {kind} / on sqlite", f"{gaps[kind] / gaps['sqlite']:.2f} x")


def run_chain_on(url):
    """Prints what a chain of tasks takes; returns the median gap, in seconds."""
    gaps, starts, lasts = [], [], []
    for tasks, _, _ in play(CHAIN, parallelism=8, rounds=3, url=url):
        ordered = sorted(tasks, key=lambda task: task.task_id)
        gaps += [(b.started_at - a.ended_at).total_seconds() for a, b in itertools.pairwise(ordered)]
        starts += [(task.started_at - task.queued_at).total_seconds() for task in ordered]
        lasts += [(task.ended_at - task.started_at).total_seconds() for task in ordered]
    told("20 no-op tasks in a row: end of one to start of the next", milliseconds(gaps))
    told("  of that, handed over to started (fork, compare-and-set)", milliseconds(starts))
    told("an attempt, start to end", milliseconds(lasts))
    process = best_process()
    median = sorted(gaps)[len(gaps) // 2]
    told("median gap / a bare multiprocessing fork and join", f"{median / process:.1f} x")
    return median


def best_process():
    context = multiprocessing.get_context("fork")

    def one():
        child = context.Process(target=int)
        child.start()
        child.join()

    return min(timed(one) for _ in range(20))


def run_parallel():
    for kind in KINDS:
        print(f"-- metadata in {kind}")
        with database(kind) as url:
            run_parallel_on(url)


def run_parallel_on(url):
    for tasks, spent, used in play(PARALLEL, parallelism=8, rounds=2, url=url):
        first, last = min(task.queued_at for task in tasks), max(task.ended_at for task in tasks)
        wall = (last - first).total_seconds()
        told("200 no-op tasks side by side, 8 at once", f"{len(tasks) / wall:.0f} tasks/s ({wall:.2f} s)")
        told("  CPU per task, all processes", f"{used.total / len(tasks) * 1e3:.1f} ms")
        told("    in attempts (fork's copies, store, task)", f"{used.attempts / used.total:.0%}")
        told("    in the processes that fork them", f"{used.helpers / used.total:.0%}")
        told("    in the scheduler", f"{used.scheduler / used.total:.0%}")
        busy = {name: spent.get(name, 0.0) for name in ("store", "fork", "wait")}
        told("  the scheduler's time: in the store", f"{busy['store'] / wall:.0%}")
        told("  the scheduler's time: handing over", f"{busy['fork'] / wall:.0%}")
        told("  the scheduler's time: waiting for attempts", f"{busy['wait'] / wall:.0%}")
        told("  the scheduler's time: deciding, and the rest", f"{max(0.0, 1 - sum(busy.values()) / wall):.0%}")
