"""`tradewind sql`: run one statement against a connection and print what comes back."""

from __future__ import annotations

import sys
from typing import Any

import click

from tradewind.cli.app import Command
from tradewind.cli.output import output_option, show_rows
from tradewind.cli.values import conn_argument
from tradewind.errors import TradewindError, UsageError
from tradewind.hook import BaseHook
from tradewind_sql.errors import SqlError
from tradewind_sql.hook import DbApiHook

#: Longer results are cut, unless asked for: a terminal is not where a table of millions of rows belongs.
MOST_ROWS = 1000


@click.command(cls=Command)
@conn_argument
@click.argument("statement", default="-")
@click.option("--limit", default=MOST_ROWS, show_default=True, help="Print so many rows at most; 0: all of them.")
@output_option
def sql(conn_id: str, statement: str, limit: int, output: str) -> None:
    """Run one SQL statement against a connection (from standard input if none is given)."""
    hook = BaseHook.get_hook(conn_id)
    if not isinstance(hook, DbApiHook):
        raise UsageError(f"The connection {conn_id!r} leads to a {type(hook).__name__}, which runs no SQL.")
    text = sys.stdin.read() if statement == "-" else statement
    found = _run(hook, text, limit)
    if found.get("columns"):
        show_rows(found["rows"], found["columns"], output, empty="No rows.")
    else:
        click.echo("Done.", err=True)
    if found.get("more"):
        click.echo(f"There are more rows; --limit 0 prints all of them, {limit} were.", err=True)


def _run(hook: DbApiHook, text: str, limit: int) -> dict[str, Any]:
    def handler(cursor: Any) -> dict[str, Any]:
        return _read(cursor, limit)

    try:
        found: Any = hook.run(text, handler=handler)
    except TradewindError:
        raise
    except Exception as error:  # every driver has its own; what it says is what there is to say
        raise SqlError(f"Connection {hook.get_conn_id()!r}: {error}") from error
    return found or {}


def _read(cursor: Any, limit: int) -> dict[str, Any]:
    if cursor.description is None:
        return {}
    columns = _distinct([column[0] for column in cursor.description])
    rows = cursor.fetchmany(limit + 1) if limit else cursor.fetchall()
    kept = rows[:limit] if limit else rows
    return {
        "columns": columns,
        "rows": [dict(zip(columns, row, strict=True)) for row in kept],
        "more": len(rows) > len(kept),
    }


def _distinct(names: list[str]) -> list[str]:
    """A query may give two columns one name; the later ones get a number."""
    found: list[str] = []
    for name in names:
        count = sum(other == name or other.startswith(f"{name}:") for other in found)
        found.append(f"{name}:{count + 1}" if count else name)
    return found
