"""Connections and variables in the metadata database."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tradewind.errors import SecretsError, StoreError
from tradewind.secrets.encryption import add_key, drop_old_keys
from tradewind.settings import Settings
from tradewind.store import Store
from tradewind.store.credentials import StoredValues
from tradewind.store.location import locate
from tradewind.store.secrets import MetastoreSource
from tradewind.tables import connections

URI = "postgres://ann:s3cr3t-word@db/sales"


@pytest.fixture
def source(settings: Settings) -> MetastoreSource:
    return MetastoreSource(settings)


@pytest.fixture
def in_file(settings: Settings, tmp_path: Path) -> MetastoreSource:
    """One whose database is a SQLite file, which is not there yet."""
    return MetastoreSource(dataclasses.replace(settings, database_url=f"sqlite:///{tmp_path}/tradewind.db"))


def test_what_is_stored_is_read_back(source: MetastoreSource) -> None:
    source.set_connection("warehouse", URI)
    source.set_connection("ünï", '{"conn_type": "http"}')
    source.set_variable("limit", "10", "how many")
    source.set_variable("limit", "11")
    assert source.get_conn_value("warehouse") == URI
    assert source.get_variable("limit") == "11"
    assert source.conn_ids() == ["warehouse", "ünï"]
    assert source.variable_keys() == ["limit"]
    assert source.get_conn_value("limit") is None
    assert source.get_variable("warehouse") is None


def test_deleting(source: MetastoreSource) -> None:
    source.set_connection("a", URI)
    source.set_variable("a", "1")
    assert source.delete_connection("a")
    assert not source.delete_connection("a")
    assert source.get_variable("a") == "1"
    assert source.delete_variable("a")
    assert not source.delete_variable("a")


def test_no_secret_lies_in_the_file_in_the_clear(in_file: MetastoreSource, tmp_path: Path) -> None:
    source = in_file
    source.set_connection("warehouse", URI)
    source.set_variable("token", "s3cr3t-word")
    content = b"".join(path.read_bytes() for path in tmp_path.glob("tradewind.db*"))
    assert b"warehouse" in content
    assert b"s3cr3t-word" not in content


def test_without_a_database_nothing_is_found_and_nothing_is_made(in_file: MetastoreSource, tmp_path: Path) -> None:
    source = in_file
    assert source.get_conn_value("warehouse") is None
    assert source.get_variable("limit") is None
    assert source.conn_ids() == []
    assert source.variable_keys() == []
    assert not source.delete_connection("warehouse")
    assert source.rotate() == 0
    assert "there is no metadata database" in source.explain_missing_conn("warehouse")
    assert list(tmp_path.iterdir()) == []


def test_a_lookup_without_a_database_does_not_load_sqlalchemy(tmp_path: Path) -> None:
    script = (
        "import sys; from tradewind.store.secrets import MetastoreSource; "
        "assert MetastoreSource().get_conn_value('x') is None; "
        "assert not {'sqlalchemy', 'alembic', 'cryptography'} & sys.modules.keys(), 'loaded too much'"
    )
    environ = {**os.environ, "TRADEWIND_HOME": str(tmp_path / "home")}
    subprocess.run([sys.executable, "-W", "error", "-c", script], check=True, env=environ)
    assert not (tmp_path / "home").exists()


def test_a_value_that_cannot_be_decrypted_is_an_error_that_names_it(source: MetastoreSource, tmp_path: Path) -> None:
    source.set_connection("warehouse", URI)
    (tmp_path / "fernet.key").unlink()
    with pytest.raises(SecretsError, match="connection 'warehouse'") as caught:
        source.get_conn_value("warehouse")
    assert "s3cr3t" not in str(caught.value)


def test_rotation_makes_old_keys_dispensable(source: MetastoreSource, settings: Settings) -> None:
    source.set_connection("warehouse", URI)
    source.set_variable("limit", "10")
    add_key(settings)
    assert source.rotate() == 2
    assert drop_old_keys(settings) == 1
    assert source.get_conn_value("warehouse") == URI
    assert source.get_variable("limit") == "10"


def test_a_rotation_that_fails_changes_nothing(source: MetastoreSource, settings: Settings) -> None:
    source.set_connection("a", URI)
    source.set_connection("b", URI)
    with Store(settings=settings) as store:
        stored = StoredValues(store.database, connections)
        stored.put("b", "nonsense")
        before = stored.all()
        with pytest.raises(SecretsError, match="connection 'b'"):
            source.rotate()
        assert stored.all() == before


def test_it_says_where_things_are(source: MetastoreSource, settings: Settings) -> None:
    source.set_connection("warehouse", URI)
    place = locate(settings.database_url)
    assert source.describe_conn("warehouse") == f"metadata database {place}, connection 'warehouse'"
    assert "has none of that key" in source.explain_missing_variable("x")


def test_a_file_that_is_no_database_is_an_error_and_not_a_missing_connection(
    settings: Settings, tmp_path: Path
) -> None:
    path = tmp_path / "odd.db"
    path.write_text("this is not a database, whatever its name says" * 50)
    with pytest.raises(StoreError, match=r"odd\.db is damaged"):
        MetastoreSource(dataclasses.replace(settings, database_url=f"sqlite:///{path}")).get_conn_value("x")


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="only Linux lists open files there")
def test_no_file_stays_open_after_a_lookup(source: MetastoreSource) -> None:
    source.set_connection("warehouse", URI)
    source.get_conn_value("warehouse")
    links = [link for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    assert not [link for link in links if "tradewind.db" in str(link.readlink())]
