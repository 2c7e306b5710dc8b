"""What this provider brings to tradewind."""

from __future__ import annotations

from tradewind.hookspecs import Register, hookimpl


@hookimpl
def register_sandboxes(register: Register) -> None:
    register("google_cloud_platform", "tradewind_gsheet.sandbox:GSheetSandbox")
