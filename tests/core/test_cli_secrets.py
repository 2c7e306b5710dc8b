"""`tradewind connections`, `tradewind variables`, and keys: what is shown, what is stored, and what is masked."""

from __future__ import annotations

import io
import json
import shlex
import stat

import pytest

from tradewind.cli import main
from tradewind.connection import Connection

PASSWORD = "p@ss/w#rd"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("TRADEWIND_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


@pytest.fixture
def tell(capsys):
    """Run a command; its output, which must come without an error."""

    def run(*arguments: str) -> str:
        assert main(list(arguments)) == 0, capsys.readouterr().err
        return capsys.readouterr().out

    return run


@pytest.fixture
def fail(capsys):
    """Run a command that must fail with exit code 2; its one line."""

    def run(*arguments: str) -> str:
        assert main(list(arguments)) == 2
        printed = capsys.readouterr()
        assert len(printed.err.splitlines()) == 1, printed.err
        return printed.err

    return run


def test_every_source_is_listed_with_its_place_and_what_hides_it(tell, monkeypatch):
    tell("connections", "add", "shop", "--conn-uri", "smtp://stored")
    tell("connections", "add", "quiet", "--conn-uri", "smtp://quiet")
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", f"smtp://me:{PASSWORD}@mail")
    monkeypatch.setenv("TRADEWIND_CONN_BAD", "smtp//me")
    rows = json.loads(tell("connections", "list", "-o", "json"))
    assert [(row["conn_id"], row["source"], bool(row["error"])) for row in rows] == [
        ("bad", "environment", True),
        ("quiet", "metastore", False),
        ("shop", "environment", False),
        ("shop", "metastore", False),
    ]
    assert rows[2]["where"] == "AIRFLOW_CONN_SHOP"
    assert rows[2]["uri"] == "smtp://me:***@mail"
    assert "AIRFLOW_CONN_SHOP" in rows[3]["shadowed_by"]
    assert "TRADEWIND_CONN_BAD" in rows[0]["error"]


@pytest.mark.parametrize("form", ["table", "json", "yaml"])
def test_a_password_is_shown_only_if_asked_for(form, tell, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_DB", f"generic://me:{PASSWORD}@host/x?api_key=geheim123")
    for command in (["connections", "get", "db"], ["connections", "list"]):
        masked = tell(*command, "-o", form)
        assert "***" in masked
        assert not any(secret in masked for secret in (PASSWORD, "p%40ss", "geheim123"))
        assert "p%40ss%2Fw%23rd" in tell(*command, "--reveal", "-o", form)


def test_a_broken_connection_is_an_error_that_names_the_variable(fail, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_DB", "postgres//me@host")
    assert "AIRFLOW_CONN_DB" in fail("connections", "get", "db")
    assert "AIRFLOW_CONN_DB" in fail("connections", "test", "db")


def test_a_missing_connection_says_who_was_asked(fail):
    told = fail("connections", "get", "nowhere")
    assert "environment" in told
    assert "metastore" in told


@pytest.mark.parametrize(
    "given",
    [
        ["--conn-uri", "smtp://me:p%40ss%2Fw%23rd@mail:2525?starttls=false"],
        ["--conn-json", json.dumps({"conn_type": "smtp", "host": "mail", "port": 2525, "login": "me",
                                    "password": PASSWORD, "extra": {"starttls": False}})],
        ["--conn-type", "smtp", "--conn-host", "mail", "--conn-port", "2525", "--conn-login", "me",
         "--conn-password", PASSWORD, "--conn-extra", '{"starttls": false}'],
    ],
)  # fmt: skip
def test_a_connection_is_stored_from_a_uri_json_or_fields(given, tell, home):
    assert PASSWORD not in tell("connections", "add", "mail", *given)
    stored = json.loads(tell("connections", "get", "mail", "--reveal", "-o", "json"))
    assert (stored["conn_type"], stored["host"], stored["port"], stored["login"]) == ("smtp", "mail", 2525, "me")
    assert stored["password"] == PASSWORD
    assert stored["extra"] == {"starttls": False}
    for path in home.iterdir():
        assert PASSWORD.encode() not in path.read_bytes(), f"{path} holds the password in clear"


def test_a_connection_can_come_from_standard_input(tell, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("smtp://me:pw@mail\n"))
    tell("connections", "add", "mail", "--conn-uri", "-")
    assert json.loads(tell("connections", "get", "mail", "-o", "json"))["host"] == "mail"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ([], "Give the connection"),
        (["--conn-uri", "smtp://x", "--conn-host", "y"], "Give the connection as"),
        (["--conn-uri", "smtp://x", "--conn-json", "{}"], "Give the connection as"),
        (["--conn-host", "y"], "--conn-type"),
        (["--conn-json", "{"], "JSON"),
        (["--conn-type", "smtp", "--conn-port", "99999"], "port"),
    ],
)
def test_a_connection_that_cannot_be_is_not_stored(given, told, fail, tell, home):
    assert told in fail("connections", "add", "mail", *given)
    assert not home.exists()


def test_an_id_that_cannot_be_looked_up_is_refused(fail):
    assert "name" in fail("connections", "add", "what?", "--conn-uri", "smtp://x")


def test_a_stored_connection_is_not_overwritten_by_accident(tell, fail):
    tell("connections", "add", "mail", "--conn-uri", "smtp://first")
    assert "--overwrite" in fail("connections", "add", "mail", "--conn-uri", "smtp://second")
    tell("connections", "add", "mail", "--conn-uri", "smtp://second", "--overwrite")
    assert json.loads(tell("connections", "get", "mail", "-o", "json"))["host"] == "second"


def test_storing_what_the_environment_hides_warns(capsys, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_MAIL", "smtp://x")
    assert main(["connections", "add", "mail", "--conn-uri", "smtp://y"]) == 0
    assert "AIRFLOW_CONN_MAIL is asked first" in capsys.readouterr().err


def test_storing_a_type_that_nobody_knows_warns(capsys):
    assert main(["connections", "add", "mail", "--conn-uri", "smpt://y"]) == 0
    assert "knows the type 'smpt' of the connection mail. Did you mean 'smtp'?" in capsys.readouterr().err
    assert main(["connections", "add", "post", "--conn-uri", "smtp://y"]) == 0
    assert capsys.readouterr().err == ""


def test_an_export_to_a_file_of_no_known_form_is_refused(tell, fail, tmp_path):
    assert "does not end in .json, .yaml" in fail("connections", "export", str(tmp_path / "all.txt"))
    assert "does not end in .json" in fail("variables", "export", str(tmp_path / "all.txt"))
    tell("connections", "export", str(tmp_path / "all.txt"), "--format", "json")
    assert (tmp_path / "all.txt").read_text() == "{}\n"


def test_deleting_asks_unless_told(tell, fail):
    tell("connections", "add", "mail", "--conn-uri", "smtp://x")
    assert "--yes" in fail("connections", "delete", "mail")
    tell("connections", "delete", "mail", "--yes")
    assert "No connection 'mail' is stored" in fail("connections", "delete", "mail")
    assert "No variable 'x' is stored" in fail("variables", "delete", "x")


@pytest.mark.parametrize("name", ["c.json", "c.yaml", "c.env", ".env"])
def test_what_is_exported_can_be_imported(name, tell, fail, tmp_path):
    uris = {"mail": "smtp://me:p%40ss%20x%22%27%24y@mail:25/?starttls=false", "folder": "fs:///%2Ftmp"}
    for conn_id, uri in uris.items():
        tell("connections", "add", conn_id, "--conn-uri", uri)
    path = tmp_path / name
    tell("connections", "export", str(path))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "Stored already: " in fail("connections", "import", str(path))
    for conn_id in uris:
        tell("connections", "delete", conn_id, "-y")
    assert tell("connections", "import", str(path)) == "2 connection(s) stored.\n"
    for conn_id, uri in uris.items():
        stored = json.loads(tell("connections", "get", conn_id, "--reveal", "-o", "json"))
        assert Connection.from_uri(stored["uri"]) == Connection.from_uri(uri)


def test_a_broken_line_in_an_import_stores_nothing(tell, fail, tmp_path):
    path = tmp_path / "c.env"
    path.write_text("good=smtp://x\nbad=smtp//y\n")
    assert str(path) in fail("connections", "import", str(path))
    assert json.loads(tell("connections", "list", "-o", "json")) == []


def test_export_of_everything_takes_the_place_that_counts(tell, monkeypatch):
    tell("connections", "add", "mail", "--conn-uri", "smtp://stored")
    monkeypatch.setenv("AIRFLOW_CONN_MAIL", "smtp://environment")
    assert json.loads(tell("connections", "export"))["mail"]["host"] == "stored"
    assert json.loads(tell("connections", "export", "--all"))["mail"]["host"] == "environment"


def test_encode_prints_what_can_be_pasted(tell, monkeypatch):
    assert tell("connections", "encode", PASSWORD) == "p%40ss%2Fw%23rd\n"
    assert tell("connections", "encode", f"smtp://me:{PASSWORD}@mail") == "smtp://me:p%40ss%2Fw%23rd@mail\n"
    monkeypatch.setattr("sys.stdin", io.StringIO(PASSWORD + "\n"))
    assert tell("connections", "encode") == "p%40ss%2Fw%23rd\n"
    line = tell(
        *("connections", "encode", "--conn-type", "smtp", "--conn-host", "mail", "--conn-password", "it's"),
        *("--conn-id", "my_mail"),
    )
    name, _, value = line.strip().partition("=")
    assert name == "TRADEWIND_CONN_MY_MAIL"
    line = tell("connections", "encode", "--conn-id", "my-mail.eu", "smtp://mail")
    assert line == "TRADEWIND_CONN_MY_MAIL_EU=smtp://mail\n"  # what a shell can export
    assert Connection.from_uri(shlex.split(value)[0]).password == "it's"
    assert json.loads(tell("connections", "encode", "smtp://mail", "--json")) == {"conn_type": "smtp", "host": "mail"}


def test_a_connection_is_tested(tell, capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", f"sqlite:///{tmp_path}/w.db")
    assert tell("connections", "test", "warehouse").startswith("warehouse: ")
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", f"sqlite:///{tmp_path}/no/such/folder/w.db")
    assert main(["connections", "test", "warehouse"]) == 1
    assert "warehouse" in capsys.readouterr().err


def test_variables_are_stored_and_those_with_a_telling_name_are_masked(tell, home):
    tell("variables", "set", "region", "north")
    tell("variables", "set", "api_password", "geheim123")
    assert tell("variables", "get", "region") == "north\n"
    assert tell("variables", "get", "api_password") == "***\n"
    assert tell("variables", "get", "api_password", "--reveal") == "geheim123\n"
    assert "geheim123" not in tell("variables", "list")
    assert "geheim123" in tell("variables", "list", "--reveal")
    for path in home.iterdir():
        assert b"geheim123" not in path.read_bytes()


def test_json_variables_are_checked_and_printed_in_order(tell, fail):
    assert "not JSON" in fail("variables", "set", "limits", "{", "--json")
    tell("variables", "set", "limits", '{"high":2}', "--json")
    assert tell("variables", "get", "limits", "--json") == '{\n  "high": 2\n}\n'
    tell("variables", "set", "words", "no json")
    assert "words" in fail("variables", "get", "words", "--json")


def test_a_missing_variable_is_an_error_unless_there_is_a_default(tell, fail):
    assert "'nowhere'" in fail("variables", "get", "nowhere")
    assert tell("variables", "get", "nowhere", "--default", "3") == "3\n"
    assert "No variable" in fail("variables", "delete", "nowhere", "-y")


@pytest.mark.parametrize("name", ["v.json", "v.yaml", "v.env"])
def test_exported_variables_can_be_imported(name, tell, tmp_path):
    values = {"one": "1", "text": 'with "quotes", $signs\nand lines', "json": '{"a": [1, 2]}'}
    for key, value in values.items():
        tell("variables", "set", key, value)
    path = tmp_path / name
    tell("variables", "export", str(path))
    for key in values:
        tell("variables", "delete", key, "-y")
    assert tell("variables", "import", str(path)) == "3 variable(s) stored.\n"
    for key, value in values.items():
        assert tell("variables", "get", key) == value + "\n"


def test_import_keeps_what_is_there_if_asked(tell, tmp_path):
    (tmp_path / "v.json").write_text('{"a": "new", "b": "new"}')
    tell("variables", "set", "a", "old")
    assert tell("variables", "import", "v.json", "--keep") == "1 variable(s) stored.\n"
    assert (tell("variables", "get", "a"), tell("variables", "get", "b")) == ("old\n", "new\n")
    tell("variables", "import", "v.json")
    assert tell("variables", "get", "a") == "new\n"


def test_new_keys_read_the_old_secrets(tell, home):
    tell("connections", "add", "mail", "--conn-uri", "smtp://me:pw@mail")
    tell("variables", "set", "region", "north")
    before = (home / "fernet.key").read_text()
    assert tell("db", "rotate-keys") == "2 stored value(s) are encrypted with the new key.\n"
    after = (home / "fernet.key").read_text()
    assert not set(before.split()) & set(after.split())
    assert tell("variables", "get", "region") == "north\n"
    assert json.loads(tell("connections", "get", "mail", "--reveal", "-o", "json"))["password"] == "pw"


def test_settings_are_listed_with_their_source_and_without_secrets(tell, monkeypatch):
    monkeypatch.setenv("AIRFLOW__CORE__PARALLELISM", "3")
    monkeypatch.setenv("TRADEWIND_FERNET_KEYS", "geheim1234567890")
    monkeypatch.setenv("TRADEWIND_DATABASE_URL", "postgresql://me:geheim123@host/db")
    rows = {row["name"]: row for row in json.loads(tell("config", "list", "-o", "json"))}
    assert (rows["parallelism"]["value"], rows["parallelism"]["source"]) == (3, "AIRFLOW__CORE__PARALLELISM")
    assert rows["fernet_keys"]["value"] == "***"
    assert rows["database_url"]["value"] == "postgresql://me:***@host/db"
    assert "geheim" not in tell("config", "get", "database_url")
    monkeypatch.setenv("TRADEWIND_DATABASE_URL", "postgresql:///db?host=/run&password=geheim&sslmode=require")
    told = tell("config", "get", "database_url")
    assert "geheim" not in told
    assert "sslmode=require" in told
    assert tell("config", "get", "fernet_keys", "--reveal") == "geheim1234567890\n"


def test_providers_and_what_is_wrong_with_them_are_shown(tell, fail):
    rows = json.loads(tell("providers", "list", "-o", "json"))
    assert {"core", "sql"} <= {row["name"] for row in rows if row["state"] == "loaded"}
    shown = json.loads(tell("providers", "show", "core", "-o", "json"))
    assert "local" in shown["executors"]
    assert "smtp" in shown["connection types"]
    assert "No provider is called 'nonsense'" in fail("providers", "show", "nonsense")
