"""What this provider brings to tradewind."""

from __future__ import annotations

from tradewind.hookspecs import RegisterConnectionType, hookimpl
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
            schema_label="path",
        )
    )
