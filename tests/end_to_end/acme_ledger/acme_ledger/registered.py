"""What this package brings to tradewind."""

from tradewind.hookspecs import hookimpl
from tradewind.records import ConnectionType, Extra


@hookimpl
def register_connection_types(register):
    register(
        ConnectionType(
            "ledger",
            hook="acme_ledger.client:LedgerHook",
            label="Ledger",
            aliases=("acme-ledger",),
            extras=(
                Extra("strict", bool, "refuse amounts of zero (default: true)"),
                Extra("digits", int, "decimal places (default: 2)"),
                Extra("seal", str, "what bookings are signed with", secret=True),
            ),
            schema_label="file",
        )
    )


@hookimpl
def register_task_decorators(register):
    register("book", "acme_ledger.client:BookDecorated")


@hookimpl
def register_commands(cli):
    import click  # only where there is a command line

    @cli.command("ledger")
    @click.argument("conn_id")
    def ledger(conn_id):
        """Show the bookings of a ledger."""
        from acme_ledger.client import LedgerHook

        for booking in LedgerHook(conn_id).bookings():
            click.echo(booking)
