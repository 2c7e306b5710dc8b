"""What this provider brings to tradewind."""

from __future__ import annotations

from tradewind.hookspecs import Register, RegisterConnectionType, hookimpl
from tradewind_gsheet import extras


@hookimpl
def register_connection_types(register: RegisterConnectionType) -> None:
    register(extras.CONNECTION_TYPE)


@hookimpl
def register_sandboxes(register: Register) -> None:
    register("google_cloud_platform", "tradewind_gsheet.sandbox:GSheetSandbox")
