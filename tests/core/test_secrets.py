"""The sources: environment, their order, what they say when they do not have it, and Airflow's backends."""

from __future__ import annotations

import json
import os
import sys
import types

import pytest

from tradewind import secrets
from tradewind.connection import Connection, lookup
from tradewind.errors import (
    BrokenConnection,
    ConnectionNotFound,
    SecretsError,
    SettingError,
    UsageError,
    VariableNotFound,
)
from tradewind.secrets import EnvironmentSource, SecretsSource
from tradewind.variable import Variable

pytestmark = pytest.mark.usefixtures("fresh_secrets")


@pytest.fixture(autouse=True)
def empty_folder(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def backend(monkeypatch):
    """Makes a class loadable by a dotted path, and puts it first in the order."""

    def configure(kind, **options):
        module = types.ModuleType("backend_of_the_test")
        module.Backend = kind
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND", "backend_of_the_test.Backend")
        if options:
            monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND_KWARGS", json.dumps(options))

    return configure


# -- environment


@pytest.mark.parametrize(
    ("environ", "conn_id", "where"),
    [
        ({"TRADEWIND_CONN_X": "a://", "AIRFLOW_CONN_X": "b://"}, "x", "TRADEWIND_CONN_X"),
        ({"AIRFLOW_CONN_X": "b://"}, "X", "AIRFLOW_CONN_X"),
        ({"AIRFLOW_CONN_MY_DB": "b://"}, "my-db", "AIRFLOW_CONN_MY_DB"),
        ({"AIRFLOW_CONN_MY-DB": "a://", "AIRFLOW_CONN_MY_DB": "b://"}, "my-db", "AIRFLOW_CONN_MY-DB"),
        ({"AIRFLOW_CONN_A_B_C_D": "b://"}, "a.b/c d", "AIRFLOW_CONN_A_B_C_D"),
        ({"TRADEWIND_CONN_X": "  ", "AIRFLOW_CONN_X": "b://"}, "x", "AIRFLOW_CONN_X"),
    ],
)
def test_a_connection_is_found_in_the_environment(environ, conn_id, where):
    source = EnvironmentSource(environ)
    assert source.get_conn_value(conn_id) == environ[where]
    assert source.describe_conn(conn_id) == where


def test_an_empty_variable_counts_as_not_defined():
    source = EnvironmentSource({"AIRFLOW_CONN_X": "", "AIRFLOW_VAR_X": " "})
    assert source.get_conn_value("x") is None
    assert source.get_variable("x") is None
    assert source.conn_ids() == source.variable_keys() == []
    assert "AIRFLOW_CONN_X is set but empty" in source.explain_missing_conn("x")


def test_a_file_holds_the_value(tmp_path):
    path = tmp_path / "x"
    path.write_text("postgres://u:p@h\n", encoding="utf-8")
    source = EnvironmentSource({"AIRFLOW_CONN_X_FILE": str(path), "TRADEWIND_VAR_K_FILE": str(path)})
    assert source.get_conn_value("x") == "postgres://u:p@h"
    assert source.get_variable("k") == "postgres://u:p@h"
    assert source.describe_conn("x") == f"AIRFLOW_CONN_X_FILE ({path})"
    path.write_text("postgres://new", encoding="utf-8")
    assert source.get_conn_value("x") == "postgres://new"


def test_a_command_prints_the_value_and_runs_once(tmp_path):
    script = tmp_path / "print it"
    script.write_text('#!/bin/sh\necho x >> "$2"; printf "x://%s\\n" "$1"\n', encoding="utf-8")
    script.chmod(0o755)
    source = EnvironmentSource({"AIRFLOW_CONN_X_CMD": f"'{script}' 'a b' {tmp_path}/count"})
    assert [source.get_conn_value("x") for _ in range(3)] == ["x://a b"] * 3
    assert (tmp_path / "count").read_text() == "x\n"


def test_plain_wins_over_file_and_file_over_command(tmp_path):
    path = tmp_path / "f"
    path.write_text("f://", encoding="utf-8")
    environ = {"AIRFLOW_CONN_X": "p://", "AIRFLOW_CONN_X_FILE": str(path), "AIRFLOW_CONN_X_CMD": "echo c://"}
    assert EnvironmentSource(environ).get_conn_value("x") == "p://"
    assert EnvironmentSource(environ).conn_places("x") == {
        "AIRFLOW_CONN_X": "p://",
        f"AIRFLOW_CONN_X_FILE ({path})": "f://",
        "AIRFLOW_CONN_X_CMD (a command)": "c://",
    }
    del environ["AIRFLOW_CONN_X"]
    assert EnvironmentSource(environ).get_conn_value("x") == "f://"


def test_ids_that_end_in_file_or_cmd_are_still_reachable(tmp_path):
    path = tmp_path / "f"
    path.write_text("f://", encoding="utf-8")
    source = EnvironmentSource({"AIRFLOW_CONN_MY_FILE": "sftp://h", "AIRFLOW_CONN_BUILD_CMD": '{"conn_type": "ssh"}'})
    assert source.get_conn_value("my_file") == "sftp://h"
    assert source.get_conn_value("my") is None
    assert source.get_conn_value("build_cmd") == '{"conn_type": "ssh"}'
    assert source.get_conn_value("build") is None
    assert source.conn_ids() == ["build_cmd", "my_file"]
    source = EnvironmentSource({"AIRFLOW_CONN_MY_FILE": str(path), "AIRFLOW_CONN_BUILD_CMD": "echo c://"})
    assert (source.get_conn_value("my"), source.get_conn_value("my_file")) == ("f://", None)
    assert (source.get_conn_value("build"), source.get_conn_value("build_cmd")) == ("c://", None)
    assert source.conn_ids() == ["build", "my"]
    assert "AIRFLOW_CONN_MY_FILE is read as the file of 'my'" in source.explain_missing_conn("my_file")
    assert "AIRFLOW_CONN_BUILD_CMD is read as the command of 'build'" in source.explain_missing_conn("build_cmd")


def test_a_broken_plain_value_of_an_id_that_ends_in_file_is_not_lost():
    source = EnvironmentSource({"AIRFLOW_CONN_MY_FILE": "sftp:h"})
    assert source.get_conn_value("my_file") == "sftp:h"


def test_a_variable_that_ends_in_file_is_the_text_itself(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("1,2", encoding="utf-8")
    source = EnvironmentSource({"AIRFLOW_VAR_DATA_FILE": str(path)})
    assert source.get_variable("data_file") == str(path)
    assert source.get_variable("data") == "1,2"
    assert source.variable_keys() == ["data", "data_file"]


@pytest.mark.parametrize(
    ("variable", "text", "problem"),
    [
        (
            "AIRFLOW_CONN_X_FILE",
            "/no/such/file",
            "AIRFLOW_CONN_X_FILE names a file (/no/such/file) that cannot be",
        ),
        ("AIRFLOW_CONN_X_FILE", "hunter2/hunter2", "AIRFLOW_CONN_X_FILE names a file (a relative path) that cannot"),
        ("AIRFLOW_CONN_X_FILE", "/", "cannot be read: Is a directory"),
        ("AIRFLOW_CONN_X_CMD", "no-such-command hunter2", "the command in AIRFLOW_CONN_X_CMD cannot be run"),
        ("AIRFLOW_CONN_X_CMD", "sh -c 'echo hunter2; exit 3'", "ended with exit code 3"),
        ("AIRFLOW_CONN_X_CMD", "true", "prints nothing"),
        ("AIRFLOW_CONN_X_CMD", "printf \\\\377", "not UTF-8 text"),
        ("AIRFLOW_CONN_X_CMD", "echo 'hunter2", "cannot be run: No closing quotation"),
    ],
)
def test_a_file_or_command_that_fails_is_a_broken_connection(monkeypatch, variable, text, problem):
    monkeypatch.setenv(variable, text)
    with pytest.raises(BrokenConnection) as caught:
        lookup("x")
    assert str(caught.value).startswith("The connection 'x'")
    assert problem in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_empty_and_binary_files_are_broken(monkeypatch, tmp_path):
    path = tmp_path / "f"
    monkeypatch.setenv("AIRFLOW_CONN_X_FILE", str(path))
    for content, problem in ((b"\n", "that is empty"), (b"\xff", "is not UTF-8 text")):
        path.write_bytes(content)
        with pytest.raises(BrokenConnection, match=problem):
            lookup("x")


def test_a_broken_value_from_a_file_is_named_by_its_file(monkeypatch, tmp_path):
    path = tmp_path / "f"
    path.write_text("hunter2", encoding="utf-8")
    monkeypatch.setenv("AIRFLOW_CONN_X_FILE", str(path))
    with pytest.raises(BrokenConnection) as caught:
        lookup("x")
    assert f"in AIRFLOW_CONN_X_FILE ({path}) is broken" in str(caught.value)
    assert "AIRFLOW_CONN_X_FILE='" not in str(caught.value)


# -- the order


def test_not_found_says_who_was_asked_and_what_each_said(monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", "a://")
    with pytest.raises(ConnectionNotFound) as caught:
        lookup("warehous")
    message = str(caught.value)
    assert message.startswith("The connection 'warehous' is not defined. Asked: environment (TRADEWIND_CONN_WAREHOUS")
    assert "local_file (no file is set, and there is no .env in the current folder)" in message
    assert "metastore (" in message
    assert "Did you mean 'warehouse'?" in message
    assert "Set TRADEWIND_CONN_WAREHOUS, or run `tradewind connections add warehous`." in message


def test_the_order_is_that_of_the_setting(monkeypatch, backend):
    class Backend:
        def get_conn_value(self, conn_id):
            return "backend://"

    backend(Backend)
    monkeypatch.setenv("AIRFLOW_CONN_X", "env://")
    assert lookup("x").conn_type == "backend"
    monkeypatch.setenv("TRADEWIND_SECRETS_SOURCES", "environment,backend_of_the_test.Backend")
    assert lookup("x").conn_type == "env"


def test_a_source_that_fails_is_an_error_that_names_it_and_nothing_falls_through(monkeypatch, backend):
    class Backend:
        def get_conn_value(self, conn_id):
            raise OSError("token hunter2hunter2 refused")

        def get_variable(self, key):
            raise KeyError(key)

    secrets.mask_secret("hunter2hunter2")
    backend(Backend)
    monkeypatch.setenv("AIRFLOW_CONN_X", "env://")
    monkeypatch.setenv("AIRFLOW_VAR_X", "1")
    with pytest.raises(SecretsError) as caught:
        lookup("x")
    assert str(caught.value) == (
        "The secrets source 'backend_of_the_test.Backend' failed when asked for the connection 'x': "
        "OSError: token *** refused"
    )
    with pytest.raises(SecretsError, match="asked for the variable 'x': KeyError"):
        Variable.get("x", "default")


@pytest.mark.parametrize("name", ["no_such_source", "no.such.Backend", "os.path.nothing"])
def test_a_source_that_cannot_be_loaded_is_an_error_that_names_it(monkeypatch, name):
    monkeypatch.setenv("TRADEWIND_SECRETS_SOURCES", name)
    with pytest.raises(SecretsError, match=f"secrets_sources names '{name}'"):
        lookup("x")


def test_a_source_that_cannot_be_made_is_an_error_that_names_it(backend):
    class Backend:
        pass

    backend(Backend, unknown=1)
    with pytest.raises(SecretsError, match=r"'backend_of_the_test.Backend' cannot be made: TypeError"):
        lookup("x")


@pytest.mark.parametrize("text", ["{", "[]", '{"a": 1}'])
def test_options_that_cannot_be_read_are_an_error(monkeypatch, text):
    monkeypatch.setenv("TRADEWIND_SECRETS_OPTIONS", text)
    with pytest.raises(SettingError, match="secrets_options"):
        lookup("x")


def test_a_connection_of_the_environment_loads_no_database(monkeypatch):
    import subprocess

    code = "import sys; from tradewind.connection import lookup; lookup('x'); print('sqlalchemy' in sys.modules)"
    environ = {**os.environ, "AIRFLOW_CONN_X": "postgres://h"}
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_looking_up_writes_nothing(home, tmp_path):
    with pytest.raises(ConnectionNotFound):
        lookup("x")
    with pytest.raises(VariableNotFound):
        Variable.get("x")
    assert not home.exists()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["", "a\nb", "a'b", "x" * 251, None, 5])
def test_names_that_cannot_be_are_refused(name):
    with pytest.raises(UsageError, match="the name of a connection"):
        lookup(name)


@pytest.mark.parametrize("name", ["a/b", "a.b-c", "ü", "a b", "a:b\\c#(d)!"])
def test_names_that_airflow_takes_are_taken(name):
    with pytest.raises(ConnectionNotFound):
        lookup(name)


def test_the_sources_are_those_of_the_setting(monkeypatch):
    assert [source.name for source in secrets.sources()] == ["environment", "local_file", "metastore"]
    assert secrets.sources()[0] is secrets.sources()[0]
    assert secrets.source_named("metastore").name == "metastore"


# -- Airflow's backends


def test_an_airflow_backend_loads_unchanged_with_its_arguments(backend):
    class Backend:
        """Has the methods that Airflow's own have."""

        def __init__(self, connections_prefix, sep="/"):
            self.prefix = connections_prefix + sep

        def get_conn_value(self, conn_id, team_name=None):
            return f"postgres://{conn_id}.{self.prefix[:-1]}/db" if conn_id == "x" else None

        def get_variable(self, key, team_name=None):
            return 5 if key == "n" else None

        def get_config(self, key):
            return None

    backend(Backend, connections_prefix="airflow")
    assert lookup("x").host == "x.airflow"
    assert Variable.get("n") == "5"
    with pytest.raises(ConnectionNotFound, match=r"backend_of_the_test.Backend \(has none of that id\); environment"):
        lookup("y")


def test_backends_of_every_age_are_understood(backend):
    class Base:
        def get_conn_value(self, conn_id):
            raise NotImplementedError

        def get_conn_uri(self, conn_id):
            raise NotImplementedError

        def get_connection(self, conn_id):
            raise NotImplementedError

        def get_variable(self, key):
            raise NotImplementedError

    class OldBackend(Base):
        def get_conn_uri(self, conn_id):
            return "old://h"

    class ObjectBackend(Base):
        def get_connection(self, conn_id):
            return Connection(conn_id, "object", password="p/q")

    backend(OldBackend)
    assert lookup("x").conn_type == "old"
    secrets.forget_sources()
    backend(ObjectBackend)
    assert (lookup("x").conn_type, lookup("x").password) == ("object", "p/q")
    assert Variable.get("k", None) is None


def test_a_backend_that_answers_nonsense_is_an_error(backend):
    class Backend:
        def get_connection(self, conn_id):
            return 5

    backend(Backend)
    with pytest.raises(SecretsError, match="answered with a int instead of a URI, JSON or connection"):
        lookup("x")


def test_answers_of_slow_sources_are_kept(backend, monkeypatch):
    asked = []

    class Backend:
        def get_conn_value(self, conn_id):
            asked.append(conn_id)
            return "a://h" if conn_id == "x" else None

    backend(Backend)
    monkeypatch.setenv("AIRFLOW_CONN_Y", "b://h")
    for _ in range(3):
        assert (lookup("x").conn_type, lookup("y").conn_type) == ("a", "b")
    assert asked == ["x", "y"]
    monkeypatch.setenv("TRADEWIND_SECRETS_CACHE_SECONDS", "0")
    for _ in range(3):
        lookup("x")
    assert asked == ["x", "y", "x", "x", "x"]


def test_a_source_that_only_reads_refuses_to_write():
    source = secrets.source_named("environment")
    for call in (
        lambda: source.set_connection("x", "a://"),
        lambda: source.delete_connection("x"),
        lambda: source.set_variable("x", "1"),
        lambda: source.delete_variable("x"),
    ):
        with pytest.raises(SecretsError, match="'environment' can only be read"):
            call()


def test_a_source_need_not_do_anything():
    source = SecretsSource()
    assert (source.get_conn_value("x"), source.get_variable("x"), source.get_config("x")) == (None, None, None)
    assert (source.conn_ids(), source.variable_keys()) == (None, None)
    assert (source.conn_places("x"), source.variable_places("x")) == ({}, {})
