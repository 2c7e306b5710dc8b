"""What this provider brings to tradewind."""

from __future__ import annotations

from tradewind.hookspecs import Register, RegisterConnectionType, hookimpl
from tradewind_aws import extras


@hookimpl
def register_connection_types(register: RegisterConnectionType) -> None:
    register(extras.AWS_TYPE)
    register(extras.S3_TYPE)


@hookimpl
def register_sandboxes(register: Register) -> None:
    register("aws", "tradewind_aws.sandbox:AwsSandbox")
    register("s3", "tradewind_aws.sandbox:S3Sandbox")
