"""`tradewind version` and `tradewind info`."""

from __future__ import annotations

import importlib.metadata
import platform
import sys
from typing import Any

import click

from tradewind.cli.app import Command
from tradewind.cli.output import moment, output_option, show_record


@click.command(cls=Command)
def version() -> None:
    """Print the version."""
    click.echo(importlib.metadata.version("tradewind"))


@click.command(cls=Command)
@output_option
def info(output: str) -> None:
    """Show versions, paths and state of this installation."""
    from tradewind import plugins, settings
    from tradewind.cli.config import without_password

    in_force = settings.read()
    found = plugins.current()
    record: dict[str, Any] = {
        "tradewind": importlib.metadata.version("tradewind"),
        "python": f"{platform.python_version()} ({sys.executable})",
        "platform": platform.platform(),
        "home": in_force.home,
        "dags_folder": in_force.dags_folder,
        "logs_folder": in_force.logs_folder,
        "database": without_password(in_force.database_url),
        "executor": in_force.executor,
        "providers": [f"{one.name} {one.version}" for one in found.plugins],
        "left_out": [f"{one.name}: {one.error}" for one in found.failures],
        **_database_state(),
    }
    show_record(record, output)


def _database_state() -> dict[str, Any]:
    """What the database holds; the one command that must go on if there is none or it cannot be used."""
    from tradewind import settings
    from tradewind.cli.given import existing_store
    from tradewind.errors import TradewindError
    from tradewind.scheduler.why import is_at_work

    try:
        with existing_store() as store:
            dags = store.dags()
            return {
                "database_state": "ready",
                "dags": len(dags),
                "import_failures": len(store.failures()),
                "schedulers": [
                    f"{one.host} process {one.pid}, {'at work' if is_at_work(one, settings.read()) else 'gone'}, "
                    f"last sign of life {moment(one.heartbeat_at)}"
                    for one in store.schedulers()
                ],
            }
    except TradewindError as error:
        return {"database_state": str(error)}
