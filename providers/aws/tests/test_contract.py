"""The provider keeps the contracts, on a real server."""

from __future__ import annotations

import pytest

from tradewind.testing import HookContract, ProviderContract


class TestProvider(ProviderContract):
    name = "aws"


class TestS3Hook(HookContract):
    conn_type = "s3"
    checks_password = False
    impatient = {"config_kwargs": {"connect_timeout": 1, "read_timeout": 1}}

    @pytest.fixture
    def server(self, hook, server):
        return server
