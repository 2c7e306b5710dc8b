"""`tradewind providers`: what is installed, what it brings, and what could not be loaded."""

from __future__ import annotations

from typing import Any

import click

from tradewind import plugins
from tradewind.cli.app import Group
from tradewind.cli.output import output_option, show_record, show_rows
from tradewind.errors import NotFound


@click.group(cls=Group, aliases={"get": "show"})
def providers() -> None:
    """Show installed providers and what is wrong with them."""


@providers.command("list")
@output_option
def list_(output: str) -> None:
    """List providers; those that could not be loaded say why."""
    found = plugins.current()
    rows: list[dict[str, Any]] = [
        {"name": one.name, "version": one.version, "state": "loaded", "summary": one.summary} for one in found.plugins
    ]
    rows += [
        {"name": one.name, "version": one.version, "state": "failed", "summary": one.error} for one in found.failures
    ]
    show_rows(rows, ("name", "version", "state", "summary"), output)


@providers.command()
@click.argument("name")
@output_option
def show(name: str, output: str) -> None:
    """Show one provider: its package, hooks, connection types and names."""
    found = plugins.current()
    for failure in found.failures:
        if failure.name == name:
            show_record(
                {
                    "name": failure.name,
                    "package": failure.distribution,
                    "version": failure.version,
                    "state": "failed",
                    "error": failure.error,
                    "traceback": failure.traceback,
                },
                output,
            )
            return
    plugin = next((one for one in found.plugins if one.name == name), None)
    if plugin is None:
        known = ", ".join(one.name for one in found.plugins)
        raise NotFound(f"No provider is called {name!r}. Installed: {known}.")
    show_record(_described(found, plugin), output)


def _described(found: plugins.Plugins, plugin: plugins.Plugin) -> dict[str, Any]:
    record: dict[str, Any] = {
        "name": plugin.name,
        "package": plugin.distribution,
        "version": plugin.version,
        "state": "loaded",
        "summary": plugin.summary,
        "url": plugin.url,
        "hooks": plugin.hooks,
    }
    for key, owner in found.owners.items():
        kind, _, registered = key.partition(":")
        if owner == plugin.name:
            title = kind.removeprefix("register_").replace("_", " ")
            record.setdefault(title if title.endswith("s") else title + "s", []).append(registered)
    return record
