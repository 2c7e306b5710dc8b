"""Values of every type, from each kind of end to each: they come back as they were, or the transfer fails."""

from __future__ import annotations

import datetime
import json
import math
import uuid
from decimal import Decimal

import pytest

from tradewind.transfer import LocalFile, Type
from tradewind.transfer.values import reading
from tradewind_aws import S3Object

from .conftest import KINDS, Rows, move

UTC = datetime.UTC
AT = datetime.datetime(2024, 2, 29, 23, 59, 59, 999999)
LONG = "é😀\"'," * 300_000  # 3 MB and more

#: Column -> its type and its values; each column has as many, and each row one of each column.
VALUES = {
    "flag": ("bool", [True, False, None, True]),
    "number": ("int", [2**63 - 1, -(2**63), 0, None]),
    "price": (
        "decimal(30,10)",
        [Decimal("12345678901234567890.0123456789"), Decimal("-0.0000000001"), None, Decimal(0)],
    ),
    "ratio": ("float", [0.1, -1.7976931348623157e308, 5e-324, None]),
    "name": ("text", ["", None, "NULL", LONG]),
    "words": ("text", ["\\N", "\\.", 'a "b", c\r\nd\te\\', "Z\u0308 é \u4e2d 😀 \u2028"]),
    "blank": ("text", [" ", "\n", "\r", '"']),
    "data": ("bytes", [bytes(range(256)), b"", None, b"\\x00"]),
    "day": ("date", [datetime.date(1, 1, 1), datetime.date(9999, 12, 31), None, datetime.date(2024, 2, 29)]),
    "hour": ("time", [datetime.time(23, 59, 59, 999999), datetime.time(), None, datetime.time(12, 30)]),
    "moment": ("timestamp", [AT, datetime.datetime(1900, 1, 1), None, datetime.datetime(2024, 1, 1, 0, 0, 0, 1)]),
    "instant": ("timestamptz", [AT.replace(tzinfo=UTC), datetime.datetime(1900, 1, 1, tzinfo=UTC), None, None]),
    "span": (
        "interval",
        [datetime.timedelta(days=400, microseconds=1), datetime.timedelta(-3, 5), None, datetime.timedelta()],
    ),
    "code": ("uuid", [uuid.UUID(int=0), uuid.UUID(int=2**128 - 1), None, uuid.uuid5(uuid.NAMESPACE_DNS, "x")]),
    "doc": ("json", ['{"a":[1,null,"é😀"],"b":{"c":""}}', "[]", None, '"text"']),
    "ids": ("int[]", [[1, None, 3], [], None, [2**63 - 1]]),
    "tags": ("text[]", [["a,b", 'say "x"', "NULL", "", "{}\\"], ["é😀"], None, [None]]),
}
TYPES = {name: kind for name, (kind, _) in VALUES.items()}
ROWS = list(zip(*(values for _, values in VALUES.values())))

#: Kind of file -> what of its name tells it.
FILES = {"csv": "csv.gz", "jsonl": "jsonl.zst", "parquet": "parquet", "s3": "csv"}

ENDS = [*KINDS, *FILES]


@pytest.fixture
def end(database_of, tmp_path, sandbox, monkeypatch):
    """Makes ends of transfers: `(to write, to read)`. A file must be told its types, a database makes them its own."""
    count = iter(range(9))

    def make(kind, types=TYPES):
        if kind in KINDS:
            database = database_of(kind)
            return database.table("t", "replace", create=True), database.table("t")
        name = f"{next(count)}.{FILES[kind]}"
        if kind == "s3":
            monkeypatch.setenv("AIRFLOW_CONN_LAKE", sandbox("s3").get_uri())
            return S3Object(name, conn_id="lake"), S3Object(name, conn_id="lake", types=types)
        return LocalFile(tmp_path / name), LocalFile(tmp_path / name, types=types)

    return make


def found_in(source, types=TYPES):
    """What is in there, as values of the types that they had in the beginning."""
    back = Rows({})
    move(source, back)
    converters = [reading(column.type, Type.parse(types[column.name])) for column in back.columns]
    return [
        tuple(cell if cell is None or read is None else read(cell) for cell, read in zip(row, converters))
        for row in back.found
    ]


def comparable(rows):
    """JSON may be spaced and ordered otherwise."""
    place = list(TYPES).index("doc")
    return [
        (*row[:place], row[place] and json.dumps(json.loads(row[place]), sort_keys=True), *row[place + 1 :])
        for row in rows
    ]


#: Every end to every other one, but files that are like others only to databases and to themselves.
PAIRS = [
    (source, target)
    for source in ENDS
    for target in ENDS
    if source == target or not {source, target} & {"parquet", "s3"} or {source, target} & set(KINDS)
]


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_every_value_survives_from_each_end_to_each(end, source, target):
    write_one, read_one = end(source)
    write_two, read_two = end(target)
    move(Rows(TYPES, ROWS), write_one)
    assert comparable(found_in(read_one)) == comparable(ROWS)
    assert move(read_one, write_two)["rows"] == len(ROWS)
    assert comparable(found_in(read_two)) == comparable(ROWS)


NUMBERS = {"f": "float", "d": "decimal"}


@pytest.mark.parametrize(
    ("kind", "refused"),
    [
        ("postgres", ""),
        ("csv", ""),
        ("jsonl", ""),
        ("parquet", ""),
        ("s3", ""),
        ("sqlite", "NaN, which SQLite would keep as NULL"),
        ("mysql", "."),
    ],
)
def test_numbers_that_are_none_are_kept_or_refused(end, kind, refused):
    write, read = end(kind, NUMBERS)
    rows = [(math.nan, Decimal("NaN")), (-math.inf, Decimal("1.10")), (math.inf, None)]
    if refused:
        for row in rows if kind == "mysql" else rows[:1]:
            with pytest.raises(Exception, match=refused):
                move(Rows(NUMBERS, [(row[0], None)]), write)
        return
    move(Rows(NUMBERS, rows), write)
    assert repr(found_in(read, NUMBERS)) == repr(rows)


def test_postgres_refuses_a_text_with_a_null_byte_and_others_keep_it(end):
    types, rows = {"a": "text"}, [("a\0b",)]
    for kind in ENDS:
        write, read = end(kind, types)
        if kind == "postgres":
            with pytest.raises(Exception, match="0x00"):
                move(Rows(types, rows), write)
        else:
            move(Rows(types, rows), write)
            assert found_in(read, types) == rows


def test_what_python_has_no_value_for_passes_between_postgres_tables_and_is_refused_elsewhere(database_of, tmp_path):
    one, two = database_of("postgres"), database_of("postgres")
    for database in (one, two):
        database.run("create table t (d date, at timestamptz, span interval, n numeric)")
    one.run("insert into t values ('0044-03-15 BC', 'infinity', '1 year 2 months', 'NaN')")
    move(one.table("t"), two.table("t", "replace"))
    sql = "select d::text, at::text, span::text, n::text from t"
    assert two.rows(sql) == one.rows(sql)
    for column in ("d", "at", "span"):
        with pytest.raises(
            Exception, match=f"line 1 of what connection 'postgres_0' gave: column '{column}' has a text"
        ):
            move(one.table("t"), LocalFile(tmp_path / "a.jsonl"), columns=[column])
    assert not (tmp_path / "a.jsonl").exists()


def test_types_that_only_postgres_has_pass_as_texts(database_of, tmp_path):
    database = database_of("postgres")
    database.run(
        "create type mood as enum ('ok', 'bad')",
        "create domain score as int check (value > 0)",
        "create table t (m mood, s score, i inet, r int4range, v varchar(3), c char(3), t time with time zone, x xml)",
        "insert into t values ('bad', 7, '10.0.0.1/8', '[1,5)', 'a', 'b', '12:00+02', '<a/>')",
        "insert into t default values",
        "create table u (like t)",
    )
    move(database.table("t"), database.table("u", "replace"))
    assert database.rows("select t::text from u") == database.rows("select t::text from t")
    move(database.table("t"), LocalFile(tmp_path / "a.jsonl"))
    move(LocalFile(tmp_path / "a.jsonl"), database.table("u", "replace"))
    assert database.rows("select t::text from u") == database.rows("select t::text from t")


def test_types_that_only_mysql_has(database_of):
    database = database_of("mysql")
    database.run(
        "create table t (e enum('a','b'), s set('x','y'), y year, u bigint unsigned, b bit(1), f float, m mediumint, "
        "t timestamp(3) null, w bit(9))",
        "set time_zone = '+00:00'",
        f"insert into t values ('b', 'x,y', 2024, {2**64 - 1}, 1, 16777217, -5, '2024-05-01 12:00:00.125', 257)",
    )
    for source in (database.table("t"), database.query("select e, s, y, u, b, f + 0e0 as f, m, t, w from t")):
        back = Rows({})
        move(source, back)
        assert back.found == [
            ("b", "x,y", 2024, Decimal(2**64 - 1), True, 16777216.0, -5,
             datetime.datetime(2024, 5, 1, 12, 0, 0, 125000, UTC), b"\x01\x01"),
        ]  # fmt: skip
        database.run("create table u like t")
        move(source, database.table("u", "replace"))
        assert database.rows("select * from u") == database.rows("select * from t")
        database.run("drop table u")


def test_a_tinyint_that_is_no_boolean_and_a_date_that_is_none_are_refused(database_of):
    database = database_of("mysql")
    database.run(
        "set session sql_mode = ''", "create table t (a boolean, d date)", "insert into t values (2, '2024-01-01')"
    )
    with pytest.raises(Exception, match="in row 1 column 'a', which is of type bool, has a value that is not"):
        move(database.table("t"), Rows({}))
    back = Rows({})
    move(database.query("select cast(a as signed) as a from t"), back)
    assert back.found == [(2,)]
    with database.hook.session():
        database.hook.run("set session sql_mode = ''")
        database.hook.run("insert into t values (1, '0000-00-00')")
    with pytest.raises(Exception, match="column 'd', which is of type date, has a value that is not"):
        move(database.query("select d from t where a = 1"), Rows({}))


def test_a_query_knows_the_types_of_its_columns(database_of):
    sql = "select 1 as i, cast(1.50 as decimal(10,2)) as d, 'x' as t, cast('2024-05-01' as date) as day"
    for kind, wanted in (("postgres", "int decimal(10,2) text date"), ("mysql", "int decimal(10,2) text date")):
        back = Rows({})
        move(database_of(kind).query(sql), back)
        assert " ".join(str(column.type) for column in back.columns) == wanted
        assert back.found == [(1, Decimal("1.50"), "x", datetime.date(2024, 5, 1))]


def test_a_query_takes_parameters_and_does_not_tell_them(database, caplog):
    caplog.set_level("DEBUG")
    database.hook.log_sql = True
    placeholder = database.hook.placeholder
    back = Rows({})
    query = database.query(f"select {placeholder} as a, '%' as b -- a comment", parameters=["s3cret"])
    if database.kind != "sqlite":
        query = database.query(f"select {placeholder} as a, '%%' as b -- a comment", parameters=["s3cret"])
    move(query, back)
    assert back.found == [("s3cret", "%")]
    assert "s3cret" not in caplog.text + repr(query)
    with pytest.raises(Exception, match=r".") as caught:
        move(database.query(f"select gone from {placeholder}", parameters=["s3cret"]), back)
    assert "no such" in str(caught.value) or "s3cret" not in "".join(getattr(caught.value, "__notes__", []))


def test_a_decimal_that_sqlite_would_round_is_refused(database_of):
    database = database_of("sqlite")
    database.run("create table t (a decimal(30,10), b text)")
    with pytest.raises(
        Exception, match="Row 2: column 'a' of t gets a number of more than 15 digits, which SQLite rounds"
    ):
        move(Rows({"a": "decimal", "b": "text"}, [(Decimal("1.5"), "x"), (Decimal("1.0000000000000001"), "x")]),
             database.table("t", "replace"))  # fmt: skip


def test_a_value_that_sqlite_keeps_in_a_column_of_another_type_is_refused(database_of):
    database = database_of("sqlite")
    database.run("create table t (a integer, b)", "insert into t values (1, 1), ('secret', x'00')")
    with pytest.raises(Exception, match="in row 2 column 'a', which is of type int, has a value that is not") as caught:
        move(database.table("t"), Rows({}))
    assert "secret" not in str(caught.value)
    back = Rows({})
    move(database.query("select * from t"), back)
    assert back.found == [(1, 1), ("secret", b"\x00")]


@pytest.mark.parametrize("kind", ["postgres", "mysql"])
@pytest.mark.parametrize(
    ("declared", "text"),
    [
        ("int", "x"),
        ("int", "1.5"),
        ("int", '""'),
        ("int", "99999999999"),
        ("decimal(5,2)", "123456"),
        ("date", "2024-02-30"),
        ("timestamp", "infinitely"),
        ("boolean", "maybe"),
        ("varchar(3)", "long"),
        ("int not null", ""),
    ],
)
def test_a_text_of_a_file_that_is_no_value_of_its_column_fails_and_names_the_line(
    database_of, tmp_path, kind, declared, text
):
    database = database_of(kind)
    database.run(f"create table t (id int, a {declared})")
    (tmp_path / "a.csv").write_text(f"id,a\n1,{'1' if 'int' in declared else ''}\n2,{text}\n")
    with pytest.raises(Exception, match=r".") as caught:
        move(LocalFile(tmp_path / "a.csv"), database.table("t", "replace"))
    if (kind, declared) != ("mysql", "int not null"):  # there the server does not tell the row
        assert f"It was line 3 of the file {tmp_path}/a.csv." in caught.value.__notes__
    assert database.rows("select * from t") == []
