"""An account of its own for each test, on a real server: `lake` is its S3, `cloud` all of its services."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tradewind.connection import Connection
from tradewind_aws import S3Hook


@pytest.fixture
def server(sandbox: Callable[[str], Connection], monkeypatch: pytest.MonkeyPatch) -> Connection:
    """The connection behind `lake`."""
    connection = sandbox("s3")
    monkeypatch.setenv("AIRFLOW_CONN_LAKE", connection.get_uri())
    return connection


@pytest.fixture
def hook(server: Connection) -> Iterator[S3Hook]:
    """A hook whose bucket, `sandbox`, is there and empty."""
    with S3Hook("lake") as hook:
        yield hook


@pytest.fixture
def cloud(sandbox: Callable[[str], Connection], monkeypatch: pytest.MonkeyPatch) -> Connection:
    """The connection behind `cloud`."""
    connection = sandbox("aws")
    monkeypatch.setenv("AIRFLOW_CONN_CLOUD", connection.get_uri())
    return connection


@pytest.fixture(autouse=True)
def _no_ambient_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """What boto3 might find on the machine that runs the tests is out of its sight."""
    for name in (
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_PROFILE",
        "AWS_DEFAULT_REGION",
    ):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path_factory.getbasetemp()
    monkeypatch.setenv("AWS_CONFIG_FILE", str(folder / "no-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(folder / "no-credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
