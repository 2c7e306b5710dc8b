"""Asks something of a run: the scheduler that is at work carries it out, or this process if there is none."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from tradewind import settings
from tradewind.cli.app import warn
from tradewind.errors import TradewindError

if TYPE_CHECKING:
    from tradewind.records import Run
    from tradewind.store import Store


#: Seconds that a command waits for a scheduler, so that what is asked for next shows what was done. One that is idle
#: needs milliseconds; one that first has to stop a running task, or is busy, goes on without the command.
PATIENCE = 5.0


def ask(store: Store, kind: str, run: Run, arguments: dict[str, Any]) -> None:
    """Put the request into the database and see to it that somebody carries it out."""
    from tradewind.scheduler.service import carry_out

    number = store.add_request(kind, run.dag_id, run.run_id, arguments)
    if carry_out(store, settings.read()):
        click.echo(f"{run.run_id}: done.")
        if kind == "clear":
            warn_without_scheduler(store)
        elif kind == "delete_run":
            delete_values()
    elif _gone(store, number):
        click.echo(f"{run.run_id}: the scheduler has dealt with it.")
    else:
        click.echo(f"{run.run_id}: the scheduler is told, and has not dealt with it yet.")


def _gone(store: Store, number: int) -> bool:
    """Whether a request is carried out before long."""
    end = time.monotonic() + PATIENCE
    while any(request.id == number for request in store.requests()):
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def delete_values() -> None:
    """Delete what the XCom store keeps of runs that were deleted; if that fails a scheduler does it later."""
    now = settings.read()
    if not now.xcom_store_url:
        return
    from tradewind.runner.courier import delete_unwanted

    try:
        delete_unwanted(now)
    except TradewindError as error:
        warn(f"Their values in the XCom store are not deleted yet; the next scheduler does that: {error}")


def warn_without_scheduler(store: Store) -> None:
    """Say so if nobody is there to start what is due now."""
    from tradewind.scheduler.why import scheduler_is_at_work

    if not scheduler_is_at_work(store, settings.read()):
        warn("No scheduler is at work, so nothing starts: `tradewind standalone` or `tradewind scheduler` is one.")
