"""`tradewind scheduler` and `tradewind standalone`: the process that runs everything."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tradewind import settings
from tradewind.cli.app import Command
from tradewind.cli.config import warn_of_misspelt
from tradewind.cli.given import created_store
from tradewind.cli.here import log_to_terminal
from tradewind.cli.sandbox import in_sandbox, sandbox_options
from tradewind.errors import UsageError

if TYPE_CHECKING:
    from tradewind.settings import Settings


@click.command(cls=Command)
def scheduler() -> None:
    """Run the scheduler until it is told to stop."""
    _schedule(settings.read())


@click.command(cls=Command)
@sandbox_options
def standalone(sandbox: dict[str, str] | None) -> None:
    """Make the metadata database if there is none, and run the scheduler."""
    from tradewind.cli.config import without_password
    from tradewind.parser import DagFolder

    in_force = settings.read()
    click.echo(f"home      {in_force.home}")
    click.echo(f"DAGs      {in_force.dags_folder}")
    click.echo(f"logs      {in_force.logs_folder}")
    click.echo(f"database  {without_password(in_force.database_url)}")
    click.echo("Ctrl-C stops it. From another terminal: tradewind dags list; tradewind dags trigger DAG_ID")
    files = [] if sandbox is None else DagFolder(in_force.dags_folder).files()
    with in_sandbox(files, sandbox):
        _schedule(in_force)


def _schedule(in_force: Settings) -> None:
    from tradewind.scheduler.service import Service, ensure_folders, stop_on_signals

    warn_of_misspelt()
    try:
        ensure_folders(in_force)
    except OSError as error:
        raise UsageError(
            f"The folder {error.filename} cannot be made: {error.strerror}. The settings home, dags_folder and "
            "logs_folder say where the scheduler keeps its files."
        ) from error
    log_to_terminal(in_force.log_level)
    with created_store() as store:
        service = Service(store, in_force)
        with stop_on_signals(service, lambda message: click.echo(message, err=True)):
            service.run()
    click.echo("Stopped.", err=True)
