"""`tradewind variables`: named values that DAGs read while they run."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from tradewind.cli import files
from tradewind.cli.app import Group, warn
from tradewind.cli.config import reveal_option
from tradewind.cli.connections import STORE
from tradewind.cli.output import output_option, show_rows
from tradewind.cli.values import confirm, yes_option
from tradewind.errors import BrokenVariable, NotFound, UsageError

#: Forms of an export.
FORMS = ("json", "yaml", "env")


@click.group(cls=Group)
def variables() -> None:
    """Show and store variables."""


@variables.command("list")
@reveal_option
@output_option
def list_(reveal: bool, output: str) -> None:
    """List the variables of every source; those whose name tells of a secret are masked."""
    from tradewind.variable import list_variables

    rows = [
        {
            "key": row.key,
            "value": row.value if reveal else row.masked,
            "source": row.source,
            "where": row.where,
            "shadowed_by": row.shadowed_by,
            "error": row.error,
        }
        for row in list_variables()
    ]
    columns = ("key", "value", "source", "where", "shadowed_by", "error")
    empty = "No source has a variable; `tradewind variables set` stores one."
    show_rows(rows, columns, output, empty=empty, spare=("source",))


@variables.command()
@click.argument("key")
@click.option("-d", "--default", help="Print this if there is no such variable.")
@click.option("-j", "--json", "as_json", is_flag=True, help="Read it as JSON, and print that indented.")
@reveal_option
def get(key: str, default: str | None, as_json: bool, reveal: bool) -> None:
    """Print a variable. One whose name tells of a secret is masked unless --reveal is given."""
    from tradewind import secrets
    from tradewind.variable import Variable

    options: dict[str, Any] = {} if default is None else {"default": default}
    value = Variable.get(key, deserialize_json=as_json, **options)
    shown = value if reveal else secrets.redact(value, key)
    click.echo(shown if isinstance(shown, str) else json.dumps(shown, indent=2, ensure_ascii=False))
    if shown != value:
        warn("Secrets are masked: --reveal shows them.")


@variables.command("set")
@click.argument("key")
@click.argument("value")
@click.option("--description", help="What it is for.")
@click.option("-j", "--json", "as_json", is_flag=True, help="Refuse a value that is not JSON.")
def set_(key: str, value: str, description: str | None, as_json: bool) -> None:
    """Store a variable, encrypted, in the metadata database (VALUE - reads standard input)."""
    from tradewind.variable import Variable, list_variables

    text = sys.stdin.read() if value == "-" else value
    if as_json:
        try:
            json.loads(text)
        except ValueError as error:
            raise UsageError(f"The value of {key!r} is not JSON: {error}.") from error
    Variable.set(key, text, description)
    click.echo(f"The variable {key} is stored.")
    for row in list_variables():
        if row.key == key and row.source == STORE and row.shadowed_by:
            warn(f"{row.shadowed_by} is asked first, so the stored variable is not used.")


@variables.command()
@click.argument("key")
@yes_option
def delete(key: str, yes: bool) -> None:
    """Delete a stored variable."""
    from tradewind import secrets
    from tradewind.variable import Variable

    if key not in (secrets.source_named(STORE).variable_keys() or ()):
        raise NotFound(f"No variable {key!r} is stored in the metadata database.")
    confirm(f"Delete the stored variable {key!r}?", yes)
    Variable.delete(key)
    click.echo(f"The variable {key} is deleted.")


@variables.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.option(
    "--overwrite/--keep",
    default=True,
    show_default=True,
    help="Replace stored variables with the same keys, or keep them.",
)
def import_(file: str, overwrite: bool) -> None:
    """Store the variables of a .env, .json, .yaml or .toml file."""
    from tradewind import secrets
    from tradewind.variable import Variable, parse_variables_file

    found = parse_variables_file(file)
    if not overwrite:
        source = secrets.source_named(STORE)
        found = {key: text for key, text in found.items() if source.get_variable(key) is None}
    for key, text in found.items():
        Variable.set(key, text)
    click.echo(f"{len(found)} variable(s) stored.")


@variables.command()
@click.argument("file", default="-")
@click.option("--format", "form", type=click.Choice(FORMS), help="Form of the file; by default its ending tells.")
def export(file: str, form: str | None) -> None:
    """Write the stored variables, unmasked, to a file that `import` reads (or to standard output)."""
    from tradewind.variable import dump_variables, list_variables

    rows = [row for row in list_variables() if row.source == STORE]
    for row in rows:
        if row.error:
            raise BrokenVariable(f"{row.error} Nothing was exported.")
    data = {row.key: row.value for row in rows if row.value is not None}
    text = dump_variables(data, form or files.form_of(file, FORMS))
    files.export(file, text, f"{len(data)} variable(s) written to {file}.")
