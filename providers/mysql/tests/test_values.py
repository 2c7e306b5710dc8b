"""Python's values in MySQL's columns: the same by INSERT, by LOAD DATA, and as parameters."""

from __future__ import annotations

import datetime
import decimal
import enum
import json
import uuid
from pathlib import PurePosixPath

import numpy
import pandas
import pymysql
import pytest

from tradewind_mysql import MySqlHook, values
from tradewind_sql.errors import RowError, SqlError

ZONE = datetime.timezone(datetime.timedelta(hours=2))


class Colour(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


PRECISE = decimal.Decimal("12345678901234567890.0123456789")
NANOSECONDS = numpy.datetime64("2024-02-03T04:05:06.789012345", "ns")

CASES = [
    ("int", None, None),
    ("varchar(20)", None, None),
    ("varchar(20)", "", ""),
    ("varchar(20)", "\\N", "\\N"),
    ("varchar(20)", "NULL", "NULL"),
    ("varchar(40)", "tab\t nl\n cr\r nul\0 bs\\ q'\"", "tab\t nl\n cr\r nul\0 bs\\ q'\""),
    ("varchar(20)", "\\t\\n\\", "\\t\\n\\"),
    ("varchar(20)", "ä€漢😀", "ä€漢😀"),
    ("text", "x" * 60_000, "x" * 60_000),
    ("bool", True, 1),
    ("tinyint", False, 0),
    ("bigint", -(2**63), -(2**63)),
    ("bigint unsigned", 2**64 - 1, 2**64 - 1),
    ("double", 0.1, 0.1),
    ("double", -1.5e300, -1.5e300),
    ("decimal(30,10)", PRECISE, PRECISE),
    ("decimal(10,2)", decimal.Decimal("1E+3"), decimal.Decimal("1000.00")),
    ("varbinary(300)", bytes(range(256)), bytes(range(256))),
    ("blob", b"\t\n\\N\\\xe2\x80\t\xf0\x9f\n\xff", b"\t\n\\N\\\xe2\x80\t\xf0\x9f\n\xff"),
    ("blob", bytearray(b"ab"), b"ab"),
    ("blob", memoryview(b"ab"), b"ab"),
    ("blob", b"", b""),
    ("date", datetime.date(2024, 2, 29), datetime.date(2024, 2, 29)),
    ("datetime(6)", datetime.datetime(2024, 2, 29, 1, 2, 3, 45), datetime.datetime(2024, 2, 29, 1, 2, 3, 45)),
    ("datetime", datetime.datetime(2024, 2, 29, 1, 2, 3, tzinfo=ZONE), datetime.datetime(2024, 2, 28, 23, 2, 3)),
    ("datetime", datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC), datetime.datetime(2024, 1, 1)),
    ("time", datetime.time(23, 59, 58), datetime.timedelta(hours=23, minutes=59, seconds=58)),
    ("time(6)", datetime.timedelta(hours=-30, microseconds=5), datetime.timedelta(hours=-30, microseconds=5)),
    ("time", datetime.timedelta(days=3, seconds=1), datetime.timedelta(days=3, seconds=1)),
    ("char(36)", uuid.UUID(int=5), str(uuid.UUID(int=5))),
    ("varchar(20)", PurePosixPath("/a/b"), "/a/b"),
    ("varchar(20)", Colour.RED, "red"),
    ("int", Level.HIGH, 3),
    ("int", numpy.int64(7), 7),
    ("double", numpy.float64(0.5), 0.5),
    ("bool", numpy.bool_(True), 1),
    ("varchar(20)", numpy.str_("x"), "x"),
    ("datetime(6)", NANOSECONDS, datetime.datetime(2024, 2, 3, 4, 5, 6, 789012)),
    ("date", numpy.datetime64("2024-02-03"), datetime.date(2024, 2, 3)),
    ("datetime", numpy.datetime64("NaT"), None),
    ("datetime", pandas.Timestamp("2024-02-03 04:05:06", tz="Europe/Rome"), datetime.datetime(2024, 2, 3, 3, 5, 6)),
    ("datetime", pandas.NaT, None),
    ("int", pandas.NA, None),
    ("time", pandas.Timedelta(hours=2), datetime.timedelta(hours=2)),
    ("bit(8)", 5, b"\x05"),
    ("year", 0, 0),
    ("enum('a','b')", "b", "b"),
    ("set('a','b')", "a,b", "a,b"),
]  # fmt: skip
JSON_CASES = [[1, 'a\t"b\n', None], {"ä": {"x": [True, 1.5]}}, (1, 2), numpy.array([[1, 2], [3, 4]])]


def seen(hook: MySqlHook, column: str, cell: object, copies: int) -> set[object]:
    hook.run(f"create or replace table t (n int primary key auto_increment, v {column})")
    assert hook.insert_rows("t", [(cell,)] * copies, ["v"]) == copies
    assert hook.get_first("select count(*) from t") == (copies,)
    return {row[0] for row in hook.get_records("select distinct v from t")}


@pytest.mark.parametrize(
    ("column", "cell", "wanted"),
    CASES,
    ids=[f"{case[0]}-{type(case[1]).__name__}-{place}" for place, case in enumerate(CASES)],
)
def test_a_value_comes_back(hook: MySqlHook, column: str, cell: object, wanted: object) -> None:
    assert seen(hook, column, cell, 1) == {wanted}  # by INSERT
    assert seen(hook, column, cell, 250) == {wanted}  # by LOAD DATA, where that means the same
    assert hook.get_first("select count(*) from t where v <=> %s", parameters=[cell]) == (250,)


@pytest.mark.parametrize("cell", JSON_CASES, ids=["list", "dict", "tuple", "array"])
@pytest.mark.parametrize("copies", [1, 250])
def test_lists_and_dicts_become_json(hook: MySqlHook, cell: object, copies: int) -> None:
    [text] = seen(hook, "json", cell, copies)
    plain = cell.tolist() if isinstance(cell, numpy.ndarray) else cell
    assert json.loads(str(text)) == json.loads(json.dumps(plain))


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        (float("nan"), "MySQL has no number nan; give None"),
        (float("inf"), "MySQL has no number inf"),
        (decimal.Decimal("NaN"), "MySQL has no number NaN"),
        (numpy.float64("nan"), "MySQL has no number nan"),
        (datetime.time(1, tzinfo=ZONE), "time of day with a zone"),
        (object(), "MySQL has no type for a object"),
        ({1, 2}, "MySQL has no type for a set"),
        ([float("nan")], "a list becomes JSON"),
        ({"a": datetime.date(2024, 1, 1)}, "a dict becomes JSON"),
        ("\ud800", "characters that utf-?8(mb4)? cannot hold"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
@pytest.mark.parametrize("before", [1, 250])
def test_what_mysql_lacks_is_refused(hook: MySqlHook, cell: object, told: str, before: int) -> None:
    hook.run("create table t (v text)")
    with pytest.raises(RowError, match=told):
        hook.insert_rows("t", [("fine",)] * before + [(cell,)], commit_every=0)
    assert hook.get_first("select count(*) from t") == (0,)


def test_a_refused_value_s_row_is_told(hook: MySqlHook) -> None:
    hook.run("create table t (v double)")
    with pytest.raises(RowError, match="Row 300 of a batch of 400"):
        hook.insert_rows("t", [(0.5,)] * 299 + [(float("nan"),)] + [(0.5,)] * 100)


def test_floats_too_large_to_be_summed_up_are_fine(hook: MySqlHook) -> None:
    assert seen(hook, "double", 1.7e308, 250) == {1.7e308}


def test_parameters_may_be_lists_for_in(hook: MySqlHook) -> None:
    numbers = "select n from (select 1 as n union select 2 union select 3) t where n in %s order by n"
    assert hook.get_records(numbers, parameters=[[1, 3]]) == [(1,), (3,)]
    assert hook.get_records(numbers.replace("%s", "%(n)s"), parameters={"n": (2, numpy.int64(3))}) == [(2,), (3,)]
    with pytest.raises(SqlError, match="for one text value write"):
        hook.get_records(numbers, parameters="x")


def test_dates_that_python_lacks(hook: MySqlHook) -> None:
    hook.run(["set sql_mode = ''", "create table t (v date)", "insert into t values ('0000-00-00')"])
    assert hook.get_records("select * from t") == [("0000-00-00",)]


def test_without_backslash_escapes(changed) -> None:
    hook = changed(extra={"sql_mode": "NO_BACKSLASH_ESCAPES,STRICT_ALL_TABLES"})
    for copies in (1, 250):
        assert seen(hook, "varchar(20)", "a\\'b\\", copies) == {"a\\'b\\"}


def test_timedelta_text() -> None:
    assert values.timedelta_text(datetime.timedelta(hours=838, minutes=59, seconds=59)) == "838:59:59"
    assert values.timedelta_text(datetime.timedelta(seconds=-1, microseconds=-1)) == "-00:00:01.000001"


def test_strictness_is_the_same_both_ways(changed) -> None:
    """What INSERT refuses, many rows at once are refused for; where the session is lenient, both are."""
    for sql_mode, strict in (("STRICT_ALL_TABLES", True), ("", False)):
        hook = changed(extra={"sql_mode": sql_mode})
        for copies in (1, 250):
            hook.run("create or replace table t (v varchar(3))")
            if strict:
                with pytest.raises(pymysql.err.DataError, match="for column 'v' at row"):
                    hook.insert_rows("t", [("long",)] * copies)
                assert hook.get_first("select count(*) from t") == (0,)
            else:
                hook.insert_rows("t", [("long",)] * copies)
                assert hook.get_records("select distinct v from t") == [("lon",)]
