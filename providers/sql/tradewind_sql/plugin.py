"""What this provider brings to tradewind."""

from __future__ import annotations

from typing import Any

from tradewind.hookspecs import Register, RegisterConnectionType, hookimpl
from tradewind.records import ConnectionType
from tradewind_sql import extras


@hookimpl
def register_connection_types(register: RegisterConnectionType) -> None:
    register(
        ConnectionType(
            "sqlite",
            hook="tradewind_sql.sqlite:SqliteHook",
            label="SQLite",
            extras=extras.SQLITE,
            sqlalchemy_url="tradewind_sql.sqlite:sqlalchemy_url",
            schema_label="path",
        )
    )


@hookimpl
def register_task_decorators(register: Register) -> None:
    register("sql", "tradewind_sql.operators:SQLExecuteQueryOperator")


@hookimpl
def register_commands(cli: Any) -> None:
    from tradewind_sql.command import sql  # click is loaded only where there is a command line

    cli.add_command(sql)
