"""What this provider brings to tradewind."""

from __future__ import annotations

from tradewind.hookspecs import Register, RegisterConnectionType, hookimpl
from tradewind.records import ConnectionType
from tradewind_sql import extras


@hookimpl
def register_connection_types(register: RegisterConnectionType) -> None:
    register(
        ConnectionType(
            "mysql",
            hook="tradewind_mysql.hook:MySqlHook",
            label="MySQL, MariaDB",
            aliases=("mariadb",),
            default_port=3306,
            extras=extras.GENERAL,
            schema_label="database",
        )
    )


@hookimpl
def register_sandboxes(register: Register) -> None:
    register("mysql", "tradewind_mysql.sandbox:MySqlSandbox")
