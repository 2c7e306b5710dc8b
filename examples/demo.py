"""`make demo`: runs the orders pipeline for seven days under a real scheduler, shows how it goes, and ends by itself.

Everything that it writes lies in the folder `.demo` of the checkout. The warehouse is kept from one demo to the next,
the runs are not: so a second demo shows that a day may be loaded again without harm.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from tradewind.records import Run
from tradewind.runner import identity
from tradewind.settings import read
from tradewind.states import RunState, TaskState
from tradewind.store import Store, open_store
from tradewind_sql import SqliteHook

CHECKOUT = Path(__file__).parent.parent
HOME = Path(os.environ.get("TRADEWIND_HOME") or CHECKOUT / ".demo").absolute()
DAG_ID = "orders_pipeline"
DAYS = 7

#: The demo gives up after this long; it needs a few seconds.
PATIENCE = 180.0  # seconds

MARKS = {
    None: ("·", "dim"),
    TaskState.SCHEDULED: ("·", "cyan"),
    TaskState.QUEUED: ("▸", "cyan"),
    TaskState.RUNNING: ("▸", "bold bright_green"),
    TaskState.UP_FOR_RETRY: ("↻", "bold yellow"),
    TaskState.SUCCESS: ("✓", "green"),
    TaskState.FAILED: ("✗", "bold red"),
    TaskState.UPSTREAM_FAILED: ("✗", "red"),
    TaskState.SKIPPED: ("-", "magenta"),
}

MARKS_OF_ENDED = [state for state in MARKS if state is TaskState.UP_FOR_RETRY or (state and state.is_finished)]

console = Console()


def main() -> int:
    set_up()
    say(f"Everything lies in [bold]{HOME}[/bold]; the pipeline is examples/dags/orders_pipeline.py.\n")
    with open_store(read(), create=True) as store:
        running = [info.pid for info in store.schedulers() if identity.is_alive(info.pid, info.process)]
        if running:
            say(f"[red]A demo is running here already (process {running[0]}): let it end, or stop it.[/red]")
            return 1
        store.reset()
        shutil.rmtree(HOME / "logs", ignore_errors=True)
        with scheduler() as process:
            runs = watch(store, process)
        console.print()
        show_runs(runs, store)
    show_summary()
    succeeded = sum(run.state is RunState.SUCCESS for run in runs)
    if succeeded != DAYS:
        say(f"[red]{succeeded} of {DAYS} runs succeeded.[/red] The scheduler's log: {HOME}/scheduler.log")
        return 1
    tradewind = shlex.quote(str(Path(sys.executable).with_name("tradewind")))
    say(f"Reports lie in {HOME}/reports. To look around: TRADEWIND_HOME={shlex.quote(str(HOME))} {tradewind} runs list")
    return 0


def say(text: str) -> None:
    """Print a line, however long."""
    console.print(text, soft_wrap=True, highlight=False)


def set_up() -> None:
    """The whole configuration: environment variables, inherited by the scheduler and its tasks."""
    HOME.mkdir(parents=True, exist_ok=True)
    os.environ |= {
        "TRADEWIND_HOME": str(HOME),
        "TRADEWIND_DAGS_FOLDER": str(CHECKOUT / "examples" / "dags"),
        "TRADEWIND_DAGS_ARE_PAUSED_AT_CREATION": "yes",  # the pipeline itself says that it is not
        "AIRFLOW_CONN_WAREHOUSE": f"sqlite:///{HOME}/warehouse.db",
        "AIRFLOW_VAR_REPORTS_FOLDER": str(HOME / "reports"),
    }


@contextmanager
def scheduler() -> Iterator[subprocess.Popen[bytes]]:
    """`tradewind scheduler` in a process of its own, stopped in the end as Ctrl-C would stop it."""
    with (HOME / "scheduler.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tradewind", "scheduler"], stdout=log, stderr=log, start_new_session=True
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
            process.wait(timeout=30)


def watch(store: Store, process: subprocess.Popen[bytes]) -> list[Run]:
    """Show how the runs go until all have ended; the runs, oldest first."""
    deadline = time.monotonic() + PATIENCE
    show = show_on_terminal if console.is_terminal else show_as_lines
    with show(store) as update:
        while time.monotonic() < deadline and process.poll() is None:
            runs = store.runs(DAG_ID, newest_first=False)
            update(runs)
            if len(runs) == DAYS and all(run.state.is_finished for run in runs):
                break
            time.sleep(0.1)
    if process.poll() is not None:
        say(f"[red]The scheduler ended by itself.[/red]\n{(HOME / 'scheduler.log').read_text()}")
    return store.runs(DAG_ID, newest_first=False)


@contextmanager
def show_on_terminal(store: Store) -> Iterator[Callable[[list[Run]], None]]:
    """A grid of days and tasks that changes in place."""
    with Live(console=console, refresh_per_second=10) as live:
        yield lambda runs: live.update(grid(store, runs))


@contextmanager
def show_as_lines(store: Store) -> Iterator[Callable[[list[Run]], None]]:
    """A line for every task that ended or will be tried again."""
    told: set[tuple[int, str, TaskState]] = set()

    def update(runs: list[Run]) -> None:
        changed = [(instance.ended_at, run, instance) for run in runs for instance in store.tasks(run.id)]
        for ended_at, run, instance in sorted(changed, key=lambda item: str(item[0])):
            state = instance.state
            if ended_at is None or state not in MARKS_OF_ENDED or (run.id, instance.task_id, state) in told:
                continue
            told.add((run.id, instance.task_id, state))
            reason = f"  {instance.reason}" if instance.reason else ""
            print(f"{run.logical_date:%Y-%m-%d}  {instance.task_id:<19}{state}{reason}", flush=True)

    yield update


def grid(store: Store, runs: list[Run]) -> Table:
    """A row per day, a column per task."""
    table = Table(box=None, pad_edge=False, collapse_padding=True)
    table.add_column("day", no_wrap=True)
    tasks = [task.task_id for task in store.dag(DAG_ID).spec.tasks] if runs else []
    for task_id in tasks:
        words = task_id.split("_")
        table.add_column(" ".join(words), justify="center", min_width=max(map(len, words)))
    for run in runs:
        states = {instance.task_id: instance.state for instance in store.tasks(run.id)}
        marks = [Text(*MARKS.get(states.get(task_id), ("?", ""))) for task_id in tasks]
        table.add_row(f"{run.logical_date:%Y-%m-%d}", *marks)
    return table


def show_runs(runs: list[Run], store: Store) -> None:
    table = Table(title="Runs", title_justify="left")
    for name in ("day", "state", "seconds", "tasks", "attempts", "retried"):
        table.add_column(name, justify="left" if name in ("day", "state", "retried") else "right")
    for run in runs:
        instances = store.tasks(run.id)
        retried = [instance.task_id for instance in instances if instance.try_number > 1]
        seconds = f"{(run.ended_at - run.started_at).total_seconds():.1f}" if run.ended_at and run.started_at else ""
        attempts = sum(instance.try_number for instance in instances)
        colour = "green" if run.state is RunState.SUCCESS else "red"
        state = f"[{colour}]{run.state}[/{colour}]"
        table.add_row(
            f"{run.logical_date:%Y-%m-%d}", state, seconds, str(len(instances)), str(attempts), ", ".join(retried)
        )
    console.print(table)


def show_summary() -> None:
    rows = SqliteHook("warehouse").get_records(
        "SELECT s.order_date, SUM(s.orders), SUM(s.items), SUM(s.revenue),"
        " (SELECT COUNT(*) FROM rejected_orders r WHERE r.order_date = s.order_date)"
        " FROM daily_summary s GROUP BY s.order_date ORDER BY s.order_date"
    )
    table = Table(title="daily_summary in the warehouse", title_justify="left")
    for name in ("day", "orders", "items", "revenue", "rejected rows"):
        table.add_column(name, justify="left" if name == "day" else "right")
    for day, orders, items, revenue, rejected in rows:
        table.add_row(day, str(orders), str(items), f"{revenue:,.2f}", str(rejected))
    console.print(table)


if __name__ == "__main__":
    try:
        raise SystemExit(main())
    except KeyboardInterrupt:
        raise SystemExit(130) from None
