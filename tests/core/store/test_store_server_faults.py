"""A server that refuses, and what people are told: never with the password in it."""

from __future__ import annotations

import dataclasses
import os
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import text

from tradewind.connection.uri import Parts, build_uri, split_uri
from tradewind.errors import StoreError
from tradewind.settings import Settings
from tradewind.store import Store, open_store
from tradewind.store.engine import Conflict
from tradewind.store.location import Server, locate
from tradewind.store.postgres import PostgresDatabase
from tradewind.store.server_faults import explain

NASTY = 'p:a/s@s?w#r%d & "s3cr3t" \'é\\'


@pytest.fixture(params=["postgres", "mysql"])
def database_url(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue("kept_databases")(request.param)
    return url


@pytest.fixture
def parts(database_url: str) -> Parts:
    return split_uri(database_url)


@pytest.fixture
def opened_as(settings: Settings, parts: Parts) -> Callable[..., Store]:
    def make(**changes: Any) -> Store:
        changed = dataclasses.replace(parts, **changes)
        return Store(build_uri(changed), settings)

    return make


def refused(store: Store, secret: str | None) -> str:
    """What the store says when it is asked anything; nowhere, not even in the traceback, is the secret."""
    with store, pytest.raises(StoreError) as caught:
        store.pools()
    assert secret not in "".join(traceback.format_exception(caught.value))
    assert store.place in str(caught.value)
    return str(caught.value)


def test_a_wrong_password_is_told(opened_as: Callable[..., Store]) -> None:
    assert "refuses the login" in refused(opened_as(password=NASTY), NASTY)


def test_an_unknown_login_is_told(opened_as: Callable[..., Store], parts: Parts) -> None:
    assert "refuses the login 'nobody at all'" in refused(opened_as(login="nobody at all"), parts.password)


def test_an_unknown_host_is_told(opened_as: Callable[..., Store], parts: Parts) -> None:
    assert "host" in refused(opened_as(host="no-such-host.invalid"), parts.password)


def test_a_closed_port_is_told(opened_as: Callable[..., Store], parts: Parts) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
        told = refused(opened_as(port=port), parts.password)
    assert "Nothing listens" in told
    assert f"127.0.0.1:{port}" in told


def test_a_server_that_does_not_answer_is_told(opened_as: Callable[..., Store], parts: Parts) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(5)
        port = silent.getsockname()[1]
        options = "connect_timeout=2" if parts.scheme == "postgres" else "read_timeout=2"
        told = refused(opened_as(port=port, query=options), parts.password)
    assert "does not answer" in told or "broke" in told


def test_a_missing_database_is_told(opened_as: Callable[..., Store], parts: Parts) -> None:
    told = refused(opened_as(schema="no such db"), parts.password)
    assert "no such db on 127.0.0.1" in told
    assert "CREATE DATABASE" in told


@contextmanager
def somebody(store: Store, name: str, password: str, *more: str) -> Iterator[None]:
    """A login that may read the database, and nothing more."""
    quoted = password.replace("'", "''")
    with store.database.migrating() as connection:
        on_postgres = connection.dialect.name == "postgresql"
        if not on_postgres:
            quoted = quoted.replace("\\", "\\\\")
        database = connection.scalar(text("SELECT current_database()" if on_postgres else "SELECT DATABASE()"))
        made = [f"CREATE USER {name} PASSWORD '{quoted}'", f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {name}"]
        if not on_postgres:
            made = [f"CREATE USER {name} IDENTIFIED BY '{quoted}'", f"GRANT SELECT ON `{database}`.* TO {name}"]
        for statement in (*made, *more):
            connection.exec_driver_sql(statement.replace("%", "%%"))
    try:
        yield
    finally:
        with store.database.migrating() as connection:
            if on_postgres:
                connection.exec_driver_sql(f"DROP OWNED BY {name}")
            connection.exec_driver_sql(f"DROP USER {name}")


@pytest.fixture
def name() -> str:
    return f"test_{os.urandom(4).hex()}"


def test_a_password_of_any_characters_is_right_as_it_is_and_encoded(
    store: Store, settings: Settings, parts: Parts, name: str
) -> None:
    password = "p:a/s s?w%d'é"
    with somebody(store, name, password):
        place = f"{parts.host}:{parts.port}/{parts.schema}"
        for url in (
            build_uri(dataclasses.replace(parts, login=name, password=password)),
            f"{parts.scheme}://{name}:{password}@{place}",
        ):
            with Store(url, settings) as other:
                assert other.runs() == []
            assert password not in repr(locate(url)) + str(locate(url))


def test_lacking_rights_are_told(store: Store, opened_as: Callable[..., Store], name: str) -> None:
    with somebody(store, name, "s3cr3t-word"), opened_as(login=name, password="s3cr3t-word") as other:
        assert other.runs() == []
        with pytest.raises(StoreError, match=f"The login '{name}' has not all the rights") as caught:
            other.set_pool("a", 1)
    assert "s3cr3t" not in "".join(traceback.format_exception(caught.value))


def test_a_login_that_may_not_connect_so_often_is_told(
    store: Store, opened_as: Callable[..., Store], name: str
) -> None:
    limit = f"ALTER USER {name} CONNECTION LIMIT 1"
    with store.database.read() as connection:
        if connection.dialect.name != "postgresql":
            limit = f"GRANT USAGE ON *.* TO {name} WITH MAX_USER_CONNECTIONS 1"
    with somebody(store, name, "word", limit), opened_as(login=name, password="word") as one:
        one.runs()
        assert "no more connections" in refused(opened_as(login=name, password="word"), "s3cr3t")


def test_a_lock_that_is_not_given_back_is_told(store: Store, settings: Settings) -> None:
    with Store(settings=settings, lock_timeout=1) as hasty, store.database.write():
        for verb in (lambda: hasty.set_pool("a", 1), lambda: hasty.scheduler_heartbeat("a", now())):
            with pytest.raises(StoreError, match=r"locked by another process for 1 seconds"):
                verb()
        assert hasty.pools() == {"default_pool": 128}  # reading goes on meanwhile
    store.set_pool("a", 1)


def now() -> Any:
    import datetime

    return datetime.datetime.now(datetime.UTC)


def test_a_lacking_table_is_told(settings: Settings, request: pytest.FixtureRequest, database_url: str) -> None:
    kind = "postgres" if locate(database_url).dialect == "postgresql" else "mysql"  # type: ignore[union-attr]
    url = request.getfixturevalue("sandbox")(kind).get_uri()
    with open_store(dataclasses.replace(settings, database_url=url), create=True) as store:
        with store.database.migrating() as connection:
            connection.execute(text("DROP TABLE pools"))
        with pytest.raises(StoreError, match=r"lacks a table or column .*pools.*tradewind db upgrade"):
            store.pools()
        with store.database.migrating() as connection:
            connection.execute(text("DELETE FROM news"))
        with pytest.raises(StoreError, match="lost the row of its table `news`"):
            store.change_marker()


def test_an_empty_database_is_to_be_upgraded(
    settings: Settings, request: pytest.FixtureRequest, database_url: str
) -> None:
    kind = "postgres" if locate(database_url).dialect == "postgresql" else "mysql"  # type: ignore[union-attr]
    url = request.getfixturevalue("sandbox")(kind).get_uri()
    with pytest.raises(StoreError, match="is empty: run `tradewind db upgrade`"):
        open_store(dataclasses.replace(settings, database_url=url))


def test_a_name_that_is_too_long_is_told_and_never_cut(store: Store) -> None:
    with pytest.raises(StoreError, match="too long"):
        store.set_pool("x" * 251, 1)
    assert list(store.pools()) == ["default_pool"]


def test_names_that_differ_in_case_or_accents_are_different(store: Store) -> None:
    names = ["Größe", "GRÖSSE", "grosse", "größe", "☃", "😀", "😁"]
    for number, name in enumerate(names):
        store.set_pool(name, number)
    assert store.pools() == {"default_pool": 128, **{name: number for number, name in enumerate(names)}}


def test_a_value_of_megabytes_is_kept_or_refused_in_plain_words(store: Store, sample: Any) -> None:
    run = sample.run()
    key = sample.queue(run)
    sample.start(key)
    api = store.task_api()
    large, huge = "ü" * 500_000, "ü" * 30_000_000
    api.xcom_put(key, "large", large)
    assert api.xcom_get("sales", "run-1", "t0", "large") == large
    if isinstance(store.database, PostgresDatabase):
        api.xcom_put(key, "huge", huge)
        assert api.xcom_get("sales", "run-1", "t0", "huge") == huge
    else:
        with pytest.raises(StoreError, match="has 60000000: let the server have a larger max_allowed_packet") as caught:
            api.xcom_put(key, "huge", huge)
        assert len(str(caught.value)) < 1000
    assert store.heartbeat(key, sample.now)


def test_an_error_never_shows_values(store: Store, sample: Any) -> None:
    sample.run()
    with pytest.raises(StoreError) as caught:
        store.set_pool("s3cr3t" * 100, 1)
    shown = "".join(str(error) for error in (caught.value, caught.value.__cause__))
    assert "s3cr3t" not in shown


def test_a_connection_that_the_server_cut_is_replaced(store: Store) -> None:
    """Whether it is noticed at once or when a transaction begins: no verb fails."""
    for wait in (0.0, 1.2):
        store.set_pool("a", 1)
        store.change_marker()
        cut_all(store)
        threading.Event().wait(wait)
        assert store.set_pool("b", 1) is None
        cut_all(store)
        threading.Event().wait(wait)
        assert store.pools()["b"] == 1
        assert store.change_marker()


def cut_all(store: Store) -> None:
    """End every connection to the database, as its administrator."""
    with Store(store_url(store)) as other, other.database.migrating() as connection:
        if connection.dialect.name == "postgresql":
            others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            connection.execute(text(f"SELECT pg_terminate_backend(pid) {others}"))
            return
        others = "SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()"
        for (number,) in connection.execute(text(others)).all():
            connection.execute(text(f"KILL {number}"))


def store_url(store: Store) -> str:
    server = store.database.server  # type: ignore[attr-defined]
    host, port = server.hosts[0]
    return build_uri(Parts(server.dialect, server.login, server.password, host, port, server.database))


def test_transactions_that_get_in_each_others_way_are_done_again(store: Store, sample: Any) -> None:
    """Two that lock the same rows in a different order: the database undoes one of them, and its verb goes on."""
    run = sample.run()
    key = sample.queue(run)
    sample.start(key)
    tried = []

    def cross(first: str, second: str) -> None:
        from tradewind.store.engine import replayed

        @replayed
        def verb(database: Any) -> None:
            tried.append(first)
            with database.write(alone=False) as connection:
                connection.execute(text(f"UPDATE pools SET slots = slots + 1 WHERE name = '{first}'"))
                if tried.count(first) == 1:
                    both.wait(60)
                connection.execute(text(f"UPDATE pools SET slots = slots + 1 WHERE name = '{second}'"))

        verb(store.database)

    store.set_pool("a", 0)
    store.set_pool("b", 0)
    both = threading.Barrier(2)
    threads = [threading.Thread(target=cross, args=names) for names in (("a", "b"), ("b", "a"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    pools = store.pools()
    assert (pools["a"], pools["b"]) == (2, 2)
    assert len(tried) > 2, "they did not get in each other's way"


@pytest.mark.parametrize(
    ("state", "told"),
    [("53100", "disk .* is full"), ("25006", "standby, or read-only"), ("57P03", "starting or stopping")],
)
def test_what_cannot_be_brought_about_here_is_told_too(store: Store, settings: Settings, state: str, told: str) -> None:
    """The server itself raises the error."""
    with store.database.read() as connection:
        if connection.dialect.name != "postgresql":
            number = {"53100": 1114, "25006": 1290, "57P03": 1053}[state]
            raised = f"SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = {number}, MESSAGE_TEXT = 'played'"
        else:
            raised = f"DO $$ BEGIN RAISE EXCEPTION 'played' USING ERRCODE = '{state}'; END $$"
    with pytest.raises(StoreError, match=told), store.database.write() as connection:
        connection.exec_driver_sql(raised)


def test_conflicts_have_a_kind_of_their_own() -> None:
    class Played(Exception):
        pgcode = "40001"

    server = Server("postgresql", "d", (("h", None),), "me", "s3cr3t")
    error = explain(Played("could not serialize s3cr3t"), server, 30)
    assert isinstance(error, Conflict)
    assert "s3cr3t" not in str(error)


def test_a_missing_driver_is_told_with_what_to_install(database_url: str) -> None:
    script = (
        "import sys; sys.modules['psycopg2'] = sys.modules['pymysql'] = None\n"
        "from tradewind.store import Store\n"
        "try: Store(sys.argv[1])\n"
        "except Exception as error: print(type(error).__name__, error)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, database_url], capture_output=True, text=True, check=True)
    extra = "mysql" if database_url.startswith("mysql") else "postgres"
    assert done.stdout.startswith("StoreError")
    assert f"pip install 'tradewind[{extra}]'" in done.stdout


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("postgres://ann:a%2Fb@db/tw", Server("postgresql", "tw", (("db", None),), "ann", "a/b")),
        ("postgresql+psycopg2://ann:a/b@db:1/tw", Server("postgresql", "tw", (("db", 1),), "ann", "a/b")),
        ("mariadb://ann:a@b@db/tw", Server("mysql", "tw", (("db", None),), "ann", "a@b")),
        ("mysql+pymysql://db/tw?charset=x", Server("mysql", "tw", (("db", None),), None, None, (("charset", "x"),))),
        ("postgresql://ann@h1:1,h2/tw", Server("postgresql", "tw", (("h1", 1), ("h2", None)), "ann", None)),
        ("postgresql:///tw?host=/run&password=x", Server("postgresql", "tw", (), None, "x", (("host", "/run"),))),
    ],
)  # fmt: skip
def test_urls(url: str, server: Server) -> None:
    assert locate(url) == server
    assert server.password is None or repr(server.password) not in repr(server)


def test_of_several_hosts_the_one_that_answers_is_taken(settings: Settings, kept_databases: Any) -> None:
    there = split_uri(kept_databases("postgres"))
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        hosts = f"127.0.0.1:{held.getsockname()[1]},{there.host}:{there.port}"
        url = f"postgresql://{there.login}:{there.password}@{hosts}/{there.schema}?target_session_attrs=read-write"
        with Store(url, settings) as store:
            assert store.runs() == []
