"""Variables: read from every source, stored in the metadata database, exported."""

from __future__ import annotations

import logging

import pytest

from tradewind import secrets
from tradewind.errors import BrokenVariable, UsageError, VariableNotFound
from tradewind.secrets import parse_variables_file
from tradewind.variable import Variable, dump_variables, list_variables

pytestmark = pytest.mark.usefixtures("fresh_secrets")


@pytest.fixture(autouse=True)
def empty_folder(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)


def test_a_variable_is_read_from_the_environment(monkeypatch):
    monkeypatch.setenv("AIRFLOW_VAR_A_KEY", " value ")
    assert Variable.get("a_key") == " value "
    assert Variable.get("A-Key") == " value "
    monkeypatch.setenv("TRADEWIND_VAR_A_KEY", "ours")
    assert Variable.get("a_key") == "ours"


def test_json(monkeypatch):
    monkeypatch.setenv("AIRFLOW_VAR_K", '{"a": [1, null]}')
    assert Variable.get("k", deserialize_json=True) == {"a": [1, None]}
    assert Variable.get("k") == '{"a": [1, null]}'


@pytest.mark.parametrize("text", ["hunter2", "{", "[" * 100_000])
def test_json_that_is_none_is_broken_whatever_the_default(monkeypatch, text):
    monkeypatch.setenv("AIRFLOW_VAR_K", text)
    with pytest.raises(BrokenVariable) as caught:
        Variable.get("k", {}, deserialize_json=True)
    assert "The variable 'k' in AIRFLOW_VAR_K is not JSON" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_defaults():
    assert Variable.get("gone", None) is None
    assert Variable.get("gone", {"a": 1}, deserialize_json=True) == {"a": 1}
    assert Variable.get("gone", default_var="d") == "d"
    with pytest.raises(VariableNotFound) as caught:
        Variable.get("gone")
    assert str(caught.value).startswith("The variable 'gone' is not defined. Asked: environment (TRADEWIND_VAR_GONE")
    assert "Set TRADEWIND_VAR_GONE, or run `tradewind variables set gone`." in str(caught.value)


def test_keys_that_cannot_be_are_refused():
    with pytest.raises(UsageError, match="the name of a variable"):
        Variable.get("a\nb")


def test_set_get_delete():
    Variable.set("k", "v", description="what it is for")
    assert Variable.get("k") == "v"
    Variable.set("k", {"a": 1}, serialize_json=True)
    assert Variable.get("k", deserialize_json=True) == {"a": 1}
    Variable.set("n", 5)
    assert Variable.get("n") == "5"
    assert Variable.keys() == ["k", "n"]
    assert Variable.keys("n") == ["n"]
    assert Variable.delete("k") is True
    assert Variable.delete("k") is False
    with pytest.raises(VariableNotFound):
        Variable.get("k")


def test_setdefault():
    assert Variable.setdefault("k", {"a": 1}, deserialize_json=True) == {"a": 1}
    assert Variable.setdefault("k", {"a": 2}, deserialize_json=True) == {"a": 1}


def test_what_json_does_not_have_is_not_stored():
    with pytest.raises(BrokenVariable, match="'k' cannot be written as JSON"):
        Variable.set("k", object(), serialize_json=True)
    assert Variable.keys() == []


def test_storing_what_another_source_shadows_is_told(monkeypatch, caplog):
    monkeypatch.setenv("AIRFLOW_VAR_K", "env")
    with caplog.at_level(logging.WARNING):
        Variable.set("k", "stored")
    assert "The variable 'k' is stored, but environment: AIRFLOW_VAR_K is used instead of it." in caplog.text
    assert Variable.get("k") == "env"


def test_listing_shows_origin_shadows_and_masks(monkeypatch):
    monkeypatch.setenv("AIRFLOW_VAR_API_TOKEN", "hunter2")
    Variable.set("api_token", "hunter3")
    Variable.set("plain", "seen hunter2 there")
    used, hidden, plain = list_variables()
    assert (used.key, used.source, used.where, used.masked) == (
        "api_token",
        "environment",
        "AIRFLOW_VAR_API_TOKEN",
        "***",
    )
    assert used.shadows
    assert hidden.shadowed_by == "environment: AIRFLOW_VAR_API_TOKEN"
    assert hidden.masked == "***"
    assert plain.masked == "seen hunter2 there"
    Variable.get("api_token")
    assert plain.masked == "seen *** there"


def test_variables_with_telling_names_are_masked_once_read(monkeypatch):
    monkeypatch.setenv("AIRFLOW_VAR_DB_PASSWORD", "hunter2")
    monkeypatch.setenv("AIRFLOW_VAR_CONFIG", '{"api_key": "hunter3", "host": "h"}')
    Variable.get("db_password")
    Variable.get("config", deserialize_json=True)
    assert secrets.redact("hunter2 hunter3 h") == "*** *** h"


@pytest.mark.parametrize("form", ["json", "yaml", "env"])
def test_what_is_exported_can_be_imported(tmp_path, form):
    values = {"a": "text", "b": "two\nlines\t\"quoted\" 'too' $HOME \\n", "c": '{"d": 1}', "e": " ", "f": "0123"}
    path = tmp_path / f"v.{form}"
    path.write_text(dump_variables(values, form), encoding="utf-8")
    assert parse_variables_file(path) == values


def test_an_unknown_form_is_refused():
    with pytest.raises(UsageError, match="choose one of json, yaml, env"):
        dump_variables({}, "xml")
