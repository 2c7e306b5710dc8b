"""A token of AWS IAM is the password, over TLS. How it is asked for is tested with tradewind-sql."""

from __future__ import annotations

import pytest

from tradewind.connection import Connection, connections
from tradewind_mysql import MySqlHook


@pytest.mark.parametrize(("port", "meant"), [(":3307", 3307), ("", 3306)])
def test_a_token_is_for_the_login_at_that_host(port: str, meant: int) -> None:
    pytest.importorskip("tradewind_aws", reason="tradewind-aws is not installed")
    uri = f"mysql://app:unused@db.example{port}/shop?iam=true&aws_conn_id=cloud&region_name=eu-south-1"
    hook = MySqlHook(connection=Connection.from_uri(uri, conn_id="shop"))
    with connections({"cloud": "aws://AKIAEXAMPLE:geheim99@"}):
        token, found = hook.get_iam_token(hook.connection)
    assert found == meant
    assert token.startswith(f"db.example:{meant}/?")
    assert "&DBUser=app&" in token
    assert "=AKIAEXAMPLE%2F" in token


def test_the_token_is_the_password_over_tls(tls_server, monkeypatch: pytest.MonkeyPatch) -> None:
    root = MySqlHook(connection=tls_server.connection)
    root.run(["CREATE OR REPLACE USER app IDENTIFIED BY 'the token' REQUIRE SSL", "GRANT ALL ON *.* TO app"])
    monkeypatch.setattr(MySqlHook, "get_iam_token", lambda self, conn: ("the token", conn.port))
    given = {**tls_server.connection.to_dict(), "login": "app", "password": None}
    hook = MySqlHook(connection=Connection(**{**given, "extra": {"iam": True}}))
    assert hook.get_first("show session status like 'Ssl_cipher'")[1]
