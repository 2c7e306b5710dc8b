"""A store of its own for each test, reached through the connection `lake`, with the bucket `lake`."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tradewind.connection import Connection
from tradewind_aws import S3Hook


@pytest.fixture(scope="session")
def moto_server() -> Iterator[tuple[str, int]]:
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield server.get_host_and_port()
    server.stop()


@pytest.fixture
def server(moto_server: tuple[str, int], monkeypatch: pytest.MonkeyPatch) -> Connection:
    """The connection behind `lake`."""
    host, port = moto_server
    bucket = f"lake-{uuid.uuid4().hex[:12]}"
    connection = Connection(
        "lake", "s3", host=host, port=port, login="key", password="se/cr+et", schema=bucket, extra={"tls": False}
    )
    monkeypatch.setenv("AIRFLOW_CONN_LAKE", connection.get_uri())
    return connection


@pytest.fixture
def hook(server: Connection) -> Iterator[Any]:
    """A hook whose bucket is there and empty."""
    with S3Hook("lake") as hook:
        hook.create_bucket()
        yield hook
