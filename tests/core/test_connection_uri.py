"""Reading and writing connection URIs: every trap, the round trip, and that no error shows a secret."""

from __future__ import annotations

import re
import string
import types

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from tradewind import plugins
from tradewind.connection import Connection, encode_password
from tradewind.connection.uri import split_hosts, split_uri
from tradewind.errors import BrokenConnection
from tradewind.hookspecs import hookimpl
from tradewind.records import ConnectionType, Extra

pytestmark = pytest.mark.usefixtures("fresh_secrets")

RESERVED = ":/?#[]@!$&'()*+,;=%\"<>\\^`{|} "


@pytest.fixture
def lake():
    """A connection type with an extra of every kind."""
    lake = ConnectionType(
        "data_lake",
        aliases=("lake", "lakes"),
        extras=(
            Extra("tls", bool),
            Extra("retries", int),
            Extra("timeout", float),
            Extra("tags", list),
            Extra("options", dict),
            Extra("mode", str, choices=("fast", "safe")),
            Extra("spark.master", str),
            Extra("owner", str),
            Extra("pin", int, secret=True),
        ),
    )
    module = types.ModuleType("lake_plugin")
    module.register_connection_types = hookimpl(lambda register: register(lake))
    module.register_connection_types.__name__ = "register_connection_types"
    plugins.current().add(module, "lake")
    yield lake
    plugins.current.cache_clear()


def read(uri, conn_id="x", where="AIRFLOW_CONN_X"):
    return Connection.from_value(uri, conn_id, where=where)


def broken(uri):
    with pytest.raises(BrokenConnection) as caught:
        read(uri)
    return str(caught.value)


# -- what reads as what


@pytest.mark.parametrize(
    ("uri", "fields"),
    [
        ("postgres://u:p@h:5432/db", {"login": "u", "password": "p", "host": "h", "port": 5432, "schema": "db"}),
        ("postgresql://h", {"conn_type": "postgres", "host": "h"}),
        ("postgresql+psycopg2://h/db", {"conn_type": "postgres", "host": "h", "schema": "db"}),
        ("POSTGRES://h", {"conn_type": "postgres"}),
        ("google-cloud-platform://", {"conn_type": "google_cloud_platform", "host": None}),
        ("google_cloud_platform://?k=v", {"conn_type": "google_cloud_platform", "schema": None, "extra": '{"k": "v"}'}),
        ("  postgres://h/db\n", {"host": "h", "schema": "db"}),
        ("'postgres://h/db'", {"host": "h", "schema": "db"}),
        ('"postgres://h/db"', {"host": "h", "schema": "db"}),
        ("x://My-Host/A", {"host": "My-Host", "schema": "A"}),
        ("x://h/a/b", {"schema": "a/b"}),
        ("x://h/a%2Fb", {"schema": "a/b"}),
        ("x://h//a", {"schema": "/a"}),
        ("x:///a", {"host": None, "schema": "a"}),
        ("x://h:0", {"host": "h", "port": 0}),
        ("x://h:/a", {"host": "h", "port": None, "schema": "a"}),
        ("x://:5432", {"host": None, "port": 5432}),
        ("x://u@h", {"login": "u", "password": None}),
        ("x://u:@h", {"login": "u", "password": ""}),
        ("x://:p@h", {"login": None, "password": "p"}),
        ("x://@h", {"login": None, "password": None, "host": "h"}),
        ("x://%2FVar%2Frun%2Fpostgresql/db", {"host": "/Var/run/postgresql", "schema": "db"}),
        ("x://u:p%2B+q@h", {"password": "p++q"}),
        ("x://h/?q=a+b&r=a%2Bb", {"extra": '{"q": "a b", "r": "a+b"}'}),
        ("x://h?q=1", {"host": "h", "schema": None, "extra": '{"q": "1"}'}),
        ("x://h/?q=1&q=2", {"extra": '{"q": "2"}'}),
        ("x://h/?q=", {"extra": '{"q": ""}'}),
        ("x://h/?q", {"extra": '{"q": ""}'}),
        ("x://h/?q=a=b", {"extra": '{"q": "a=b"}'}),
        ("x://h/?q=?", {"extra": '{"q": "?"}'}),
        ("x://h/?", {"extra": None}),
        ("x://bücher.example/d%C3%BC", {"host": "bücher.example", "schema": "dü"}),
    ],
)
def test_a_uri_reads_as(uri, fields):
    connection = read(uri)
    assert {name: getattr(connection, name) for name in fields} == fields
    assert Connection.from_uri(connection.get_uri()) == connection


@pytest.mark.parametrize(
    ("uri", "host", "port", "hosts"),
    [
        ("x://[::1]:5432/d", "::1", 5432, [("::1", 5432)]),
        ("x://[fe80::1%25eth0]", "fe80::1%eth0", None, [("fe80::1%eth0", None)]),
        ("x://h1,h2:5432/d", "h1,h2", 5432, [("h1", 5432), ("h2", 5432)]),
        ("x://h1:5432,h2:5433/d", "h1:5432,h2:5433", None, [("h1", 5432), ("h2", 5433)]),
        ("x://h1:5432,h2/d", "h1:5432,h2", None, [("h1", 5432), ("h2", None)]),
        ("x://[::1]:1,[::2]:2/d", "[::1]:1,[::2]:2", None, [("::1", 1), ("::2", 2)]),
        ("x://%2Ftmp:5433/d", "/tmp", 5433, [("/tmp", 5433)]),
        ("x://", None, None, []),
    ],
)
def test_hosts_of_every_kind_are_read_and_written_again(uri, host, port, hosts):
    connection = read(uri)
    assert (connection.host, connection.port, connection.hosts) == (host, port, hosts)
    assert Connection.from_uri(connection.get_uri()) == connection


def test_ipv6_is_written_in_brackets():
    assert Connection(conn_type="x", host="::1", port=5432).get_uri() == "x://[::1]:5432"
    assert "[::1]:3306" in Connection(conn_type="mysql", host="::1", port=3306).sqlalchemy_url


@pytest.mark.parametrize(
    ("uri", "fields", "base_url"),
    [
        ("https://h/base", {"host": "https://h", "schema": "base"}, "https://h/base"),
        ("https://h", {"host": "https://h", "schema": None}, "https://h"),
        ("https://u:p@h:8443/a/b", {"login": "u", "password": "p", "port": 8443}, "https://h:8443/a/b"),
        ("http://https://h/p", {"host": "https://h", "schema": "p"}, "https://h/p"),
        ("http://https://u:p@h", {"login": "u", "password": "p", "host": "https://h"}, "https://h"),
        ("http://u:p@https://h/p", {"login": "u", "password": "p", "host": "https://h"}, "https://h/p"),
        ("https://https://h", {"host": "https://h", "schema": None}, "https://h"),
        ("http://https%3A%2F%2Fh/p", {"host": "https://h", "schema": "p"}, "https://h/p"),
        ("http://https%3A%2F%2Fh%2Fbase/", {"host": "https://h/base"}, "https://h/base"),
        ("http://h:80/https", {"host": "h", "schema": "https"}, "https://h:80"),
        ("http://h/base", {"host": "h", "schema": "base"}, "http://h/base"),
        ("http://https://[::1]:80/p", {"host": "https://[::1]", "port": 80}, "https://[::1]:80/p"),
        ("http://[::1]/", {"host": "::1"}, "http://[::1]"),
        ("http://h/?x=http://f/", {"host": "h", "schema": None, "extra": '{"x": "http://f/"}'}, "http://h"),
        ("https://h/@somebody", {"host": "https://h", "schema": "@somebody"}, "https://h/@somebody"),
    ],
)
def test_web_addresses_just_work(uri, fields, base_url):
    connection = read(uri)
    assert connection.conn_type == "http"
    assert {name: getattr(connection, name) for name in fields} == fields
    assert connection.base_url == base_url
    assert Connection.from_uri(connection.get_uri()) == connection


@pytest.mark.parametrize(
    "uri",
    [
        "sqlite:////data/x.db",
        "sqlite:///C:/data/x.db",
        "sqlite:///x.db",
        "x://u:p%2Fw@h:80/a/b?ca=/etc/ca.pem",
        "x://%2Frun%2Fx.sock/db",
        "x://u@h/a%3Fb%23c%40d%25e?mail=a%40b.org&rest=a%2Bb%26c%3Fd",
        "x://u@h//a//",
    ],
)
def test_a_uri_is_shown_as_people_write_it(uri):
    assert read(uri).get_uri() == uri
    assert read(uri).masked_uri() == uri.replace("p%2Fw", "***")


def test_a_server_in_an_extra_is_shown_as_people_write_it():
    connection = read("x://h/?endpoint_url=http%3A%2F%2F127.0.0.1%3A9000&api_key=a%2Fb")
    assert connection.masked_uri() == "x://h/?endpoint_url=http://127.0.0.1:9000&api_key=***"
    assert Connection.from_uri(connection.get_uri()) == connection


def test_a_second_scheme_in_a_query_value_is_not_the_host():
    connection = read("postgres://h/db?x=http://f/")
    assert (connection.host, connection.schema, connection.extra_dejson) == ("h", "db", {"x": "http://f/"})


def test_https_as_a_type_given_by_fields_is_http_too():
    assert Connection(conn_type="https", host="h", schema="base") == Connection.from_uri("https://h/base")


# -- passwords as people write them


@pytest.mark.parametrize(
    "password",
    [
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "a/b",
        "/a",
        "a?b",
        "a#b",
        "a@b",
        "a:b",
        "a%b",
        "100%",
        "%zz",
        "a b",
        "a+b",
        "a=b&c",
        "/?#@:",
        "p@ss?word",
        "#hash@",
        "[x]",
        "pä/ss",
        '"quoted"/',
        "\\back/slash",
    ],
)
def test_a_raw_password_that_can_be_read_in_one_way_is_read(password):
    connection = read(f"postgres://user:{password}@host:5432/db?sslmode=require")
    assert (connection.login, connection.password) == ("user", password)
    assert (connection.host, connection.port, connection.schema) == ("host", 5432, "db")
    assert connection.extra_dejson == {"sslmode": "require"}
    assert Connection.from_uri(connection.get_uri()) == connection


def test_an_aws_secret_with_slashes_and_no_host_is_read():
    connection = read("aws://AKIAIOSFODNN7EXAMPLE:wJal/K7M+bPx@/?region_name=eu-central-1")
    assert (connection.login, connection.password) == ("AKIAIOSFODNN7EXAMPLE", "wJal/K7M+bPx")
    assert connection.extra_dejson == {"region_name": "eu-central-1"}


def test_a_login_that_is_a_mail_address_is_read():
    assert read("imap://me@x.org:p@h").login == "me@x.org"


@pytest.mark.parametrize(
    ("uri", "position", "char", "line"),
    [
        ("postgres://u:p@ss/word@h.org/db", 15, "'@'", "postgres://u:***@h.org/db"),
        ("postgres://u:12/34@host/db", 16, "'/'", "postgres://u:***@host/db"),
        ("postgres://a/b:c@host:5432/db", 13, "'/'", "postgres://a%2Fb:***@host:5432/db"),
        ("postgres://u:p@s?a=b@host:1/db?k=v", 15, "'@'", "postgres://u:***@host:1/db?k=***"),
    ],
)
def test_a_password_that_can_be_read_in_two_ways_is_an_error_with_the_place_and_the_corrected_line(
    uri, position, char, line
):
    message = broken(uri)
    assert message.startswith(f"The connection 'x' in AIRFLOW_CONN_X is broken at position {position}: {char} can be")
    assert f"Write it as: AIRFLOW_CONN_X='{line}'" in message
    assert uri[position - 1] == char[1]


def test_the_position_counts_spaces_and_quotes_in_front():
    assert "at position 18:" in broken("  'postgres://u:p@ss/word@host/db'")


def test_a_raw_at_in_the_value_of_a_declared_extra_is_read():
    connection = read("smtp://u:p@mail:25/?from_email=me@x.org&starttls=false")
    assert connection.extra_dejson == {"from_email": "me@x.org", "starttls": False}
    assert connection.host == "mail"


@pytest.mark.parametrize(
    ("uri", "problem"),
    [
        ("postgres", "it is neither a URI"),
        ("hunter2hunter2", "it is neither a URI"),
        ("/run/secrets/x", "it is neither a URI"),
        ("postgres:u:hunter2@h", "'://' must follow the connection type"),
        ("postgres:/u:hunter2@h", "'://' must follow the connection type"),
        ("my type://u:hunter2@h", "at position 3: what stands before '://' is not a connection type"),
        ("jdbc:postgresql://h", "it starts with 'jdbc:'"),
        ("postgres://u:p@h/db#hunter2", "at position 20: '#' starts a fragment"),
        ("postgres://h/db#x", "Write it as: AIRFLOW_CONN_X='postgres://h/db%23***'"),
        ("postgres://u:p@h/db?a=b#hunter2", "at position 24: '#' starts a fragment"),
        ("postgres://u:hunter2/x", "at position 14: what follows the ':' is not a port"),
        ("postgres://u:p@h:54x2/db", "at position 18: what follows the ':' is not a port"),
        ("postgres://u:p@h:65536/db", "at position 18: the port is above 65535"),
        ("postgres://u:p@h:-1/db", "at position 18: what follows the ':' is not a port"),
        ("postgres://::1:5432/db", "an IPv6 address goes in brackets"),
        ("postgres://[zz]/db", "is not an IPv6 address"),
        ("postgres://u:p@hunter2/x@host:54x2/db", "at position 31: what follows the ':' is not a port"),
        ("postgres://host/x@hunter2:x/db", "at position 27: what follows the ':' is not a port"),
        ("postgres://u:p@my host/db", "at position 18: ' ' cannot be in the name of a host"),
        ("postgres://u:p%FF@h/db", "at position 15: the %XX there is not UTF-8"),
        ("x://h/?a=b&c=%FF", "at position 14: the %XX there is not UTF-8"),
        ("spark://k8s://https://h", "there is a third '://'"),
        ("x://h?__extra__=nojson", "the extra __extra__: it is not valid JSON"),
        ("x://h?__extra__=[1]", "the extra __extra__ must be a JSON object"),
        ('x://h?__extra__={"a":NaN}', "NaN is not JSON"),
        ("x://h?a=1&a.b=2", "inside 'a', which has a value of its own"),
        ('x://h?__extra__={"a":1}&a=2', "the extra 'a' is there twice"),
        ("smtp://h?starttls=perhaps", "the extra 'starttls' must be true or false, not 'perhaps'"),
        ("smtp://h?timeout=soon", "the extra 'timeout' must be a number, not 'soon'"),
        ("", "it is neither a URI"),
    ],
)
def test_what_cannot_be_read_is_an_error_that_says_what_is_wrong(uri, problem):
    message = broken(uri)
    assert problem in message
    assert message.startswith("The connection 'x' in AIRFLOW_CONN_X is broken")
    assert "hunter2" not in message


def test_errors_do_not_carry_the_value_along_as_their_cause():
    with pytest.raises(BrokenConnection) as caught:
        read("postgres://u:hunter2/x")
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_port_that_is_a_piece_of_the_password_is_not_shown():
    message = broken("postgres://user:12345/hunter2@host")
    assert "12345" not in message
    assert "hunter2" not in message


# -- extras


def test_dotted_keys_are_nested():
    assert read("x://h?a.b=1&a.c.d=2&e=3").extra_dejson == {"a": {"b": "1", "c": {"d": "2"}}, "e": "3"}


def test_dots_that_nest_nothing_stay():
    assert read("x://h?.a=1&b.=2&c..d=3").extra_dejson == {".a": "1", "b.": "2", "c..d": "3"}


def test_extra_json_and_other_keys_join():
    assert read('x://h?__extra__={"a": {"b": 1}}&c=2&a.d=3').extra_dejson == {"a": {"b": 1, "d": "3"}, "c": "2"}


def test_untyped_extras_stay_text():
    assert read("x://h?iam=false&n=5&j={}").extra_dejson == {"iam": "false", "n": "5", "j": "{}"}


def test_typed_extras_are_converted(lake):
    connection = read(
        'data-lake://h?tls=no&retries=3&timeout=1.5&tags=["a"]&options={"k":1}&mode=safe&spark.master=m&owner=7&x=1'
    )
    assert connection.extra_dejson == {
        "tls": False,
        "retries": 3,
        "timeout": 1.5,
        "tags": ["a"],
        "options": {"k": 1},
        "mode": "safe",
        "spark.master": "m",
        "owner": "7",
        "x": "1",
    }
    again = Connection.from_uri(connection.get_uri())
    assert again == connection
    assert again.extra == connection.extra
    assert "__extra__" not in connection.get_uri()


def test_typed_extras_are_converted_in_json_and_fields_too(lake):
    assert Connection(conn_type="data_lake", extra={"tls": "false"}).extra_dejson == {"tls": False}
    assert Connection.from_json('{"conn_type": "lake", "extra": "{\\"retries\\": \\"3\\"}"}').extra_dejson == {
        "retries": 3
    }


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("tls=perhaps", "the extra 'tls' must be true or false, not 'perhaps'"),
        ("tls=", "the extra 'tls' must be true or false"),
        ("retries=1.5", "the extra 'retries' must be a whole number"),
        ("timeout=nan", "the extra 'timeout' must be a number"),
        ("tags={}", "the extra 'tags' must be a JSON list"),
        ("options=[]", "the extra 'options' must be a JSON object"),
        ("mode=slow", "the extra 'mode' must be one of fast, safe, not 'slow'"),
    ],
)
def test_a_typed_extra_of_another_type_is_an_error_that_names_it(lake, query, problem):
    assert problem in broken(f"data_lake://h?{query}")


def test_the_value_of_a_secret_extra_is_not_shown_in_an_error(lake):
    assert "hunter2" not in broken("lake://h?pin=hunter2")


def test_an_alias_means_the_type_and_is_written_again(lake):
    connection = read("lakes://h")
    assert (connection.conn_type, connection.scheme, connection.get_uri()) == ("data_lake", "lakes", "lakes://h")
    assert Connection.from_json(connection.as_json()).scheme == "lakes"


def test_an_extra_with_the_name_of_the_whole_extra_round_trips():
    connection = Connection(conn_type="x", extra={"__extra__": "1", "a.b": "2", "": "3"})
    assert Connection.from_uri(connection.get_uri()) == connection


# -- the laws

texts = st.text(alphabet=st.characters(codec="utf-8"), max_size=12) | st.text(alphabet=RESERVED + "aZ0%2", max_size=12)
maybe = st.none() | texts
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
conn_types = st.from_regex(r"[a-z][a-z0-9_]{0,10}", fullmatch=True) | st.sampled_from(
    ["postgres", "http", "https", "smtp", "smtps", "google_cloud_platform", "mysql+pymysql"]
)


@given(
    conn_type=conn_types,
    host=maybe | st.sampled_from(["::1", "fe80::1%eth0", "h1:1,h2:2", "h1,h2:2", "/var/run", "https://h", "HTTPS://h"]),
    login=maybe,
    password=maybe,
    schema=maybe,
    port=st.none() | st.integers(0, 65535),
    extra=st.none() | st.dictionaries(texts, json_values, max_size=4) | st.dictionaries(texts, texts, max_size=4),
)
@settings(max_examples=400, deadline=None)
@example("x", "::1", "", "", "", 0, {"a": {"b": "c"}})
@example("http", "https://", None, "", "/", None, {"__extra__": ""})
@example("http", "https://[::1]", None, "", "//", None, {"a": True})
def test_every_connection_round_trips_through_its_uri_and_its_json(
    conn_type, host, login, password, schema, port, extra
):
    connection = _typed_ones_left_out(conn_type, host, login, password, schema, port, extra)
    again = Connection.from_uri(connection.get_uri())
    assert again == connection
    for field in ("conn_type", "scheme", "host", "login", "password", "schema", "port", "extra"):
        assert getattr(again, field) == getattr(connection, field)
    assert again.password == password
    assert Connection.from_json(connection.as_json()) == connection
    assert Connection.from_value(connection.get_uri()) == connection


def test_what_may_be_the_end_of_a_password_is_not_shown_as_the_host():
    message = broken("postgres://user:s3cr/et@one/tw@zebra")
    assert "zebra" not in message
    assert "postgres://user:***@host:port/schema" in message


def _typed_ones_left_out(conn_type, host, login, password, schema, port, extra):
    try:
        return Connection(
            conn_type=conn_type, host=host, login=login, password=password, schema=schema, port=port, extra=extra
        )
    except BrokenConnection:
        assume(conn_type not in ("smtp", "smtps"))  # an extra named like a typed one may not fit its type
        raise


raw = st.text(alphabet="/?#@%: =&.ab12", min_size=1, max_size=10) | st.text(min_size=1, max_size=6)


@given(password=raw, login=st.text(alphabet="/?#@%= .ab1", min_size=1, max_size=6))
@settings(max_examples=600, deadline=None)
@example("b@c?d=e", "u")
@example("12/34", "u")
@example("@?a=", "u")
def test_a_raw_password_is_read_as_it_is_or_refused_and_never_read_as_something_else(password, login):
    try:
        connection = Connection.from_uri(f"postgres://{login}:{password}@host.example:5432/db")
    except BrokenConnection:
        return
    assert (connection.host, connection.port, connection.schema) == ("host.example", 5432, "db")
    assert connection.login == _decoded(login)
    assert connection.password == _decoded(password)
    assert connection.extra is None


def _decoded(text):
    return re.sub("(%[0-9A-Fa-f]{2})+", lambda found: bytes.fromhex(found[0].replace("%", "")).decode(), text)


@given(
    st.text(alphabet=st.characters(), max_size=40)
    | st.text(alphabet=":/?#[]@%,{}\"'ax1 ", max_size=25).map("x://".__add__)
)
@settings(max_examples=600, deadline=None)
@example("x://" + "9" * 5000)
@example("x://h:" + "0" * 5000)
@example("{" * 3000)
@example('{"a":' * 100_000)
@example('{"port": ' + "1" * 5000 + "}")
@example("x://\ud800@h")
@example("x://h?a=%ED%A0%80")
@example('{"password": "\\ud800"}')
@example('{"extra": {"a": "\\ud800"}}')
@example("x://[::1")
def test_whatever_is_written_is_read_or_is_a_broken_connection(text):
    try:
        connection = Connection.from_value(text, "x", where="AIRFLOW_CONN_X")
    except BrokenConnection:
        return
    assert Connection.from_uri(connection.get_uri()) == connection
    assert repr(connection)


SECRET_LETTERS = "QXZJKVWY"  # in capitals, which no message of ours and no other part of the URI has in a row


@given(
    st.lists(st.text(alphabet=SECRET_LETTERS, min_size=4, max_size=6), min_size=1, max_size=4),
    st.lists(st.sampled_from([*"/?#@:% =&", "%FF", "://", "[", "12"]), min_size=4, max_size=4),
    st.sampled_from(
        [
            "postgres://user:{}@host:5432/db",
            "postgres://user:{}@host:port/db",
            "postgres://user:{}",
            "postgres://user:{}@",
            "postgres:/user:{}@host",
            "my type://user:{}@host",
            "postgres://user:{}@host:99999/db",
            "http://https://u:{}@host:x/p",
            "http://u:{}@https://host#x",
            "postgres://user:{}@host#note",
            "postgres://user:{}@[::1/db",
            "postgres://user:{}@host:5432/db?sslmode=a@b",
            "aws://key:{}@/?region=eu",
            "{}",
            "'postgres://user:{}@ho st/db'",
            '{{"conn_type": "x", "password": "{}"',
            '{{"conn_type": "x", "host": "h", "passwort": "{}"}}',
            '{{"password": ["{}"]}}',
        ]
    ),
)
@settings(max_examples=800, deadline=None)
def test_no_error_shows_any_piece_of_the_password(pieces, joints, form):
    password = "".join(piece + joint for piece, joint in zip(pieces, joints, strict=False))
    assume(form != "{}" or "://" not in password)  # then it is a URI, with a host that is no secret
    try:
        Connection.from_value(form.format(password), "x", where="AIRFLOW_CONN_X")
    except BrokenConnection as error:
        message = str(error)
        # With the host forgotten, a piece with a dot or a port behind the last of several `@` looks just like a host.
        assume(
            "@host" in form or "@/" in form or "can be read in two ways" not in message or not set(".:") & set(password)
        )
        for piece in pieces:
            for start in range(len(piece) - 3):
                assert piece[start : start + 4] not in message, (form, password)


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=20))
def test_an_encoded_password_is_read_as_it_was(password):
    assert Connection.from_uri(f"x://u:{encode_password(password)}@h").password == password
    assert not set(encode_password(password)) - set(string.ascii_letters + string.digits + "-_.~%")


def test_hosts_can_be_split_alone():
    assert split_hosts("h1:1,[::1]:2,h3") == [("h1", 1), ("::1", 2), ("h3", None)]


def test_the_parts_of_a_uri_show_no_secret():
    parts = split_uri("postgres://me:hush@db/sales?token=hush")
    assert parts.password == "hush"
    assert "hush" not in repr(parts)
