"""What this provider brings to tradewind."""

from __future__ import annotations

from tradewind.hookspecs import RegisterConnectionType, hookimpl
from tradewind_aws import extras


@hookimpl
def register_connection_types(register: RegisterConnectionType) -> None:
    register(extras.AWS_TYPE)
    register(extras.S3_TYPE)
