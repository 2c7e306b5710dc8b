"""`tradewind config`: settings and where they come from."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Sequence
from typing import Any

import click

from tradewind import secrets, settings
from tradewind.cli.app import Group, warn
from tradewind.cli.output import cell, output_option, show_rows
from tradewind.errors import NotFound, nearest

PREFIX = "TRADEWIND_"

#: Variables with the prefix that are connections, variables and switches of plugins.
_OTHERS = tuple(PREFIX + name for name in ("CONN_", "VAR_", "PLUGINS", "STRICT_PLUGINS", "TRACE_PLUGINS"))

#: A password that stands among the options of a URL.
_PASSWORD_OPTION = re.compile(r"([?&]\w*passw(?:or)?d=)[^&]*", re.IGNORECASE)

reveal_option = click.option("--reveal", is_flag=True, help="Show secrets.")


@click.group(cls=Group, aliases={"get-value": "get"})
def config() -> None:
    """Show settings and where they come from."""


@config.command("list")
@reveal_option
@output_option
def list_(reveal: bool, output: str) -> None:
    """List every setting with its value and source."""
    warn_of_misspelt()
    rows = [
        {"name": one.name, "value": _shown(one, reveal), "source": one.source, "help": one.help}
        for one in settings.read_with_sources()
    ]
    show_rows(rows, ("name", "value", "source", "help"), output)


@config.command()
@click.argument("words", nargs=-1, required=True, metavar="NAME")
@reveal_option
def get(words: tuple[str, ...], reveal: bool) -> None:
    """Print the value of one setting, given by its name, or by Airflow's section and option."""
    known = {one.name: one for one in settings.read_with_sources()}
    name = _named(words, list(known))
    warn_of_misspelt()
    click.echo(cell(_shown(known[name], reveal)))


def _named(words: tuple[str, ...], known: Sequence[str]) -> str:
    if len(words) > 2:
        raise click.UsageError("Give one name, or a section and an option of Airflow's.")
    name = settings.named_in_airflow(*words) if len(words) == 2 else words[0]
    if name is not None and name in known:
        return name
    hint = nearest(words[-1], known, "`tradewind config list` shows them all.")
    raise NotFound(f"There is no setting {' '.join(words)!r}; {hint}")


def warn_of_misspelt() -> None:
    """Name the environment variables that look as if they were meant to be a setting and are none."""
    known = [one.name for one in settings.read_with_sources()]
    for variable in sorted(os.environ):
        name = variable.removeprefix(PREFIX).lower()
        forms = {name, name.removesuffix("_file"), name.removesuffix("_cmd")}
        if not variable.startswith(PREFIX) or variable.startswith(_OTHERS) or not forms.isdisjoint(known):
            continue
        if close := difflib.get_close_matches(name, known, n=1, cutoff=0.8):
            warn(f"{variable} is no setting; did you mean {PREFIX}{close[0].upper()}?")


def _shown(one: settings.Sourced, reveal: bool) -> Any:
    """The value; a password inside a URL is masked, any other secret as a whole."""
    if reveal or not one.secret or not one.value:
        return one.value
    return without_password(one.value) if isinstance(one.value, str) and "://" in one.value else secrets.MASK


def without_password(url: str) -> str:
    """A database URL that can be shown."""
    url = _PASSWORD_OPTION.sub(rf"\1{secrets.MASK}", url)
    scheme, separator, rest = url.partition("://")
    login, at, place = rest.rpartition("@")
    user = login.partition(":")[0]
    return f"{scheme}{separator}{user}:{secrets.MASK}@{place}" if at and ":" in login else url
