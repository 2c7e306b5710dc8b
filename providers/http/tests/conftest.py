"""A service of its own for each test, and what the tests ask it behind its back."""

from __future__ import annotations

import pytest

from tradewind.sandbox import Control
from tradewind_http import HttpHook


@pytest.fixture
def service(sandbox, connection):
    """The connection `shop` leads to a new stand-in."""
    made = sandbox("http")
    made.extra = {"retry_backoff": 0.01}
    return connection("shop", made)


@pytest.fixture
def control(service):
    return Control(service)


@pytest.fixture
def put(service):
    """Keep a document at the service."""

    def keep(path, data):
        with HttpHook("PUT", "shop") as hook:
            hook.run(path, json=data)

    return keep


@pytest.fixture
def get(service):
    with HttpHook("GET", "shop") as hook:
        yield hook
