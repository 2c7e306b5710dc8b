"""`tradewind providers`: what is installed, what it brings, what is wrong with it; and how a new one is begun."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tradewind import plugins
from tradewind.cli.app import Group
from tradewind.cli.exit_codes import FAILED
from tradewind.cli.output import output_option, print_data, show_record, show_rows
from tradewind.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradewind.testing.laws import Verdict


@click.group(cls=Group, aliases={"get": "show"})
def providers() -> None:
    """Show installed providers, check them, and begin new ones."""


@providers.command("list")
@output_option
def list_(output: str) -> None:
    """List providers; those that could not be loaded say why."""
    found = plugins.current()
    rows: list[dict[str, Any]] = [
        {
            "name": one.name,
            "version": one.version,
            "state": "slow" if one.is_slow else "loaded",
            "summary": one.summary,
            "brings": "; ".join(f"{kind}: {', '.join(names)}" for kind, names in _registered(found, one.name).items()),
        }
        for one in found.plugins
    ]
    rows += [
        {"name": one.name, "version": one.version, "state": "failed", "summary": one.error} for one in found.failures
    ]
    show_rows(rows, ("name", "version", "state", "summary", "brings"), output, spare=("brings",))


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
    return {
        "name": plugin.name,
        "package": plugin.distribution,
        "version": plugin.version,
        "state": f"loaded, in {plugin.seconds:.1f} s" if plugin.is_slow else "loaded",
        "summary": plugin.summary,
        "url": plugin.url,
        "hooks": plugin.hooks,
        **_registered(found, plugin.name),
    }


def _registered(found: plugins.Plugins, plugin: str) -> dict[str, list[str]]:
    """What a plugin registers: kind of thing, in the plural -> names."""
    record: dict[str, list[str]] = {}
    for key, owner in found.owners.items():
        kind, _, registered = key.partition(":")
        if owner == plugin:
            title = kind.removeprefix("register_").replace("_", " ")
            record.setdefault(title if title.endswith("s") else title + "s", []).append(registered)
    return record


@providers.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--sandbox", is_flag=True, help="Start its sandboxes as well, and try its hooks on them.")
@output_option
@click.pass_context
def check(ctx: click.Context, names: tuple[str, ...], sandbox: bool, output: str) -> None:
    """Show the laws that providers keep and break. Without a name: of all that are installed.

    The exit code is 1 if one is broken. Tests of a provider try more laws: see `tradewind.testing`.
    """
    found = plugins.current()
    known = [one.name for one in found.plugins[1:]] + [one.name for one in found.failures]  # the first is the core
    for name in names:
        if name not in known:
            raise NotFound(f"No provider is called {name!r}. Installed: {', '.join(known)}.")
    rows: list[dict[str, Any]] = []
    for name in names or known:
        if output == "table":
            click.echo(name)
        for verdict in _verdicts(name, sandbox):
            rows.append({"name": name, "law": verdict.law, "kept": verdict.kept, "told": verdict.told})
            if output == "table":
                _show_verdict(verdict)
    if output != "table":
        print_data(rows, output)
    ctx.exit(0 if all(row["kept"] for row in rows) else FAILED)


def _verdicts(name: str, sandbox: bool) -> Iterator[Verdict]:
    from tradewind.testing import check  # what it needs is loaded only for this command

    yield from check.check_provider(name)
    if sandbox:
        yield from check.check_sandboxes(name)


def _show_verdict(verdict: Verdict) -> None:
    from tradewind import secrets

    if verdict.kept:
        click.secho(f"  ✓ {verdict.law}", fg="green")
    else:
        click.secho(f"  ✗ {verdict.law}: {secrets.redact(' '.join(verdict.told.split()))}", fg="red")


@providers.command()
@click.argument("name")
@click.option("--path", default=".", type=click.Path(file_okay=False, path_type=Path), help="Where its folder is made.")
def new(name: str, path: Path) -> None:
    """Write a new provider: a package that works, is tested, and can be published as it is."""
    from tradewind.cli import scaffold

    folder = scaffold.write_provider(name, path)
    click.echo(f"{folder} is written. Try it:\n\n    cd {folder}\n    pip install -e '.[test]'\n    pytest\n")
