"""One set of settings: what a connection says reaches libpq on every way, and what it cannot say is refused."""

from __future__ import annotations

import re
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest
from sqlalchemy import create_engine

from tradewind.connection import Connection
from tradewind.errors import BrokenConnection, ConnectionFault
from tradewind.testing import faults
from tradewind_postgres import PostgresHook, PostgresSandbox
from tradewind_postgres.connecting import DEFAULTS
from tradewind_postgres.extras import LIBPQ


def hook_of(uri, **arguments):
    return PostgresHook(connection=Connection.from_uri(uri, "x"), **arguments)


def with_extra(server, **extra):
    changed = Connection.from_uri(server.get_uri(), "x")
    changed.extra = extra
    return PostgresHook(connection=changed)


def search_path(conn):
    with conn.cursor() as cursor:
        cursor.execute("show search_path")
        return cursor.fetchone()[0]


# -- the same on both ways


@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
def test_tls_that_is_wanted_is_wanted_by_all(server, mode):
    """Airflow's engine, and with it get_df, connects without TLS."""
    hook = with_extra(server, sslmode=mode)
    with pytest.raises(ConnectionFault, match="server does not support SSL"):
        hook.get_conn()
    with pytest.raises(ConnectionFault, match="server does not support SSL"):
        hook.get_df("select 1")
    with pytest.raises(ConnectionFault, match="server does not support SSL"):
        hook.get_sqlalchemy_engine().connect()
    with pytest.raises(Exception, match="server does not support SSL"):
        create_engine(hook.get_uri()).connect()
    with pytest.raises(ConnectionFault, match="server does not support SSL"):
        list(hook.get_records_by_chunks("select 1"))


def test_options_apply_to_all(server, hook):
    hook.run(["create schema sales", "create table sales.orders as select 7 as id"])
    chosen = with_extra(server, options="-c search_path=sales")
    with closing(chosen.get_conn()) as conn:
        assert search_path(conn) == "sales"
    assert chosen.get_df("select id from orders")["id"].tolist() == [7]
    with chosen.get_sqlalchemy_engine().connect() as connection:
        assert connection.exec_driver_sql("select id from orders").scalar() == 7
    engine = create_engine(chosen.get_uri())
    with engine.connect() as connection:
        assert connection.exec_driver_sql("select id from orders").scalar() == 7
    engine.dispose()


def test_options_of_the_hook_win(server):
    hook = PostgresHook(
        connection=with_extra(server, options="-c search_path=a").connection, options="-c search_path=b"
    )
    assert hook.get_first("show search_path") == ("b",)
    assert hook.get_sqlalchemy_engine().connect().exec_driver_sql("show search_path").scalar() == "b"


def test_a_root_certificate_reaches_libpq(server, tmp_path):
    missing = tmp_path / "none.pem"
    for extra in ({"sslmode": "verify-full", "sslrootcert": str(missing)}, {"sslmode": "verify-ca"}):
        assert with_extra(server, **extra).connection_settings.items() >= extra.items()


def test_the_settings_of_a_plain_connection():
    hook = hook_of("postgres://ann:s3cret@db.example.org/sales?application_name=etl&keepalives_idle=30")
    assert hook.connection_settings == {
        "host": "db.example.org",
        "user": "ann",
        "password": "s3cret",
        "dbname": "sales",
        "application_name": "etl",
        "keepalives_idle": 30,
        "connect_timeout": 10,
        "client_encoding": "UTF8",
        "fallback_application_name": "tradewind",
    }


def test_the_environment_of_libpq_counts_more_than_our_defaults(monkeypatch):
    for _, variable in DEFAULTS.values():
        if variable:
            monkeypatch.setenv(variable, "7")
    assert set(hook_of("postgres://db").connection_settings) == {"host", "fallback_application_name"}


def test_every_extra_that_goes_to_libpq_is_known_to_it():
    """Those that came with later versions are refused by an older libpq, with a hint."""
    newer = {"require_auth", "sslcertmode", "gssdelegation", "load_balance_hosts", "sslnegotiation"}
    for extra in LIBPQ:
        try:
            psycopg2.extensions.make_dsn(**{extra.name: "1"})
        except psycopg2.ProgrammingError:
            assert extra.name in newer


# -- where it leads


@pytest.mark.parametrize("name", ["database", "schema"])
def test_another_database(server, ask, name):
    hook = PostgresHook("warehouse", **{name: "postgres"})
    assert hook.get_first("select current_database()") == ("postgres",)
    assert hook.sqlalchemy_url.database == "postgres"
    assert PostgresHook("warehouse", database="postgres", schema="nowhere").schema == "postgres"


def test_the_ways_to_name_the_connection(server, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_POSTGRES_DEFAULT", server.get_uri())
    for hook in (PostgresHook(), PostgresHook("warehouse"), PostgresHook(postgres_conn_id="warehouse")):
        assert hook.get_first("select 1") == (1,)
    assert server.get_hook().get_first("select 1") == (1,)


def test_of_several_hosts_the_one_that_answers_is_taken(server):
    closed = faults.closed_port()
    hosts = f"127.0.0.1:{closed},127.0.0.1:{server.port}"
    uri = f"postgres://{server.login}:{server.password}@{hosts}/{server.schema}?target_session_attrs=read-write"
    hook = hook_of(uri)
    assert hook.connection_settings["port"] == f"{closed},{server.port}"
    assert hook.get_first("select 1") == (1,)
    assert hook.get_df("select 1 as one")["one"].tolist() == [1]
    engine = create_engine(hook.get_uri())
    with engine.connect() as connection:
        assert connection.exec_driver_sql("select 1").scalar() == 1
    engine.dispose()
    refused = hook_of(f"postgres://127.0.0.1:{closed},127.0.0.1:{closed}/x")
    works, told = refused.test_connection()
    assert not works
    assert told.count("Connection refused") == 2


def test_hosts_may_share_a_port():
    assert hook_of("postgres://one,two:5433/x").connection_settings["port"] == "5433,5433"
    assert hook_of("postgres://one,two/x").connection_settings.get("port") is None


class SocketSandbox(PostgresSandbox):
    """One that also listens on a socket in its folder."""

    folder: Path

    def command(self, folder, port):
        self.folder = folder
        words = [word for word in super().command(folder, port) if "unix_socket_directories" not in str(word)]
        return [*words, f"--unix_socket_directories={folder}"]


def test_a_socket():
    server = SocketSandbox()
    try:
        found = server.start()
        uri = f"postgres://{found.login}:{found.password}@{str(server.folder).replace('/', '%2F')}:{found.port}"
        hook = hook_of(f"{uri}/{found.schema}")
        assert hook.connection.host == str(server.folder)
        assert hook.get_first("select inet_client_addr()") == (None,)
        engine = create_engine(hook.get_uri())
        with engine.connect() as connection:
            assert connection.exec_driver_sql("select inet_client_addr()").scalar() is None
        engine.dispose()
    finally:
        server.stop()


def test_ipv6():
    hook = hook_of("postgres://ann:p w@[::1]:5433/d")
    assert hook.connection_settings["host"] == "::1"
    assert hook.get_uri() == "postgresql+psycopg2://ann:p w@[::1]:5433/d"
    assert create_engine(hook.get_uri()).url.host == "::1"


def test_another_type_is_refused():
    with pytest.raises(BrokenConnection, match="is of type 'sqlite'"):
        PostgresHook(connection=Connection.from_uri("sqlite:///x.db", "x")).get_conn()


# -- extras


def test_extras_are_typed():
    uri = "postgres://db/d?iam=false&keepalives_idle=30&connect_timeout=3&sqlalchemy_query=%7B%22a%22%3A1%7D"
    assert Connection.from_uri(uri).extra_dejson == {
        "iam": False,
        "keepalives_idle": 30,
        "connect_timeout": 3,
        "sqlalchemy_query": {"a": 1},
    }


def test_extras_of_a_connection_without_a_type_are_typed_too():
    generic = Connection("x", conn_type="generic", host="db", extra={"iam": "false", "connect_timeout": "3"})
    assert PostgresHook(connection=generic).connection_settings["connect_timeout"] == 3


@pytest.mark.parametrize(
    ("name", "nearest"), [("ssl_mode", "sslmode"), ("keepalive_idle", "keepalives_idle"), ("cursor_type", "cursor")]
)
def test_an_unknown_extra_is_refused_with_the_nearest_name(name, nearest):
    with pytest.raises(BrokenConnection, match=f"has an extra '{name}'.*did you mean '{nearest}'"):
        hook_of(f"postgres://db/d?{name}=1").get_conn()


def test_an_unknown_extra_like_no_other_lists_them():
    with pytest.raises(BrokenConnection, match=r"the extras are .*sslmode, .*placeholder"):
        hook_of("postgres://db/d?zzz=1").get_conn()


def test_a_wrong_choice_is_refused():
    with pytest.raises(BrokenConnection, match=r"sslmode.*must be one of disable, allow"):
        Connection.from_uri("postgres://db/d?sslmode=always", "x")


def test_iam_false_is_false_and_loads_nothing(server):
    code = (
        "import sys\n"
        "from tradewind_postgres import PostgresHook\n"
        "print(PostgresHook('x').get_first('select 1'), [n for n in sys.modules if n.startswith('boto')])\n"
    )
    uri = server.get_uri() + "?iam=false"
    done = subprocess.run([sys.executable, "-c", code], env={"AIRFLOW_CONN_X": uri}, capture_output=True, text=True)
    assert done.stdout == "(1,) []\n", done.stderr


# -- SQLAlchemy


def test_the_url_has_what_libpq_reads():
    hook = hook_of("postgres://ann:p%40ss@db:5433/sales?sslmode=require&cursor=dictcursor")
    assert hook.get_uri() == "postgresql+psycopg2://ann:p%40ss@db:5433/sales?sslmode=require"
    assert hook.connection.sqlalchemy_url == hook.get_uri()
    assert "p@ss" not in repr(hook.sqlalchemy_url)
    assert "p%40ss" not in repr(hook.sqlalchemy_url)


def test_the_password_of_a_key_stays_out_of_the_url():
    """SQLAlchemy would show it: it masks the password only."""
    hook = hook_of("postgres://db/d?sslkey=/k&sslpassword=hidden")
    assert "hidden" not in hook.get_uri()
    assert hook.connection_settings["sslpassword"] == "hidden"


def test_the_sqlalchemy_query_may_come_from_a_uri():
    """From a URI it is text in Airflow, and a TypeError."""
    hook = hook_of("postgres://db/d?sqlalchemy_query=%7B%22application_name%22%3A%22etl%22%7D")
    assert hook.get_uri() == "postgresql+psycopg2://db/d?application_name=etl"


@pytest.mark.parametrize("given", ["postgresql", "postgres"])
def test_the_bare_scheme_means_the_driver_that_is_there(server, given):
    hook = PostgresHook("warehouse", sqlalchemy_scheme=given)
    assert hook.sqlalchemy_url.drivername == "postgresql+psycopg2"
    with hook.get_sqlalchemy_engine().connect() as connection:
        assert connection.exec_driver_sql("select 1").scalar() == 1


def test_another_driver_gets_the_same_settings(monkeypatch):
    made = {}
    monkeypatch.setattr("sqlalchemy.create_engine", lambda url, **options: made.update(options, url=url))
    hook = hook_of("postgres://ann:s3cret@db/d?sslmode=require", sqlalchemy_scheme="postgresql+psycopg")
    hook.get_sqlalchemy_engine()
    assert made["connect_args"] == hook.connection_settings
    assert made["url"].drivername == "postgresql+psycopg"
    assert "creator" not in made
    hook_of("postgres://db/d?sslmode=require", sqlalchemy_scheme="postgresql+asyncpg").get_sqlalchemy_engine()
    assert made["url"].render_as_string() == "postgresql+asyncpg://db/d"  # asyncpg does not know libpq's words


def test_a_cursor_that_makes_dicts_does_not_disturb_sqlalchemy(server):
    hook = with_extra(server, cursor="realdictcursor")
    with hook.get_sqlalchemy_engine().connect() as connection:
        assert connection.exec_driver_sql("select 1 as one").all() == [(1,)]
    assert hook.get_df("select 1 as one")["one"].tolist() == [1]
    assert hook.get_table_primary_key("pg_class", "pg_catalog") == ["oid"]


def test_the_engine_keeps_no_idle_connection(hook):
    engine = hook.get_sqlalchemy_engine()
    with engine.connect() as connection:
        opened = connection.connection.driver_connection
        assert not opened.closed
    assert opened.closed


# -- messages


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"password": "wrong-one"}, "password authentication failed.* Check login and password"),
        ({"password": None}, "no password supplied.* add one to the connection"),
        ({"host": faults.UNKNOWN_HOST}, "could not translate host name.* Check the host's name"),
        ({"schema": "no_such"}, 'database "no_such" does not exist.* Check the database'),
        ({"host": "/no/such/folder"}, "No such file or directory.* Check the folder of the socket"),
        ({"port": "closed"}, "Connection refused.* Nothing listens there"),
        ({"extra": {"sslmode": "require"}}, "does not support SSL.* Choose another sslmode="),
        ({"extra": {"options": "-c nothing=1"}}, "unrecognized configuration parameter"),
    ],
)
def test_a_refusal_is_explained(server, fields, told):
    changed = Connection.from_uri(server.get_uri(), "x")
    for name, value in fields.items():
        setattr(changed, name, faults.closed_port() if value == "closed" else value)
    works, message = PostgresHook(connection=changed).test_connection()
    assert not works
    assert message.startswith("Connection 'x' cannot connect to ")
    assert re.search(told, message), message
    assert server.password not in message
    assert "wrong-one" not in message
    assert "\n" not in message


def test_a_driver_that_is_too_old_for_an_extra_is_told():
    hook = hook_of("postgres://127.0.0.1:1/d?sslnegotiation=postgres&sslmode=require")
    try:
        psycopg2.extensions.make_dsn(sslnegotiation="postgres")
    except psycopg2.ProgrammingError:
        told = "too old for this extra"
    else:
        told = "Connection refused"
    with pytest.raises(ConnectionFault, match=told):
        hook.get_conn()


@pytest.mark.parametrize("field", ["password", "login", "schema"])
def test_the_character_nul_is_refused(field):
    connection = Connection("x", "postgres", host="127.0.0.1", port=1, **{field: "a\0b"})
    with pytest.raises(BrokenConnection, match="character NUL"):
        PostgresHook(connection=connection).get_conn()
