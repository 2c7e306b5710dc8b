"""One set of settings for `get_conn` and SQLAlchemy, and what is said when they lead nowhere."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pymysql
import pytest
import sqlalchemy
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from tradewind.connection import Connection
from tradewind.errors import BrokenConnection, ConnectionFault
from tradewind_mysql import MySqlHook, connecting

Changed = Callable[..., MySqlHook]


def settings(uri: str) -> dict[str, object]:
    return connecting.settings(Connection.from_uri(uri), conn_id="c")


# What PyMySQL is told


def test_the_address() -> None:
    found = settings("mysql://me:p%40ss@db.example:3307/sales")
    assert (found["host"], found["port"], found["user"], found["database"]) == ("db.example", 3307, "me", "sales")
    assert found["password"] == b"p@ss"
    assert found["charset"] == "utf8mb4"
    assert found["connect_timeout"] == 10
    assert settings("mysql://[::1]:3306/x")["host"] == "::1"


@pytest.mark.parametrize("uri", ["mysql://me@%2Frun%2Fmysqld.sock/db", "mysql://me@/db?unix_socket=/run/mysqld.sock"])
def test_a_socket_is_not_encrypted_unless_asked(uri: str) -> None:
    found = settings(uri)
    assert found["unix_socket"] == "/run/mysqld.sock"
    assert "host" not in found
    assert found["ssl_disabled"] is True
    assert "ssl_disabled" not in settings(uri + ("&" if "?" in uri else "?") + "ssl_mode=REQUIRED")


def test_every_driver_extra_is_an_argument_of_pymysql() -> None:
    import inspect

    from tradewind_mysql import extras

    known = inspect.signature(pymysql.connect).parameters
    assert {extra.name for extra in extras.DRIVER} <= set(known)
    names = [extra.name for extra in extras.MYSQL]
    assert len(names) == len(set(names))
    assert all(extra.help for extra in extras.MYSQL)


def test_extras_are_typed_and_reach_the_driver() -> None:
    found = settings("mysql://h/db?connect_timeout=2.5&read_timeout=7&local_infile=true&client_flag=4&charset=latin1")
    assert (found["connect_timeout"], found["read_timeout"], found["local_infile"]) == (2.5, 7.0, True)
    assert (found["client_flag"], found["charset"]) == (4, "latin1")


def test_iam_false_is_false() -> None:
    assert Connection.from_uri("mysql://h/db?iam=false").extra_dejson == {"iam": False}
    assert settings("mysql://h/db?iam=false")["ssl_optional"] is True
    assert settings("mysql://h/db?iam=true")["ssl_optional"] is False


def test_a_misspelt_extra_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(BrokenConnection, match=r"'c' has an extra 'ssl_moode'.*did you mean 'ssl_mode'"):
        settings("mysql://h/db?ssl_moode=REQUIRED")


@pytest.mark.parametrize("client", ["mysqlclient", "mysql-connector-python"])
def test_another_client_is_refused_with_a_reason(client: str) -> None:
    with pytest.raises(BrokenConnection, match=f"client='{client}' is not supported; .*PyMySQL"):
        settings(f"mysql://h/db?client={client}")
    assert "client" not in settings("mysql://h/db?client=pymysql")


@pytest.mark.parametrize("extra", ["connect_timeout=0", "read_timeout=-1"])
def test_timeouts_must_be_positive(extra: str) -> None:
    with pytest.raises(BrokenConnection, match="must be more than 0 seconds"):
        settings(f"mysql://h/db?{extra}")


def test_another_type_of_connection_is_refused() -> None:
    with pytest.raises(BrokenConnection, match="is of type 'postgres': MySqlHook opens 'mysql' connections only"):
        settings("postgres://h/db")


def test_an_unknown_charset_is_told(changed: Changed) -> None:
    with pytest.raises(BrokenConnection, match="PyMySQL knows no charset='klingon'"):
        changed(extra={"charset": "klingon"}).get_conn()


# Names of the hook


def test_the_connection_id_may_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", "mysql://h/db")
    assert MySqlHook("shop").get_conn_id() == MySqlHook(mysql_conn_id="shop").get_conn_id() == "shop"
    assert MySqlHook().get_conn_id() == "mysql_default"
    assert type(Connection.get("shop").get_hook()) is MySqlHook
    assert type(Connection.from_uri("mariadb://h/db").get_hook()) is MySqlHook


def test_schema_is_another_database(hook: MySqlHook, server: Connection) -> None:
    other = MySqlHook(connection=server, schema="information_schema")
    assert other.get_first("select database()") == ("information_schema",)
    assert make_url(other.get_uri()).database == "information_schema"


def test_init_command_is_executed_everywhere(changed: Changed) -> None:
    for hook in (
        changed(hook={"init_command": "SET @who = 'hook'"}),
        changed(extra={"init_command": "SET @who = 'hook'"}),
        changed(extra={"init_command": "SET @who = 'extra'"}, hook={"init_command": "SET @who = 'hook'"}),
    ):
        assert hook.get_first("select @who") == ("hook",)
        with hook.get_sqlalchemy_engine().connect() as conn:
            assert conn.execute(text("select @who")).scalar() == "hook"


def test_local_infile_is_off_unless_asked(changed: Changed, tmp_path: Path) -> None:
    file = tmp_path / "t.tsv"
    file.write_text("1\n")
    load = f"LOAD DATA LOCAL INFILE '{file}' INTO TABLE t"
    for hook in (changed(), changed(hook={"local_infile": False})):
        hook.run("create or replace table t (a int)")
        with pytest.raises((RuntimeError, pymysql.err.Error)):
            hook.run(load)
    for hook in (changed(hook={"local_infile": True}), changed(extra={"local_infile": True})):
        hook.run(["create or replace table t (a int)", load])
        assert hook.get_records("select * from t") == [(1,)]


@pytest.mark.parametrize("cursor", ["dictcursor", "sscursor", "ssdictcursor"])
def test_cursors(changed: Changed, cursor: str, caplog: pytest.LogCaptureFixture) -> None:
    hook = changed(extra={"cursor": cursor})
    rows = "select 1 as a, 'x' as b union all select 2, 'y'"
    wanted = [(1, "x"), (2, "y")]
    found = hook.get_records(rows)
    assert found == ([{"a": 1, "b": "x"}, {"a": 2, "b": "y"}] if "dict" in cursor else wanted)
    hook.run(rows)
    caplog.set_level(logging.INFO)
    assert hook.get_first(rows) == found[0]
    assert "18446744073709551615" not in caplog.text
    assert [row for chunk in hook.get_records_by_chunks(rows, chunksize=1) for row in chunk] == wanted
    hook.run("create table t (a int primary key, b varchar(9))")
    hook.insert_rows("t", wanted, ["a", "b"])
    assert hook.dialect.get_primary_keys("t") == ["a"]
    assert hook.get_df("select * from t").to_dict("list") == {"a": [1, 2], "b": ["x", "y"]}
    with hook.get_sqlalchemy_engine().connect() as conn:
        assert conn.execute(text(rows)).all() == wanted


# SQLAlchemy


@pytest.mark.parametrize(
    "uri",
    [
        "mysql://me:se%20cret@[fe80::1]:3307/my%20db",
        "mysql://me%40x:p%2Fa%3As%3Fs%23@db.example/a",
        "mysql://me:%C3%A4%2B%25@h/d%25b",
        "mysql://me:x@/db?unix_socket=/run/my%20sql.sock",
        "mysql://me@%2Frun%2Fmysqld.sock/db",
        "mysql://h/?connect_timeout=2.5&charset=latin1&init_command=SET%20@a%20=%20'b%26c'",
    ],
)
def test_the_sqlalchemy_url_says_the_same(uri: str) -> None:
    connection = Connection.from_uri(uri, conn_id="c")
    hook = MySqlHook(connection=connection)
    url = make_url(hook.get_uri())
    assert url.drivername == "mysql+pymysql"
    assert (url.username, url.password) == (connection.login, connection.password)
    host = connection.host if not (connection.host or "").startswith("/") else None
    assert (url.host or None, url.port) == (host, connection.port)
    assert hook.sqlalchemy_url.set(database="") == url.set(database="")
    assert (hook.sqlalchemy_url.database or None) == connection.schema
    assert connection.sqlalchemy_url == hook.get_uri()
    arguments = create_engine(url).dialect.create_connect_args(url)[1]
    wanted = connecting.settings(connection, conn_id="c")
    for name in ("charset", "unix_socket", "init_command"):
        assert arguments.get(name) == wanted.get(name), name


def test_spaces_are_not_pluses() -> None:
    assert "%20" in MySqlHook(connection=Connection.from_uri("mysql://a%20b:c%20d@h/db", "c")).get_uri()
    assert "+" not in MySqlHook(connection=Connection.from_uri("mysql://a%20b:c%20d@h/db", "c")).get_uri()[13:]


@pytest.mark.parametrize("name", ["a b", "ä?%#", "a%20b", "q=1&x", "`", "db.x"])
def test_any_database_works_for_both(hook: MySqlHook, server: Connection, name: str) -> None:
    name = f"{server.schema}{name}"
    hook.run(f"CREATE DATABASE {hook.dialect.quote(name)}")
    try:
        other = MySqlHook(connection=server, schema=name)
        assert other.get_first("select database()") == (name,)
        engines = [other.get_sqlalchemy_engine(), create_engine(other.sqlalchemy_url, poolclass=NullPool)]
        if not (set("%?") & set(name) and sqlalchemy.__version__.startswith("2.0")):  # whose texts cannot say these
            engines.append(create_engine(other.get_uri(), poolclass=NullPool))
        for engine in engines:
            with engine.connect() as conn:
                assert conn.execute(text("select database()")).scalar() == name
    finally:
        hook.run(f"DROP DATABASE {hook.dialect.quote(name)}")


@pytest.mark.parametrize("password", ["p@ss/w:rd?#%", "ä€ 漢字", 'it\'s \\ "q"', "+", " "])
def test_any_password_works_for_both(hook: MySqlHook, server: Connection, password: str) -> None:
    login = f"u{server.schema}"[:30]
    hook.run(f"CREATE USER `{login}` IDENTIFIED BY %s", parameters=[password])
    try:
        hook.run(f"GRANT ALL ON `{server.schema}`.* TO `{login}`")
        other = MySqlHook(connection=Connection(**{**server.to_dict(), "login": login, "password": password}))
        assert other.get_first("select substring_index(user(), '@', 1)") == (login,)
        with other.get_sqlalchemy_engine().connect() as conn:
            assert conn.execute(text("select 1")).scalar() == 1
    finally:
        hook.run(f"DROP USER `{login}`")


def test_sqlalchemy_scheme_and_query_are_taken() -> None:
    uri = "mysql://h/db?sqlalchemy_scheme=mysql%2Bmysqldb&sqlalchemy_query.ssl_ca=/ca.pem"
    assert MySqlHook(connection=Connection.from_uri(uri, "c")).get_uri() == (
        "mysql+mysqldb://h/db?charset=utf8mb4&ssl_ca=%2Fca.pem"
    )


# What cannot be reached


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"password": "not this one"}, "as 'sandbox'.*Access denied.*Check login and password"),
        ({"schema": "no_such_db"}, "database 'no_such_db'.*Unknown database.*Check the database's name"),
        ({"host": "no-such-host.invalid"}, "no-such-host.invalid, port .*Check the host's name"),
        ({"port": 1}, "port 1, .*Connection refused.*Nothing listens there"),
        ({"extra": {"unix_socket": "/no/such.sock"}}, "/no/such.sock, .*Check the path of the socket"),
        ({"extra": {"init_command": "SELEKT"}}, "SQL syntax.*Check init_command= and sql_mode="),
    ],
)
def test_a_failure_says_where_to_and_what_to_do(changed: Changed, fields: dict[str, object], told: str) -> None:
    hook = changed(conn_id="shop", **fields)
    with pytest.raises(ConnectionFault, match=f"Connection 'shop' cannot connect to .*{told}") as caught:
        hook.get_records("select 1")
    works, message = hook.test_connection()
    assert not works
    assert message == str(caught.value)
    assert hook.connection.password not in message
    assert "Traceback" not in message


class Stranger:
    """Says something to whoever connects, and hangs up."""

    def __init__(self, said: bytes) -> None:
        self.said = said
        self.sock = socket.create_server(("127.0.0.1", 0))
        self.port = self.sock.getsockname()[1]
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self) -> None:
        with self.sock.accept()[0] as conn:
            conn.sendall(self.said)

    def close(self) -> None:
        self.thread.join(60)
        self.sock.close()


@pytest.fixture
def stranger() -> Iterator[Callable[[bytes], Stranger]]:
    opened: list[Stranger] = []

    def make(said: bytes) -> Stranger:
        opened.append(Stranger(said))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


@pytest.mark.parametrize(
    "said", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0-OpenSSH\r\n", b"\x05\x00\x00\x00\x0a9"]
)
def test_something_else_answers(stranger: Callable[[bytes], Stranger], said: bytes) -> None:
    uri = f"mysql://me:gehe1m@127.0.0.1:{stranger(said).port}/db?connect_timeout=5"
    works, told = MySqlHook(connection=Connection.from_uri(uri, "c")).test_connection()
    assert not works
    assert "Check host and port" in told
    assert "gehe1m" not in told


def test_a_rogue_server_gets_no_file(hook: MySqlHook) -> None:
    """What a server asks for in LOAD DATA LOCAL is never opened: the answer is the stream that was given."""
    from tradewind_mysql import load

    hook.run("create table t (a varchar(20))")
    with closing(hook.get_conn()) as conn:
        loaded = load.send(conn, "LOAD DATA LOCAL INFILE '/etc/hostname' INTO TABLE t", [b"ours\n"])
        conn.commit()
    assert loaded.rows == 1
    assert hook.get_records("select * from t") == [("ours",)]


def test_a_read_timeout_is_kept_after_connecting(changed: Changed) -> None:
    patient = changed(extra={"connect_timeout": 0.5})
    assert patient.get_first("select sleep(1)") == (0,)
    hasty = changed(extra={"connect_timeout": 5, "read_timeout": 0.3})
    with pytest.raises(pymysql.err.OperationalError, match="timed out"):
        hasty.get_first("select sleep(20)")
