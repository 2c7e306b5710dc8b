"""The core keeps the contracts that it asks others to keep: its plugin, executor, secrets sources and operators."""

import json

import pytest

from tradewind.executor.local import LocalExecutor
from tradewind.operators import BashOperator, EmailOperator, EmptyOperator
from tradewind.remote import StoreUrl
from tradewind.remote.folder import FolderLogStore, FolderXComStore
from tradewind.secrets import EnvironmentSource, LocalFileSource, source_named
from tradewind.sensors import BashSensor, FileSensor
from tradewind.store.secrets import MetastoreSource
from tradewind.testing import (
    EndpointContract,
    ExecutorContract,
    LogStoreContract,
    OperatorContract,
    SecretsContract,
    XComStoreContract,
)
from tradewind.testing.endpoint import COLUMNS
from tradewind.testing.secrets import CONNECTIONS, VARIABLES
from tradewind.transfer import LocalFile, Transfer


class TestLocalExecutor(ExecutorContract):
    def make(self, settings):
        return LocalExecutor(settings, runner="tradewind.testing.attempts", preload=["tradewind.testing.attempts"])


class TestEnvironment(SecretsContract):
    has_empty_values = False  # an empty variable counts as not set

    @pytest.fixture
    def source(self, monkeypatch):
        for name, value in CONNECTIONS.items():
            monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", value)
        for name, value in VARIABLES.items():
            monkeypatch.setenv(f"AIRFLOW_VAR_{name.upper()}", value)
        return EnvironmentSource()


class TestLocalFile(SecretsContract):
    has_empty_values = False

    @pytest.fixture
    def source(self, tmp_path):
        (tmp_path / "connections.json").write_text(json.dumps(CONNECTIONS))
        (tmp_path / "variables.json").write_text(json.dumps(VARIABLES))
        return LocalFileSource(
            connections_file_path=str(tmp_path / "connections.json"),
            variables_file_path=str(tmp_path / "variables.json"),
        )


class TestMetastore(SecretsContract):
    writes = True

    @pytest.fixture
    def source(self, home):
        from tradewind import settings
        from tradewind.store import open_store

        open_store(settings.read(), create=True).close()
        source = source_named("metastore")
        assert isinstance(source, MetastoreSource)
        for name, value in CONNECTIONS.items():
            source.set_connection(name, value)
        for name, value in VARIABLES.items():
            source.set_variable(name, value)
        return source


def opened(kind, folder):
    return kind(StoreUrl.parse(folder.as_uri(), "logs_url"))


class TestFolderOfLogs(LogStoreContract):
    kind = FolderLogStore

    @pytest.fixture
    def open_store(self, tmp_path):
        return lambda: opened(self.kind, tmp_path / "shared")

    @pytest.fixture
    def unreachable(self, tmp_path):
        """Nobody can make or read a folder within a file."""
        (tmp_path / "file").touch()
        return opened(self.kind, tmp_path / "file" / "shared")


class TestFolderOfValues(XComStoreContract):
    kind = FolderXComStore
    open_store = TestFolderOfLogs.open_store
    unreachable = TestFolderOfLogs.unreachable


class TestBash(OperatorContract):
    operator = BashOperator
    arguments = {"bash_command": "date", "env": {"A": "b"}}


class TestEmail(OperatorContract):
    operator = EmailOperator
    arguments = {"to": "a@example.com", "subject": "s", "html_content": "<b>x</b>", "conn_id": "nowhere"}


class TestEmpty(OperatorContract):
    operator = EmptyOperator


class TestFileSensor(OperatorContract):
    operator = FileSensor
    arguments = {"filepath": "/x", "fs_conn_id": "nowhere"}


class TestBashSensor(OperatorContract):
    operator = BashSensor
    arguments = {"bash_command": "true"}


class TestTransfer(OperatorContract):
    operator = Transfer
    arguments = {"source": LocalFile("a.csv"), "sink": LocalFile("b.jsonl.gz"), "columns": ["id"]}


class TestLocalCsv(EndpointContract):
    name = "rows.csv"
    checks_values = False

    @pytest.fixture
    def endpoint(self, tmp_path):
        types = {column.name: str(column.type) for column in COLUMNS}
        return lambda mode=None: LocalFile(tmp_path / self.name, types=types)


class TestLocalJsonl(TestLocalCsv):
    name = "rows.jsonl.gz"


class TestLocalParquet(TestLocalCsv):
    name = "rows.parquet"


class TestLocalZstd(TestLocalCsv):
    name = "rows.csv.zst"
