"""`tradewind connections`: every source's connections, and the means to test, store, convert and carry them."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tradewind.cli import FAILED
from tradewind.cli.app import Group
from tradewind.cli.config import reveal_option
from tradewind.cli.files import write_private
from tradewind.cli.output import output_option, show_record, show_rows, to_yaml
from tradewind.cli.values import confirm, yes_option
from tradewind.errors import BrokenConnection, NotFound, TradewindError, UsageError

if TYPE_CHECKING:
    from tradewind.connection import Connection

F = TypeVar("F", bound=Callable[..., Any])

#: The source that connections are stored in.
STORE = "metastore"

PARTS = ("type", "host", "port", "login", "password", "schema", "extra", "description")


def connection_options(command: F) -> F:
    """Adds `--conn-uri`, `--conn-json` and the single fields, named as Airflow names them."""
    for part in reversed(PARTS):
        kind = int if part == "port" else str
        command = click.option(f"--conn-{part}", type=kind, help=f"The {part} of the connection.")(command)
    command = click.option("--conn-json", help="All of it as JSON; - reads standard input.")(command)
    return click.option("--conn-uri", help="All of it as one URI; - reads standard input.")(command)


@click.group(cls=Group)
def connections() -> None:
    """Show, test, store and convert connections."""


@connections.command("list")
@click.option("--conn-id", help="Only this one.")
@output_option
def list_(conn_id: str | None, output: str) -> None:
    """List the connections of every source: where each comes from, and what it shadows."""
    from tradewind.connection import list_connections

    rows = [
        {
            "conn_id": one.conn_id,
            "conn_type": one.conn_type,
            "uri": one.uri,
            "source": one.source,
            "where": one.where,
            "shadows": one.shadows,
            "error": one.error,
        }
        for one in list_connections()
        if conn_id in (None, one.conn_id)
    ]
    columns = ("conn_id", "conn_type", "uri", "source", "where", "shadows", "error")
    show_rows(rows, columns, output, empty="No source has a connection. `tradewind connections add --help`")


@connections.command()
@click.argument("conn_id")
@reveal_option
@output_option
def get(conn_id: str, reveal: bool, output: str) -> None:
    """Show one connection as its hook will see it, and where it comes from."""
    from tradewind.connection import list_connections, lookup

    connection = lookup(conn_id)
    listed = next((one for one in list_connections() if one.conn_id == connection.conn_id), None)
    origin = {"source": listed.source, "where": listed.where, "shadows": listed.shadows} if listed else {}
    show_record({**_shown(connection, reveal), **origin}, output)


@connections.command()
@click.argument("conn_id")
@connection_options
@click.option("--overwrite", is_flag=True, help="Replace a stored connection with this id.")
def add(conn_id: str, overwrite: bool, **given: Any) -> None:
    """Store a connection, encrypted, in the metadata database."""
    from tradewind import secrets

    connection = _given(conn_id, given)
    source = secrets.source_named(STORE)
    if not overwrite and source.get_conn_value(conn_id) is not None:
        raise UsageError(f"The connection {conn_id!r} is stored already; --overwrite replaces it.")
    source.set_connection(conn_id, connection.as_json())
    click.echo(f"The connection {conn_id} is stored: {connection.masked_uri()}")
    _warn_if_shadowed(conn_id)


@connections.command()
@click.argument("conn_id")
@yes_option
def delete(conn_id: str, yes: bool) -> None:
    """Delete a stored connection. One that lies elsewhere is changed where it lies."""
    from tradewind import secrets

    confirm(f"Delete the stored connection {conn_id!r}?", yes)
    source = secrets.source_named(STORE)
    if not source.delete_connection(conn_id):
        raise NotFound(f"No connection {conn_id!r} is stored in the metadata database.")
    click.echo(f"The connection {conn_id} is deleted.")


@connections.command()
@click.argument("conn_id")
@click.pass_context
def test(ctx: click.Context, conn_id: str) -> None:
    """Open a connection and say how that went."""
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
    """Store the connections of a .env, .json, .yaml or .toml file; all of them or none."""
    from tradewind import secrets
    from tradewind.connection import Connection
    from tradewind.secrets.files import parse_connections_file

    found: dict[str, str] = {}
    for conn_id, text in parse_connections_file(file).items():
        try:
            found[conn_id] = Connection.from_value(text, conn_id=conn_id).as_json()
        except BrokenConnection as error:
            raise BrokenConnection(f"{file}: {error} Nothing was imported.") from error
    source = secrets.source_named(STORE)
    taken = [] if overwrite else [conn_id for conn_id in found if source.get_conn_value(conn_id) is not None]
    if taken:
        raise UsageError(f"{', '.join(taken)}: stored already; --overwrite replaces them. Nothing was imported.")
    for conn_id, text in found.items():
        source.set_connection(conn_id, text)
    click.echo(f"{len(found)} connection(s) stored.")


@connections.command()
@click.argument("file", default="-")
@click.option(
    "--format",
    "--file-format",
    "form",
    type=click.Choice(["json", "yaml", "env"]),
    help="By default what the file's name ends in, or json.",
)
@click.option("--all", "everything", is_flag=True, help="Those of every source, not only the stored ones.")
def export(file: str, form: str | None, everything: bool) -> None:
    """Write stored connections, secrets included, to a file that `import` reads (or to standard output)."""
    from tradewind import secrets
    from tradewind.connection import list_connections, lookup

    if everything:
        ids = sorted({one.conn_id for one in list_connections()})
        found = {conn_id: lookup(conn_id) for conn_id in ids}
    else:
        source = secrets.source_named(STORE)
        found = {conn_id: _stored(source, conn_id) for conn_id in source.conn_ids() or []}
    ending = Path(file).suffix.lstrip(".").lower().replace("yml", "yaml")
    chosen = form or (ending if ending in ("yaml", "env") else "json")
    if chosen == "env":
        text = "".join(f"{conn_id}={connection.get_uri()}\n" for conn_id, connection in found.items())
    else:
        data = {conn_id: connection.to_dict(prune_empty=True) for conn_id, connection in found.items()}
        text = (to_yaml(data) if chosen == "yaml" else json.dumps(data, indent=2, ensure_ascii=False)) + "\n"
    if file == "-":
        click.echo(text, nl=False)
    else:
        write_private(Path(file), text)
        click.echo(f"{len(found)} connection(s) written to {file}, with their secrets.")


@connections.command()
@click.argument("text", required=False)
@click.option("--conn-id", help="Print the whole line for the environment.")
@connection_options
@click.option("--json", "as_json", is_flag=True, help="As JSON instead of a URI.")
def encode(text: str | None, conn_id: str | None, as_json: bool, **given: Any) -> None:
    """Print a connection as a correctly encoded URI.

    It is made of the single fields, or of TEXT: a URI in rough form, or only a password to be put into one. Without
    either, TEXT is asked for, or read from standard input, so that it stays out of the shell's history.
    """
    from tradewind.connection.uri import encode as percent_encode

    if text is None and all(value is None for value in given.values()):
        text = click.prompt("URI or password", hide_input=True) if sys.stdin.isatty() else "-"
    text = _or_stdin(text) if text is not None else None
    if text is not None and "://" not in text:
        click.echo(percent_encode(text))
        return
    connection = _given(conn_id, {**given, "conn_uri": text or given["conn_uri"]})
    written = connection.as_json() if as_json else connection.get_uri()
    click.echo(f"TRADEWIND_CONN_{conn_id.upper()}={shlex.quote(written)}" if conn_id else written)


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


def _or_stdin(text: str) -> str:
    return sys.stdin.read().strip() if text == "-" else text


def _stored(source: Any, conn_id: str) -> Connection:
    from tradewind.connection import Connection

    return Connection.from_value(source.get_conn_value(conn_id), conn_id=conn_id)


def _shown(connection: Connection, reveal: bool) -> dict[str, Any]:
    from tradewind import secrets

    record = connection.to_dict()
    if reveal:
        return {"conn_id": connection.conn_id, **record, "uri": connection.get_uri()}
    record = dict(secrets.redact(record))
    if record.get("password"):
        record["password"] = secrets.MASK
    return {"conn_id": connection.conn_id, **record, "uri": connection.masked_uri()}


def _warn_if_shadowed(conn_id: str) -> None:
    """Say so if another source is asked before the store and has the same id."""
    from tradewind import secrets
    from tradewind.cli.app import warn

    for source in secrets.iterate_sources():
        if source.name == STORE:
            return
        try:
            shadowed = source.get_conn_value(conn_id) is not None
        except TradewindError:
            shadowed = True
        if shadowed:
            warn(f"{source.describe_conn(conn_id)} is asked first, so the stored one is not used.")
            return
    warn(f"{STORE!r} is not among the secrets_sources, so the stored connection is not used.")
