"""From a connection to a login: every form of key, what is refused, and what an error tells."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tradewind.connection import Connection
from tradewind.errors import BrokenConnection, ConnectionNotFound
from tradewind.secrets import forget_secrets, redact
from tradewind_gsheet import GSheetsHook
from tradewind_gsheet.errors import GSheetsError, LoginRefused, NotShared, SpreadsheetNotFound


def works(connection: Connection) -> None:
    with connection.get_hook() as hook:
        done, told = hook.test_connection()
        assert done, told


@pytest.fixture
def key_text(server: Connection) -> str:
    return str(server.extra_dejson["keyfile_dict"])


def told_by(connection: Connection) -> str:
    with connection.get_hook() as hook:
        done, told = hook.test_connection()
    assert not done
    return str(told)


@pytest.mark.parametrize("form", ["text", "object", "base64", "base64url", "old prefix", "file"])
def test_every_form_of_the_key(with_extra, server, key_text, tmp_path, form):
    path = tmp_path / "key.json"
    path.write_text(key_text)
    extra: dict[str, Any] = {
        "text": {},
        "object": {"keyfile_dict": json.loads(key_text)},
        "base64": {"keyfile_dict": base64.b64encode(key_text.encode()).decode()},
        "base64url": {"keyfile_dict": base64.urlsafe_b64encode(key_text.encode()).decode()},
        "old prefix": {
            "keyfile_dict": None,
            "extra__google_cloud_platform__keyfile_dict": key_text,
            "extra__google_cloud_platform__num_retries": "3",
            "extra__google_cloud_platform__key_path": "",
        },
        "file": {"keyfile_dict": None, "key_path": str(path)},
    }[form]
    connection = with_extra(server, **extra)
    for again in (connection, Connection.from_value(connection.get_uri()), Connection.from_value(connection.as_json())):
        works(again)


@pytest.mark.parametrize("form", ["value", "file"])
def test_the_key_file_itself_is_a_connection(server, key_text, monkeypatch, tmp_path, form):
    """As Google's console gives it, in a variable or in a file that a variable names."""
    monkeypatch.delenv("AIRFLOW_CONN_SHEETS")
    if form == "value":
        monkeypatch.setenv("AIRFLOW_CONN_SHEETS", key_text)
    else:
        (tmp_path / "key.json").write_text(key_text)
        monkeypatch.setenv("AIRFLOW_CONN_SHEETS_FILE", str(tmp_path / "key.json"))
    connection = Connection.get("sheets")
    assert connection.conn_type == "google_cloud_platform"
    assert Connection.from_value(connection.get_uri()) == connection
    with GSheetsHook("sheets", api_endpoint=server.extra_dejson["api_endpoint"]) as hook:
        assert hook.test_connection()[0]
        assert hook.account_email == json.loads(key_text)["client_email"]


def test_the_login_of_the_machine(with_extra, server, key_text, monkeypatch, tmp_path):
    (tmp_path / "adc.json").write_text(key_text)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "adc.json"))
    works(with_extra(server, keyfile_dict=None))


def test_no_key_and_no_login_of_the_machine(with_extra, server, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    told = told_by(with_extra(server, keyfile_dict=None))
    assert "has no key" in told
    assert "keyfile_dict=" in told


def test_a_connection_that_is_missing_is_an_error_whatever_the_machine_has(key_text, monkeypatch, tmp_path):
    (tmp_path / "adc.json").write_text(key_text)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "adc.json"))
    for conn_id in ("nowhere", "google_cloud_default"):
        with pytest.raises(ConnectionNotFound, match=conn_id):
            GSheetsHook(conn_id).get_conn()


@pytest.mark.parametrize(
    ("extra", "told"),
    [
        ({"key_path": "/x.json"}, "has key_path and keyfile_dict, and only one"),
        ({"keyfile_dict": "not a key"}, "neither the JSON of a key nor base64"),
        ({"keyfile_dict": "{}"}, "it has no type"),
        ({"keyfile_dict": '{"type": "banana"}'}, "its type is 'banana'"),
        ({"keyfile_dict": '{"type": "service_account"}'}, "it lacks client_email, token_uri, private_key"),
        ({"keyfile_dict": None, "key_path": "/no/such/key.json"}, "cannot be read: No such file"),
        ({"keyfile_dict": None, "key_path": "/no/such/key.p12"}, "old form P12"),
        ({"key_secret_name": "x"}, "Secret Manager"),
        ({"scop": "x"}, "did you mean 'scope'"),
        ({"num_retries": -1}, "must not be below 0"),
        ({"scope": "a", "scopes": "b"}, "leave one out"),
        ({"num_retries": 1, "extra__google_cloud_platform__num_retries": 2}, "twice"),
    ],
)
def test_a_connection_that_cannot_be_right(with_extra, server, extra, told):
    connection = with_extra(server, **extra)
    with pytest.raises(BrokenConnection, match=told), connection.get_hook() as hook:
        hook.get_conn()


def _other_key() -> str:
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.mark.parametrize("damage", ["wrong", "cut", "no key"])
def test_a_wrong_key_is_told_without_the_key(with_extra, server, key_text, damage, caplog):
    caplog.set_level("DEBUG")
    key = json.loads(key_text)
    key["private_key"] = {
        "wrong": _other_key(),
        "cut": key["private_key"][:400],
        "no key": "Zq7-never-to-be-seen",
    }[damage]
    told = told_by(with_extra(server, keyfile_dict=json.dumps(key)))
    assert server.conn_id in told
    assert "key" in told
    for text in (told, *(record.getMessage() for record in caplog.records)):
        assert not any(line in text for line in key["private_key"].splitlines() if not line.startswith("--"))


def test_an_account_that_was_switched_off(control, server, key_text):
    email = json.loads(key_text)["client_email"]
    control.act("disable_account", email=email)
    with pytest.raises(LoginRefused, match="cannot log in as tradewind@") as caught, server.get_hook() as hook:
        hook.get_sheet_titles("x" * 40)
    assert "make a new" in str(caught.value)


def test_a_token_that_ends_is_fetched_again(control, hook, key):
    hook.get_sheet_titles(key)
    control.act("expire_tokens")
    assert hook.get_sheet_titles(key) == ["Sheet1"]
    assert [call.status for call in control.calls("/v4/")][-2:] == [401, 200]


def test_a_spreadsheet_that_is_not_shared(control, hook):
    key = control.act("create_spreadsheet", title="Secret")
    with pytest.raises((NotShared, SpreadsheetNotFound), match=r"is not shared with tradewind@|Share the spreadsheet"):
        hook.get_values(key, "A1")
    control.act("share", file=key, email=hook.account_email, role="reader")
    assert hook.get_values(key, "A1") == []
    with pytest.raises(NotShared, match=r"Share the spreadsheet with tradewind@.* as an editor"):
        hook.update_values(key, "A1", [["x"]])


def test_scopes(with_extra, server, key_text):
    read = "https://www.googleapis.com/auth/spreadsheets.readonly,https://www.googleapis.com/auth/drive.readonly"
    connection = with_extra(server, scope=read)
    works(connection)
    with connection.get_hook() as hook, pytest.raises(NotShared, match="leave the extra scope out"):
        hook.create_spreadsheet({})


def test_the_secret_parts_of_a_key_are_masked_and_the_rest_is_not(with_extra, server, key_text):
    forget_secrets()
    with with_extra(server, keyfile_dict=base64.b64encode(key_text.encode()).decode()).get_hook() as hook:
        email = hook.account_email
    key = json.loads(key_text)
    assert key["private_key"] not in redact(f"a {key['private_key']} b")
    assert redact(f"share it with {email}") == f"share it with {email}"
    forget_secrets()
    Connection(conn_type="gcp", extra={"keyfile_dict": key})
    assert redact(f"{email} {key['token_uri']}") == f"{email} {key['token_uri']}"
    assert key["private_key"].splitlines()[1] not in redact(key["private_key"])


def test_acting_as_another_account(with_extra, control, server, key_text):
    between, robot = (control.act("add_account", name=name)["client_email"] for name in ("between", "robot"))
    key = control.act("create_spreadsheet", title="For the robot")
    control.act("share", file=key, email=robot)
    connection = with_extra(server, impersonation_chain=f"{between}, {robot}")
    with connection.get_hook() as hook, pytest.raises(LoginRefused, match="Service Account Token Creator"):
        hook.get_sheet_titles(key)
    control.act("let_impersonate", email=json.loads(key_text)["client_email"], account=between)
    control.act("let_impersonate", email=between, account=robot)
    with connection.get_hook() as hook:
        assert hook.account_email == robot
        assert hook.get_sheet_titles(key) == ["Sheet1"]
    with GSheetsHook("sheets", impersonation_chain=[between, robot]) as hook:
        hook.update_values(key, "A1", [["by the robot"]])


def test_the_login_of_a_person(with_extra, control, server, monkeypatch, tmp_path):
    """What `gcloud auth application-default login` leaves: it has no key of a service account, and tells no e-mail."""
    (tmp_path / "adc.json").write_text(json.dumps(control.act("log_in")))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "adc.json"))
    key = control.act("create_spreadsheet", title="Ann's own")
    address = f"{server.extra_dejson['api_endpoint']}/token"
    for given in (control.act("log_in"), None):
        with with_extra(server, keyfile_dict=given, token_uri=address).get_hook() as hook:
            assert hook.get_sheet_titles(key) == ["Sheet1"]
            assert hook.account_email == "ann@example.com"
    (tmp_path / "adc.json").write_text(json.dumps({**control.act("log_in"), "account": ""}))
    refused = pytest.raises(SpreadsheetNotFound, match=r"'Nobody'.* share it with ann@example.com")
    with with_extra(server, keyfile_dict=None, token_uri=address).get_hook() as hook, refused:
        hook.resolve("Nobody")


def test_importing_loads_no_library_of_google():
    code = (
        "import sys, tradewind_gsheet; from tradewind_gsheet import *; GSheetsHook(); Sheet('Targets');"
        "known = {'gspread', 'google', 'googleapiclient', 'requests'};"
        "print([name for name in sys.modules if name.split('.')[0] in known])"
    )
    environ = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    assert subprocess.check_output([sys.executable, "-c", code], text=True, env=environ) == "[]\n"


def test_the_server_does_not_answer(with_extra, server):
    from tradewind.testing import faults

    with faults.silent_server() as silent:
        connection = with_extra(server, timeout=0.3, num_retries=1)
        connection.host, connection.port = "127.0.0.1", silent.port
        told = told_by(connection)
    assert "took too long" in told
    assert str(silent.port) in told


def test_what_a_message_never_has(control, server, key):
    """A refusal in the middle of a request has the token nowhere, not even in its causes."""
    with server.get_hook() as hook:
        hook.get_sheet_titles(key)
        token = hook.get_credentials().token
        with pytest.raises(GSheetsError) as caught:
            hook.get_values(key, "Nowhere!A1")
    error: BaseException | None = caught.value
    while error is not None:
        assert token not in repr(error) + str(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
