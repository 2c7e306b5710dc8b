"""Connections and variables from files, by setting, automatically from `.env`, and for import."""

from __future__ import annotations

import json

import pytest

from tradewind.connection import Connection, list_connections, lookup, parse_connections_file
from tradewind.errors import BrokenConnection, ConnectionNotFound, SecretsError
from tradewind.secrets import LocalFileSource, parse_variables_file
from tradewind.variable import Variable

pytestmark = pytest.mark.usefixtures("fresh_secrets")


@pytest.fixture(autouse=True)
def here(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


ENV = """
# a comment
my-db=postgres://u:p#q@h/db
export AIRFLOW_CONN_QUOTED='postgres://u:p w@h'
TRADEWIND_CONN_TWICE="a://h"
AIRFLOW_CONN_TWICE=b://h
json={"conn_type": "x", "password": "a=b"}
"""


def test_env_files(here):
    assert parse_connections_file(write(here / "connections.env", ENV)) == {
        "my-db": "postgres://u:p#q@h/db",
        "quoted": "postgres://u:p w@h",
        "twice": "a://h",
        "json": '{"conn_type": "x", "password": "a=b"}',
    }


DATA = {
    "uri": "postgres://h",
    "fields": {"conn_type": "postgres", "password": "p", "extra": {"a": 1}, "port": 5432},
    "one": ["x://h"],
    "airflow": {"conn_type": "x", "extra_dejson": {"a": True}},
}


@pytest.mark.parametrize("ending", ["json", "yaml", "yml", "toml"])
def test_structured_files(here, ending):
    import yaml

    path = here / f"c.{ending}"
    if ending == "json":
        write(path, json.dumps(DATA))
    elif ending == "toml":
        write(
            path,
            'uri = "postgres://h"\none = ["x://h"]\n[fields]\nconn_type = "postgres"\npassword = "p"\nport = 5432\n'
            'extra = {a = 1}\n[airflow]\nconn_type = "x"\nextra_dejson = {a = true}\n',
        )
    else:
        write(path, yaml.safe_dump(DATA))
    found = {name: Connection.from_value(text, name) for name, text in parse_connections_file(path).items()}
    assert sorted(found) == sorted(DATA)
    assert found["fields"] == Connection("x", "postgres", password="p", extra={"a": 1}, port=5432)
    assert found["airflow"].extra_dejson == {"a": True}
    assert found["one"].conn_type == "x"


def test_variables_of_structured_files_become_json(here):
    path = write(here / "v.json", '{"a": "text", "b": {"c": 1}, "d": 5}')
    assert parse_variables_file(path) == {"a": "text", "b": '{"c": 1}', "d": "5"}


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("c.env", "x=a://h\nhunter2", "c.env, line 2: a line NAME=value is wanted"),
        ("c.env", "x=a://h\nx=hunter2://h", "c.env, line 2: 'x' is there already"),
        ("c.json", '{"x": "hunter2"', "c.json, line 1, column 16: not valid JSON"),
        ("c.json", '["hunter2"]', "a mapping of names to values is wanted, not list"),
        ("c.json", '{"x": "a://h", "x": "hunter2://h"}', "'x' is there more than once"),
        ("c.json", '{"x": 5}', "'x' must be a URI or a mapping of fields, not int"),
        ("c.json", '{"x": ["a://h", "b://h"]}', "'x' must be a URI or a mapping of fields, not list"),
        ("c.yaml", "x: [hunter2", "c.yaml, line"),
        ("c.yaml", "x: {conn_type: a, password: 0123}", "password of 'x' is a number in YAML. Put it in quotes"),
        ("c.yaml", "x: {conn_type: a, extra: {d: 2025-01-01}}", "holds a value that JSON does not have"),
        ("c.toml", "x = hunter2", "c.toml: not valid TOML"),
        ("c.ini", "x=1", "must end in .env, .json, .yaml, .yml or .toml"),
    ],
)
def test_files_that_cannot_be_read_are_errors_that_name_the_place(here, name, text, problem):
    with pytest.raises(SecretsError) as caught:
        parse_connections_file(write(here / name, text))
    assert problem in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_missing_and_binary_files_are_errors(here):
    with pytest.raises(SecretsError, match="cannot be read: No such file"):
        parse_connections_file(here / "gone.json")
    (here / "b.env").write_bytes(b"\xff")
    with pytest.raises(SecretsError, match="not UTF-8"):
        parse_connections_file(here / "b.env")


def test_the_files_of_the_settings_are_a_source(here, monkeypatch):
    monkeypatch.setenv("TRADEWIND_CONNECTIONS_FILE", str(write(here / "c.json", '{"my-db": "postgres://h"}')))
    monkeypatch.setenv("TRADEWIND_VARIABLES_FILE", str(write(here / "v.env", "key=value")))
    assert (lookup("my-db").host, lookup("my-db").where) == ("h", f"{here}/c.json, my-db")
    assert Variable.get("key") == "value"
    with pytest.raises(ConnectionNotFound, match=r"local_file \(.*c.json has none of that name\)"):
        lookup("my_db")
    write(here / "c.json", '{"my-db": "postgres://changed"}')
    assert lookup("my-db").host == "changed"


def test_a_file_of_the_settings_that_is_missing_is_an_error(here, monkeypatch):
    monkeypatch.setenv("TRADEWIND_CONNECTIONS_FILE", str(here / "gone.json"))
    with pytest.raises(SecretsError, match=r"The setting connections_file names .*gone.json, which cannot be read"):
        lookup("x")


def test_a_dot_env_in_the_current_folder_is_read(here):
    write(
        here / ".env",
        "SECRET_KEY='multi\nline nonsense that is not ours\nAIRFLOW_CONN_MY_DB=postgres://h\n"
        "export TRADEWIND_VAR_KEY=value\nAIRFLOW_CONN_BROKEN=postgres\n",
    )
    assert lookup("my-db").where == f"{here}/.env, line 3"
    assert Variable.get("KEY") == "value"
    with pytest.raises(BrokenConnection, match=r"in .*\.env, line 5 is broken"):
        lookup("broken")
    assert [(row.conn_id, row.where) for row in list_connections()] == [
        ("broken", f"{here}/.env, line 5"),
        ("my_db", f"{here}/.env, line 3"),
    ]


def test_the_environment_wins_over_dot_env(here, monkeypatch):
    write(here / ".env", "AIRFLOW_CONN_X=file://h\n")
    monkeypatch.setenv("AIRFLOW_CONN_X", "env://h")
    assert lookup("x").conn_type == "env"


def test_a_folder_called_dot_env_is_left_alone(here):
    (here / ".env").mkdir()
    with pytest.raises(ConnectionNotFound):
        lookup("x")


def test_keywords_of_airflows_backend_are_taken(here):
    source = LocalFileSource(connections_file_path=str(write(here / "c.env", "x=a://h")))
    assert (source.get_conn_value("x"), source.conn_ids()) == ("a://h", ["x"])
