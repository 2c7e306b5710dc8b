"""Kinds of command-line values: moments, JSON objects, ids that the shell can complete."""

from __future__ import annotations

import datetime
import difflib
import json
import sys
from abc import abstractmethod
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from tradewind.cli.app import warn

F = TypeVar("F", bound=Callable[..., Any])


class Moment(click.ParamType):  # type: ignore[type-arg]  # click 8.1 has no type argument here
    """A date or a date with time in ISO form; without an offset it is in the default time zone."""

    name = "DATE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime.datetime:
        if isinstance(value, datetime.datetime):
            return value
        try:
            return parse_moment(value)
        except ValueError:
            self.fail(f"{value!r} is not a date like 2026-01-31 or 2026-01-31T06:00:00+00:00", param, ctx)


class JsonObject(click.ParamType):  # type: ignore[type-arg]  # click 8.1 has no type argument here
    """A JSON object, as for `--conf`."""

    name = "JSON"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dict[str, Any]:
        if isinstance(value, dict):
            return value
        try:
            data = json.loads(value)
        except ValueError as error:
            self.fail(f"it is not JSON: {error}. Quote it as one word: '{{\"name\": 1}}'", param, ctx)
        if not isinstance(data, dict):
            self.fail('a JSON object is wanted, like {"name": 1}', param, ctx)
        return data


class Id(click.ParamType):  # type: ignore[type-arg]  # click 8.1 has no type argument here
    """An id, taken as it is: whether there is one is for the command to say."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return str(value)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        with suppress(Exception):  # completing must never disturb the line that is being typed
            return [CompletionItem(one) for one in self.known(ctx.params) if one.startswith(incomplete)]
        return []

    @abstractmethod
    def known(self, given: dict[str, Any]) -> Collection[str]:
        """The ids that there are. `given`: the values that stand before it on the line."""


class ConnId(Id):
    """The id of a connection. Sources that cost money or a network round trip are not asked while somebody types."""

    name = "CONN_ID"

    def known(self, given: dict[str, Any]) -> Collection[str]:
        from tradewind import secrets

        found: set[str] = set()
        for source in secrets.sources():
            if not source.slow:
                with suppress(Exception):  # the others may have it
                    found.update(source.conn_ids() or ())
        return sorted(found)


def parse_moment(text: str) -> datetime.datetime:
    """An aware moment in UTC; ValueError if the text is no date."""
    found = datetime.datetime.fromisoformat(text)
    if found.tzinfo is None:
        from tradewind import schedule, settings

        found = found.replace(tzinfo=schedule.default_zone(settings.read().default_timezone))
    return found.astimezone(datetime.UTC)


def conn_argument(command: F) -> F:
    """Adds the argument CONN_ID; the command gets it as `conn_id`."""
    return click.argument("conn_id", type=ConnId())(command)


def conf_option(command: F) -> F:
    """Adds `-c/--conf`."""
    return click.option(
        "-c", "--conf", type=JsonObject(), default="{}", help="Conf of the run, a JSON object: it overrides params."
    )(command)


def warn_of_strange_params(dag_id: str, params: Mapping[str, Any], conf: Mapping[str, Any]) -> None:
    """A key of `conf` that looks like a misspelt param is taken nevertheless: tasks may read it as it is."""
    for name in conf.keys() - params.keys():
        close = difflib.get_close_matches(name, params, n=1)
        if close:
            warn(f"{dag_id} has no param {name!r}; did you mean {close[0]!r}? Tasks see it in dag_run.conf only.")


def yes_option(command: F) -> F:
    """Adds `-y/--yes`; the command gets it as `yes`."""
    return click.option("-y", "--yes", is_flag=True, help="Do not ask for confirmation.")(command)


def confirm(question: str, yes: bool) -> None:
    """Ask, unless told not to. Without a terminal to ask on, refuse and name the option."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError(f"{question} There is no terminal to ask on: say --yes to go ahead.")
    click.confirm(question, abort=True)
