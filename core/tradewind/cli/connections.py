"""`tradewind connections`: every source's connections, and the means to test, store, convert and carry them."""

from __future__ import annotations

import difflib
import shlex
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tradewind import plugins
from tradewind.cli import files
from tradewind.cli.app import Group, warn
from tradewind.cli.config import reveal_option
from tradewind.cli.exit_codes import FAILED
from tradewind.cli.output import output_option, show_record, show_rows
from tradewind.cli.values import ConnId, confirm, conn_argument, yes_option
from tradewind.errors import BrokenConnection, NotFound, UsageError

if TYPE_CHECKING:
    from tradewind.connection import Connection

F = TypeVar("F", bound=Callable[..., Any])

#: The source that connections are stored in.
STORE = "metastore"

#: Forms of an export.
FORMS = ("json", "yaml", "env", "uri")

HINTS = {"type": ", such as postgres", "schema": ": for most types the database", "extra": ", a JSON object"}

PARTS = ("type", "host", "port", "login", "password", "schema", "extra", "description")


def connection_options(command: F) -> F:
    """Adds `--conn-uri`, `--conn-json` and the single fields, named as Airflow names them."""
    for part in reversed(PARTS):
        kind = int if part == "port" else str
        command = click.option(f"--conn-{part}", type=kind, help=f"The {part} of the connection{HINTS.get(part, '')}.")(
            command
        )
    command = click.option("--conn-json", help="All of it as JSON; - reads standard input.")(command)
    return click.option("--conn-uri", help="All of it as one URI; - reads standard input.")(command)


@click.group(cls=Group)
def connections() -> None:
    """Show, test, store and convert connections."""


@connections.command("list")
@click.option("--conn-id", type=ConnId(), help="Only this one.")
@reveal_option
@output_option
def list_(conn_id: str | None, reveal: bool, output: str) -> None:
    """List the connections of every source: where each comes from, what shadows it, and what is wrong with it."""
    from tradewind import secrets
    from tradewind.connection import list_connections

    rows = [
        {
            "conn_id": row.conn_id,
            "conn_type": row.conn_type,
            "uri": row.connection.get_uri() if reveal and row.connection else row.uri,
            "source": row.source,
            "where": row.where,
            "shadowed_by": row.shadowed_by,
            "error": row.error,
        }
        for row in list_connections()
        if conn_id in (None, row.conn_id)
    ]
    columns = ("conn_id", "conn_type", "uri", "source", "where", "shadowed_by", "error")
    empty = "No source has a connection; `tradewind connections add` stores one."
    show_rows(rows, columns, output, empty=empty, spare=("source", "conn_type"))
    for name in secrets.unlisted_sources(secrets.CONNECTIONS):
        warn(f"The source {name!r} cannot list what it has: `tradewind connections get CONN_ID` asks it.")


@connections.command()
@conn_argument
@reveal_option
@output_option
def get(conn_id: str, reveal: bool, output: str) -> None:
    """Show one connection as its hook will see it, and where it comes from."""
    from tradewind.connection import lookup

    connection = lookup(conn_id)
    fields, uri = (
        (connection.to_dict(), connection.get_uri()) if reveal else (connection.masked_dict(), connection.masked_uri())
    )
    show_record({**fields, "uri": uri, "where": connection.where}, output)


@connections.command()
@click.argument("conn_id")
@connection_options
@click.option("--overwrite", is_flag=True, help="Replace a stored connection with this id.")
def add(conn_id: str, overwrite: bool, **given: Any) -> None:
    """Store a connection, encrypted, in the metadata database."""
    connection = _given(conn_id, given)
    _store({conn_id: connection}, overwrite)
    click.echo(f"The connection {conn_id} is stored: {connection.masked_uri()}")


@connections.command()
@conn_argument
@yes_option
def delete(conn_id: str, yes: bool) -> None:
    """Delete a stored connection. One that lies elsewhere is changed where it lies."""
    from tradewind import secrets

    source = secrets.source_named(STORE)
    if conn_id not in (source.conn_ids() or ()):
        raise NotFound(f"No connection {conn_id!r} is stored in the metadata database.")
    confirm(f"Delete the stored connection {conn_id!r}?", yes)
    source.delete_connection(conn_id)
    click.echo(f"The connection {conn_id} is deleted.")


@connections.command()
@conn_argument
@click.pass_context
def test(ctx: click.Context, conn_id: str) -> None:
    """Try a connection, and say how that went."""
    from tradewind import secrets
    from tradewind.connection import lookup

    good, told = lookup(conn_id).test_connection()
    click.secho(f"{conn_id}: {secrets.redact(told)}", fg="green" if good else "red", err=not good)
    if not good:
        ctx.exit(FAILED)


@connections.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.option("--overwrite", is_flag=True, help="Replace stored connections with the same ids.")
def import_(file: str, overwrite: bool) -> None:
    """Store the connections of a .env, .json, .yaml or .toml file, unless one of them is broken."""
    from tradewind.connection import Connection, parse_connections_file

    read = parse_connections_file(file)
    found = {conn_id: Connection.from_value(text, conn_id, where=file) for conn_id, text in read.items()}
    _store(found, overwrite)
    click.echo(f"{len(found)} connection(s) stored.")


@connections.command()
@click.argument("file", default="-")
@click.option(
    "--format", "--file-format", "form", type=click.Choice(FORMS), help="Form of the file; by default its ending tells."
)
@click.option("--all", "everything", is_flag=True, help="Write those of every source, not only the stored ones.")
def export(file: str, form: str | None, everything: bool) -> None:
    """Write stored connections, secrets included, to a file that `import` reads (or to standard output)."""
    from tradewind.connection import dump_connections, list_connections

    rows = [row for row in list_connections() if everything or row.source == STORE]
    wanted = [row for row in rows if not (everything and row.shadowed_by)]
    for row in wanted:
        if row.error:
            raise BrokenConnection(f"{row.error} Nothing was exported.")
    found = [row.connection for row in wanted if row.connection]
    text = dump_connections(found, form or files.form_of(file, FORMS))
    files.export(file, text, f"{len(found)} connection(s) written to {file}, with their secrets.")


@connections.command()
@click.argument("text", required=False)
@click.option("--conn-id", help="Print the line for the environment that defines this connection.")
@connection_options
@click.option("--json", "as_json", is_flag=True, help="As JSON instead of a URI.")
def encode(text: str | None, conn_id: str | None, as_json: bool, **given: Any) -> None:
    """Print a connection as a correctly encoded URI.

    It is made of the single fields, or of TEXT: a URI in rough form, or only a password to be put into one. Without
    either, TEXT is asked for, or read from standard input, so that it stays out of the shell's history.
    """
    from tradewind import secrets
    from tradewind.connection import encode_password

    if text is None and all(value is None for value in given.values()):
        text = click.prompt("URI or password", hide_input=True) if sys.stdin.isatty() else "-"
    text = _or_stdin(text) if text is not None else None
    if text is not None and "://" not in text:
        click.echo(encode_password(text))
        return
    connection = _given(conn_id, {**given, "conn_uri": text or given["conn_uri"]})
    written = connection.as_json() if as_json else connection.get_uri()
    if conn_id:
        written = f"{secrets.variable_name(conn_id, 'CONN_', 'TRADEWIND_')}={shlex.quote(written)}"
    click.echo(written)


def _given(conn_id: str | None, given: dict[str, Any]) -> Connection:
    """The connection that the options describe, in one of three ways."""
    from tradewind.connection import Connection

    parts = {name: given[f"conn_{name}"] for name in PARTS if given[f"conn_{name}"] is not None}
    ways = [way for way in ("conn_uri", "conn_json") if given[way] is not None] + (["fields"] if parts else [])
    whole = [way for way in ways if way != "fields"]
    if len(whole) > 1 or (whole and set(parts) - {"description"}):
        raise UsageError("Give the connection as --conn-uri, or as --conn-json, or as single fields.")
    if not ways:
        raise UsageError("Give the connection: --conn-uri, --conn-json, or --conn-type, --conn-host and so on.")
    if given["conn_uri"] is not None:
        connection = Connection.from_uri(_or_stdin(given["conn_uri"]), conn_id=conn_id)
    elif given["conn_json"] is not None:
        connection = Connection.from_json(_or_stdin(given["conn_json"]), conn_id=conn_id)
    else:
        if "type" not in parts:
            raise UsageError("A connection needs a type: --conn-type.")
        return Connection(conn_id=conn_id, **{("conn_type" if name == "type" else name): parts[name] for name in parts})
    if "description" in parts:
        connection.description = parts["description"]
    return connection


def _warn_of_unknown_type(conn_id: str, connection: Connection) -> None:
    """Its provider may be installed later, so it is no error; but it may be misspelt as well."""
    from tradewind.connection.types import known_types

    if connection.type is None:
        close = difflib.get_close_matches(connection.conn_type, known_types(), n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        if command := plugins.how_to_install(connection.conn_type):
            hint = f" To install it: {command}"
        warn(f"No installed provider knows the type {connection.conn_type!r} of the connection {conn_id}.{hint}")


def _or_stdin(text: str) -> str:
    return sys.stdin.read().strip() if text == "-" else text


def _store(found: dict[str, Connection], overwrite: bool) -> None:
    """Store connections, each checked before the first is written, and warn of those that will not be used."""
    from tradewind import secrets
    from tradewind.connection import list_connections

    source = secrets.source_named(STORE)
    for conn_id in found:
        secrets.check_name(secrets.CONNECTIONS, conn_id)
    taken = [] if overwrite else [conn_id for conn_id in found if source.get_conn_value(conn_id) is not None]
    if taken:
        raise UsageError(f"Stored already: {', '.join(taken)}. --overwrite replaces what is there; nothing was stored.")
    for conn_id, connection in found.items():
        source.set_connection(conn_id, connection.as_json())
    for conn_id, connection in found.items():
        _warn_of_unknown_type(conn_id, connection)
    for row in list_connections():
        if row.conn_id in found and row.source == STORE and row.shadowed_by:
            warn(f"{row.shadowed_by} is asked first, so the stored connection {row.conn_id} is not used.")
