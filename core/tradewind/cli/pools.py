"""`tradewind pools`: named limits on how many attempts run at once."""

from __future__ import annotations

import click

from tradewind.cli.app import Group
from tradewind.cli.given import created_store, existing_store
from tradewind.cli.output import output_option, show_rows
from tradewind.cli.values import confirm, yes_option


@click.group(cls=Group)
def pools() -> None:
    """Show and change pools."""


@pools.command("list")
@output_option
def list_(output: str) -> None:
    """List pools and their slots."""
    with existing_store() as store:
        rows = [{"pool": name, "slots": slots} for name, slots in store.pools().items()]
    show_rows(rows, ("pool", "slots"), output)


@pools.command("set")
@click.argument("name")
@click.argument("slots", type=click.IntRange(min=0))
def set_(name: str, slots: int) -> None:
    """Make a pool, or change its slots."""
    with created_store() as store:
        store.set_pool(name, slots)
    click.echo(f"The pool {name} has {slots} slots.")


@pools.command()
@click.argument("name")
@yes_option
def delete(name: str, yes: bool) -> None:
    """Delete a pool."""
    confirm(f"Delete the pool {name!r}?", yes)
    with existing_store() as store:
        store.delete_pool(name)
    click.echo(f"The pool {name} is deleted.")
