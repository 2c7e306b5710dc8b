"""`AwsSandbox` and `S3Sandbox`: AWS on a laptop, as far as pipelines need it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib.util import find_spec
from typing import ClassVar

from tradewind.connection import Connection
from tradewind.errors import SandboxMissing
from tradewind.sandbox import Control, StandIn

#: Environment variable with the names of buckets to make, or `*` for any that is written to.
BUCKETS_VARIABLE = "TRADEWIND_SANDBOX_AWS_BUCKETS"

ANY_BUCKET = "*"


class AwsSandbox(StandIn):
    """S3, Secrets Manager, SSM's parameters and STS, for connections of type `aws`.

    Each sandbox is an account of its own, with buckets that no other one sees. It has the bucket `sandbox`, and those
    named in `buckets`, which `TRADEWIND_SANDBOX_AWS_BUCKETS` gives by default. With `*` among them a bucket is made
    when something is written to it; without, S3 says NoSuchBucket, as it does in the cloud.
    """

    conn_type: ClassVar[str] = "aws"
    label: ClassVar[str] = "AWS"
    application: ClassVar[str] = "tradewind_aws.sandbox.service:AwsService"

    def __init__(self, url: str | None = None, *, buckets: Sequence[str] | None = None) -> None:
        super().__init__(url)
        self._buckets = buckets if buckets is not None else os.environ.get(BUCKETS_VARIABLE, "").split()

    def find(self) -> None:
        if find_spec("moto") is None or find_spec("flask") is None:
            raise SandboxMissing(
                "The AWS sandbox needs the package moto, and it is not installed here. Install it with "
                '`pip install "tradewind-aws[sandbox]"`.'
            )

    def in_database(self, server: Connection, name: str) -> Connection:
        connection = super().in_database(server, name)
        control = Control(connection)
        for bucket in self._buckets:
            if bucket == ANY_BUCKET:
                control.act("create_buckets_on_write")
            else:
                control.act("create_bucket", name=bucket)
        return connection


class S3Sandbox(AwsSandbox):
    """The same for connections of type `s3`."""

    conn_type: ClassVar[str] = "s3"
    label: ClassVar[str] = "S3"
