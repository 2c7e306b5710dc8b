"""Tables and queries of MySQL and MariaDB as ends of transfers: what is their own. See also tests/transfers."""

from __future__ import annotations

import datetime
import subprocess
import sys
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.connection import Connection
from tradewind.errors import TransferError
from tradewind.transfer import Column, LocalFile, Transfer, Type, csvtext
from tradewind_mysql import MySqlHook, MySqlQuery, MySqlTable, csv_load


def move(source: Any, sink: Any, **more: Any) -> Any:
    return Transfer(task_id="load", source=source, sink=sink, **more).execute({})


@pytest.fixture(autouse=True)
def warehouse(server: Connection, monkeypatch: pytest.MonkeyPatch) -> Connection:
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", server.get_uri())
    return server


def table(name: str, mode: str | None = None, **more: Any) -> MySqlTable:
    return MySqlTable(name, conn_id="warehouse", mode=mode, **more)


@pytest.fixture
def file(tmp_path: Any) -> Any:
    def write(text: str, **more: Any) -> LocalFile:
        (tmp_path / "rows.csv").write_text(text)
        return LocalFile(tmp_path / "rows.csv", **more)

    return write


@pytest.fixture(params=["load data", "inserts"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, warehouse: Connection) -> str:
    """Rows go in by LOAD DATA LOCAL, or where that is forbidden by inserts."""
    if request.param == "inserts":
        uri = warehouse.get_uri()
        monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", uri + ("&" if "?" in uri else "?") + "local_infile=false")
    return str(request.param)


def test_importing_the_endpoints_loads_no_driver() -> None:
    code = "import sys; from tradewind_mysql import MySqlTable; MySqlTable('t'); print('pymysql' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "False\n"


def test_both_ways_of_bringing_rows_in_do_the_same(hook: MySqlHook, file: Any, way: str, caplog: Any) -> None:
    caplog.set_level("INFO")
    hook.run(
        "create table t (id int primary key, name varchar(9), ok boolean, at datetime(6), b blob, d decimal(5,2), "
        "x bit)"
    )
    text = (
        'id,name,ok,at,b,d,x\n1,"",t,2024-05-01 12:00:00+02,\\x00ff,1.10,1\n2,NULL,,,,,\n3,,false,2024-05-01,a,-7,0\n'
    )
    wanted = [
        (1, "", 1, datetime.datetime(2024, 5, 1, 10), b"\x00\xff", Decimal("1.10"), b"\x01"),
        (2, "NULL", None, None, None, None, None),
        (3, None, 0, datetime.datetime(2024, 5, 1), b"a", Decimal(-7), b"\x00"),
    ]
    for mode, keys in (("append", []), ("replace", []), ("upsert", ["id"])):
        move(file(text), table("t", mode, keys=keys))
        assert hook.get_records("select * from t order by id") == wanted
    move(file("id,name\n7,a\n7,b\n2,c\n"), table("t", "upsert", keys=["id"]), columns=["id", "name"])
    assert hook.get_records("select id, name, ok from t order by id") == [
        (1, "", 1),
        (2, "c", None),
        (3, None, 0),
        (7, "b", None),
    ]
    assert bool([message for message in caplog.messages if "LOAD DATA" in message]) is (way == "load data")


@pytest.mark.parametrize(
    ("declared", "text"),
    [
        ("int", "1.5"),
        ("int", "1e3"),
        ("boolean", "yes"),
        ("datetime", "2024-05-01 12:00:00 CET"),
        ("varchar(3)", "abcd"),
        ("double", "NaN"),
    ],
)
def test_both_ways_refuse_what_would_be_bent(hook: MySqlHook, file: Any, way: str, declared: str, text: str) -> None:
    hook.run(f"create table t (a {declared})")
    with pytest.raises(Exception, match=r"."):
        move(file(f"a\n{text}\n"), table("t", "append"))
    assert hook.get_records("select * from t") == []


def test_rows_of_the_dictionary_kind_do_not_disturb(
    hook: MySqlHook, file: Any, monkeypatch: Any, warehouse: Any
) -> None:
    uri = warehouse.get_uri()
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", uri + ("&" if "?" in uri else "?") + "cursor=ssdictcursor")
    hook.run("create table t (id int primary key, name varchar(9))")
    for mode, keys in (("append", []), ("replace", []), ("upsert", ["id"])):
        move(file("id,name\n1,x\n"), table("t", mode, keys=keys))
    move(MySqlQuery("select * from t", conn_id="warehouse"), table("u", "replace", create=True))
    assert hook.get_records("select * from u") == [(1, "x")]


def test_a_table_without_transactions_is_refused(hook: MySqlHook, file: Any) -> None:
    hook.run("create table t (a int) engine=MyISAM")
    hook.run("insert into t values (7)")
    with pytest.raises(TransferError, match="Table t is of the storage engine MyISAM, which has no transactions"):
        move(file("a\n1\n"), table("t", "replace"))
    assert hook.get_records("select * from t") == [(7,)]


def test_a_replaced_table_keeps_its_triggers_views_and_indexes(hook: MySqlHook, file: Any) -> None:
    hook.run("create table t (a int, key own (a))")
    hook.run("create table log (a int)")
    hook.run("create view seen as select a from t")
    hook.run("create trigger noted after insert on t for each row insert into log values (new.a)")
    hook.run("insert into t values (7)")
    move(file("a\n1\n2\n"), table("t", "replace"))
    assert hook.get_records("select * from seen order by a") == [(1,), (2,)]
    assert hook.get_records("select * from log") == [(7,), (1,), (2,)]
    assert "own" in hook.get_first("show create table t")[1]


def test_an_upsert_follows_the_collation_of_the_key(hook: MySqlHook, file: Any, way: str) -> None:
    hook.run("create table t (name varchar(9) collate utf8mb4_general_ci primary key, n int)")
    hook.run("insert into t values ('ada', 1)")
    for _ in range(2):
        move(file("name,n\nAda,2\nADA,3\nBob,4\n"), table("t", "upsert", keys=["name"]))
        assert hook.get_records("select n from t order by name") == [(3,), (4,)]


def test_another_database_of_the_server(hook: MySqlHook, file: Any) -> None:
    [(name,)] = hook.get_records("select database()")
    hook.run("create table t (a int)")
    move(file("a\n1\n"), table(f"{name}.t", "replace"))
    move(table(f"`{name}`.`t`"), table("u", "replace", create=True))
    assert hook.get_records("select * from u") == [(1,)]


def test_a_stream_that_is_given_up_stops_on_the_server(hook: MySqlHook, tmp_path: Any) -> None:
    endless = MySqlQuery("select a.* from seq_1_to_100000000 a", conn_id="warehouse")
    if not hook.server.mariadb:
        pytest.skip("MariaDB: its sequence engine")
    with endless.reader() as reader:
        assert next(reader.rows())[0] == (1,)
    assert hook.get_records(
        "select count(*) from information_schema.processlist where db = database() and id <> connection_id() "
        "and command = 'Query'"
    ) == [(0,)]


# The CSV of transfers as LOAD DATA reads it

texts = st.text("a,\"\n\\N U L\r'é😀\t", max_size=6) | st.sampled_from(["NULL", "", "\\N", "null", '"NULL"'])
rows = st.integers(1, 3).flatmap(
    lambda width: st.lists(st.tuples(*[st.none() | texts] * width), min_size=1, max_size=5)
)


@given(rows, st.integers(1, 30))
def test_translated_blocks_do_not_depend_on_how_they_are_cut(table_rows: Any, size: int) -> None:
    columns = [Column(str(number), Type("text")) for number in range(len(table_rows[0]))]
    data = csvtext.encode(table_rows, columns)
    whole = b"".join(csv_load.blocks([data]))
    assert b"".join(csv_load.blocks(data[at : at + size] for at in range(0, len(data), size))) == whole


def test_every_text_and_null_comes_through_load_data(hook: MySqlHook, tmp_path: Any) -> None:
    """Hundreds of random rows in one load, for a load each would take minutes."""
    found: list[tuple[Any, ...]] = []

    @given(st.tuples(st.none() | texts, st.none() | texts, st.none() | texts))
    def collect(row: tuple[Any, ...]) -> None:
        found.append(row)

    collect()
    hook.run("create table t (id int primary key, a text, b longtext, c varchar(50)) default charset utf8mb4")
    numbered = [(number, *row) for number, row in enumerate(found)]
    columns = [Column("id", Type("int")), *(Column(name, Type("text")) for name in "abc")]
    (tmp_path / "a.csv").write_bytes(b"id,a,b,c\n" + csvtext.encode(numbered, columns))
    move(LocalFile(tmp_path / "a.csv"), table("t", "replace"))
    assert hook.get_records("select * from t order by id") == numbered
