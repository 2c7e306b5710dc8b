"""Sandboxes stand in for connections: the right type, for every way to look one up, and no real one by accident."""

from __future__ import annotations

import os

import pytest

from tradewind import DAG
from tradewind.connection import Connection, connections
from tradewind.errors import BrokenConnection, ConnectionNotFound, SandboxError
from tradewind.sandbox import wiring
from tradewind.sandbox.uses import Use, uses_of_task
from tradewind.transfer import Transfer
from tradewind_mysql import MySqlTable
from tradewind_postgres import PostgresQuery

pytestmark = pytest.mark.usefixtures("fresh_secrets")


@pytest.fixture
def given(monkeypatch):
    """Define connections, in the form of AIRFLOW_CONN_<ID>."""

    def define(**uris):
        for conn_id, uri in uris.items():
            monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", uri)

    return define


def types(*uses, **said):
    return wiring.plan(uses, said).types


@pytest.mark.parametrize(
    ("use", "conn_type"),
    [
        (Use("a", "", hook="PostgresHook"), "postgres"),
        (Use("a", "", field="mysql_conn_id"), "mysql"),
        (Use("a", "", field="postgresql_conn_id"), "postgres"),
        (Use("a", "", field="conn_id", default="mysql_default"), "mysql"),
        (Use("a", "", field="conn_id", conn_type="mariadb"), "mysql"),
        (Use("postgres_default", ""), "postgres"),
        (Use("a", "", hook="PostgresHook", field="mysql_conn_id"), "postgres"),
    ],
)
def test_the_type_is_told_by_the_use(use, conn_type):
    assert types(use) == {use.conn_id: conn_type}


@pytest.mark.parametrize(
    ("conn_type", "conn_id"),
    [
        ("postgres", "postgres_default"),
        ("slack", "slack_api_default"),
        ("s3", "aws_default"),
        ("sqlite", "sqlite_default"),
    ],
)
def test_a_sandbox_without_a_name_is_the_connection_that_the_hook_takes(conn_type, conn_id):
    assert wiring.default_id(conn_type) == conn_id


def test_the_definition_and_the_user_know_better(given):
    use = Use("a", "", hook="PostgresHook")
    given(a="mysql://real.example/x")
    assert types(use) == {"a": "mysql"}
    assert types(use, a="postgres") == {"a": "postgres"}
    assert types(use, b="mariadb") == {"a": "mysql", "b": "mysql"}


def test_a_definition_that_is_broken_does_not_help(given):
    given(a="postgres://real.example:port/")
    assert types(Use("a", "", hook="MySqlHook")) == {"a": "mysql"}


def test_all_uses_of_an_id_count():
    assert types(Use("a", "", field="conn_id"), Use("a", "", hook="PostgresHook")) == {"a": "postgres"}


def test_endpoints_of_a_transfer_tell_their_types():
    with DAG("d", schedule=None):
        sink = MySqlTable("t", conn_id="shop", mode="replace")
        move = Transfer(task_id="move", source=PostgresQuery("SELECT 1", conn_id="crm"), sink=sink)
    assert types(*uses_of_task(move)) == {"crm": "postgres", "shop": "mysql"}


def test_a_type_without_a_sandbox_stays_real_and_is_told(given):
    given(a="smtp://real.example")
    uses = [Use("a", "", field="smtp_conn_id"), Use("fs_default", "", field="fs_conn_id")]
    made = wiring.plan(uses, {})
    assert made.types == {}
    assert made.real == {"a": "smtp"}


@pytest.mark.parametrize(
    ("uses", "told"),
    [
        ([Use("a", "etl.py, line 7", field="conn_id")], "is not defined, and its use does not show its type"),
        (
            [Use("a", "x", hook="PostgresHook"), Use("a", "y", hook="MySqlHook")],
            "is used as mysql and as postgres (x; y)",
        ),
    ],
)
def test_a_type_that_cannot_be_told_is_asked_for(uses, told):
    with pytest.raises(SandboxError) as caught:
        wiring.plan(uses, {})
    assert told in str(caught.value)
    assert "--sandbox-type a=TYPE, where TYPE is one of aws, google_cloud_platform, http, mysql," in str(caught.value)
    assert uses[0].where in str(caught.value)


def test_a_type_that_there_is_not():
    with pytest.raises(
        SandboxError, match=r"no sandbox for the connection type 'oracle'\. There are: aws, google_cloud_platform, "
    ):
        wiring.plan([], {"a": "oracle"})


def stand_in(conn_id="a", password="sand"):
    return {conn_id: Connection(conn_id, "postgres", host="127.0.0.1", port=1, login="sandbox", password=password)}


@pytest.mark.parametrize(
    "variable", ["AIRFLOW_CONN_A", "TRADEWIND_CONN_A", "TRADEWIND_CONN_A_CMD", "AIRFLOW_CONN_A_FILE"]
)
def test_a_stand_in_hides_every_definition(monkeypatch, tmp_path, variable):
    (tmp_path / "a").write_text("postgres://real.example")
    value = {"_CMD": f"cat {tmp_path}/a", "FILE": f"{tmp_path}/a"}.get(variable[-4:], "postgres://real.example")
    monkeypatch.setenv(variable, value)
    before = dict(os.environ)
    assert Connection.get("a").host == "real.example"
    with wiring.standing_in(stand_in()):
        assert Connection.get("a").host == "127.0.0.1"
        assert Connection.get("A").password == "sand"
        assert os.environ["AIRFLOW_CONN_A"].startswith("postgres://sandbox:sand@127.0.0.1:1")
        assert not {"TRADEWIND_CONN_A", "TRADEWIND_CONN_A_CMD", "AIRFLOW_CONN_A_FILE"} & set(os.environ)
    assert dict(os.environ) == before


def test_a_stand_in_comes_before_sources_that_come_before_the_environment(monkeypatch, tmp_path):
    (tmp_path / "connections.env").write_text("a=postgres://real.example\n")
    monkeypatch.setenv("TRADEWIND_SECRETS_SOURCES", "local_file,environment")
    monkeypatch.setenv("TRADEWIND_CONNECTIONS_FILE", str(tmp_path / "connections.env"))
    assert Connection.get("a").host == "real.example"
    with wiring.standing_in(stand_in()):
        assert Connection.get("a").host == "127.0.0.1"


def test_a_real_one_that_nobody_foresaw_is_refused(given):
    given(b="mysql://u:pw-7f3a@real.example/x", c="smtp://real.example")
    with wiring.standing_in(stand_in()):
        with pytest.raises(BrokenConnection, match="--sandbox-type b=mysql") as caught:
            Connection.get("b")
        assert "pw-7f3a" not in str(caught.value)
        assert Connection.get("c").conn_type == "smtp"
        with pytest.raises(ConnectionNotFound, match="say so with --sandbox-type d=TYPE"):
            Connection.get("d")
        with connections({"b": "mysql://given.example"}):  # by code, on purpose
            assert Connection.get("b").host == "given.example"
    assert Connection.get("b").host == "real.example"


def test_sandboxes_are_started_together_and_all_stopped_if_one_fails(tmp_path, monkeypatch, sandboxes):
    sandboxes.open("postgres")
    monkeypatch.delenv("TRADEWIND_SANDBOX_POSTGRES_URL", raising=False)
    monkeypatch.setenv("TRADEWIND_SANDBOX_MYSQL_URL", "mysql://nobody@127.0.0.1:1/x")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with (
        pytest.raises(SandboxError, match="TRADEWIND_SANDBOX_MYSQL_URL"),
        wiring.started({"a": "postgres", "b": "mysql"}, print),
    ):
        raise AssertionError("one of them cannot be started")
    assert list(tmp_path.iterdir()) == []


def test_two_ids_of_one_type_get_a_database_each(sandbox, monkeypatch):
    monkeypatch.setenv("TRADEWIND_SANDBOX_POSTGRES_URL", sandbox("postgres").get_uri())
    told = []
    with wiring.started({"a": "postgres", "b": "postgres"}, told.append) as opened:
        assert opened["a"].schema != opened["b"].schema
        place = f"{opened['a'].host}:{opened['a'].port}"
    assert [line.split()[:2] for line in told] == [["sandbox", "a"], ["sandbox", "b"]]
    assert told[0].endswith(f"on {place}")
    assert "PostgreSQL" in told[0]
