"""`tradewind run`: a whole DAG in this process, with live progress. `dags test` does the same for a DAG by its id."""

from __future__ import annotations

import contextlib
import datetime
import os
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from tradewind import plugins
from tradewind.cli.app import Command
from tradewind.cli.exit_codes import FAILED
from tradewind.cli.given import only_dag
from tradewind.cli.here import log_to_terminal
from tradewind.cli.sandbox import in_sandbox, sandbox_options
from tradewind.cli.values import Moment, conf_option, warn_of_strange_params
from tradewind.states import RunState, TaskState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradewind.dag import DAG

_MARKS = {
    TaskState.SUCCESS: ("✓", "green"),
    TaskState.FAILED: ("✗", "red"),
    TaskState.UPSTREAM_FAILED: ("✗", "yellow"),
    TaskState.SKIPPED: ("-", "magenta"),
    TaskState.UP_FOR_RETRY: ("↻", "yellow"),
    TaskState.UP_FOR_RESCHEDULE: ("…", "cyan"),
}


@click.command(cls=Command)
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.option("--dag", "dag_id", metavar="DAG_ID", help="Which DAG, if the file makes several.")
@click.option("-e", "--logical-date", type=Moment(), help="Logical date of the run; now by default.")
@conf_option
@sandbox_options
@click.pass_context
def run(
    ctx: click.Context,
    file: str,
    dag_id: str | None,
    logical_date: datetime.datetime | None,
    conf: dict[str, Any],
    sandbox: dict[str, str] | None,
) -> None:
    """Run a DAG file in this process, with live progress."""
    with in_sandbox([file], sandbox):
        ctx.exit(run_here(only_dag(file, dag_id), logical_date, conf))


def run_here(dag: DAG, logical_date: datetime.datetime | None, conf: dict[str, Any]) -> int:
    """Run a DAG without a database, print what happens, and answer the exit code."""
    from tradewind import secrets

    run_dag = plugins.current().resolve("register_dag_runners", "in_process")
    spec = dag.spec()
    warn_of_strange_params(dag.dag_id, spec.params, conf)
    started = time.monotonic()
    with _shown(len(spec.tasks)) as progress:
        log_to_terminal()
        finished = run_dag(dag, logical_date=logical_date, conf=conf, on_event=progress.tell)
    good = finished.state is RunState.SUCCESS
    ended = f"{dag.dag_id}: {finished.state} after {time.monotonic() - started:.1f} s"
    if finished.run.reason:
        ended += f" ({secrets.redact(finished.run.reason)})"
    click.secho(ended, fg="green" if good else "red", err=True)
    return 0 if good else FAILED


class _Progress:
    """Prints a line for every task that ended; on a terminal it also keeps a line that says what runs now."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.counts: Counter[str] = Counter()

    def tell(self, event: Any) -> None:
        """Takes `tradewind.scheduler.in_process.Progress`."""
        if not event.task_id:
            return
        state = TaskState(event.state)
        if state is TaskState.RUNNING:
            self.running(event.task_id)
            return
        if state.is_finished:
            self.counts[state] += 1
        mark, colour = _MARKS.get(state, (" ", "white"))
        took = f"  {event.seconds:.2f} s" if event.seconds is not None else ""
        why = f"  {' '.join(event.reason.split())}" if event.reason else ""
        self.line(f"{mark} {event.task_id}  {state}{took}{why}", colour)

    def running(self, task_id: str) -> None:
        """A task has started."""

    def line(self, text: str, colour: str) -> None:
        from tradewind import secrets

        click.secho(secrets.redact(text), fg=colour, err=True)


class _LiveProgress(_Progress):
    def __init__(self, total: int) -> None:
        from rich.console import Console

        super().__init__(total)
        self.console = Console(stderr=True)
        self.status = self.console.status("starting")

    def running(self, task_id: str) -> None:
        from rich.markup import escape

        done = sum(self.counts.values())
        self.status.update(f"[bold]{done}/{self.total}[/bold] running {escape(task_id)}")

    def line(self, text: str, colour: str) -> None:
        from rich.text import Text

        from tradewind import secrets

        self.console.print(Text(secrets.redact(text), style=colour), soft_wrap=True)


@contextlib.contextmanager
def _shown(total: int) -> Iterator[_Progress]:
    """Progress for as long as the block lasts. What tasks print is masked, and does not run into the live line."""
    if not sys.stderr.isatty():
        with _masked_stdout():
            yield _Progress(total)
        return
    live = _LiveProgress(total)
    before, usual_hook = sys.stdout, sys.breakpointhook

    def stop_for_debugger(*arguments: Any, **named: Any) -> Any:
        live.status.stop()
        sys.stdout = before
        if os.environ.get("PYTHONBREAKPOINT"):
            return usual_hook(*arguments, **named)
        import pdb

        # The usual hook would stop here, and not where breakpoint() was called.
        return pdb.Pdb().set_trace(sys._getframe(1))

    sys.breakpointhook = stop_for_debugger
    try:
        with live.status, _masked_stdout():
            yield live
    finally:
        sys.breakpointhook = usual_hook


@contextlib.contextmanager
def _masked_stdout() -> Iterator[None]:
    from tradewind import secrets

    stream = secrets.MaskingStream(sys.stdout)
    try:
        with contextlib.redirect_stdout(stream):
            yield
    finally:
        stream.close()
