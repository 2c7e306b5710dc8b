"""What this provider brings to tradewind."""

from __future__ import annotations

from tradewind.hookspecs import RegisterConnectionType, hookimpl
from tradewind_gsheet import extras


@hookimpl
def register_connection_types(register: RegisterConnectionType) -> None:
    register(extras.CONNECTION_TYPE)
