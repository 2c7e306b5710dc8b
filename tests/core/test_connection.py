"""The connection apart from its URI: JSON, fields, other forms, hooks, presets, and what is shown of it."""

from __future__ import annotations

import asyncio
import json
import sys
import types

import pytest
import sqlalchemy

from tradewind import plugins
from tradewind.connection import (
    Connection,
    connections,
    dump_connections,
    lookup,
    parse_connections_file,
)
from tradewind.errors import BrokenConnection, ConnectionNotFound, UsageError
from tradewind.hook import BaseHook
from tradewind.hookspecs import hookimpl
from tradewind.records import ConnectionType, Extra

pytestmark = pytest.mark.usefixtures("fresh_secrets")


class EchoHook(BaseHook):
    conn_name_attr = "echo_conn_id"

    def __init__(self, echo_conn_id="echo_default", loud=False):
        self.echo_conn_id, self.loud, self.closed = echo_conn_id, loud, False

    def get_conn(self):
        return self.get_connection(self.echo_conn_id).host

    def test_connection(self):
        connection = self.get_connection(self.echo_conn_id)
        if connection.host == "down":
            raise OSError(f"no answer to {connection.password}")
        return True, f"hello {connection.host}"


class LoginHook:
    """A hook of somebody who does not derive from BaseHook."""

    def __init__(self, conn_id):
        self.login = Connection.get(conn_id).login


KEY_FILES = (("echo_account", "token"),)


@pytest.fixture
def echo(monkeypatch):
    module = types.ModuleType("echo_plugin")

    def register_connection_types(register):
        register(
            ConnectionType(
                "echo", hook="echo_hooks:EchoHook", extras=(Extra("pin", int, secret=True),), key_files=KEY_FILES
            )
        )
        register(ConnectionType("login", hook="echo_hooks:LoginHook"))
        register(ConnectionType("dull"))

    module.register_connection_types = hookimpl(register_connection_types)
    home = types.ModuleType("echo_hooks")
    home.EchoHook, home.LoginHook = EchoHook, LoginHook
    monkeypatch.setitem(sys.modules, home.__name__, home)
    plugins.current().add(module, "echo")
    yield
    plugins.current.cache_clear()


def broken(call, *args, **kwargs):
    with pytest.raises(BrokenConnection) as caught:
        call(*args, **kwargs)
    return str(caught.value)


# -- JSON


def test_json_has_all_fields():
    text = json.dumps(
        {
            "conn_type": "postgresql",
            "description": "d",
            "host": "h",
            "login": "u",
            "password": "p",
            "schema": "s",
            "port": "5432",
            "extra": {"a": {"b": 1}},
        }
    )
    connection = Connection.from_json(text, "x")
    assert connection.to_dict() == {
        "conn_id": "x",
        "conn_type": "postgres",
        "description": "d",
        "host": "h",
        "login": "u",
        "password": "p",
        "schema": "s",
        "port": 5432,
        "extra": {"a": {"b": 1}},
    }
    assert Connection.from_json(connection.as_json()).to_dict() == {**connection.to_dict(), "conn_id": None}


@pytest.mark.parametrize(
    ("name", "field"), [("user", "login"), ("username", "login"), ("database", "schema"), ("hostname", "host")]
)
def test_json_fields_have_other_names(name, field):
    assert getattr(Connection.from_json({"conn_type": "x", name: "v"}), field) == "v"


def test_extra_in_json_may_be_text_or_an_object():
    assert Connection.from_json('{"conn_type": "x", "extra": "{\\"a\\": 1}"}').extra_dejson == {"a": 1}
    assert Connection.from_json('{"conn_type": "x", "extra": {"a": 1}}').extra_dejson == {"a": 1}
    assert Connection.from_json('{"conn_type": "x", "extra_dejson": {"a": 1}}').extra_dejson == {"a": 1}
    assert Connection.from_json('{"conn_type": "x", "extra": ""}').extra is None


def test_numbers_for_texts_are_taken_as_they_were_written():
    connection = Connection.from_json('{"conn_type": "x", "login": 7, "password": 123456789012345678901234567890}')
    assert (connection.login, connection.password) == ("7", "123456789012345678901234567890")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            '{"conn_type": "x", "passwort": "hunter2"}',
            "a field 'passwort', which there is not; did you mean 'password'?",
        ),
        ('{"conn_type": "x", "zzz": 1}', "the fields are conn_id, conn_type"),
        ('{"conn_type": "x", "login": "a", "user": "b"}', "'login' twice, once as 'user'"),
        ('{"conn_type": "x", "host": "a", "host": "b"}', "'host' is there twice"),
        ('{"conn_type": "x", "password": "hunter2"', "not valid JSON: Expecting ',' delimiter (line 1, column 41)"),
        ('{"conn_type": "x", "port": "http"}', "port must be a number from 0 to 65535"),
        ('{"conn_type": "x", "port": 65536}', "port must be a number from 0 to 65535"),
        ('{"conn_type": "x", "port": true}', "port must be a number from 0 to 65535"),
        ('{"conn_type": "x", "password": ["hunter2"]}', "password must be text, not list"),
        ('{"conn_type": "x", "host": 5}', "host must be text, not int"),
        ('{"conn_type": "a b"}', "conn_type must consist of"),
        ('{"conn_type": 5}', "conn_type must consist of"),
        ('{"conn_type": "x", "extra": [1]}', "extra must be a JSON object"),
        ('{"conn_type": "x", "extra": "hunter2"}', "extra: it is not valid JSON"),
    ],
)
def test_json_that_is_no_connection_is_an_error_that_says_why(text, problem):
    message = broken(Connection.from_value, text, "x", where="AIRFLOW_CONN_X")
    assert problem in message
    assert "'x' in AIRFLOW_CONN_X" in message
    assert "hunter2" not in message


def test_json_without_a_type_is_read_and_its_hook_says_what_is_missing():
    connection = Connection.from_json('{"host": "h"}', "x")
    assert connection.conn_type == "generic"
    assert "add one, such as postgres" in broken(connection.get_hook)


# -- fields


def test_fields_can_be_changed():
    connection = Connection("x", "postgres", host="h", extra={"a": 1})
    connection.host, connection.database, connection.extra = "g", "db", '{"b": 2}'
    assert connection.get_uri() == "postgres://g/db?__extra__=%7B%22b%22%3A%202%7D"
    assert connection.schema == "db"


def test_changing_what_extra_dejson_returns_changes_nothing():
    connection = Connection("x", "y", extra={"a": []})
    connection.extra_dejson["a"].append(1)
    assert connection.extra_dejson == {"a": []}


def test_uri_and_fields_do_not_go_together():
    assert "not both" in broken(Connection, "x", host="h", uri="x://h")
    assert Connection("x", uri="y://h").host == "h"


def test_types_are_compared_without_case_and_with_dashes_as_underscores():
    assert Connection(conn_type="Google-Cloud-Platform").conn_type == "google_cloud_platform"


def test_connections_are_equal_when_they_lead_to_the_same_place():
    connection = Connection("a", "x", host="h", description="one")
    assert connection == Connection("b", "x", host="h", description="two")
    assert connection != Connection("a", "x", host="g")
    assert connection != Connection("a", "x", host="h", password="")
    assert connection != "x://h"


def test_pruned_dicts_leave_out_what_is_not_there_and_keep_what_is_empty():
    assert Connection("x", "y", password="", port=0).to_dict(prune_empty=True) == {
        "conn_id": "x",
        "conn_type": "y",
        "password": "",
        "port": 0,
    }


# -- what is shown


def test_repr_masks_password_and_secret_extras(echo):
    uri = "echo://u:hunter2@h:1/s?api_key=hunter3&plain=seen&a.token=hunter4&pin=12345"
    connection = Connection.from_uri(uri, "x")
    for shown in (repr(connection), str(connection), connection.masked_uri(), str(connection.masked_dict())):
        assert not [secret for secret in ("hunter", "12345") if secret in shown]
        assert "***" in shown
        assert "seen" in shown
    assert repr(Connection.from_uri("x://u:p@h/s?k=v", "y")) == "Connection('y', 'x://u:***@h/s?k=v')"


def test_masked_dict_has_every_field():
    shown = Connection.from_uri("x://u:hunter2@h/?token=t", "y").masked_dict()
    assert shown["password"] == "***"
    assert shown["extra"] == {"token": "***"}
    assert shown["login"] == "u"


# -- other forms


@pytest.mark.parametrize(
    ("uri", "url"),
    [
        ("postgres://u:p%40%2F%3A%25 x@h:5432/db", "postgresql://u:p%40%2F%3A%25%20x@h:5432/db"),
        ("postgres://u@[::1]:5432/db", "postgresql://u@[::1]:5432/db"),
        ("postgres://u@%2Fvar%2Frun/db", "postgresql://u@/db?host=%2Fvar%2Frun"),
        ("mysql://u@%2Ftmp%2Fs.sock/db", "mysql://u@/db?unix_socket=%2Ftmp%2Fs.sock"),
        ("postgres://h1:1,h2:2/db", "postgresql:///db?host=h1%3A1&host=h2%3A2"),
        ("mysql://h/?sqlalchemy_scheme=mysql%2Bpymysql", "mysql+pymysql://h"),
        ('mysql://h/d?__extra__={"sqlalchemy_query": {"charset": "utf8"}}', "mysql://h/d?charset=utf8"),
    ],
)
@pytest.mark.usefixtures("core_alone")
def test_sqlalchemy_urls(uri, url):
    assert Connection.from_uri(uri).sqlalchemy_url == url


@pytest.mark.usefixtures("core_alone")
@pytest.mark.parametrize("password", ["p@:/?#%25 +é", "", "plain"])
def test_sqlalchemy_reads_its_url_as_the_connection_means_it(password):
    connection = Connection("x", "postgres", host="::1", port=5432, login="u:@/", password=password, schema="d b")
    url = sqlalchemy.make_url(connection.sqlalchemy_url)
    assert (url.username, url.password, url.host, url.port) == ("u:@/", password, "::1", 5432)
    assert url.database == "d b"


def test_dsn_is_what_libpq_reads():
    connection = Connection.from_uri("postgres://u:p w'\\@h1:5432,h2:5433/db")
    assert connection.dsn == "host=h1,h2 port=5432,5433 user=u password='p w\\'\\\\' dbname=db"
    assert Connection.from_uri("postgres://h/db").dsn == "host=h dbname=db"


# -- hooks


def test_get_hook_makes_the_hook_of_the_type_for_a_connection_that_no_source_has(echo):
    hook = Connection.from_uri("echo://h", "nowhere").get_hook(hook_params={"loud": True})
    assert (type(hook).__name__, hook.loud, hook.get_conn()) == ("EchoHook", True, "h")
    with pytest.raises(ConnectionNotFound):
        hook.get_connection("other")


def test_get_hook_works_for_hooks_that_look_up_while_they_are_made(echo):
    assert Connection.from_uri("login://u@h").get_hook().login == "u"


def test_get_hook_says_which_types_there_are(echo):
    assert "no installed provider knows the type 'ecoh'; did you mean 'echo'?" in broken(
        Connection.from_uri("ecoh://h", "x").get_hook
    )
    assert "known types: " in broken(Connection.from_uri("qqqqqq://h", "x").get_hook)
    assert "the type 'dull' has no hook" in broken(Connection.from_uri("dull://h", "x").get_hook)


def test_test_connection_tells_what_the_hook_tells(echo):
    assert Connection.from_uri("echo://h").test_connection() == (True, "hello h")


def test_test_connection_never_raises_and_shows_no_secret(echo):
    assert Connection.from_uri("echo://u:hunter2@down").test_connection() == (False, "no answer to ***")
    works, told = Connection.from_uri("qqqqqq://h").test_connection()
    assert not works
    assert "no installed provider" in told
    assert Connection.from_uri("login://u@h").test_connection() == (False, "LoginHook cannot test a connection")


# -- lookup


def test_a_connection_is_found_in_the_environment(monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", "sqlite:///w.db")
    connection = Connection.get("warehouse")
    assert (connection.conn_id, connection.schema, connection.where) == ("warehouse", "w.db", "AIRFLOW_CONN_WAREHOUSE")
    assert lookup("WAREHOUSE") == connection
    assert asyncio.run(Connection.async_get("warehouse")) == connection


def test_a_broken_connection_is_never_not_found(monkeypatch):
    monkeypatch.setenv("TRADEWIND_CONN_X", "postgres")
    monkeypatch.setenv("AIRFLOW_CONN_X", "postgres://h")
    assert "The connection 'x' in TRADEWIND_CONN_X is broken" in broken(lookup, "x")


def test_presets_come_before_every_source(monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_X", "a://h")
    with connections({"x": "b://h", "y": Connection("y", "c")}):
        assert lookup("x").conn_type == "b"
        with connections({"x": Connection("x", "d")}):
            assert (lookup("x").conn_type, lookup("y").conn_type) == ("d", "c")
        assert lookup("x").conn_type == "b"
    assert lookup("x").conn_type == "a"
    with pytest.raises(ConnectionNotFound):
        lookup("y")


def test_a_broken_preset_is_an_error_too():
    with connections({"x": "postgres"}):
        assert "in a preset is broken" in broken(lookup, "x")


# -- export


ROWS = [
    Connection("my-db", "postgres", host="h", login="u", password="p'& \"q", extra={"a": {"b": 1}}, description="d'd"),
    Connection("plain", "http", host="https://h", password=""),
]


@pytest.mark.parametrize(("form", "ending"), [("uri", "env"), ("env", "env"), ("json", "json"), ("yaml", "yaml")])
def test_what_is_exported_can_be_imported(tmp_path, form, ending):
    path = tmp_path / f"connections.{ending}"
    path.write_text(dump_connections(ROWS, form), encoding="utf-8")
    again = {name: Connection.from_value(text, name) for name, text in parse_connections_file(path).items()}
    assert list(again) == (["my_db", "plain"] if form == "env" else ["my-db", "plain"])
    assert list(again.values()) == ROWS
    if form in ("json", "yaml"):
        assert again["my-db"].description == "d'd"


def test_two_ids_that_would_be_one_variable_are_refused():
    rows = [Connection("a-b", "x"), Connection("a_b", "x")]
    with pytest.raises(UsageError, match="'a-b' and 'a_b' would both be AIRFLOW_CONN_A_B"):
        dump_connections(rows, "env")


def test_an_unknown_form_is_refused():
    with pytest.raises(UsageError, match="choose one of env, uri, json, yaml"):
        dump_connections([], "xml")


def test_a_key_file_is_a_connection_with_that_key(echo):
    key = {"type": "echo_account", "private_key": "k-e-y", "client_email": "etl@example.com"}
    connection = Connection.from_value(json.dumps(key), "mine", where="AIRFLOW_CONN_MINE")
    assert (connection.conn_id, connection.conn_type, connection.extra_dejson) == ("mine", "echo", {"token": key})
    assert Connection.from_value(connection.get_uri()) == connection
    assert "k-e-y" not in repr(connection)
    assert "field 'private_key', which there is not" in broken(Connection.from_json, {**key, "type": "other"})
