"""TLS on a real server with a certificate of our own making."""

from __future__ import annotations

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from tradewind.connection import Connection
from tradewind.errors import BrokenConnection, ConnectionFault
from tradewind_mysql import MySqlHook, tls

CIPHER = "show session status like 'Ssl_cipher'"


def hook_for(tls_server, host="localhost", **extra) -> MySqlHook:
    given = tls_server.connection.to_dict()
    return MySqlHook(connection=Connection(**{**given, "host": host, "extra": {**given["extra"], **extra}}))


def is_encrypted(hook: MySqlHook) -> bool:
    """Asked on the hook's own connection, on its engine, and on an engine made from its URI: all alike."""
    answers = [bool(hook.get_first(CIPHER)[1])]
    for engine in (hook.get_sqlalchemy_engine(), create_engine(hook.get_uri(), poolclass=NullPool)):
        with engine.connect() as conn:
            answers.append(bool(conn.execute(text(CIPHER)).one()[1]))
    assert len(set(answers)) == 1, answers
    return answers[0]


@pytest.mark.parametrize(
    ("extra", "encrypted"),
    [
        ({}, True),
        ({"ssl_mode": "PREFERRED"}, True),
        ({"ssl_mode": "DISABLED"}, False),
        ({"ssl_disabled": True}, False),
        ({"ssl_mode": "REQUIRED"}, True),
        ({"ssl_mode": "REQUIRED", "ssl_ca": "other"}, True),
        ({"ssl_mode": "VERIFY_CA", "ssl_ca": "ca"}, True),
        ({"ssl_mode": "VERIFY_IDENTITY", "ssl_ca": "ca"}, True),
        ({"ssl_ca": "ca"}, True),
        ({"ssl": {"ca": "ca"}}, True),
        ({"ssl": {"ca": "ca", "check_hostname": True}}, True),
        ({"ssl_ca": "ca", "ssl_verify_identity": True}, True),
        ({"ssl_cipher": "ECDHE+AESGCM", "ssl_mode": "REQUIRED"}, True),
    ],
)
def test_modes(tls_server, extra, encrypted) -> None:
    files = {"ca": tls_server.ca, "other": tls_server.other_ca}
    if "ssl_ca" in extra:
        extra = {**extra, "ssl_ca": files[extra["ssl_ca"]]}
    if "ssl" in extra:
        extra = {"ssl": {**extra["ssl"], "ca": files[extra["ssl"]["ca"]]}}
    assert is_encrypted(hook_for(tls_server, **extra)) is encrypted


@pytest.mark.parametrize(
    ("host", "mode", "ca", "told"),
    [
        ("localhost", "VERIFY_CA", "other", "certificate verify failed"),
        ("localhost", "VERIFY_IDENTITY", "other", "certificate verify failed"),
        ("127.0.0.1", "VERIFY_IDENTITY", "ca", "certificate verify failed"),
        ("localhost", "VERIFY_CA", None, "certificate verify failed"),
        ("localhost", "VERIFY_IDENTITY", None, "certificate verify failed"),
    ],
)
def test_a_certificate_that_is_not_trusted(tls_server, host, mode, ca, told) -> None:
    files = {"ca": tls_server.ca, "other": tls_server.other_ca}
    extra = {"ssl_mode": mode} | ({"ssl_ca": files[ca]} if ca else {})
    hook = hook_for(tls_server, host, **extra)
    works, message = hook.test_connection()
    assert not works
    assert told in message
    assert "Check ssl_ca= and the host's name" in message
    with pytest.raises(ConnectionFault), hook.get_sqlalchemy_engine().connect():
        pass
    from sqlalchemy.exc import OperationalError

    with pytest.raises(OperationalError), create_engine(hook.get_uri(), poolclass=NullPool).connect():
        pass


def test_the_ca_is_checked_without_the_name(tls_server) -> None:
    assert is_encrypted(hook_for(tls_server, "127.0.0.1", ssl_ca=tls_server.ca))


def test_a_client_certificate(tls_server) -> None:
    root = hook_for(tls_server)
    root.run(["CREATE OR REPLACE USER known IDENTIFIED BY 'pw' REQUIRE X509", "GRANT ALL ON *.* TO known"])
    given = {**tls_server.connection.to_dict(), "host": "localhost", "login": "known", "password": "pw"}
    cert, key = tls_server.client
    extra = {"ssl_ca": tls_server.ca, "ssl_cert": cert, "ssl_key": key}
    known = MySqlHook(connection=Connection(**{**given, "extra": extra}))
    assert is_encrypted(known)
    unknown = MySqlHook(connection=Connection(**{**given, "extra": {"ssl_ca": tls_server.ca}}))
    works, told = unknown.test_connection()
    assert not works
    assert "Access denied" in told


def test_a_socket_works_without_tls(tls_server) -> None:
    given = {**tls_server.connection.to_dict(), "port": None, "host": tls_server.socket}
    assert is_encrypted(MySqlHook(connection=Connection(**given))) is False
    given = {**given, "extra": {"ssl_mode": "REQUIRED"}}
    assert is_encrypted(MySqlHook(connection=Connection(**given))) is True


def test_a_server_without_tls(changed) -> None:
    works, told = changed(extra={"ssl_mode": "REQUIRED"}).test_connection()
    assert not works
    assert "Choose another ssl_mode=, or set up TLS on the server" in told
    assert changed().test_connection()[0]


@pytest.mark.parametrize(
    ("extra", "told"),
    [
        ({"ssl_ca": "/no/ca.pem"}, "ssl_ca='/no/ca.pem' cannot be read: No such file"),
        (
            {"ssl_cert": "/no/c.pem", "ssl_key": "/no/k.pem"},
            "ssl_cert='/no/c.pem' and ssl_key='/no/k.pem' cannot be used",
        ),
        ({"ssl_cipher": "ROT13", "ssl_mode": "REQUIRED"}, "ssl_cipher='ROT13' names no cipher"),
        ({"ssl": {"certificate": "x"}}, "the extra 'ssl' has a key 'certificate'; it may have ca"),
        ({"ssl_mode": "MAYBE"}, "must be one of DISABLED, PREFERRED"),
        ({"iam": True, "ssl_mode": "DISABLED"}, "iam needs TLS"),
    ],
)
def test_what_cannot_be_set_up(changed, extra, told) -> None:
    with pytest.raises(BrokenConnection, match=told):
        changed(extra=extra).get_conn()


def test_the_key_s_password_is_in_no_url() -> None:
    uri = "mysql://h/db?ssl_cert=/c&ssl_key=/k&ssl_key_password=gehe1m"
    hook = MySqlHook(connection=Connection.from_uri(uri, "c"))
    assert "gehe1m" not in hook.get_uri()
    assert tls.Tls.from_extras(hook.connection_extra).key_password == "gehe1m"


def test_the_password_of_a_key_is_not_shown():
    found = tls.Tls.from_extras({"ssl_cert": "/c.pem", "ssl_key": "/k.pem", "ssl_key_password": "hush"})
    assert found.key_password == "hush"
    assert "hush" not in repr(found)
