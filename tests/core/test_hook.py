"""BaseHook: finding connections, closing, logging, and what importing it loads."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from tradewind.connection import Connection, connections
from tradewind.errors import BrokenConnection, ConnectionNotFound
from tradewind.hook import BaseHook

pytestmark = pytest.mark.usefixtures("fresh_secrets")


class CountingHook(BaseHook):
    def __init__(self):
        self.closed = 0

    def get_conn(self):
        return "client"

    def close(self):
        self.closed += 1


def test_hooks_find_connections(monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_X", "x://h")
    assert BaseHook.get_connection("x").host == "h"
    assert CountingHook().get_connection("x").host == "h"
    assert asyncio.run(BaseHook.aget_connection("x")).host == "h"
    with pytest.raises(ConnectionNotFound):
        BaseHook.get_connection("y")


def test_get_hook_asks_the_type(monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_X", "no-such-type://h")
    with pytest.raises(BrokenConnection, match="in AIRFLOW_CONN_X is broken: no installed provider knows the type"):
        BaseHook.get_hook("x")
    with pytest.raises(BrokenConnection):
        asyncio.run(BaseHook.aget_hook("x"))


def test_a_hook_uses_the_connection_it_was_given():
    hook = CountingHook()
    hook.use_connection("x", Connection("x", "given"))
    with connections({"x": "other://", "y": "y://"}):
        assert hook.get_connection("x").conn_type == "given"
        assert hook.get_connection("y").conn_type == "y"
        assert CountingHook().get_connection("x").conn_type == "other"


def test_leaving_the_block_closes():
    with CountingHook() as hook:
        assert hook.closed == 0
    assert hook.closed == 1
    with pytest.raises(ValueError, match="of the block"), CountingHook() as hook:
        raise ValueError("of the block")
    assert hook.closed == 1


def test_the_default_test_opens_the_client():
    assert CountingHook().test_connection() == (True, "The client opens.")
    assert BaseHook().test_connection() == (
        False,
        "BaseHook has no client of its own: its class does not define get_conn",
    )


def test_the_logger_is_named_after_the_class():
    assert CountingHook().log.name.endswith("CountingHook")


def test_importing_a_hook_is_light():
    code = (
        "import sys; before = len(sys.modules); import tradewind.hook; "
        "heavy = {'sqlalchemy', 'alembic', 'jinja2', 'click', 'rich', 'cryptography', 'pluggy', 'asyncio'}; "
        "print(sorted(heavy & set(sys.modules)), len(sys.modules) <= 150)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[] True\n"
