"""What this provider brings to tradewind."""

from __future__ import annotations

from tradewind.hookspecs import Register, RegisterConnectionType, hookimpl
from tradewind.records import ConnectionType
from tradewind_sql import extras


@hookimpl
def register_connection_types(register: RegisterConnectionType) -> None:
    register(
        ConnectionType(
            "postgres",
            hook="tradewind_postgres.hook:PostgresHook",
            label="PostgreSQL",
            aliases=("postgresql",),
            default_port=5432,
            extras=extras.GENERAL,
            schema_label="database",
        )
    )


@hookimpl
def register_sandboxes(register: Register) -> None:
    register("postgres", "tradewind_postgres.sandbox:PostgresSandbox")
