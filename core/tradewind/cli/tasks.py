"""`tradewind tasks`: what a DAG's tasks are, how they stand in a run, and why."""

from __future__ import annotations

import datetime
import re
from typing import TYPE_CHECKING, Any

import click

from tradewind.cli.app import Group
from tradewind.cli.given import existing_store, find_run, load_dag, spec_of
from tradewind.cli.ids import RunName, dag_argument, run_argument, task_argument
from tradewind.cli.output import output_option, show_record, show_rows
from tradewind.cli.requests import ask
from tradewind.cli.tree import draw
from tradewind.cli.values import Moment, conf_option, confirm, yes_option
from tradewind.errors import NotFound, UsageError

if TYPE_CHECKING:
    from tradewind.records import Run
    from tradewind.store import Store

file_option = click.option("-f", "--file", help="The DAG's file, if it is not in the DAG folder.")


@click.group(
    cls=Group,
    aliases={"failed-deps": "why", "states-for-dag-run": "states"},
    instead={"run": "`tradewind tasks test` runs one here, `tradewind tasks clear` has the scheduler run it again."},
)
def tasks() -> None:
    """Look into tasks, test, clear and explain them."""


@tasks.command("list")
@dag_argument
@click.option("--tree", is_flag=True, help="Draw which task comes after which.")
@file_option
@output_option
def list_(dag_id: str, tree: bool, file: str | None, output: str) -> None:
    """List the tasks of a DAG."""
    spec = spec_of(dag_id, file)
    if tree and output == "table":
        click.echo(draw(spec))
        return
    rows = [
        {
            "task_id": task.task_id,
            "operator": task.operator,
            "owner": task.owner,
            "upstream": task.upstream,
            "trigger_rule": task.trigger_rule,
            "retries": task.retries,
            "pool": task.pool,
        }
        for task in spec.tasks
    ]
    columns = ("task_id", "operator", "owner", "upstream", "trigger_rule", "retries", "pool")
    show_rows(rows, columns, output, empty=f"{dag_id} has no tasks.", spare=("owner", "pool", "retries"))


@tasks.command()
@dag_argument
@task_argument
@click.argument("logical_date", type=Moment(), required=False)
@conf_option
@file_option
@click.pass_context
def test(
    ctx: click.Context,
    dag_id: str,
    task_id: str,
    logical_date: datetime.datetime | None,
    conf: dict[str, Any],
    file: str | None,
) -> None:
    """Run one task in this process, without what it depends on; nothing is recorded."""
    from tradewind.cli.here import try_task

    ctx.exit(try_task(load_dag(dag_id, file), task_id, logical_date, conf))


@tasks.command()
@dag_argument
@task_argument
@click.argument("logical_date", type=Moment(), required=False)
@conf_option
@file_option
@output_option
def render(
    dag_id: str,
    task_id: str,
    logical_date: datetime.datetime | None,
    conf: dict[str, Any],
    file: str | None,
    output: str,
) -> None:
    """Show the fields of a task with their templates rendered; secrets are masked."""
    from tradewind.cli.here import rendered_fields

    show_record(rendered_fields(load_dag(dag_id, file), task_id, logical_date, conf), output)


@tasks.command()
@dag_argument
@task_argument
@run_argument
def state(dag_id: str, task_id: str, run: str | None) -> None:
    """Print the state of one task in a run (run id or logical date; the newest one by default)."""
    with existing_store() as store:
        found = store.task(find_run(store, dag_id, run).id, task_id)
    click.echo(found.state or "none")


@tasks.command()
@dag_argument
@run_argument
@output_option
def states(dag_id: str, run: str | None, output: str) -> None:
    """Show the state of every task in a run (run id or logical date; the newest one by default)."""
    with existing_store() as store:
        found = find_run(store, dag_id, run)
        instances = {instance.task_id: instance for instance in store.tasks(found.id)}
        order = [task.task_id for task in store.version(dag_id, found.version).spec.tasks]
    rows = [
        {
            "task_id": one.task_id,
            "state": one.state or "none",
            "tries": one.try_number,
            "started": one.started_at,
            "ended": one.ended_at,
            "reason": one.reason,
        }
        for one in (instances[task_id] for task_id in order if task_id in instances)
    ]
    if output == "table":
        click.echo(f"{found.run_id}: {found.state}", err=True)
    columns = ("task_id", "state", "tries", "started", "ended", "reason")
    show_rows(rows, columns, output, empty=f"{dag_id} has no tasks.", spare=("ended", "started"))


@tasks.command()
@dag_argument
@click.option("-t", "--task-regex", help="Only tasks whose whole id matches this regular expression.")
@click.option(
    "-r", "--run", "--run-id", "run", type=RunName(), help="Run id or logical date; the newest run by default."
)
@click.option("-s", "--start-date", type=Moment(), help="Every run with this logical date or a later one.")
@click.option("-e", "--end-date", type=Moment(), help="Every run with this logical date or an earlier one.")
@click.option("-u", "--upstream", is_flag=True, help="Also all tasks upstream of them.")
@click.option("-d", "--downstream", is_flag=True, help="Also all tasks downstream of them.")
@click.option("-f", "--only-failed", is_flag=True, help="Of all these, only the tasks that failed.")
@click.option("--dry-run", is_flag=True, help="Show what would be cleared, and clear nothing.")
@yes_option
@output_option
def clear(
    dag_id: str,
    task_regex: str | None,
    run: str | None,
    start_date: datetime.datetime | None,
    end_date: datetime.datetime | None,
    dry_run: bool,
    yes: bool,
    output: str,
    **which: bool,
) -> None:
    """Forget how tasks ended, so that they run again."""
    if run and (start_date or end_date):
        raise UsageError("Name one run, or a range of dates, and not both.")
    with existing_store() as store:
        if start_date or end_date:
            found = _between(store, dag_id, start_date, end_date)
        else:
            found = [find_run(store, dag_id, run)]
        chosen = {one.run_id: _chosen(store, one, task_regex, which) for one in found}
        rows = [{"run_id": run_id, "task_id": task_id} for run_id, ids in chosen.items() for task_id in ids]
        show_rows(rows, ("run_id", "task_id"), output, empty="There is nothing to clear.")
        if dry_run or not rows:
            return
        confirm(f"Clear {'this task' if len(rows) == 1 else f'these {len(rows)} tasks'}?", yes)
        for one in found:
            if chosen[one.run_id]:
                ask(store, "clear", one, {"task_ids": chosen[one.run_id]})


@tasks.command()
@dag_argument
@task_argument
@click.argument("state", type=click.Choice(["success", "failed", "skipped"]))
@run_argument
def mark(dag_id: str, task_id: str, state: str, run: str | None) -> None:
    """Say by hand how a task ended in a run (run id or logical date; the newest one by default)."""
    with existing_store() as store:
        found = find_run(store, dag_id, run)
        store.task(found.id, task_id)
        ask(store, "set_task_state", found, {"task_ids": [task_id], "state": state})


@tasks.command()
@dag_argument
@task_argument
@run_argument
@click.option("--try", "try_number", type=click.IntRange(min=1), help="Number of the attempt; the last one by default.")
@click.option("-f", "--follow", is_flag=True, help="Go on printing until the task has ended.")
def logs(dag_id: str, task_id: str, run: str | None, try_number: int | None, follow: bool) -> None:
    """Print the log of a task in a run (run id or logical date; the newest one by default)."""
    from tradewind.cli.log import print_log

    with existing_store() as store:
        print_log(store, find_run(store, dag_id, run), task_id, try_number, follow=follow)


@tasks.command()
@dag_argument
@task_argument
@run_argument
def why(dag_id: str, task_id: str, run: str | None) -> None:
    """Say exactly why a task is not running (run id or logical date; the newest one by default)."""
    from tradewind import settings
    from tradewind.scheduler.why import why as reasons

    with existing_store() as store:
        found = find_run(store, dag_id, run)
        store.task(found.id, task_id)  # says so, with the nearest name, if there is no such task
        told = reasons(store, settings.read(), dag_id, found.run_id, task_id)
    click.echo(f"{task_id} of {found.run_id}:")
    for reason in told:
        click.echo(f"- {reason}")


def _between(store: Store, dag_id: str, start: datetime.datetime | None, end: datetime.datetime | None) -> list[Run]:
    """The runs with a logical date from `start` to `end`, both included, oldest first."""
    store.dag(dag_id)
    found = store.runs(dag_id=dag_id, newest_first=False, earliest=start, latest=end)
    if not found:
        raise NotFound(f"{dag_id} has no run between these dates. `tradewind runs list {dag_id}` shows those it has.")
    return found


def _chosen(store: Store, run: Run, task_regex: str | None, which: dict[str, bool]) -> list[str]:
    """The tasks of a run that a clear concerns."""
    from tradewind.scheduler.live import LiveRun, build_graph
    from tradewind.scheduler.requests import select

    try:
        pattern = re.compile(task_regex) if task_regex else None
    except re.error as error:
        raise UsageError(f"--task-regex {task_regex!r} is not a regular expression: {error}.") from error
    spec = store.version(run.dag_id, run.version).spec
    live = LiveRun.build(run, spec, store.tasks(run.id), build_graph(spec))
    named = [task.task_id for task in spec.tasks if pattern is None or pattern.fullmatch(task.task_id)]
    if not named:
        raise NotFound(
            f"No task of {run.dag_id} matches {task_regex!r}; `tradewind tasks list {run.dag_id}` shows them."
        )
    chosen = select(live, named, **which)
    return [task_id for task_id in chosen if live.instances[task_id].state is not None]
