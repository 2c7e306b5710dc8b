"""`tradewind pools`: named limits on how many attempts run at once. Files of pools are JSON, as Airflow writes them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import click
import msgspec

from tradewind.cli.app import Group
from tradewind.cli.given import created_store, existing_store
from tradewind.cli.output import output_option, show_record, show_rows
from tradewind.cli.values import confirm, yes_option
from tradewind.errors import NotFound, UsageError, nearest
from tradewind.records import Pool


class _Fields(msgspec.Struct):
    """What a file says about one pool. What else Airflow writes there is left alone."""

    slots: Annotated[int, msgspec.Meta(ge=0)]
    description: str = ""


@click.group(cls=Group)
def pools() -> None:
    """Show and change pools."""


@pools.command("list")
@output_option
def list_(output: str) -> None:
    """List pools and their slots."""
    with existing_store() as store:
        rows = [_shown(pool) for pool in store.list_pools()]
    show_rows(rows, ("pool", "slots", "description"), output)


@pools.command()
@click.argument("name")
@output_option
def get(name: str, output: str) -> None:
    """Show one pool."""
    with existing_store() as store:
        found = {pool.name: pool for pool in store.list_pools()}
    if name not in found:
        hint = nearest(name, found, "`tradewind pools list` shows those there are.")
        raise NotFound(f"There is no pool {name!r}; {hint}")
    show_record(_shown(found[name]), output)


@pools.command("set")
@click.argument("name")
@click.argument("slots", type=click.IntRange(min=0))
@click.argument("description", required=False)
def set_(name: str, slots: int, description: str | None) -> None:
    """Make a pool, or change it; without a description the one it has stays."""
    with created_store() as store:
        store.set_pool(name, slots, description)
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


@pools.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def import_(file: Path) -> None:
    """Make or change the pools of a JSON file: {"name": {"slots": 3, "description": "calls to the shop"}}."""
    found = _read(file)
    with created_store() as store:
        for name, fields in found.items():
            store.set_pool(name, fields.slots, fields.description)
    click.echo(f"{len(found)} pool(s) stored.")


@pools.command()
@click.argument("file", default="-", type=click.File("w", encoding="utf-8", atomic=True))
def export(file: Any) -> None:
    """Write all pools to a JSON file that `import` reads (or to standard output)."""
    with existing_store() as store:
        found = {pool.name: _Fields(pool.slots, pool.description) for pool in store.list_pools()}
    file.write(msgspec.json.format(msgspec.json.encode(found)).decode() + "\n")


def _read(file: Path) -> dict[str, _Fields]:
    try:
        return msgspec.json.decode(file.read_bytes(), type=dict[str, _Fields])
    except (ValueError, msgspec.MsgspecError) as error:
        raise UsageError(f"{file} has no pools that could be stored: {error}. Nothing was stored.") from error


def _shown(pool: Pool) -> dict[str, Any]:
    return {"pool": pool.name, "slots": pool.slots, "description": pool.description}
