"""`tradewind variables`: named values that DAGs read while they run."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from tradewind.cli.app import Group, warn
from tradewind.cli.config import reveal_option
from tradewind.cli.connections import STORE
from tradewind.cli.files import write_private
from tradewind.cli.output import output_option, show_rows, to_yaml
from tradewind.cli.values import confirm, yes_option
from tradewind.errors import NotFound, TradewindError, UsageError


@click.group(cls=Group)
def variables() -> None:
    """Show and store variables."""


@variables.command("list")
@reveal_option
@output_option
def list_(reveal: bool, output: str) -> None:
    """List the variables of every source; those with a telling name are masked."""
    from tradewind import secrets

    rows: list[dict[str, Any]] = []
    seen: set[str] = set()
    for source in secrets.iterate_sources():
        for key in source.variable_keys() or []:
            rows.append(
                {
                    "key": key,
                    "value": _value(source, key, reveal),
                    "source": source.name,
                    "where": source.describe_variable(key),
                    "in_use": key not in seen,
                }
            )
            seen.add(key)
    show_rows(rows, ("key", "value", "source", "where", "in_use"), output, empty="No source has a variable.")


@variables.command()
@click.argument("key")
@click.option("-d", "--default", help="Print this if there is no such variable.")
@click.option("-j", "--json", "as_json", is_flag=True, help="Read it as JSON, and print that in order.")
@reveal_option
def get(key: str, default: str | None, as_json: bool, reveal: bool) -> None:
    """Print a variable. One with a telling name is masked unless --reveal is given."""
    from tradewind import secrets
    from tradewind.variable import Variable

    options: dict[str, Any] = {} if default is None else {"default": default}
    value = Variable.get(key, deserialize_json=as_json, **options)
    shown = value if reveal else secrets.redact(value, key)
    click.echo(shown if isinstance(shown, str) else json.dumps(shown, indent=2, ensure_ascii=False))


@variables.command("set")
@click.argument("key")
@click.argument("value")
@click.option("--description", help="What it is for.")
@click.option("-j", "--json", "as_json", is_flag=True, help="Refuse a value that is not JSON.")
def set_(key: str, value: str, description: str | None, as_json: bool) -> None:
    """Store a variable, encrypted, in the metadata database (VALUE - reads standard input)."""
    from tradewind import secrets

    text = sys.stdin.read() if value == "-" else value
    if as_json:
        try:
            json.loads(text)
        except ValueError as error:
            raise UsageError(f"The value of {key!r} is not JSON: {error}.") from error
    secrets.source_named(STORE).set_variable(key, text, description)
    click.echo(f"The variable {key} is stored.")
    for source in secrets.iterate_sources():
        if source.name == STORE:
            break
        if source.get_variable(key) is not None:
            warn(f"{source.describe_variable(key)} is asked first, so the stored one is not used.")
            break


@variables.command()
@click.argument("key")
@yes_option
def delete(key: str, yes: bool) -> None:
    """Delete a stored variable."""
    from tradewind import secrets

    confirm(f"Delete the stored variable {key!r}?", yes)
    if not secrets.source_named(STORE).delete_variable(key):
        raise NotFound(f"No variable {key!r} is stored in the metadata database.")
    click.echo(f"The variable {key} is deleted.")


@variables.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.option("--overwrite/--keep", default=True, show_default=True, help="Whether stored ones are replaced.")
def import_(file: str, overwrite: bool) -> None:
    """Store the variables of a .env, .json, .yaml or .toml file."""
    from tradewind import secrets
    from tradewind.secrets.files import parse_variables_file

    source = secrets.source_named(STORE)
    found = parse_variables_file(file)
    if not overwrite:
        found = {key: text for key, text in found.items() if source.get_variable(key) is None}
    for key, text in found.items():
        source.set_variable(key, text)
    click.echo(f"{len(found)} variable(s) stored.")


@variables.command()
@click.argument("file", default="-")
def export(file: str) -> None:
    """Write the stored variables, unmasked, as JSON or YAML (or to standard output)."""
    from tradewind import secrets

    source = secrets.source_named(STORE)
    data = {key: source.get_variable(key) for key in source.variable_keys() or []}
    yaml = Path(file).suffix.lower() in (".yaml", ".yml")
    text = (to_yaml(data) if yaml else json.dumps(data, indent=2, ensure_ascii=False)) + "\n"
    if file == "-":
        click.echo(text, nl=False)
    else:
        write_private(Path(file), text)
        click.echo(f"{len(data)} variable(s) written to {file}.")


def _value(source: Any, key: str, reveal: bool) -> str | None:
    from tradewind import secrets

    try:
        value: str | None = source.get_variable(key)
    except TradewindError as error:
        return f"cannot be read: {error}"
    if reveal or value is None:
        return value
    return secrets.MASK if secrets.is_secret_name(key) else str(secrets.redact(value, key))
