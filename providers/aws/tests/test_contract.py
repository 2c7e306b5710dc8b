"""The provider keeps the contracts, on a real server."""

from __future__ import annotations

from tradewind.testing import HookContract, ProviderContract

IMPATIENT = {"config_kwargs": {"connect_timeout": 1, "read_timeout": 1}}


class TestProvider(ProviderContract):
    name = "aws"


class TestS3Hook(HookContract):
    conn_type = "s3"
    impatient = IMPATIENT


class TestAwsBaseHook(HookContract):
    conn_type = "aws"
    hook_params = {"client_type": "ssm"}
    impatient = IMPATIENT
