"""`insert_rows`: counts, types, transactions, errors, names; and files in bulk."""

from __future__ import annotations

import datetime
import decimal
import enum
import itertools
import logging
import sqlite3
import tracemalloc
import uuid
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewind.connection import Connection
from tradewind_sql import InsertTarget, RowError, SqliteHook


@pytest.fixture
def hook(database: Path, monkeypatch: pytest.MonkeyPatch) -> SqliteHook:
    """Thousands of commits need not wait for the disk."""
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", f"sqlite:///{database}?synchronous=off")
    hook = SqliteHook("warehouse")
    hook.run("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, note TEXT DEFAULT 'none')")
    return hook


def count(hook: SqliteHook) -> int:
    return int(hook.get_first("select count(*) from t")[0])


@pytest.mark.parametrize("commit_every", [0, 1, 7, 999, 1000, 1001, 2500, 10_000])
@pytest.mark.parametrize("number", [0, 1, 1000, 2500])
def test_all_rows_arrive_and_are_counted(hook: SqliteHook, commit_every: int, number: int) -> None:
    rows = ((place, f"name {place}") for place in range(number))
    assert hook.insert_rows("t", rows, ["id", "name"], commit_every=commit_every) == number
    assert hook.get_first("select count(*), count(distinct name) from t") == (number, number)


def failing(number: int) -> Any:
    """`number` good rows, then one whose key is taken."""
    return itertools.chain(((place, "a") for place in range(number)), [(0, "taken")])


@pytest.mark.parametrize(("commit_every", "left"), [(0, 0), (1000, 2000), (1, 2500), (2000, 2000), (3000, 0)])
def test_a_failure_rolls_back_what_was_not_committed(hook: SqliteHook, commit_every: int, left: int) -> None:
    with pytest.raises(sqlite3.IntegrityError) as caught:
        hook.insert_rows("t", failing(2500), ["id", "name"], commit_every=commit_every)
    assert count(hook) == left
    told = "\n".join(caught.value.__notes__)
    assert (f"{left} rows were committed into t" if left else "Nothing was inserted into t") in told
    assert "taken" not in told


def test_zero_means_one_transaction(hook: SqliteHook) -> None:
    seen = []

    def rows() -> Any:
        for place in range(5000):
            if place % 1000 == 999:
                seen.append(count(SqliteHook("warehouse")))
            yield (place, "a")

    assert hook.insert_rows("t", rows(), ["id", "name"], commit_every=0) == 5000
    assert seen == [0] * 5
    assert count(hook) == 5000


def test_the_place_of_a_bad_row_is_told_and_not_its_values(hook: SqliteHook) -> None:
    rows = [(place, "a") for place in range(1500)]
    with pytest.raises(RowError, match=r"Row 1501 for t has 3 values, but 2 columns are given") as caught:
        hook.insert_rows("t", [*rows, (1, "hush", 3)], ["id", "name"])
    assert "hush" not in str(caught.value)
    assert count(hook) == 1000
    with pytest.raises(RowError, match=r"Row 2 for t has 1 values, but the first row has 3"):
        hook.insert_rows("t", [(5001, "a", "b"), (5002,)])
    with pytest.raises(RowError, match="Row 1 for t is a text"):
        hook.insert_rows("t", ["abc"])
    with pytest.raises(RowError, match="Row 1 for t cannot be inserted: 'int' object is not iterable"):
        hook.insert_rows("t", [1])
    with pytest.raises(RowError, match="Row 1 for t cannot be inserted: SQLite has no type for a timedelta"):
        hook.insert_rows("t", [(1, datetime.timedelta(1), "")])
    with pytest.raises(OverflowError) as overflow:
        hook.insert_rows("t", [(6000, "a"), (2**63, "a")], ["id", "name"])
    assert "It was row 2 of a batch of 2." in overflow.value.__notes__


def test_unknown_keywords_are_refused(hook: SqliteHook) -> None:
    with pytest.raises(TypeError, match="replace_key"):
        hook.insert_rows("t", [(1, "a", "b")], replace=True, replace_key="id")
    with pytest.raises(TypeError, match="replace=True"):
        hook.insert_rows("t", [(1, "a", "b")], replace_index="id")
    with pytest.raises(ValueError, match="commit_every"):
        hook.insert_rows("t", [(1, "a", "b")], commit_every=-1)


def test_rows_may_be_mappings(hook: SqliteHook) -> None:
    assert hook.insert_rows("t", [{"name": "a", "id": 1}, {"id": 2, "name": "b"}]) == 2
    assert hook.insert_rows("t", [{"id": 3, "name": "c"}], ["name", "id"]) == 1
    assert hook.get_records("select id, name from t") == [(1, "a"), (2, "b"), (3, "c")]
    with pytest.raises(RowError, match=r"must have exactly the columns"):
        hook.insert_rows("t", [{"id": 4, "name": "d"}, {"id": 5, "nmae": "e"}])


def test_replacing_deletes_the_old_row_and_upserting_changes_it(hook: SqliteHook) -> None:
    hook.run("insert into t values (1, 'a', 'kept')")
    assert hook.insert_rows("t", [(1, "b"), (2, "b")], ["id", "name"], replace=True, replace_index="id") == 2
    assert hook.get_records("select * from t") == [(1, "b", "kept"), (2, "b", "none")]
    hook.insert_rows("t", [(1, "c")], ["id", "name"], replace=True, replace_index=["id"], replace_target=[])
    assert hook.get_first("select * from t") == (1, "b", "kept")
    hook.insert_rows("t", [(1, "c", "new")], replace=True, replace_index="id", replace_target=["note"])
    assert hook.get_first("select * from t") == (1, "b", "new")
    hook.insert_rows("t", [(1, "d")], ["id", "name"], replace=True)
    assert hook.get_first("select * from t") == (1, "d", "none")


def test_a_schema_is_honoured_and_names_are_quoted(hook: SqliteHook, tmp_path: Path) -> None:
    class Attached(SqliteHook):
        def get_conn(self) -> Any:
            conn = super().get_conn()
            conn.execute("ATTACH ? AS other", (str(tmp_path / "other.db"),))
            return conn

    attached = Attached("warehouse")
    attached.run(['CREATE TABLE other.t (id, "Mixed Case")', 'CREATE TABLE "order" ("select", "a""b")'])
    assert attached.insert_rows("t", [(1, 2)], ["id", "Mixed Case"], schema="other") == 1
    assert attached.insert_rows("other.t", [(3, 4)]) == 1
    assert attached.insert_rows("order", [(1, 2)], ["select", 'a"b']) == 1
    assert attached.get_records('select id, "Mixed Case" from other.t') == [(1, 2), (3, 4)]
    assert attached.get_records('select * from "order"') == [(1, 2)]
    assert count(hook) == 0


def test_nothing_in_a_table_name_is_executed(hook: SqliteHook) -> None:
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        hook.insert_rows('t" values (1, 2, 3); drop table t; --', [(1,)])
    with pytest.raises(sqlite3.OperationalError, match="no column"):
        hook.insert_rows("t", [(1,)], ["id) select 1 --"])
    assert count(hook) == 0


class Colour(enum.Enum):
    RED = "red"


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (None, None),
        (1, 1),
        (True, 1),
        (1.5, 1.5),
        ("1", "1"),
        (b"\x00\xff", b"\x00\xff"),
        (bytearray(b"a"), b"a"),
        (decimal.Decimal("1.10"), "1.10"),
        (datetime.date(2024, 5, 1), "2024-05-01"),
        (datetime.time(1, 2, 3), "01:02:03"),
        (datetime.datetime(2024, 5, 1, 12), "2024-05-01 12:00:00"),
        (datetime.datetime(2024, 5, 1, 12, tzinfo=datetime.UTC), "2024-05-01 12:00:00+00:00"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (Path("a/b"), "a/b"),
        (Colour.RED, "red"),
        (["ä", 1], '["ä", 1]'),
        ({"a": None}, '{"a": null}'),
    ],
)
def test_values_keep_their_types(hook: SqliteHook, value: Any, stored: Any) -> None:
    hook.run("CREATE TABLE v (place INTEGER, value)")
    hook.insert_rows("v", [(1, value)])
    hook.run("insert into v values (2, ?)", parameters=[value])
    hook.run("insert into v values (3, :value)", parameters={"value": value})
    found = [row[0] for row in hook.get_records("select value from v order by place")]
    assert found == [stored] * 3
    assert type(found[0]) is type(stored)


values = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.text(st.characters(blacklist_categories=["Cs"])),
    st.binary(),
)


@given(st.lists(st.tuples(values, values), max_size=10))
def test_values_round_trip(rows: list[tuple[Any, Any]]) -> None:
    shared = "file:round-trip?mode=memory&cache=shared"
    keeper = sqlite3.connect(shared, uri=True)  # the database lives as long as somebody holds it
    try:
        extra = {"mode": "memory", "cache": "shared"}
        hook = SqliteHook(connection=Connection(conn_id="c", conn_type="sqlite", host="round-trip", extra=extra))
        hook.run("CREATE TABLE t (a, b)")
        assert hook.insert_rows("t", rows) == len(rows)
        found = hook.get_records("select a, b from t order by rowid")
        assert found == rows
        assert [tuple(map(type, row)) for row in found] == [tuple(map(type, row)) for row in rows]
    finally:
        keeper.close()


def test_a_big_load_needs_constant_memory(hook: SqliteHook) -> None:
    tracemalloc.start()
    try:
        assert hook.insert_rows("t", ((place, "x" * 20) for place in range(200_000)), ["id", "name"], 0) == 200_000
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2_000_000  # bytes; all rows together take about 30 million
    assert count(hook) == 200_000


class OneByOne(SqliteHook):
    supports_executemany = False


@pytest.mark.parametrize("kind", [SqliteHook, OneByOne])
def test_rows_in_batches_and_rows_one_by_one_do_the_same(hook: SqliteHook, kind: type[SqliteHook]) -> None:
    loader = kind("warehouse")
    rows = [(place, f"name {place}") for place in range(2500)]
    assert loader.insert_rows("t", rows, ["id", "name"], commit_every=0) == 2500
    assert hook.get_records("select id, name from t order by id") == rows
    with pytest.raises(sqlite3.IntegrityError) as caught:
        loader.insert_rows("t", [(-1, "a"), (-2, "b"), (5, "taken")], ["id", "name"], executemany=False)
    assert count(hook) == 2500
    assert "Nothing was inserted into t." in caught.value.__notes__


@settings(max_examples=60, deadline=None)
@given(
    number=st.integers(0, 60),
    commit_every=st.integers(0, 25),
    batch_size=st.integers(1, 20),
    per_statement=st.integers(1, 7),
    executemany=st.booleans(),
    shapes=st.lists(st.sampled_from([tuple, list, iter, "dict"]), min_size=1, max_size=4),
)
def test_however_rows_are_batched_all_arrive_once_and_in_order(
    number: int, commit_every: int, batch_size: int, per_statement: int, executemany: bool, shapes: list[Any]
) -> None:
    batches: list[int] = []
    commits: list[int] = []

    class Batching(SqliteHook):
        insert_batch_size = batch_size
        rows_per_statement = per_statement
        supports_executemany = executemany

        def _insert_batch(self, cursor: Any, target: InsertTarget, rows: list[tuple[Any, ...]]) -> None:
            assert target == InsertTarget("t", ("id", "name"), False, executemany, {})
            batches.append(len(rows))
            super()._insert_batch(cursor, target, rows)

        def _commit(self, conn: Any) -> bool:
            commits.append(sum(batches))
            return super()._commit(conn)

    hook = Batching(connection=Connection("c", "sqlite"))
    shaped = [
        {"name": f"n{place}", "id": place} if shape == "dict" else shape((place, f"n{place}"))
        for place, shape in zip(range(number), itertools.cycle(shapes))
    ]
    with hook.session():
        hook.run("create table t (id integer, name text)")
        commits.clear()
        assert hook.insert_rows("t", iter(shaped), ["id", "name"], commit_every=commit_every) == number
        found = hook.get_records("select id, name from t order by rowid")
    assert found == [(place, f"n{place}") for place in range(number)]
    assert all(0 < size <= batch_size for size in batches)
    wanted = list(range(commit_every, number + 1, commit_every)) if commit_every else []
    assert [place for place in commits if place][: len(wanted)] == wanted


def test_several_rows_go_into_one_statement(hook: SqliteHook, caplog: pytest.LogCaptureFixture) -> None:
    class Multi(SqliteHook):
        rows_per_statement = 2

    caplog.set_level(logging.DEBUG)
    multi = Multi("warehouse")
    assert multi.insert_rows("t", [(1, "a"), (2, "b"), (3, "c")], ["id", "name"]) == 3
    assert 'INSERT INTO "t" ("id", "name") VALUES (?, ?), (?, ?)' in caplog.text
    changed = [(1, "x"), (2, "y"), (4, "z")]
    multi.insert_rows("t", changed, ["id", "name"], replace=True, replace_index="id")
    assert "VALUES (?, ?), (?, ?) ON CONFLICT" in caplog.text
    assert hook.get_records("select id, name from t") == [(1, "x"), (2, "y"), (3, "c"), (4, "z")]
    with pytest.raises(sqlite3.IntegrityError) as caught:
        multi.insert_rows("t", [(5, "hush"), (5, "hush")], ["id", "name"])
    assert "hush" not in "\n".join(caught.value.__notes__)


def test_with_autocommit_each_row_stays(hook: SqliteHook) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        hook.insert_rows("t", failing(3), ["id", "name"], autocommit=True, commit_every=0)
    assert count(hook) == 3


# Files


def test_a_dump_loads_again_as_it_was(hook: SqliteHook, tmp_path: Path) -> None:
    rows = [(1, "tab\there", "new\nline\r"), (2, None, "\\N"), (3, "", "back\\slash"), (4, "ä€😀", " \\t ")]
    hook.insert_rows("t", rows)
    file = tmp_path / "t.tsv"
    assert hook.bulk_dump("t", str(file)) == 4
    assert file.read_text(encoding="utf-8").splitlines()[0] == "1\ttab\\there\tnew\\nline\\r"
    hook.run("delete from t")
    assert hook.bulk_load("main.t", str(file)) == 4
    assert hook.get_records("select * from t order by id") == rows


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.none() | st.text(st.characters(blacklist_categories=["Cs"])), st.none() | st.integers(0, 9)))
)
def test_any_text_survives_a_file(tmp_path_factory: pytest.TempPathFactory, rows: list[Any]) -> None:
    folder = tmp_path_factory.mktemp("files")
    hook = SqliteHook(connection=Connection(conn_id="c", conn_type="sqlite", host=str(folder / "x.db")))
    hook.run("CREATE TABLE t (a TEXT, b INTEGER)")
    hook.insert_rows("t", rows)
    hook.bulk_dump("t", str(folder / "t.tsv"))
    hook.run("delete from t")
    assert hook.bulk_load("t", str(folder / "t.tsv")) == len(rows)
    assert hook.get_records("select * from t order by rowid") == rows


def test_a_file_that_does_not_fit_is_refused_whole(hook: SqliteHook, tmp_path: Path) -> None:
    file = tmp_path / "t.tsv"
    file.write_text("1\ta\tb\n2\ta\n", encoding="utf-8")
    with pytest.raises(RowError, match="Line 2 of the file has 2 values, but the table has 3 columns"):
        hook.bulk_load("t", str(file))
    assert count(hook) == 0
    with pytest.raises(FileNotFoundError):
        hook.bulk_load("t", str(tmp_path / "missing.tsv"))
    assert not (tmp_path / "missing.tsv").exists()


def test_a_dump_that_fails_leaves_no_file(hook: SqliteHook, tmp_path: Path) -> None:
    hook.run(["CREATE TABLE b (data)", "INSERT INTO b VALUES (x'00')"])
    with pytest.raises(RowError, match="'data' of b holds bytes"):
        hook.bulk_dump("b", str(tmp_path / "b.tsv"))
    assert [path.name for path in tmp_path.iterdir()] == ["warehouse.db"]
