"""A thousand random connections, passwords and table names against a real server.

Whatever they are: no secret is told, no other table is touched, and what is refused is refused in words.
"""

from __future__ import annotations

import logging
import traceback
from contextlib import contextmanager, suppress
from urllib.parse import quote

import psycopg2
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from psycopg2 import sql
from sqlalchemy.engine import make_url

from tradewind.connection import Connection
from tradewind.errors import TradewindError
from tradewind.secrets import forget_secrets
from tradewind.testing import faults
from tradewind_postgres import PostgresHook

#: All together make a thousand.
CONNECTIONS, PASSWORDS, TABLES, COLUMNS = 400, 150, 350, 100


def many(examples):
    return settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


#: What can stand in a name or a password: anything but NUL and halves of surrogate pairs.
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
nasty = st.sampled_from(
    ["'", '"', '""', "\\", "%", "%s", "%%", ";", "--", "/*", "@", ":", "/", "?", "#", "$$", ".", "\n"]
)
pieces = st.lists(st.one_of(texts, nasty), min_size=1, max_size=4).map("".join)
passwords = pieces.map(lambda text: f"Zq7{text}9xK")
names = st.one_of(
    pieces,
    st.sampled_from(
        ["keep", "select", "KEEP", "public.keep", '"keep"', 'keep"; drop table keep; --', "a.b", "keep ", " keep"]
    ),
).filter(lambda name: 0 < len(name.encode()) <= 63)


class Heard(logging.Handler):
    """Every record that is logged, as text."""

    def __init__(self):
        super().__init__(logging.NOTSET)
        self.texts = []

    def emit(self, record):
        self.texts.append(self.format(record))


@contextmanager
def hearing():
    heard = Heard()
    logger = logging.getLogger("tradewind_postgres")
    logger.addHandler(heard)
    level = logger.level
    logger.setLevel(logging.DEBUG)
    try:
        yield heard.texts
    finally:
        logger.removeHandler(heard)
        logger.setLevel(level)


def told_by(error):
    return "".join(traceback.format_exception_only(error)) + "".join(getattr(error, "__notes__", ()))


def forms_of(password):
    return {password, quote(password, safe=""), repr(password)[1:-1]}


# -- connections


@pytest.fixture
def closed_port():
    return faults.closed_port()


@st.composite
def uris(draw, server, closed_port):
    """A URI that is wrong in some way, and the password in it, written as people write it."""
    password = draw(passwords)
    written = draw(st.sampled_from([quote(password, safe=""), password]))
    login = draw(st.sampled_from([server.login, "nobody", "", quote(draw(pieces), safe="")]))
    host = draw(st.sampled_from(["127.0.0.1", "%2Fno%2Fsuch", "[::1", "127.0.0.1,127.0.0.1", "[127.0.0.1]", ""]))
    port = draw(st.sampled_from([f":{server.port}", f":{closed_port}", ":", ":0x", ":99999"]))
    database = draw(st.sampled_from([server.schema, "none", quote(draw(pieces), safe=""), ""]))
    query = draw(
        st.sampled_from(["", "?sslmode=require", "?sslmode=x", "?ssl=1", "?__extra__={", "?options=-c x", "#end"])
    )
    extra = draw(st.sampled_from(["", f"&sslpassword={quote(password, safe='')}" if query.startswith("?") else ""]))
    return f"postgres://{login}:{written}@{host}{port}/{database}{query}{extra}", password


@many(CONNECTIONS)
@given(data=st.data())
def test_a_wrong_connection_tells_no_secret(server, closed_port, data):
    forget_secrets()  # thousands to look for would be slow
    uri, password = data.draw(uris(server, closed_port))
    with hearing() as heard:
        try:
            found = Connection.from_value(uri, "x", where="AIRFLOW_CONN_X")
        except TradewindError as error:
            output = told_by(error)
        else:
            works, told = found.test_connection()
            assert not works
            assert len(told.split()) > 3
            output = told + repr(found)
            try:
                PostgresHook(connection=found).get_records("select 1")
            except TradewindError as error:
                output += told_by(error)
    output += "".join(heard)
    for form in forms_of(password):
        assert form not in output


# -- passwords


@many(PASSWORDS)
@given(right=passwords, wrong=passwords)
def test_any_password_leads_in_and_is_not_told(server, ask, right, wrong):
    forget_secrets()
    assume(right != wrong)
    login = f"prop_{server.schema}"
    ask(f"drop role if exists {login}")
    ask(f"create role {login} login password %s", (right,))
    try:
        made = Connection("x", "postgres", None, server.host, login, right, server.schema, server.port)
        again = Connection.from_uri(made.get_uri(), "x")
        assert again == made
        assert PostgresHook(connection=again).get_first("select current_user") == (login,)
        assert make_url(again.sqlalchemy_url).password == right
        with hearing() as heard:
            again.password = wrong
            works, told = again.test_connection()
        assert not works
        output = told + repr(again) + "".join(heard)
        assert wrong not in output
        assert right not in output
    finally:
        ask(f"drop role {login}")


# -- names


@pytest.fixture
def kept(ask):
    """A table that must stay as it is, and a schema."""
    ask("create table keep (id int, a text)")
    ask("insert into keep values (1, 'kept')")
    ask("create schema sales")

    def check():
        assert ask("select * from public.keep") == [(1, "kept")]
        assert ask("select count(*) from pg_tables where schemaname in ('public', 'sales')") == [(1,)]

    return check


@pytest.fixture
def session(hook):
    """The hook with one connection for all examples."""
    with hook.session():
        yield hook


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


@many(TABLES)
@given(name=names, schema=st.sampled_from(["public", "sales"]), way=st.sampled_from(["insert", "upsert", "load"]))
def test_a_table_of_any_name_is_the_one_that_is_meant(session, ask, kept, tmp_path, name, schema, way):
    assume((schema, name) != ("public", "keep"))
    place = sql.Identifier(schema, name)
    path = tmp_path / "row"
    path.write_text("1\tx\n")
    write = {
        "insert": lambda table: session.insert_rows(table, [(1, "x")]),
        "upsert": lambda table: session.upsert_rows(table, [(1, "y"), (1, "x")], ["id", "a"], ["id"]),
        "load": lambda table: session.bulk_load(table, path),
    }[way]
    ask(sql.SQL("create table {} (id int primary key, a text)").format(place))
    try:
        write(f"{quoted(schema)}.{quoted(name)}")
        assert session.get_table_primary_key(quoted(name), schema) == ["id"]
        if name not in ("keep", '"keep"', "public.keep"):
            _try_unquoted(session, name)
        assert ask(sql.SQL("select * from {} where id = 1").format(place)) == [(1, "x")]
    finally:
        ask(sql.SQL("drop table {}").format(place))
    kept()


def _try_unquoted(hook, name):
    """As people write it: it is the table of exactly that name, or there is none."""
    with suppress(TradewindError, psycopg2.Error):
        hook.insert_rows(name, [(2, "z")])


@many(COLUMNS)
@given(fields=st.lists(names, min_size=2, max_size=3, unique=True))
def test_columns_of_any_name_are_the_ones_that_are_meant(session, ask, kept, fields):
    columns = sql.SQL(", ").join(sql.SQL("{} text").format(sql.Identifier(field)) for field in fields)
    ask(sql.SQL("create table sales.t ({}, primary key ({}))").format(columns, sql.Identifier(fields[0])))
    try:
        named = [quoted(field) for field in fields]
        first, second = "abc"[: len(fields)], "cbz"[: len(fields)]
        session.insert_rows("sales.t", [tuple(first[::-1])], named[::-1])
        session.upsert_rows("sales.t", [tuple(second)], named, named[:1])
        assert sorted(ask("select * from sales.t")) == [tuple(first), tuple(second)]
    finally:
        ask("drop table sales.t")
    kept()
