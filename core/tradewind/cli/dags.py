"""`tradewind dags`: what is there, what runs next, and the means to start, stop and forget it."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import click

from tradewind import settings
from tradewind.cli.app import INSTEAD, Group, warn
from tradewind.cli.given import existing_store, find_run, load_dag, now
from tradewind.cli.ids import dag_argument, run_argument
from tradewind.cli.output import output_option, show_record, show_rows
from tradewind.cli.requests import delete_values, warn_without_scheduler
from tradewind.cli.sandbox import in_sandbox, nothing_real, sandbox_options
from tradewind.cli.tree import draw
from tradewind.cli.values import Moment, conf_option, confirm, warn_of_strange_params, yes_option
from tradewind.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradewind.records import DagInfo, DagSpec, Run
    from tradewind.schedule import PlannedRun
    from tradewind.store import Store


@click.group(
    cls=Group,
    aliases={
        "details": "show",
        "next-execution": "next",
        "list-import-errors": "errors",
        "list-runs": "tradewind.cli.runs:list_",
        "clear": "tradewind.cli.tasks:clear",
    },
    instead={"backfill": INSTEAD["backfill"]},
)
def dags() -> None:
    """List, trigger, pause and test DAGs."""


@dags.command("list")
@click.option("--tag", help="Only DAGs with this tag.")
@click.option("--all", "everything", is_flag=True, help="Also DAGs whose file is gone.")
@output_option
def list_(tag: str | None, everything: bool, output: str) -> None:
    """List DAGs with their schedule and next run."""
    with existing_store() as store:
        found = store.dags(active_only=not everything)
        failures = len(store.failures())
    rows = [_listed(info) for info in found if tag is None or tag in info.spec.tags]
    columns = ("dag_id", "schedule", "paused", "next_run", "last_run", "owner", "tags", "file")
    folder = settings.read().dags_folder
    empty = f"No DAG was read yet. `tradewind scheduler` reads the files in {folder} as long as it runs."
    show_rows(rows, columns, output, empty=empty, spare=("file", "owner", "tags", "last_run"))
    if failures:
        warn(f"{failures} DAG file(s) cannot be read: `tradewind dags errors` shows why.")


@dags.command()
@dag_argument
@output_option
def show(dag_id: str, output: str) -> None:
    """Show one DAG: schedule, limits, params and the tree of its tasks."""
    with existing_store() as store:
        info = store.dag(dag_id)
    spec = info.spec
    record: dict[str, Any] = {
        "dag_id": spec.dag_id,
        "description": spec.description,
        "owner": owners(spec),
        "schedule": spec.schedule.summary,
        "timezone": spec.timezone,
        "start_date": spec.start_date,
        "end_date": spec.end_date,
        "catchup": spec.catchup,
        "paused": info.paused,
        "active": info.active,
        "next_run": _next_run(info),
        "last_run": info.last_logical_date,
        "max_active_runs": spec.max_active_runs,
        "max_active_tasks": spec.max_active_tasks,
        "dagrun_timeout": spec.dagrun_timeout,
        "tags": spec.tags,
        "params": {name: schema.get("default") for name, schema in spec.params.items()},
        "file": info.path,
        "version": info.version,
        "tasks": draw(spec) if output == "table" else [task.task_id for task in spec.tasks],
    }
    show_record(record, output)


@dags.command()
@dag_argument
@conf_option
@click.option("-r", "--run-id", help="Id of the run; by default made from the logical date.")
@click.option("-e", "--logical-date", "--exec-date", type=Moment(), help="Logical date of the run; now by default.")
@output_option
def trigger(
    dag_id: str, conf: dict[str, Any], run_id: str | None, logical_date: datetime.datetime | None, output: str
) -> None:
    """Make a run by hand."""
    with existing_store() as store:
        run = make_run(store, dag_id, conf, run_id, logical_date)
        info = store.dag(dag_id)
        show_record(
            {"dag_id": run.dag_id, "run_id": run.run_id, "state": run.state, "logical_date": run.logical_date}, output
        )
        warn_of_strange_params(dag_id, info.spec.params, conf)
        if info.paused:
            warn(f"{dag_id} is paused: the run waits for `tradewind dags unpause {dag_id}`.")
        warn_without_scheduler(store)


@dags.command()
@dag_argument
def pause(dag_id: str) -> None:
    """Start no more runs and tasks of a DAG. Attempts that have started go on."""
    _set_paused(dag_id, True)


@dags.command()
@dag_argument
def unpause(dag_id: str) -> None:
    """Let the runs and tasks of a paused DAG start again."""
    _set_paused(dag_id, False)


@dags.command()
@dag_argument
@click.argument("logical_date", type=Moment(), required=False)
@conf_option
@click.option("-f", "--file", help="The DAG's file, if it is not in the DAG folder.")
@sandbox_options
@click.pass_context
def test(
    ctx: click.Context,
    dag_id: str,
    logical_date: datetime.datetime | None,
    conf: dict[str, Any],
    file: str | None,
    sandbox: dict[str, str] | None,
) -> None:
    """Run a whole DAG in this process; nothing is recorded."""
    from tradewind.cli.run import run_here

    if file is None and sandbox is not None:
        with nothing_real():
            file = load_dag(dag_id).fileloc
    with in_sandbox([file or ""], sandbox):
        ctx.exit(run_here(load_dag(dag_id, file), logical_date, conf))


@dags.command()
@dag_argument
@run_argument
def state(dag_id: str, run: str | None) -> None:
    """Print the state of a run (run id or logical date; the newest one by default)."""
    with existing_store() as store:
        click.echo(find_run(store, dag_id, run).state)


@dags.command("next")
@dag_argument
@click.option(
    "-n", "--num-executions", "count", type=click.IntRange(1, 1000), default=1, show_default=True, help="So many runs."
)
@output_option
def next_(dag_id: str, count: int, output: str) -> None:
    """Show the next runs that the schedule calls for."""
    with existing_store() as store:
        info = store.dag(dag_id)
    rows = [
        {
            "logical_date": run.logical_date,
            "interval_start": run.interval_start,
            "interval_end": run.interval_end,
            "run_after": run.run_after,
        }
        for run, _ in zip(_planned(info), range(count))
    ]
    summary = info.spec.schedule.summary
    never = f"{dag_id} has no schedule: it runs when it is triggered."
    empty = never if summary == "none" else f"{dag_id} will not run by schedule any more ({summary})."
    columns = ("logical_date", "interval_start", "interval_end", "run_after")
    show_rows(rows, columns, output, empty=empty, spare=("interval_start", "interval_end"))


@dags.command()
@output_option
def errors(output: str) -> None:
    """List import failures: DAG files that cannot be read, and why."""
    with existing_store() as store:
        failures = store.failures()
    rows = [
        {"file": one.path, "line": one.line, "error": one.error, "traceback": one.traceback.strip()} for one in failures
    ]
    columns = ("file", "line", "error") if output == "table" else ("file", "line", "error", "traceback")
    show_rows(rows, columns, output, empty="Every DAG file can be read.")


@dags.command()
@dag_argument
@yes_option
def delete(dag_id: str, yes: bool) -> None:
    """Delete a DAG with all its runs. It comes back if its file is still there."""
    confirm(f"Delete {dag_id!r} and all its runs from the database?", yes)
    with existing_store() as store:
        store.delete_dag(dag_id)
    delete_values()
    click.echo(f"{dag_id} is deleted.")


def make_run(
    store: Store, dag_id: str, conf: dict[str, Any], run_id: str | None, logical_date: datetime.datetime | None
) -> Run:
    """A run triggered by hand. Raises ParamError if `conf` breaks the DAG's params."""
    from tradewind import params
    from tradewind.scheduler.planner import triggered_run

    info = store.dag(dag_id)
    params.resolve(info.spec.params, conf, dag_id)
    new = triggered_run(info, now(), logical_date=logical_date, conf=conf, name=run_id)
    run = store.create_run(new, now())
    if run is None:
        raise UsageError(f"{dag_id} has a run {new.run_id!r} already; name another one with --run-id.")
    return run


def owners(spec: DagSpec) -> list[str]:
    """Whose tasks they are."""
    return sorted({task.owner for task in spec.tasks if task.owner})


def _set_paused(dag_id: str, paused: bool) -> None:
    with existing_store() as store:
        store.set_paused(dag_id, paused)
    click.echo(f"{dag_id} is {'paused' if paused else 'not paused any more'}.")


def _listed(info: DagInfo) -> dict[str, Any]:
    return {
        "dag_id": info.dag_id,
        "schedule": info.spec.schedule.summary,
        "paused": info.paused,
        "next_run": _next_run(info),
        "last_run": info.last_logical_date,
        "owner": owners(info.spec),
        "tags": info.spec.tags,
        "file": info.path,
    }


def _next_run(info: DagInfo) -> datetime.datetime | None:
    """When the next run by schedule may start."""
    planned = next(_planned(info), None) if info.active else None
    return planned.run_after if planned else None


def _planned(info: DagInfo) -> Iterator[PlannedRun]:
    """The runs that the schedule calls for, from the next one on."""
    from msgspec.structs import replace

    from tradewind.scheduler.planner import next_scheduled

    while (run := next_scheduled(info, now())) is not None:
        yield run
        info = replace(info, last_logical_date=run.logical_date, last_interval_end=run.interval_end)
