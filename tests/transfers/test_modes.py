"""Each mode on each database: what is in the table afterwards, again after a second run, and after a failure."""

from __future__ import annotations

import datetime
import os
import threading
from decimal import Decimal

import pytest

from tradewind.errors import DagError, TransferError
from tradewind.transfer import LocalFile

from .conftest import Rows, move

TYPES = {"id": "int", "name": "text"}


class Broken(Exception):
    pass


def fail():
    raise Broken


def orders(database, *rows):
    """A table `orders` with a key, and some rows in it."""
    database.run("create table orders (id bigint primary key, name varchar(20), price decimal(10,2) default 7)")
    for number, name in rows:
        database.run(f"insert into orders (id, name) values ({number}, '{name}')")
    return lambda: database.rows("select id, name from orders order by id, name")


@pytest.fixture(params=["rows", "csv"])
def source(request, tmp_path):
    """Makes a source of rows, which is read as rows or as CSV."""

    def make(*rows, types=TYPES):
        if request.param == "rows":
            return Rows(types, rows[:1], rows[1:])
        sink = LocalFile(tmp_path / "source.csv")
        move(Rows(types, rows), sink)
        return sink

    return make


COLUMNS = ["id", "name"]


def test_replace_leaves_the_rows_of_the_source_and_no_others(database, source):
    found = orders(database, (1, "old"), (9, "old"))
    for _ in range(2):
        done = move(source((1, "a"), (2, None), (3, "")), database.table("orders", "replace"), columns=COLUMNS)
        assert done["rows"] == 3
        assert found() == [(1, "a"), (2, None), (3, "")]
    assert database.rows("select price from orders where id = 1") == [(Decimal(7),)] or database.kind == "sqlite"


def test_replace_with_nothing_leaves_nothing(database, source):
    found = orders(database, (1, "old"))
    assert move(source(), database.table("orders", "replace"), columns=COLUMNS)["rows"] == 0
    assert found() == []


def test_upsert_changes_old_rows_adds_new_ones_and_the_last_of_a_key_counts(database, source):
    found = orders(database, (1, "old"), (9, "old"))
    database.run("update orders set price = 5")
    for _ in range(2):
        done = move(
            source((1, "a"), (2, "b"), (1, "c"), (2, "d"), (3, None), (1, "z")),
            database.table("orders", "upsert", keys=["id"]),
            columns=COLUMNS,
        )
        assert done["rows"] == 6
        assert found() == [(1, "z"), (2, "d"), (3, None), (9, "old")]
    [(kept,)] = database.rows("select price from orders where id = 1")
    assert kept == 5  # what does not come stays


def test_upsert_by_a_key_alone_adds_what_is_not_there(database, source):
    database.run("create table seen (a int, b varchar(5), primary key (a, b))", "insert into seen values (1, 'x')")
    types = {"a": "int", "b": "text"}
    for _ in range(2):
        move(source((1, "x"), (1, "y"), (1, "y"), types=types), database.table("seen", "upsert", keys=["b", "a"]))
        assert database.rows("select a, b from seen order by b") == [(1, "x"), (1, "y")]


def test_upsert_by_a_unique_index_leaves_rows_that_collide_elsewhere_alone(database, source):
    database.run(
        "create table people (id int primary key, mail varchar(20), name varchar(20))",
        "create unique index mails on people (mail)",
        "insert into people values (1, 'a@x', 'Ada'), (2, 'b@x', 'Bob')",
    )
    types = {"id": "int", "mail": "text", "name": "text"}
    people = database.table("people", "upsert", keys=["mail"])
    move(source((1, "a@x", "Ada L."), (3, "c@x", "Cy"), types=types), people)
    wanted = [(1, "a@x", "Ada L."), (2, "b@x", "Bob"), (3, "c@x", "Cy")]
    assert database.rows("select * from people order by id") == wanted
    with pytest.raises(Exception, match=r"(?i)unique|duplicate"):
        move(source((2, "new@x", "thief"), types=types), people)  # another one's primary key
    assert database.rows("select * from people order by id") == wanted


def test_upsert_refuses_rows_without_a_key_and_keys_without_an_index(database, source):
    database.run("create table t (a int, b varchar(5), c int)", "create unique index u on t (a, b)")
    types = {"a": "int", "b": "text", "c": "int"}
    with pytest.raises(TransferError, match="1 rows for table t lack a value of the key a, b"):
        move(source((1, "x", 1), (2, None, 2), types=types), database.table("t", "upsert", keys=["a", "b"]))
    with pytest.raises(TransferError, match=r"Table t has no primary key or unique index .* It has: a, b\."):
        move(source((1, "x", 1), types=types), database.table("t", "upsert", keys=["a"]))
    with pytest.raises(TransferError, match=r"keys= of table t names 'b', which is no column"):
        move(
            source((1, 1), types={"a": "int", "c": "int"}),
            database.table("t", "upsert", keys=["a", "b"]),
            columns=["a", "c"],
        )
    assert database.rows("select * from t") == []


def test_append_adds_and_a_partition_makes_it_repeatable(database, source):
    database.run("create table sales (day date, shop varchar(5), sum decimal(8,2))")
    types = {"day": "date", "shop": "text", "sum": "decimal(8,2)"}
    day = datetime.date(2024, 5, 1)
    rows = [(day, "a", Decimal("1.50")), (day, "b", None)]
    table = database.table("sales", "append", partition={"day": "2024-05-01"})
    database.run("insert into sales values ('2024-04-30', 'a', 1)")
    for _ in range(2):
        move(source(*rows, types=types), table)
        assert database.rows("select count(*), count(sum), max(shop) from sales") == [(3, 2, "b")]
    move(source(*rows, types=types), database.table("sales", "append"))
    assert database.rows("select count(*) from sales") == [(5,)]
    with pytest.raises(TransferError, match="2 rows came for table sales, and 1 are in the partition of day now"):
        move(source(rows[0], (datetime.date(2024, 5, 2), "x", None), types=types), table)
    assert database.rows("select count(*) from sales") == [(5,)]


def test_a_column_of_the_partition_that_does_not_come_gets_its_value(database, source):
    database.run("create table sales (day date, shop varchar(5), id int)", "insert into sales values (null, 'n', 0)")
    table = database.table("sales", "append", partition={"day": "2024-05-01", "shop": None})
    for _ in range(2):
        move(source((1,), (2,), types={"id": "int"}), table)
        assert [row[1:] for row in database.rows("select day, shop, id from sales order by id")] == [
            ("n", 0),
            (None, 1),
            (None, 2),
        ]
    with pytest.raises(TransferError, match="partition= of table sales names 'hour'"):
        move(
            source((1,), types={"id": "int"}), database.table("sales", "append", partition={"hour": 1}), columns=["id"]
        )


# Failures


@pytest.mark.parametrize("mode", ["replace", "upsert", "append"])
@pytest.mark.parametrize("filled", [True, False])
def test_a_source_that_fails_half_way_leaves_the_table_as_it_was(database, mode, filled):
    found = orders(database, *([(1, "old"), (9, "old")] if filled else []))
    before = found()
    more = {"keys": ["id"]} if mode == "upsert" else {}
    table = database.table("orders", mode, **more)
    many = [(number, "new") for number in range(100, 3000)]
    with pytest.raises(Broken):
        move(Rows(TYPES, many, fail), table, columns=COLUMNS)
    assert found() == before
    assert database.tables() == {"orders"}
    move(Rows(TYPES, many), table, columns=COLUMNS)
    assert len(found()) == len(many) + (len(before) if mode != "replace" else 0)


@pytest.mark.parametrize("mode", ["replace", "append"])
def test_rows_that_the_table_refuses_leave_it_as_it_was(database, source, mode):
    found = orders(database, (1, "old"))
    with pytest.raises(Exception, match=r"(?i)unique|duplicate"):
        move(source((5, "a"), (5, "b")), database.table("orders", mode), columns=COLUMNS)
    assert found() == [(1, "old")]


def test_what_does_not_fit_is_told_before_the_source_is_read(database):
    orders(database)

    def read():
        pytest.fail("it was read")

    with pytest.raises(
        TransferError, match=r"no column 'nam' \(did you mean 'name'\?\), and nothing comes for .* 'name'"
    ):
        move(Rows({"id": "int", "nam": "text", "price": "decimal"}, read), database.table("orders", "replace"))
    with pytest.raises(
        TransferError, match=r"there is no table 'gone'\. Make it, or let the transfer do so with create"
    ):
        move(Rows(TYPES, read), database.table("gone", "replace"))
    with pytest.raises(Exception, match="gone"):
        move(database.table("gone"), Rows({}))


# Tables that are made


@pytest.mark.parametrize("mode", ["replace", "append", "upsert"])
def test_a_table_that_is_not_there_is_made_from_the_types_of_the_source(database, mode):
    types = {"id": "int", "name": "text", "price": "decimal(10,2)", "data": "bytes"}
    row = (1, "a", Decimal("1.10"), b"\x00")
    table = database.table("made", mode, create=True, keys=["id"] if mode == "upsert" else [])
    for count in (1, 2):
        move(Rows(types, [row]), table)
        assert len(database.rows("select * from made")) == (count if mode == "append" else 1)
    back = Rows({})
    move(database.table("made"), back)
    assert back.found[0] == row
    assert [str(column.type) for column in back.columns] == [*types.values()]


def test_a_text_may_be_the_key_of_a_table_that_is_made(database):
    table = database.table("made", "upsert", create=True, keys=["name"])
    for _ in range(2):
        move(Rows({"name": "text", "n": "int"}, [("é😀", 1), ("b", 2)]), table)
    assert len(database.rows("select * from made")) == 2


def test_no_table_is_made_by_a_transfer_that_fails(database):
    with pytest.raises(Broken):
        move(Rows(TYPES, [(1, "a")], fail), database.table("made", "replace", create=True))
    assert database.tables() == set()


# Names


STRANGE = [
    "select",
    'we"ird',
    "a`b",
    "per%cent",
    "%s",
    "semi;colon",
    "que?stion",
    "a.b",
    "Émoji😀",
    "CamelCase",
    "it's",
]


@pytest.mark.parametrize("mode", ["replace", "upsert", "append"])
def test_any_name_is_a_name_and_never_sql(database, mode, source):
    names = [name for name in STRANGE if not (database.kind == "mysql" and name == "Émoji😀")]  # 3 bytes at most there
    table = database.quote('or%s "der`s.x')
    types = dict.fromkeys(names, "text")
    declared = ", ".join(f"{database.quote(name)} varchar(9)" for name in names)
    database.run(f"create table {table} ({declared}, primary key ({database.quote(names[0])}))")
    more = {"keys": [names[0]]} if mode == "upsert" else {"partition": {names[1]: "1"}} if mode == "append" else {}
    for _ in range(2):
        move(
            source(tuple(str(number) for number in range(len(names))), types=types), database.table(table, mode, **more)
        )
    back = Rows({})
    move(database.table(table), back)
    assert [column.name for column in back.columns] == names
    assert back.found == [tuple(str(number) for number in range(len(names)))]


# Foreign keys, columns that the database fills


def test_replacing_a_table_that_others_point_to_keeps_the_rows_that_stay(database, source):
    engine = " engine=innodb" if database.kind == "mysql" else ""
    database.run(
        f"create table shop (id int primary key, name varchar(9)){engine}",
        f"create table sale (shop int references shop (id) on delete cascade){engine}"
        if database.kind != "mysql"
        else f"create table sale (shop int, foreign key (shop) references shop (id) on delete cascade){engine}",
        "insert into shop values (1, 'one'), (2, 'two')",
        "insert into sale values (1), (2)",
    )
    if database.kind == "sqlite":
        os.environ[f"AIRFLOW_CONN_{database.conn_id.upper()}"] += "?foreign_keys=true"
    for _ in range(2):
        move(source((1, "uno"), (3, "tres")), database.table("shop", "replace"))
        assert database.rows("select * from shop order by id") == [(1, "uno"), (3, "tres")]
        assert database.rows("select * from sale") == [(1,)]  # only the sale of the shop that is gone went with it
    with pytest.raises(TransferError, match="2 rows came for table shop, with only 1 different values of its primary"):
        move(source((1, "a"), (1, "b")), database.table("shop", "replace"))
    assert database.rows("select * from shop order by id") == [(1, "uno"), (3, "tres")]


def test_without_a_primary_key_a_table_that_others_point_to_is_not_replaced(database, source):
    database.run(
        "create table hub (id int, name varchar(9), unique (id))",
        "create table spoke (hub int, foreign key (hub) references hub (id) on delete cascade)",
        "insert into hub values (1, 'one')",
        "insert into spoke values (1)",
    )
    if database.kind == "sqlite":
        os.environ[f"AIRFLOW_CONN_{database.conn_id.upper()}"] += "?foreign_keys=true"
    with pytest.raises(TransferError, match=r"Table hub cannot be replaced: rows of .*spoke point to its rows"):
        move(source((1, "uno")), database.table("hub", "replace"))
    assert database.rows("select * from hub") == [(1, "one")]
    assert database.rows("select * from spoke") == [(1,)]


def test_columns_that_the_database_fills_need_not_come(database, source):
    declared = {
        "sqlite": "id integer primary key, name text, twice int generated always as (id * 2) stored, "
        "at text default 'x'",
        "postgres": "id bigint generated always as identity primary key, name text, "
        "twice int generated always as (id * 2) stored, at text default 'x'",
        "mysql": "id bigint auto_increment primary key, name text, twice int as (length(name) * 2) stored, "
        "at varchar(9) default 'x'",
    }[database.kind]
    database.run(f"create table t ({declared})")
    move(source(("a",), ("b",), types={"name": "text"}), database.table("t", "replace"))
    move(source(("c",), types={"name": "text"}), database.table("t", "append"))
    assert [row[0] for row in database.rows("select name from t where at = 'x' order by name")] == ["a", "b", "c"]
    move(source((50, "z"), types=TYPES), database.table("t", "upsert", keys=["id"]))
    move(source((50, "y"), types=TYPES), database.table("t", "upsert", keys=["id"]))
    assert database.rows("select name from t where id = 50") == [("y",)]
    with pytest.raises(TransferError, match="no column 'twice'"):
        move(source((1, "x"), types={"twice": "int", "name": "text"}), database.table("t", "replace"))
    back = Rows({})
    move(database.table("t"), back, columns=["twice", "name"])
    assert len(back.found) == 4


# Two at once


def test_two_transfers_that_replace_the_same_table_do_not_mix(database, in_thread):
    """The table is empty, so that neither has rows to delete that would make it wait for the other."""
    found = orders(database)
    loaded, other_begun = threading.Event(), threading.Event()

    def first():
        move(
            Rows(TYPES, [(1, "first"), (2, "first")], loaded.set, lambda: other_begun.wait(60)),
            database.table("orders", "replace"),
            columns=COLUMNS,
        )

    def second():
        assert loaded.wait(60)
        move(Rows(TYPES, [(2, "second"), (3, "second")]), database.table("orders", "replace"), columns=COLUMNS)

    one, two = in_thread(first), in_thread(second)
    assert loaded.wait(60)
    two.join(0.5)  # it waits for the first one, or is through
    other_begun.set()
    one.join(60)
    two.join(60)
    assert found() in ([(1, "first"), (2, "first")], [(2, "second"), (3, "second")])


# What is refused when the DAG is read


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"mode": "truncate"}, "mode='truncate' must be one of replace, append, upsert"),
        ({"mode": "upsert", "keys": "id"}, r"keys= must be a list of columns: \['id'\]"),
        ({"mode": "replace", "partition": {"day": 1}}, "partition= says what mode='append' clears first"),
    ],
)
def test_arguments_that_cannot_be_meant_are_refused(database, arguments, message):
    with pytest.raises(DagError, match=message):
        database.table("t", **arguments)


def test_a_sink_must_say_how_it_is_written(database):
    with pytest.raises(DagError, match="it must say how: mode='replace', 'append' or 'upsert'"):
        move(Rows(TYPES), database.table("t"))
    with pytest.raises(DagError, match="mode='upsert' needs keys="):
        move(Rows(TYPES), database.table("t", "upsert"))


def test_the_wrong_kind_of_connection_is_told(database, database_of):
    other = database_of("sqlite" if database.kind != "sqlite" else "postgres")
    wrong = database.table_class("t", conn_id=other.conn_id, mode="replace")
    with pytest.raises(
        Exception, match=f"{type(wrong).__name__} needs a connection for .*Hook; '{other.conn_id}' is one"
    ):
        move(Rows(TYPES), wrong)
