"""`tradewind db`: the metadata database."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

import click

from tradewind import settings
from tradewind.cli.app import Group
from tradewind.cli.config import without_password
from tradewind.cli.given import created_store, existing_store
from tradewind.cli.output import output_option, show_rows
from tradewind.cli.requests import delete_values
from tradewind.cli.values import Moment, confirm, yes_option
from tradewind.errors import UsageError

if TYPE_CHECKING:
    from tradewind.store import Store


@click.group(cls=Group, aliases={"migrate": "upgrade", "init": "upgrade", "check-migrations": "check"})
def db() -> None:
    """Create, check, clean and reset the metadata database."""


def _place() -> str:
    return without_password(settings.read().database_url)


@db.command()
def upgrade() -> None:
    """Create the metadata database, or bring it to this version's schema."""
    created_store().close()
    click.echo(f"{_place()} is up to date.")


@db.command()
def check() -> None:
    """Check that the metadata database can be reached and has this version's schema."""
    existing_store().close()
    click.echo(f"{_place()} is in order.")


@db.command()
@yes_option
def reset(yes: bool) -> None:
    """Delete everything in the metadata database and create it anew."""
    confirm(f"Delete every run, DAG, connection and variable in {_place()}?", yes)
    with created_store() as store:
        _refuse_at_work(store)
        store.reset()
    click.echo(f"{_place()} is empty now.")


def _refuse_at_work(store: Store) -> None:
    """A scheduler would stumble over runs that are gone, and tasks over their own."""
    from tradewind.scheduler.why import scheduler_is_at_work

    if scheduler_is_at_work(store, settings.read()):
        working = ", ".join(f"process {one.pid} on {one.host}" for one in store.schedulers())
        raise UsageError(f"A scheduler is at work on {_place()} ({working}): stop it first. Nothing was deleted.")


@db.command()
@click.option(
    "--before",
    "--clean-before-timestamp",
    "before",
    type=Moment(),
    required=True,
    help="Delete runs that ended before this date.",
)
@click.option("--dry-run", is_flag=True, help="Count what would be deleted, and delete nothing.")
@yes_option
@output_option
def clean(before: datetime.datetime, dry_run: bool, yes: bool, output: str) -> None:
    """Delete old runs with their task instances, attempts and XComs."""
    if not dry_run:
        confirm(f"Delete the runs in {_place()} that ended before {before.isoformat()}?", yes)
    with existing_store() as store:
        counts = store.clean(before, dry_run=dry_run)
    if not dry_run:
        delete_values()
    rows = [{"table": name, "rows": count} for name, count in counts.items()]
    show_rows(rows, ("table", "rows"), output)


@db.command("rotate-keys")
def rotate_keys() -> None:
    """Make a new key for stored connections and variables, and encrypt them all with it.

    With keys from the setting fernet_keys, put a new one in front there, run this, then remove the old ones.
    """
    from tradewind import secrets
    from tradewind.store.secrets import MetastoreSource

    in_file = not settings.read().fernet_keys
    if in_file:
        secrets.add_key()
    count = MetastoreSource().rotate()
    if in_file:
        secrets.drop_old_keys()
    click.echo(f"{count} stored value(s) are encrypted with the new key.")
