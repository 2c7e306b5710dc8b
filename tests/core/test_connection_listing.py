"""`list_connections`: every source, what shadows what, broken ones."""

from __future__ import annotations

import json
import sys
import types

import pytest

from tradewind.connection import list_connections
from tradewind.secrets import SecretsSource, sources
from tradewind.secrets.lookup import CONNECTIONS, unlisted_sources

pytestmark = pytest.mark.usefixtures("fresh_secrets")


class Vault(SecretsSource):
    """A source that lists what it was given."""

    def __init__(self, broken=False, lists=True, **values):
        self.values, self.broken, self.lists = values, broken, lists

    def get_conn_value(self, conn_id):
        if self.broken:
            raise OSError("no route to vault")
        return self.values.get(conn_id)

    def conn_ids(self):
        return list(self.values) if self.lists else None

    def describe_conn(self, conn_id):
        return f"secret/{conn_id}"


@pytest.fixture
def vault(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    module = types.ModuleType("vault_of_the_test")
    module.Vault = Vault
    monkeypatch.setitem(sys.modules, module.__name__, module)

    def configure(**options):
        path = "vault_of_the_test.Vault"
        monkeypatch.setenv("TRADEWIND_SECRETS_SOURCES", f"environment,{path},local_file")
        monkeypatch.setenv("TRADEWIND_SECRETS_OPTIONS", json.dumps({path: options}))
        return path

    return configure


def rows():
    return {(row.conn_id, row.where): row for row in list_connections()}


def test_every_source_is_listed_with_origin_and_what_it_shadows(vault, monkeypatch):
    path = vault(warehouse="postgres://u:hunter2@vault/db", other="http://h")
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", "postgres://u:hunter2@env/db")
    listed = list_connections()
    assert [(row.conn_id, row.source, row.where) for row in listed] == [
        ("other", path, "secret/other"),
        ("warehouse", "environment", "AIRFLOW_CONN_WAREHOUSE"),
        ("warehouse", path, "secret/warehouse"),
    ]
    used, hidden = listed[1:]
    assert used.shadows == (f"{path}: secret/warehouse",)
    assert used.uri == "postgres://u:***@env/db"
    assert used.shadowed_by is None
    assert hidden.shadowed_by == "environment: AIRFLOW_CONN_WAREHOUSE"
    assert "hunter2" not in str(listed)


def test_our_variable_shadows_airflows(monkeypatch):
    monkeypatch.setenv("TRADEWIND_SECRETS_SOURCES", "environment")
    monkeypatch.setenv("TRADEWIND_CONN_X", "a://h")
    monkeypatch.setenv("AIRFLOW_CONN_X", "b://h")
    found = rows()
    assert found["x", "TRADEWIND_CONN_X"].shadows == ("environment: AIRFLOW_CONN_X",)
    assert found["x", "AIRFLOW_CONN_X"].shadowed_by == "environment: TRADEWIND_CONN_X"
    assert found["x", "AIRFLOW_CONN_X"].uri == "b://h"


def test_a_variable_shadows_an_id_that_a_shell_cannot_export(vault, monkeypatch):
    vault(**{"my-db": "a://vault"})
    monkeypatch.setenv("AIRFLOW_CONN_MY_DB", "a://env")
    found = rows()
    assert found["my-db", "secret/my-db"].shadowed_by == "environment: AIRFLOW_CONN_MY_DB"
    assert found["my_db", "AIRFLOW_CONN_MY_DB"].shadows


def test_broken_ones_are_listed_with_the_reason(monkeypatch, tmp_path):
    monkeypatch.setenv("TRADEWIND_SECRETS_SOURCES", "environment")
    monkeypatch.setenv("AIRFLOW_CONN_WORD", "postgres")
    monkeypatch.setenv("AIRFLOW_CONN_GONE_FILE", str(tmp_path / "gone"))
    found = {row.conn_id: row for row in list_connections()}
    assert "neither a URI" in found["word"].error
    assert "No such file" in found["gone"].error
    assert found["gone"].connection is None


def test_a_source_that_fails_does_not_hide_the_others(vault, monkeypatch):
    path = vault(broken=True, x="a://h")
    monkeypatch.setenv("AIRFLOW_CONN_Y", "b://h")
    found = {(row.conn_id, row.source): row for row in list_connections()}
    assert found["y", "environment"].error is None
    assert "no route to vault" in found["x", path].error


def test_a_source_that_cannot_be_made_is_a_row_with_the_reason(monkeypatch):
    monkeypatch.setenv("TRADEWIND_SECRETS_SOURCES", "environment,no_such_source")
    monkeypatch.setenv("AIRFLOW_CONN_Y", "b://h")
    first, second = list_connections()
    assert (first.conn_id, second.conn_id) == ("", "y")
    assert "no_such_source" in first.error


def test_sources_that_cannot_list_are_named(vault):
    path = vault(lists=False, x="a://h")
    assert list_connections() == []
    assert unlisted_sources(CONNECTIONS) == [path]
    assert [source.name for source in sources()] == ["environment", path, "local_file"]
