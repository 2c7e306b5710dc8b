"""`make demo`: a week of the pipeline in nps_pipeline.py under a real scheduler, on sandboxes; it ends by itself.

MySQL and PostgreSQL are real servers, S3, Google Sheets and Slack local ones that speak their protocols. Most answers
of one day come late: its run fails and says so in Slack, the answers arrive, the run is cleared, and succeeds. What
remains, in the folder `.demo` of the checkout, are the pages of sheet and channel, the logs, and the metadata database.
"""

from __future__ import annotations

import html
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import textwrap
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import nps_sample
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from tradewind import Connection
from tradewind.records import Run
from tradewind.runner import identity
from tradewind.sandbox import Control
from tradewind.sandbox.wiring import sandboxed
from tradewind.settings import read
from tradewind.states import RunState, TaskState
from tradewind.store import Store, open_store
from tradewind_gsheet import GSheetsHook
from tradewind_mysql import MySqlHook
from tradewind_postgres import PostgresHook

EXAMPLES = Path(__file__).parent
HOME = Path(os.environ.get("TRADEWIND_HOME") or EXAMPLES.parent / ".demo").absolute()
PIPELINE = EXAMPLES / "nps_pipeline.py"
DAG_ID = "nps"
DAYS = nps_sample.DAYS

#: The demo gives up after this long; it needs half a minute.
PATIENCE = 300.0  # seconds

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

#: Links of a page to its server. Without an address, what was one is plain text.
LINKS = re.compile(rb""" href=(["'])(?:http://127\.0\.0\.1:\d+)?/.*?\1""")

MARKS_OF_ENDED = [state for state in MARKS if state is TaskState.UP_FOR_RETRY or (state and state.is_finished)]

TRADEWIND = shlex.quote(str(Path(sys.executable).with_name("tradewind")))

console = Console(width=None if sys.stdout.isatty() else 110)


def main() -> int:
    set_up()
    say(f"The pipeline is [bold]{PIPELINE.relative_to(EXAMPLES.parent)}[/bold]; everything lies in {HOME}.\n")
    with open_store(read(), create=True) as store:
        running = [info.pid for info in store.schedulers() if identity.is_alive(info.pid, info.process)]
        if running:
            say(f"[red]A demo is running here already (process {running[0]}): let it end, or stop it.[/red]")
            return 1
        store.reset()
        shutil.rmtree(HOME / "logs", ignore_errors=True)
        with sandboxed([str(PIPELINE)], {}, say):
            return 0 if run_a_week(store) else 1


def run_a_week(store: Store) -> bool:
    """All of it; whether everything succeeded in the end."""
    show = show_on_terminal if console.is_terminal else show_as_lines
    with scheduler() as process, show(store) as update:
        runs = watch(store, process, update)
        failed = [run for run in runs if run.state is RunState.FAILED]
        if [run.logical_date.date() for run in failed] == [nps_sample.LATE_DAY]:
            mend(failed[0])
            runs = watch(store, process, update)
    console.print()
    show_runs(runs, store)
    show_summary()
    show_pages()
    succeeded = sum(run.state is RunState.SUCCESS for run in runs)
    if succeeded != DAYS:
        say(f"[red]{succeeded} of {DAYS} runs succeeded.[/red] The scheduler's log: {HOME}/scheduler.log")
        return False
    say(f"To look around: TRADEWIND_HOME={shlex.quote(str(HOME))} {TRADEWIND} runs list")
    return True


def mend(run: Run) -> None:
    """What a person does who reads the alert: see to the answers, and let the day be read again."""
    say(f"\n[bold]{run.logical_date:%Y-%m-%d} failed, as it should: most of its answers are late.[/bold] Slack says:\n")
    console.print(alert(run), markup=False, highlight=False)
    count = nps_sample.deliver_late(MySqlHook("survey"))
    command = ["tasks", "clear", DAG_ID, "--run", run.run_id, "--task-regex", "land", "--downstream", "--yes"]
    say(f"\nNow the other {count:,} answers arrive, and the day is read again:\n\n  tradewind {shlex.join(command)}\n")
    subprocess.run([sys.executable, "-m", "tradewind", *command], check=True, stdout=subprocess.DEVNULL)


def say(text: str) -> None:
    """Print a line, however long."""
    console.print(text, soft_wrap=True, highlight=False)


def set_up() -> None:
    """The whole configuration: environment variables, inherited by the scheduler and its tasks."""
    HOME.mkdir(parents=True, exist_ok=True)
    os.environ |= {
        "TRADEWIND_HOME": str(HOME),
        "TRADEWIND_DAGS_FOLDER": str(EXAMPLES),
        "TRADEWIND_DAGS_ARE_PAUSED_AT_CREATION": "yes",  # the pipeline itself says that it is not
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


def watch(store: Store, process: subprocess.Popen[bytes], update: Callable[[list[Run]], None]) -> list[Run]:
    """Show how the runs go until all have ended; the runs, oldest first."""
    deadline = time.monotonic() + PATIENCE
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
    told: set[tuple[int, str, int, TaskState]] = set()

    def update(runs: list[Run]) -> None:
        changed = [(instance.ended_at, run, instance) for run in runs for instance in store.tasks(run.id)]
        for ended_at, run, instance in sorted(changed, key=lambda item: str(item[0])):
            state = instance.state
            key = (run.id, instance.task_id, instance.try_number, state)
            if ended_at is None or state not in MARKS_OF_ENDED or key in told:
                continue
            told.add(key)
            reason = f"  {instance.reason}" if instance.reason else ""
            print(f"{run.logical_date:%Y-%m-%d}  {instance.task_id:<19}{state}{reason}", flush=True)

    yield update


def grid(store: Store, runs: list[Run]) -> Table:
    """A row per task, a column per day: narrow enough for any terminal."""
    table = bare_table()
    table.add_column("task", no_wrap=True)
    for run in runs:
        table.add_column(f"{run.logical_date:%m-%d}", justify="center")
    states = [{instance.task_id: instance.state for instance in store.tasks(run.id)} for run in runs]
    for task in store.dag(DAG_ID).spec.tasks if runs else ():
        marks = [Text(*MARKS.get(of_run.get(task.task_id), ("?", ""))) for of_run in states]
        table.add_row(task.task_id, *marks)
    return table


def bare_table(title: str | None = None) -> Table:
    """A table without lines, which leaves 80 columns to what is in it."""
    return Table(title=title, title_justify="left", box=None, pad_edge=False, collapse_padding=True)


def show_runs(runs: list[Run], store: Store) -> None:
    table = bare_table("Runs")
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
    console.print(table, "")


def show_summary() -> None:
    rows = PostgresHook("warehouse").get_records("SELECT * FROM nps.by_day ORDER BY day")
    table = bare_table("nps.by_day in the warehouse, and in the sheet")
    for name in ("day", "answers", "promoters", "passives", "detractors", "blank", "NPS", "target", "reached"):
        table.add_column(name, justify="left" if name in ("day", "reached") else "right")
    for day, *numbers, nps, target, reached in rows:
        mark = "[green]yes[/green]" if reached else "[red]no[/red]"
        table.add_row(str(day), *(f"{number:,}" for number in numbers), str(nps), str(target), mark)
    console.print(table)


def show_pages() -> None:
    """Keep the pages of the sheet and of the channel, since their servers go, and say where they are.

    Links lead to places in the pages, and no longer to their servers.
    """
    sheet, chat = Connection.get("sheets"), Connection.get("chat")
    with GSheetsHook("sheets") as hook:
        key = hook.resolve(nps_sample.SUMMARY_SHEET)
    pages = {
        "the sheet": ("sheet.html", f"http://{sheet.host}:{sheet.port}/spreadsheets/d/{key}/edit"),
        "the channel": ("channel.html", Control(chat).act("page", channel=nps_sample.CHANNEL)),
    }
    say("")
    for what, (name, url) in pages.items():
        with urllib.request.urlopen(url) as page:
            (HOME / name).write_bytes(LINKS.sub(b"", page.read()))
        say(f"To look at {what}: {(HOME / name).as_uri()}")


def alert(run: Run) -> str:
    """The message of a run in the channel, as far as it is text."""
    messages = Control(Connection.get("chat")).act("messages", channel=nps_sample.CHANNEL)
    found = next(message for message in messages if run.run_id in message["text"])
    texts = [block["text"]["text"] for block in found["blocks"] if block["type"] == "section"]
    lines = [line for text in texts for line in html.unescape(text).splitlines()]
    return "\n".join(f"  │ {piece}" for line in lines for piece in textwrap.wrap(line, console.width - 4) or [""])


if __name__ == "__main__":
    try:
        raise SystemExit(main())
    except KeyboardInterrupt:
        raise SystemExit(130) from None
