"""Rows into real tables: what COPY must do as INSERT does, and what it must not."""

from __future__ import annotations

import collections
import datetime
import decimal
import enum
import ipaddress
import logging
import sqlite3
import uuid
from contextlib import closing

import numpy
import pandas
import psycopg2
import pytest
from psycopg2.extras import Json, NumericRange

from tradewind.connection import Connection
from tradewind_postgres import PostgresHook
from tradewind_postgres.inserts import SMALL
from tradewind_sql import InvalidName, RowError, SqlError


class Colour(enum.Enum):
    RED = "red"


class Size(enum.IntEnum):
    BIG = 3


# -- transactions


def test_all_rows_in_one_transaction(hook, ask):
    """`commit_every=0` inserts nothing in Airflow, and reports success."""
    ask("create table t (id int primary key)")
    assert hook.insert_rows("t", [(n,) for n in range(12_345)], commit_every=0) == 12_345
    assert ask("select count(*), count(distinct xmin::text) from t") == [(12_345, 1)]


def test_a_transaction_per_so_many_rows(hook, ask):
    ask("create table t (id int)")
    assert hook.insert_rows("t", ((n,) for n in range(25)), commit_every=10) == 25
    assert ask("select count(*) from t group by xmin::text order by 1") == [(5,), (10,), (10,)]


def test_the_default_is_a_thousand(hook, ask):
    ask("create table t (id int)")
    hook.insert_rows("t", [(n,) for n in range(2500)])
    assert ask("select count(*) from t group by xmin::text order by 1") == [(500,), (1000,), (1000,)]


def test_what_fails_undoes_its_transaction_only(hook, ask):
    ask("create table t (id int primary key)")
    with pytest.raises(psycopg2.errors.UniqueViolation) as caught:
        hook.insert_rows("t", [*[(n,) for n in range(25)], (3,)], commit_every=10)
    assert ask("select count(*) from t") == [(20,)]
    notes = " ".join(caught.value.__notes__)
    assert "It was row 26." in notes
    assert "20 rows were committed into t before this" in notes


def test_what_fails_in_one_transaction_leaves_nothing(hook, ask):
    ask("create table t (id int)")
    rows = ((n,) if n < 9000 else 1 / 0 for n in range(10_000))
    with pytest.raises(ZeroDivisionError) as caught:
        hook.insert_rows("t", rows, commit_every=0)
    assert ask("select count(*) from t") == [(0,)]
    assert "Nothing was inserted into t." in caught.value.__notes__


def test_autocommit(hook, ask):
    ask("create table t (id int)")
    with pytest.raises(RowError):
        hook.insert_rows("t", [*[(n,) for n in range(5000)], ("a", "b")], autocommit=True, commit_every=0)
    assert ask("select count(*) from t") == [(5000,)]


def test_no_rows(hook, ask):
    ask("create table t (id int)")
    assert hook.insert_rows("t", []) == 0
    assert hook.insert_rows("t", iter(())) == 0


def test_a_wrong_commit_every(hook):
    with pytest.raises(ValueError, match="commit_every must be 0"):
        hook.insert_rows("t", [(1,)], commit_every=-1)


def test_only_a_batch_is_taken_at_a_time(hook, ask):
    ask("create table t (id int)")
    taken = []

    def rows():
        for n in range(20_000):
            taken.append(n)
            if n == 12_000:
                assert hook.get_first("select count(*) from t") == (10_000,)
            yield (n,)

    hook.insert_rows("t", rows(), commit_every=5000)
    assert len(taken) == 20_000


# -- how rows may look


def test_rows_of_many_kinds(hook, ask):
    ask("create table t (id int, a text)")
    pair = collections.namedtuple("pair", "id a")
    with closing(sqlite3.connect(":memory:")) as memory:
        memory.row_factory = sqlite3.Row
        row = memory.execute("select 4 as id, 'row' as a").fetchone()
        rows = [(1, "tuple"), [2, "list"], pair(3, "named"), row, numpy.array([5, 6]), {"id": 7, "a": "dict"}.values()]
        assert hook.insert_rows("t", rows, ["id", "a"]) == 6
    assert ask("select * from t order by 1") == [
        (1, "tuple"), (2, "list"), (3, "named"), (4, "row"), (5, "6"), (7, "dict"),
    ]  # fmt: skip


def test_mappings_name_the_columns(hook, ask):
    ask("create table t (id int, a text, b text)")
    assert hook.insert_rows("t", [{"a": "x", "id": 1}, {"id": 2, "a": "y"}]) == 2
    assert ask("select * from t order by 1") == [(1, "x", None), (2, "y", None)]
    with pytest.raises(RowError, match="Row 2 for t must have exactly the columns"):
        hook.insert_rows("t", [{"id": 1}, {"id": 1, "a": "z"}])


@pytest.mark.parametrize("rows", [[(1, "a"), (2,)], [(1, "a"), (2, "b", "c")], [()], [(1, "a"), "ab"]])
def test_rows_of_another_width_are_refused(hook, ask, rows):
    ask("create table t (id int, a text)")
    with pytest.raises(RowError):
        hook.insert_rows("t", rows)
    assert ask("select count(*) from t") == [(0,)]


# -- which columns


def test_without_names_values_fill_the_columns_from_the_first(hook, ask):
    ask("create table t (id int, a text, b text default 'default')")
    hook.insert_rows("t", [(1, "x")])
    assert ask("select * from t") == [(1, "x", "default")]
    with pytest.raises(SqlError, match="Rows have 4 values, but t has 3 columns that can be given a value: id, a, b"):
        hook.insert_rows("t", [(1, 2, 3, 4)])


def test_columns_that_the_database_fills_in_are_left_out(hook, ask):
    ask(
        "create table t (id int generated always as identity, a int, twice int generated always as (a * 2) stored, "
        "b text, d int generated by default as identity, s serial)"
    )
    assert hook.insert_rows("t", [(5, "x"), (6, "y")]) == 2
    assert ask("select * from t") == [(1, 5, 10, "x", 1, 1), (2, 6, 12, "y", 2, 2)]


def test_an_identity_that_is_named_is_set(hook, ask):
    ask("create table t (id int generated always as identity primary key, a text)")
    hook.insert_rows("t", [(7, "x")], ["id", "a"])
    hook.insert_rows("t", [(8, "x"), (7, "z")], ["id", "a"], replace=True)
    hook.insert_rows("t", [(n, "m") for n in range(1000, 1000 + SMALL)], ["id", "a"], replace=True)
    assert ask("select * from t where id < 10 order by 1") == [(7, "z"), (8, "x")]
    assert ask("select count(*) from t") == [(SMALL + 2,)]


def test_a_generated_column_that_is_named_is_refused(hook, ask):
    ask("create table t (a int, twice int generated always as (a * 2) stored)")
    with pytest.raises(psycopg2.Error, match="generated column"):
        hook.insert_rows("t", [(1, 2)], ["a", "twice"])


def test_an_unknown_column_is_named(hook, ask):
    ask("create table t (id int)")
    with pytest.raises(SqlError, match="Table t has no column 'ids'; it has id"):
        hook.insert_rows("t", [(1,)], ["ids"])


# -- names


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("Orders", '"Orders"'),
        ("select", '"select"'),
        ("a b", '"a b"'),
        ("100%", '"100%"'),
        ("%s", '"%s"'),
        ('"sales"."2024.05"', 'sales."2024.05"'),
        ('sales."say ""hi"""', 'sales."say ""hi"""'),
        ("sales.Order", 'sales."Order"'),
        ("ü", '"ü"'),
        ("a;drop table keep", '"a;drop table keep"'),
    ],
)
@pytest.mark.parametrize("replace", [False, True])
def test_names_of_tables(hook, ask, name, made, replace):
    ask("create schema sales")
    ask(f'create table {made} ("Id" int primary key, "say ""x""" text, "per %s cent" text)')
    fields = ["Id", 'say "x"', "per %s cent"]
    assert hook.insert_rows(name, [(1, "a", "b")], fields, replace=replace) == 1
    assert hook.insert_rows(name, [(n, "a", "b") for n in range(1000, 1000 + SMALL)], fields, replace=replace) == SMALL
    if replace:
        assert hook.insert_rows(name, [(1, "c", "d")], fields, replace=True) == 1
    assert ask(f"select count(*) from {made}") == [(SMALL + 1,)]


def test_quoted_names_of_columns(hook, ask):
    ask('create table t ("my col" int, "a.b" int)')
    hook.insert_rows("t", [(1, 2)], ['"my col"', "a.b"])
    assert ask("select * from t") == [(1, 2)]


def test_the_schema_of_the_table(hook, ask):
    """`schema=` is silently ignored in Airflow."""
    ask("create schema sales")
    ask("create table sales.t (id int primary key)")
    ask("create table t (id int primary key)")
    hook.insert_rows("t", [(1,)], schema="sales")
    hook.insert_rows("t", [(2,)], schema="sales", replace=True)
    assert ask("select count(*) from t union all select count(*) from sales.t") == [(0,), (2,)]
    with pytest.raises(InvalidName, match="names another schema"):
        hook.insert_rows("public.t", [(1,)], schema="sales")


def test_case_is_not_guessed(hook, ask):
    ask("create table orders (id int)")
    with pytest.raises(SqlError, match="There is no table Orders"):
        hook.insert_rows("Orders", [(1,)])
    assert ask("select count(*) from orders") == [(0,)]


def test_the_search_path_counts(server, ask):
    ask("create schema sales")
    ask("create table sales.t (id int)")
    PostgresHook("warehouse", options="-c search_path=sales").insert_rows("t", [(1,)])
    assert ask("select count(*) from sales.t") == [(1,)]


# -- values

INDIA = datetime.timezone(datetime.timedelta(hours=5, minutes=30))
NAME = uuid.UUID(int=7)

#: It is read as it was written.
SAME = object()

VALUES = [
    ("int", 5, 5),
    ("int", True, psycopg2.Error),
    ("int", 2.0, 2),
    ("int", decimal.Decimal("7.00"), 7),
    ("int", 2.5, psycopg2.Error),
    ("int", numpy.int64(9), 9),
    ("int", Size.BIG, 3),
    ("int", "12", 12),
    ("int", "", psycopg2.Error),
    ("int", 2**40, psycopg2.Error),
    ("bigint", 2**62, 2**62),
    ("int", pandas.NA, None),
    ("float8", 0.1, 0.1),
    ("float8", float("inf"), float("inf")),
    ("float8", -0.0, 0.0),
    ("float8", numpy.float32(0.5), 0.5),
    ("numeric", decimal.Decimal("1E+3"), decimal.Decimal(1000)),
    ("numeric", decimal.Decimal("123456789012345678901234567890.123456789"), SAME),
    ("numeric(9,2)", decimal.Decimal("1.005"), decimal.Decimal("1.01")),
    ("text", "", ""),
    ("text", "\\N", "\\N"),
    ("text", "\\.", "\\."),
    ("text", "a\tb\nc\r\nd\\e", "a\tb\nc\r\nd\\e"),
    ("text", "\u2028 \x85 ü 𝄞", SAME),
    ("text", "x" * 1_000_000, SAME),
    ("text", None, None),
    ("text", 5, "5"),
    ("text", True, "true"),
    ("text", {"a": 1}, '{"a": 1}'),
    ("text", b"x", RowError),
    ("text", "\0", RowError),
    ("text", "\ud800", RowError),
    ("text", ["a"], RowError),
    ("varchar(3)", "abcd", psycopg2.Error),
    ("char(3)", "a", "a  "),
    ("bytea", b"\x00\\\xff\n\t", b"\x00\\\xff\n\t"),
    ("bytea", bytearray(b"ab"), b"ab"),
    ("bytea", memoryview(b"ab"), b"ab"),
    ("bytea", b"", b""),
    ("bytea", 5, RowError),
    ("boolean", True, True),
    ("boolean", "no", False),
    ("date", datetime.date(2024, 2, 29), SAME),
    ("date", datetime.date(1, 1, 1), SAME),
    ("date", 20240101, RowError),
    ("date", True, RowError),
    ("date", datetime.datetime(2024, 1, 1, 13), datetime.date(2024, 1, 1)),
    ("timestamp", datetime.datetime(2024, 1, 1, 13, 0, 0, 5), SAME),
    ("timestamp", pandas.Timestamp("2024-01-01 13:00"), datetime.datetime(2024, 1, 1, 13)),
    ("timestamp", numpy.datetime64("2024-01-01T13:00:00"), datetime.datetime(2024, 1, 1, 13)),
    ("timestamp", pandas.NaT, None),
    ("timestamp", numpy.datetime64("NaT"), None),
    ("timestamp", 1_700_000_000, RowError),
    ("timestamptz", datetime.datetime(2024, 1, 1, tzinfo=INDIA), SAME),
    ("time", datetime.time(23, 59, 59, 999999), SAME),
    ("interval", datetime.timedelta(days=-1, seconds=5, microseconds=1), SAME),
    ("interval", numpy.timedelta64(90, "s"), datetime.timedelta(seconds=90)),
    ("uuid", uuid.UUID(int=7), str(uuid.UUID(int=7))),
    ("jsonb", {"a": [1, {"b": None}], "ü": "x\ny"}, SAME),
    ("json", [1, "a", None], SAME),
    ("jsonb", Json({"a": 1}), {"a": 1}),
    ("jsonb", "{}", {}),
    ("jsonb", {"at": datetime.date(2024, 1, 1), "id": NAME}, {"at": "2024-01-01", "id": str(NAME)}),
    ("jsonb", {"a": {1, 2}}, RowError),
    ("jsonb", {"a": decimal.Decimal("1.1")}, RowError),
    ("jsonb", None, None),
    ("int[]", [1, None, 3], SAME),
    ("int[]", [], SAME),
    ("int[]", [[1, 2], [3, 4]], SAME),
    ("int[]", (1, 2), [1, 2]),
    ("int[]", numpy.array([1, 2]), [1, 2]),
    ("text[]", ["a", None, "", "NULL", 'q"u\\o', "{,}", " b ", "\t\n"], SAME),
    ("bytea[]", [b"\x00a", None], SAME),
    ("timestamp[]", [datetime.datetime(2024, 1, 1, 13)], SAME),
    ("jsonb[]", [{"a": 'x"y'}, [1, 2]], SAME),
    ("int4range", NumericRange(1, 5), SAME),
    ("numrange", NumericRange(None, decimal.Decimal("5.5"), "(]"), SAME),
    ("int4range", NumericRange(empty=True), SAME),
    ("inet", ipaddress.ip_address("10.0.0.1"), "10.0.0.1"),
    ("cidr", ipaddress.ip_network("10.0.0.0/8"), "10.0.0.0/8"),
    ("colour", "red", "red"),
    ("colour", Colour.RED, "red"),
    ("colour", "blue", psycopg2.Error),
    ("colour[]", [Colour.RED], "{red}"),
    ("pair", (1, 'a "b", c'), '(1,"a ""b"", c")'),
    ("pair", (None, None), "(,)"),
    ("whole", 5, 5),
    ("document", {"a": 1}, {"a": 1}),
    ("text", object(), psycopg2.Error),
    ("int", {1}, psycopg2.Error),
]  # fmt: skip


@pytest.mark.parametrize("way", ["copy", "insert", "merge", "merge through staging"])
def test_values_of_every_type(hook, ask, way):
    """The same values and the same refusals, whichever way a row takes."""
    ask("create type colour as enum ('red')")
    ask("create type pair as (a int, b text)")
    ask("create domain whole as int check (value > 0)")
    ask("create domain document as jsonb")
    for number, (kind, value, read) in enumerate(VALUES):
        table = f"t{number}"
        ask(f"create table {table} (id int primary key, v {kind})")
        target = table
        if way == "insert":  # COPY does not write to views
            target = f"v{number}"
            ask(f"create view {target} as select * from {table}")
        count = SMALL if "staging" in way else 1
        rows = [(n, value) for n in range(count)]
        read = value if read is SAME else read
        where = (number, kind, value if not isinstance(value, str) else value[:20])
        if isinstance(read, type):
            with pytest.raises(read):
                hook.insert_rows(target, rows, replace="merge" in way)
            assert ask(f"select count(*) from {table}") == [(0,)], where
            continue
        assert hook.insert_rows(target, rows, replace="merge" in way) == count
        [found] = hook.get_first(f"select v from {table}")
        assert found == read, where
        assert type(found) is type(read), where


@pytest.mark.parametrize("kind", ["float8", "numeric"])
def test_not_a_number(hook, ask, kind):
    ask(f"create table t (v {kind})")
    values = [float("nan"), decimal.Decimal("NaN"), decimal.Decimal("sNaN"), decimal.Decimal("-NaN"), numpy.nan]
    hook.insert_rows("t", [(value,) for value in values])
    assert ask("select count(*) from t where v = 'NaN'") == [(5,)]


def test_a_column_of_many_types(hook, ask):
    ask("create table t (id int, v text)")
    values = ["a\tb", 5, None, 2.5, True, datetime.date(2024, 1, 1), pandas.NaT, "\\"]
    hook.insert_rows("t", list(enumerate(values)))
    assert ask("select v from t order by id") == [
        ("a\tb",), ("5",), (None,), ("2.5",), ("true",), ("2024-01-01",), (None,), ("\\",),
    ]  # fmt: skip


def test_a_value_that_is_sql(hook, ask):
    """psycopg2's AsIs has no form for COPY: such rows are inserted by a statement, in their place."""
    ask("create table t (id serial, at timestamp, a text)")
    now = psycopg2.extensions.AsIs("timestamp '2024-01-01'")
    rows = [*[("2023-01-01", "x")] * 6000, (now, "y"), *[("2023-01-01", "z")] * 10]
    assert hook.insert_rows("t", rows, ["at", "a"], commit_every=0) == 6011
    assert ask("select count(*) from t") == [(6011,)]
    assert ask("select a, id from t where at = '2024-01-01'") == [("y", 6001)]


def test_a_refusal_names_row_and_column_and_no_value(hook, ask):
    ask("create table t (id int, a text)")
    rows = [*[(n, "x") for n in range(5001)], (5001, b"hidden-value")]
    with pytest.raises(RowError) as caught:
        hook.insert_rows("t", rows, commit_every=0)
    assert str(caught.value) == (
        "Row 5002 for t cannot be inserted: column 'a': bytes cannot go into a column of type text."
    )


def test_the_server_names_the_row(hook, ask):
    ask("create table t (id int, a text)")
    with pytest.raises(psycopg2.errors.InvalidTextRepresentation) as caught:
        hook.insert_rows("t", [*[(n, "x") for n in range(5001)], ("no number", "x")], commit_every=0)
    assert "It was row 5002." in caught.value.__notes__


def test_another_client_encoding(server, ask):
    changed = Connection.from_uri(server.get_uri() + "?client_encoding=LATIN1", "warehouse")
    ask("create table t (a text)")
    hook = PostgresHook(connection=changed)
    hook.insert_rows("t", [("ü €",)])
    assert ask("select a from t") == [("ü €",)]


# -- what COPY would do differently


def test_a_view(hook, ask):
    ask("create table t (id int, a text)")
    ask("create view v as select * from t")
    assert hook.insert_rows("v", [(n, "x") for n in range(2500)], commit_every=0) == 2500
    assert ask("select count(*) from t") == [(2500,)]


def test_rules_are_obeyed(hook, ask):
    """COPY would not."""
    ask("create table t (id int)")
    ask("create table kept (id int)")
    ask("create rule moved as on insert to t do instead insert into kept values (new.id)")
    hook.insert_rows("t", [(1,), (2,)])
    assert ask("select (select count(*) from t), (select count(*) from kept)") == [(0, 2)]


def test_row_security_is_obeyed(hook, server, ask):
    ask("create table t (id int)")
    ask("alter table t enable row level security")
    ask("create policy small on t for insert with check (id < 10)")
    login = f"low_{uuid.uuid4().hex[:8]}"
    ask(f"create role {login} login password 'weak-Pass-1'")
    try:
        ask(f"grant insert, select on t to {login}")
        low = Connection.from_uri(server.get_uri(), "low")
        low.login, low.password = login, "weak-Pass-1"
        limited = PostgresHook(connection=low)
        assert limited.insert_rows("t", [(1,), (2,)]) == 2
        with pytest.raises(psycopg2.errors.InsufficientPrivilege, match="row-level security"):
            limited.insert_rows("t", [(3,), (11,)])
        assert ask("select count(*) from t") == [(2,)]
    finally:
        ask(f"drop owned by {login}")
        ask(f"drop role {login}")


def test_partitions_triggers_and_defaults_work(hook, ask):
    ask("create table t (id int, made text default 'here') partition by range (id)")
    ask("create table t1 partition of t for values from (0) to (10)")
    ask("create table t2 partition of t for values from (10) to (20)")
    hook.insert_rows("t", [(5,), (15,)])
    assert ask("select * from t1 union all select * from t2") == [(5, "here"), (15, "here")]


def test_a_format_of_ones_own_is_honoured(server, ask):
    """Airflow overwrites it."""
    ask("create table t (id int primary key, a text)")
    form = "INSERT INTO {} {} VALUES ({}) ON CONFLICT DO NOTHING"
    hook = PostgresHook("warehouse", insert_statement_format=form)
    assert hook.insert_rows("t", [(1, "a"), (1, "b"), (2, "c")]) == 3
    assert ask("select * from t order by 1") == [(1, "a"), (2, "c")]
    extra = Connection.from_uri(server.get_uri(), "warehouse")
    extra.extra = {"insert_statement_format": form}
    PostgresHook(connection=extra).insert_rows("t", [(2, "z"), (3, {"a": 1})])
    assert ask("select * from t order by 1") == [(1, "a"), (2, "c"), (3, '{"a": 1}')]


def test_a_format_without_a_row_of_values(server, ask):
    ask("create table t (id int, a text)")
    ask("create function put(a int, b text) returns void language sql as $$ insert into t values ($1, $2) $$")
    hook = PostgresHook("warehouse", insert_statement_format="SELECT put({2}) /* {0} {1} */")
    hook.insert_rows("t", [(1, "a"), (2, "b")])
    assert ask("select * from t order by 1") == [(1, "a"), (2, "b")]


def test_a_replace_format_of_ones_own_is_honoured(server, ask):
    ask("create table t (id int primary key, a text)")
    form = "INSERT INTO {} {} VALUES ({}) ON CONFLICT (id) DO UPDATE SET a = excluded.a || '!'"
    hook = PostgresHook("warehouse", replace_statement_format=form)
    hook.insert_rows("t", [(1, "a")], replace=True)
    hook.insert_rows("t", [(1, "b")], replace=True)
    assert ask("select * from t") == [(1, "b!")]


@pytest.mark.parametrize("options", [{"executemany": True}, {"fast_executemany": True}, {}])
def test_the_driver_ways_make_no_difference(hook, ask, options, caplog):
    caplog.set_level(logging.DEBUG)
    ask("create table t (id int)")
    assert hook.insert_rows("t", [(1,)], **options) == 1


def test_unknown_keywords_are_refused(hook, ask):
    ask("create table t (id int)")
    with pytest.raises(TypeError, match="keywords that it does not know: shema"):
        hook.insert_rows("t", [(1,)], shema="x")
    with pytest.raises(TypeError, match="with replace=True only"):
        hook.insert_rows("t", [(1,)], replace_index="id")


def test_in_a_transaction(hook, ask):
    ask("create table t (id int primary key)")

    def work():
        with hook.transaction():
            hook.insert_rows("t", [(n,) for n in range(3000)])
            hook.upsert_rows("t", [(n,) for n in range(3000)], ["id"], ["id"])
            assert hook.get_first("select count(*) from t") == (3000,)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()
    assert ask("select count(*) from t") == [(0,)]


def test_redshift_gets_plain_statements(server, ask, caplog):
    """PostgreSQL stands in for it: what is sent has neither COPY nor the catalogue in it."""
    caplog.set_level(logging.DEBUG)
    ask("create table t (id int, a text)")
    changed = Connection.from_uri(server.get_uri() + "?redshift=true", "warehouse")
    assert PostgresHook(connection=changed).insert_rows("t", [(1, "a"), (2, None)], ["id", "a"]) == 2
    assert ask("select * from t order by 1") == [(1, "a"), (2, None)]
