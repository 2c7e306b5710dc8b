"""A project of its own on the stand-in for Google per test, reached through the connection `sheets`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tradewind.connection import Connection
from tradewind.sandbox import Control
from tradewind_gsheet import GSheetsHook

#: Tests do not wait for their turn, nor long for another try.
PATIENT = {"reads_per_minute": 0, "writes_per_minute": 0, "retry_delay": 0.01}


def _with_extra(connection: Connection, **extra: Any) -> Connection:
    both = {**connection.extra_dejson, **extra}
    return Connection(
        connection.conn_id,
        connection.conn_type,
        host=connection.host,
        port=connection.port,
        extra={name: value for name, value in both.items() if value is not None},
    )


@pytest.fixture
def with_extra() -> Callable[..., Connection]:
    """`with_extra(connection, name=value)`: the same connection with some extras changed; None takes one away."""
    return _with_extra


@pytest.fixture
def server(sandbox: Callable[[str], Connection], monkeypatch: pytest.MonkeyPatch) -> Connection:
    """The connection behind `sheets`."""
    connection = _with_extra(sandbox("gsheet"), **PATIENT)
    monkeypatch.setenv("AIRFLOW_CONN_SHEETS", connection.get_uri())
    return connection


@pytest.fixture
def control(server: Connection) -> Control:
    """What a test does behind the hook's back. The quotas of the stand-in are lifted."""
    made = Control(server)
    made.act("set_quota", read=None, write=None, per_project=None)
    return made


@pytest.fixture
def hook(control: Control) -> Iterator[GSheetsHook]:
    with GSheetsHook("sheets") as made:
        yield made


@pytest.fixture
def key(hook: GSheetsHook) -> str:
    """The key of a spreadsheet `Targets` with one tab, `Sheet1`."""
    return str(hook.create_spreadsheet({"properties": {"title": "Targets"}})["spreadsheetId"])
