"""`tradewind runs`: what ran and what is running."""

from __future__ import annotations

import datetime
from typing import Any

import click

from tradewind.cli.app import Group
from tradewind.cli.given import existing_store, find_run, now
from tradewind.cli.ids import DagId, RunName, dag_argument, run_argument
from tradewind.cli.output import output_option, show_rows
from tradewind.cli.requests import ask
from tradewind.cli.values import confirm, yes_option
from tradewind.records import Run
from tradewind.states import RunState


@click.group(cls=Group)
def runs() -> None:
    """List runs, and mark or delete them."""


@runs.command("list")
@click.argument("dag_id", type=DagId(), required=False)
@click.option("-d", "--dag-id", "dag_option", type=DagId(), hidden=True, help="As Airflow spells the argument.")
@click.option("--state", type=click.Choice([str(state) for state in RunState]), help="Only runs in this state.")
@click.option("-n", "--limit", type=click.IntRange(min=1), default=50, show_default=True, help="So many at most.")
@output_option
def list_(dag_id: str | None, dag_option: str | None, state: str | None, limit: int, output: str) -> None:
    """List runs, newest first; of one DAG if it is named."""
    wanted = dag_id or dag_option
    with existing_store() as store:
        if wanted:
            store.dag(wanted)  # an unknown DAG is an error, and not an empty list
        found = store.runs(dag_id=wanted, state=RunState(state) if state else None, limit=limit)
    columns = ("dag_id", "run_id", "state", "type", "logical_date", "started", "ended", "seconds", "reason")
    spare = ("type", "ended", "logical_date", "started", *(["dag_id"] if wanted else []), "seconds")
    show_rows([_listed(run) for run in found], columns, output, empty="There are no such runs.", spare=spare)


@runs.command()
@dag_argument
@click.argument("run", type=RunName())
@click.argument("state", type=click.Choice(["success", "failed"]))
def mark(dag_id: str, run: str, state: str) -> None:
    """End a run (run id or logical date) by hand, as a success or as failed."""
    with existing_store() as store:
        found = find_run(store, dag_id, run)
        ask(store, "set_run_state", found, {"state": state})


@runs.command()
@dag_argument
@click.argument("run", type=RunName())
@yes_option
def delete(dag_id: str, run: str, yes: bool) -> None:
    """Delete a run (run id or logical date); attempts that have not ended are stopped."""
    with existing_store() as store:
        found = find_run(store, dag_id, run)
        confirm(f"Delete {found.run_id} of {dag_id}?", yes)
        ask(store, "delete_run", found, {})


@runs.command("logs")
@dag_argument
@run_argument
def logs_(dag_id: str, run: str | None) -> None:
    """Print what the DAG-level callbacks of a run say (run id or logical date; the newest one by default)."""
    from tradewind.cli.log import print_run_log

    with existing_store() as store:
        print_run_log(find_run(store, dag_id, run))


def _listed(run: Run) -> dict[str, Any]:
    seconds = None
    if run.started_at is not None:
        end: datetime.datetime = run.ended_at or now()
        seconds = round((end - run.started_at).total_seconds(), 1)
    return {
        "dag_id": run.dag_id,
        "run_id": run.run_id,
        "state": run.state,
        "type": run.type,
        "logical_date": run.logical_date,
        "started": run.started_at,
        "ended": run.ended_at,
        "seconds": seconds,
        "reason": run.reason,
    }
