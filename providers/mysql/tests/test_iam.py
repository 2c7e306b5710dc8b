"""Tokens of AWS IAM: made by boto3 without any network, used as a password over TLS."""

from __future__ import annotations

from urllib.parse import parse_qs

import pytest

from tradewind.connection import Connection, connections
from tradewind.errors import BrokenConnection, ConnectionFault
from tradewind.secrets import redact
from tradewind_mysql import MySqlHook

URI = "mysql://app:unused@db.example:3307/shop?iam=true"
KEYS = {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "gehe1m/secret"}


@pytest.fixture(autouse=True)
def no_aws_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    pytest.importorskip("boto3", reason="boto3 is not installed")
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", *KEYS):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def hook_for(uri: str) -> MySqlHook:
    return MySqlHook(connection=Connection.from_uri(uri, conn_id="shop"))


def test_a_token_is_for_the_login_at_that_host(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    token, port = hook_for(URI + "&region_name=eu-south-1").get_iam_token()
    address, _, query = token.partition("/?")
    told = parse_qs(query)
    assert address == "db.example:3307"
    assert port == 3307
    assert (told["Action"], told["DBUser"]) == (["connect"], ["app"])
    assert "/eu-south-1/rds-db/" in told["X-Amz-Credential"][0]
    assert redact(f"the password is {token}") == "the password is ***"


def test_credentials_of_a_connection() -> None:
    aws = Connection(conn_type="aws", login="AKIAOTHER", password="gehe1m", extra={"region_name": "eu-west-1"})
    with connections({"cloud": aws}):
        token, _ = hook_for(URI + "&aws_conn_id=cloud").get_iam_token()
    assert "AKIAOTHER%2F" in token
    assert "%2Feu-west-1%2F" in token


@pytest.mark.parametrize(
    ("uri", "error", "told"),
    [
        (URI, ConnectionFault, "'shop': AWS gives no token: You must specify a region.*Name region_name="),
        (URI + "&region_name=eu-south-1", ConnectionFault, "AWS gives no token: Unable to locate credentials"),
        ("mysql://db.example/?iam=true", BrokenConnection, "iam needs a host and a login"),
    ],
)
def test_what_is_missing_is_told(uri: str, error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told):
        hook_for(uri).get_iam_token()
    works, message = hook_for(uri).test_connection()
    assert not works
    assert message


def test_the_token_is_the_password_over_tls(tls_server, monkeypatch: pytest.MonkeyPatch) -> None:
    root = MySqlHook(connection=tls_server.connection)
    root.run(["CREATE OR REPLACE USER app IDENTIFIED BY 'the token' REQUIRE SSL", "GRANT ALL ON *.* TO app"])
    monkeypatch.setattr(MySqlHook, "get_iam_token", lambda self: ("the token", self.connection.port))
    given = {**tls_server.connection.to_dict(), "login": "app", "password": None}
    hook = MySqlHook(connection=Connection(**{**given, "extra": {"iam": True}}))
    assert hook.get_first("show session status like 'Ssl_cipher'")[1]
