"""Random names, passwords and URIs against a real server: no secret in any output, no other table touched."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import pymysql
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import make_url

from tradewind.connection import Connection
from tradewind.errors import TradewindError
from tradewind_mysql import MySqlHook, connecting

#: Text with everything that means something in SQL, URIs, regular expressions, formats and LOAD DATA.
_NASTY = "`'\"\\%;-/*#.()\n\t\0@:?&=+{}$ \u00e4\u20ac"
nasty = st.one_of(
    st.text(st.sampled_from(_NASTY + "abcSELECTvalues%s"), min_size=1, max_size=20),
    st.text(min_size=1, max_size=12),
    st.sampled_from(
        ["t`; DROP TABLE bystander; -- ", "%s", "%(a)s", "` VALUES (%s)", "bystander", "select", "a.b", "new", "/*! */"]
    ),
)
#: What MySQL takes for a name: no NUL, nothing beyond U+FFFF, no blank at the end, 64 characters.
names = nasty.map(lambda text: "".join(c for c in text if c != "\0" and ord(c) < 0xD800).rstrip()[:60]).filter(bool)
#: Nothing else looks like these.
secrets = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=20).map(
    lambda text: f"gehe1m{text}Q7"
)

few = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much],
)
many = settings(few, max_examples=400)
handful = settings(few, max_examples=25)

BYSTANDER = [(1, "untouched"), (2, None)]


@pytest.fixture
def world(hook: MySqlHook) -> Iterator[MySqlHook]:
    """A hook with one connection for all examples, and a table that nobody may touch."""
    with hook.session():
        hook.run("create table bystander (id int primary key, v text)")
        hook.insert_rows("bystander", BYSTANDER)
        yield hook


def tables(hook: MySqlHook) -> set[str]:
    return {row[0] for row in hook.get_records("show tables")}


@few
@given(name=names, columns=st.lists(names, min_size=2, max_size=2, unique_by=str.casefold), many_rows=st.booleans())
def test_only_the_table_that_is_named_is_touched(
    world: MySqlHook, name: str, columns: list[str], many_rows: bool
) -> None:
    quote = world.dialect.quote
    if name.casefold() == "bystander" or columns[0].casefold() == columns[1].casefold():
        return
    try:
        world.run(f"create table {quote(name)} ({quote(columns[0])} int primary key, {quote(columns[1])} int)")
    except pymysql.err.Error as error:  # MySQL has rules of its own for names; a broken quote is none of them
        assert error.args[0] in (1059, 1060, 1103, 1166, 1300), error  # noqa: PT017  # not all names are refused
        return
    try:
        table, number = quote(name), 300 if many_rows else 2
        named = [quote(column) for column in columns]  # a name that has quotes around it would be read without them
        rows = [(n, n) for n in range(number)]
        assert tables(world) == {"bystander", name}
        assert world.insert_rows(table, rows, named) == number
        assert world.insert_rows(table, rows, named, replace=True) == number
        world.upsert_rows(table, [(0, 7), (-1, 8)], named, named[0])
        assert world.dialect.get_column_names(table) == columns
        assert world.dialect.get_primary_keys(table) == columns[:1]
        assert world.get_first(f"select count(*), sum({quote(columns[1])}) from {table}") == (
            number + 1,
            sum(range(number)) + 15,
        )
    finally:
        world.run(f"drop table {quote(name)}")
    assert tables(world) == {"bystander"}
    assert world.get_records("select * from bystander order by id") == BYSTANDER


@many
@given(name=nasty, columns=st.lists(nasty, min_size=1, max_size=3))
def test_a_name_without_quotes_reaches_no_other_table(world: MySqlHook, name: str, columns: list[str]) -> None:
    """What is no name of a table is refused by us or by the server; nothing is executed in its place."""
    if name.casefold().strip("`\"' ") == "bystander":
        return
    with pytest.raises((TradewindError, pymysql.err.Error, ValueError)):
        world.insert_rows(name, [tuple(range(len(columns)))], columns)
    assert tables(world) == {"bystander"}
    assert world.get_records("select * from bystander order by id") == BYSTANDER


@many
@given(name=names, columns=st.lists(names, min_size=1, max_size=3), replace=st.booleans())
def test_statements_consist_of_quoted_names_and_placeholders(name: str, columns: list[str], replace: bool) -> None:
    hook = MySqlHook(connection=Connection(conn_id="c", conn_type="mysql"))
    dialect = hook.dialect
    make = dialect.generate_replace_sql if replace else dialect.generate_insert_sql
    named = [dialect.quote(column) for column in columns]
    statement = make(dialect.quote(name), columns, named) % tuple("?" * len(columns))
    left = statement
    for quoted in sorted({dialect.quote(one) for one in (name, *columns)}, key=len, reverse=True):
        left = left.replace(quoted, "")
    marks = ", ".join("?" * len(columns))
    commas = ", " * (len(columns) - 1)
    assert left == f"{'REPLACE' if replace else 'INSERT'} INTO  ({commas}) VALUES ({marks})"


@few
@given(value=st.one_of(st.text(max_size=40), st.binary(max_size=40)), copies=st.sampled_from([1, 210]))
def test_any_text_or_bytes_comes_back(world: MySqlHook, value: str | bytes, copies: int) -> None:
    if isinstance(value, str) and not value.isprintable():
        value = value.encode("utf-8", "replace").decode()
    kind = "longtext" if isinstance(value, str) else "longblob"
    with world.transaction():
        world.run(f"create temporary table v (x {kind})")
        world.insert_rows("v", [(value,)] * copies)
        assert world.get_records("select distinct x from v") == [(value,)]
        assert world.get_first("select count(*) from v where x = %s", parameters=[value]) == (copies,)
        world.run("drop temporary table v")


@few
@given(
    password=secrets, login=st.sampled_from(["sandbox", "nobody", ""]), extra=st.sampled_from(["", "ssl_mode=REQUIRED"])
)
def test_a_wrong_password_is_never_shown(server: Connection, password: str, login: str, extra: str) -> None:
    log = io.StringIO()
    handler = logging.StreamHandler(log)
    logging.getLogger().addHandler(handler)
    try:
        given = Connection(
            conn_id="shop", conn_type="mysql", host=server.host, port=server.port, login=login, password=password,
            extra=dict([extra.split("=")]) if extra else None,
        )  # fmt: skip
        hook = MySqlHook(connection=given)
        works, told = hook.test_connection()
        with pytest.raises(TradewindError) as caught:
            hook.run("select 1")
    finally:
        logging.getLogger().removeHandler(handler)
    assert not works
    shown = [told, str(caught.value), repr(caught.value), repr(given), repr(hook), log.getvalue()]
    assert not any(password in text for text in shown), shown


parts = st.one_of(st.text(st.sampled_from(_NASTY + "ab1[]"), max_size=8), st.text(max_size=8))
queries = st.dictionaries(
    st.sampled_from(["ssl_mode", "connect_timeout", "charset", "unix_socket", "ssl", "iam", "cursor", "nonsense"]),
    st.one_of(parts, st.sampled_from(["1", "true", "REQUIRED", "{}", "latin1", "dictcursor"])),
    max_size=2,
)


@many
@given(password=secrets, host=parts, schema=parts, query=queries)
def test_any_uri_is_taken_or_refused_without_its_secret(
    password: str, host: str, schema: str, query: dict[str, str]
) -> None:
    from urllib.parse import quote, urlencode

    uri = f"mysql://me:{quote(password, safe='')}@{host}/{schema}?{urlencode(query)}"
    try:
        connection = Connection.from_uri(uri, conn_id="shop")
        hook = MySqlHook(connection=connection)
        found = connecting.settings(connection, conn_id="shop")
        url = hook.get_uri()
    except TradewindError as error:
        assert password not in str(error)  # noqa: PT017  # not all URIs are refused
        return
    if connection.password is not None:
        assert found.get("password", b"") == connection.password.encode()
        assert (make_url(url).password or "") == connection.password
    if connection.password == password:
        assert password not in repr(connection)
        assert password not in str({**found, "password": ""})


@many
@given(
    database=parts,
    login=parts,
    password=parts,
    host=st.sampled_from(["h", "::1", "fe80::1", "10.0.0.1", "/run/x.sock"]),
)
def test_the_sqlalchemy_url_reads_back(database: str, login: str, password: str, host: str) -> None:
    try:
        connection = Connection(
            conn_id="c", conn_type="mysql", host=host, login=login, password=password, schema=database
        )
    except TradewindError:
        return
    url = make_url(MySqlHook(connection=connection).get_uri())
    assert (url.username or "", url.password or "") == (login, password)
    assert (url.host or "") == ("" if host.startswith("/") else host)
    assert url.query.get("unix_socket") == (host if host.startswith("/") else None)
