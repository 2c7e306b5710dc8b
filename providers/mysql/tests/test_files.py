"""bulk_load and bulk_dump: files of this machine, NULL beside the empty text, and no silent losses."""

from __future__ import annotations

import datetime
import decimal
import logging
import stat
from collections.abc import Callable
from pathlib import Path

import pymysql
import pytest

from tradewind.connection import Connection
from tradewind_mysql import MySqlHook
from tradewind_sql.errors import SqlError

Changed = Callable[..., MySqlHook]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "rows.tsv"


@pytest.fixture
def table(hook: MySqlHook) -> str:
    hook.run("create table t (id int primary key, name varchar(10), n tinyint)")
    return "t"


def records(hook: MySqlHook) -> list[tuple[object, ...]]:
    found: list[tuple[object, ...]] = hook.get_records("select * from t order by id")
    return found


# There and back

EVERYTHING = """
    create table {} (
        id bigint unsigned primary key auto_increment, i int, b bit(12), f float, x double, d decimal(30, 10),
        s varchar(50), l varchar(20) character set latin1, e enum('a', 'b'), day date, at datetime(6), t time(3),
        y year, blob_ blob, bin varbinary(300), fixed binary(4), j json, twice int generated always as (i * 2) stored
    )
"""
FULL = [
    (1, -5, b"\x0a\xbc", 1.2345678, 0.1, "1234.5", "tab\t nl\n bs\\ 😀", "é", "a", datetime.date(2024, 2, 29)),
    (7, None, None, None, None, None, None, None, None, None),
    (9, 0, b"\0\0", 0.0, -1e300, "-0.0000000001", "", "", "b", datetime.date(1, 1, 1)),
]


def test_a_dump_is_loaded_as_it_was(hook: MySqlHook, file: Path) -> None:
    hook.run([EVERYTHING.format("a"), EVERYTHING.format("z")])
    names = ["id", "i", "b", "f", "x", "d", "s", "l", "e", "day"]
    hook.insert_rows("a", [(*row[:2], row[2] and int.from_bytes(row[2], "big"), *row[3:]) for row in FULL], names)
    hook.run(
        "update a set at = %s, t = %s, y = %s, blob_ = %s, bin = %s, fixed = %s, j = %s where id <> 7",
        parameters=[
            datetime.datetime(2024, 1, 2, 3, 4, 5, 678901),
            datetime.timedelta(hours=-30, milliseconds=5),
            1999,
            bytes(range(256)) * 2,
            b"\xe2\x80\t\n\\N\\\0",
            b"a\0",
            {"k": ["\n", 1]},
        ],
    )
    assert hook.bulk_dump("a", str(file)) == 3
    assert hook.bulk_load("z", str(file)) == 3
    assert hook.get_records("select * from z order by id") == hook.get_records("select * from a order by id")
    assert hook.get_first("select count(*) from a join z on a.f = z.f and a.x = z.x") == (2,)


def test_many_rows_there_and_back(hook: MySqlHook, table: str, file: Path) -> None:
    rows = [(number, None if number % 3 else "", number % 100) for number in range(50_000)]
    hook.insert_rows(table, rows, commit_every=0)
    assert hook.bulk_dump(table, str(file)) == len(rows)
    hook.run("delete from t")
    assert hook.bulk_load(table, str(file)) == len(rows)
    assert records(hook) == rows


def test_the_form_is_that_of_mysql(hook: MySqlHook, table: str, file: Path) -> None:
    hook.insert_rows(table, [(1, None, 1), (2, "", 2), (3, "a\tb\\\n", None)])
    hook.bulk_dump(table, str(file))
    assert file.read_bytes() == b"1\t\\N\t1\n2\t\t2\n3\ta\\tb\\\\\\n\t\\N\n"
    hook.run("create table u like t")
    MySqlHook(connection=hook.connection, local_infile=True).run(
        f"LOAD DATA LOCAL INFILE '{file}' INTO TABLE u CHARACTER SET utf8mb4"
    )
    assert hook.get_records("select * from u order by id") == records(hook)


def test_odd_dates_survive(hook: MySqlHook, file: Path) -> None:
    hook.run(
        ["set sql_mode = ''", "create table a (d date)", "insert into a values ('0000-00-00')", "create table z like a"]
    )
    assert hook.bulk_dump("a", str(file)) == 1
    lenient = MySqlHook(connection=hook.connection, init_command="set sql_mode = ''")
    assert lenient.bulk_load("z", str(file)) == 1
    assert hook.get_records("select * from z") == [("0000-00-00",)]


@pytest.mark.parametrize("fields", [{}, {"extra": {"cursor": "ssdictcursor"}}, {"extra": {"charset": "latin1"}}])
def test_whatever_the_connection_s_rows_look_like(changed: Changed, table: str, file: Path, fields) -> None:
    hook = changed(**fields)
    MySqlHook(connection=Connection(**{**hook.connection.to_dict(), "extra": {}})).insert_rows(table, [(1, "é€", 2)])
    if fields.get("extra", {}).get("charset") != "latin1":
        assert hook.bulk_dump(table, str(file)) == 1
        assert file.read_text(encoding="utf-8") == "1\té€\t2\n"
    file.write_text("2\tü\t3\n", encoding="utf-8")
    assert hook.bulk_load(table, str(file)) == 1
    assert hook.get_first("select hex(name) as x from t where id = 2") in [("C3BC",), {"x": "C3BC"}]


def test_a_table_of_another_database(hook: MySqlHook, server: Connection, table: str, file: Path) -> None:
    file.write_text("1\ta\t1\n")
    other = MySqlHook(connection=server, schema="information_schema")
    assert other.bulk_load(f"{server.schema}.t", str(file)) == 1
    assert other.bulk_load_custom(f"{server.schema}.t", str(file), "REPLACE") == 1
    assert other.bulk_dump(f"{server.schema}.t", str(file)) == 1
    assert records(hook) == [(1, "a", 1)]


# The dump's file


def test_a_dump_appears_when_it_is_complete(hook: MySqlHook, table: str, tmp_path: Path) -> None:
    file = tmp_path / "out" / "t.tsv"
    with pytest.raises(FileNotFoundError):
        hook.bulk_dump(table, str(file))
    file.parent.mkdir()
    file.write_text("old")
    with pytest.raises(pymysql.err.ProgrammingError):
        hook.bulk_dump("nowhere", str(file))
    hook.run("create view broken as select id, name, n from t")
    hook.run("alter table t drop column n")
    with pytest.raises(pymysql.err.Error):
        hook.bulk_dump("broken", str(file))
    assert file.read_text() == "old"
    assert hook.bulk_dump(table, str(file)) == 0
    assert file.read_text() == ""
    assert [path.name for path in file.parent.iterdir()] == ["t.tsv"]
    plain = tmp_path / "plain"
    plain.touch()
    assert stat.S_IMODE(file.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


# Losses are errors


@pytest.mark.parametrize(
    ("content", "error", "told"),
    [
        ("1\ta\t1\n1\tb\t2\n", pymysql.err.IntegrityError, "Duplicate entry '?...'? for key"),
        ("1\ttoo long a name\t1\n", pymysql.err.DataError, "Data truncated for column 'name' at row 2"),
        ("1\ta\t1000\n", pymysql.err.DataError, "Out of range value for column 'n' at row 2"),
        ("1\ta\tgehe1m\n", pymysql.err.DataError, "Incorrect integer value: ... for column"),
        ("1\ta\n", pymysql.err.Error, "doesn't contain data for all columns"),
        ("1\ta\t1\t2\n", pymysql.err.Error, "it contained more data than there were input columns"),
        ("1\ta\t\n", pymysql.err.DataError, "Incorrect integer value"),
        ("1\t\xff\xfe\t1\n", pymysql.err.DataError, "Incorrect string value"),
    ],
)
@pytest.mark.parametrize("sql_mode", ["STRICT_ALL_TABLES", ""])
def test_what_does_not_fit_loads_nothing(
    changed: Changed, table: str, file: Path, sql_mode: str, content: str, error: type[Exception], told: str
) -> None:
    hook = changed(extra={"sql_mode": sql_mode})
    file.write_bytes(b"5\tfine\t5\n" + content.encode("latin1"))
    with pytest.raises(error, match=told) as caught:
        hook.bulk_load(table, str(file))
    assert "gehe1m" not in str(caught.value)
    assert records(hook) == []
    assert any("All of it is undone" in note for note in caught.value.__notes__)


def test_a_missing_file_is_an_error(hook: MySqlHook, table: str, tmp_path: Path) -> None:
    for load in (hook.bulk_load, hook.bulk_load_custom):
        with pytest.raises(SqlError, match=r"nowhere.tsv' cannot be loaded into t: No such file"):
            load(table, str(tmp_path / "nowhere.tsv"))
    assert list(tmp_path.iterdir()) == []


def test_local_infile_false_forbids_it(changed: Changed, table: str, file: Path) -> None:
    file.write_text("1\ta\t1\n")
    with pytest.raises(SqlError, match="local_infile=False forbids LOAD DATA LOCAL"):
        changed(hook={"local_infile": False}).bulk_load(table, str(file))


def test_a_rounded_number_is_no_loss(hook: MySqlHook, file: Path) -> None:
    hook.run("create table d (v decimal(5, 2))")
    file.write_text("1.2345\n" * 100)
    assert hook.bulk_load("d", str(file)) == 100
    assert hook.get_records("select distinct v from d") == [(decimal.Decimal("1.23"),)]


# In a form of one's own


def test_bulk_load_custom(hook: MySqlHook, table: str, file: Path, caplog: pytest.LogCaptureFixture) -> None:
    file.write_text("id;name;n\n1;a;1\n1;b;2\n2;'c;d';3\n", encoding="utf-8")
    options = "CHARACTER SET utf8mb4 FIELDS TERMINATED BY ';' OPTIONALLY ENCLOSED BY '\\'' IGNORE 1 LINES"
    assert hook.bulk_load_custom(table, str(file), extra_options=options) == 2
    assert records(hook) == [(1, "a", 1), (2, "c;d", 3)]
    assert "3 rows read, 0 replaced, 1 left out, 1 warnings: Duplicate entry ... for key" in caplog.text
    hook.bulk_load_custom(table, str(file), "replace", options)
    assert records(hook) == [(1, "b", 2), (2, "c;d", 3)]


def test_what_is_bent_is_told(hook: MySqlHook, table: str, file: Path, caplog: pytest.LogCaptureFixture) -> None:
    file.write_text("1\ttoo long a name\t1\n")
    assert hook.bulk_load_custom(table, str(file)) == 1
    assert [record.levelno for record in caplog.records if "Data truncated" in record.getMessage()] == [logging.WARNING]


@pytest.mark.parametrize("handling", ["", "IGNORE INTO TABLE t -- ", "DELETE"])
def test_duplicate_key_handling_is_checked(hook: MySqlHook, table: str, file: Path, handling: str) -> None:
    file.write_text("1\ta\t1\n")
    with pytest.raises(SqlError, match="must be one of IGNORE, REPLACE"):
        hook.bulk_load_custom(table, str(file), handling)
    assert records(hook) == []


def test_wrong_options_are_the_server_s_error(hook: MySqlHook, table: str, file: Path) -> None:
    file.write_text("1\ta\t1\n")
    with pytest.raises(pymysql.err.ProgrammingError, match="SQL syntax"):
        hook.bulk_load_custom(table, str(file), extra_options="FIELDS BY COMMAS")
