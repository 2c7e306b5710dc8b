"""Data frames of pandas and polars, and Arrow tables."""

from __future__ import annotations

import datetime
import decimal
import tracemalloc
import uuid
from pathlib import Path
from typing import Any

import pytest

from tradewind_sql import EmptySql, SqlError, SqliteHook

KINDS = ("pandas", "polars", "arrow")


def library(kind: str) -> Any:
    name = "pyarrow" if kind == "arrow" else kind
    return pytest.importorskip(name, reason=f"{name} is optional: pip install 'tradewind-sql[{kind}]'")


def names_of(frame: Any, kind: str) -> list[str]:
    return list(frame.column_names if kind == "arrow" else frame.columns)


def rows_of(frame: Any, kind: str) -> list[tuple[Any, ...]]:
    if kind == "pandas":
        return list(frame.itertuples(index=False, name=None))
    return list(zip(*frame.to_pydict().values())) if kind == "arrow" else list(frame.rows())


@pytest.fixture
def hook(hook: SqliteHook) -> SqliteHook:
    hook.run("create table t (id integer, name text)")
    hook.insert_rows("t", [(place, f"name {place}") for place in range(25)])
    return hook


@pytest.mark.parametrize("kind", KINDS)
def test_a_query_becomes_a_frame(hook: SqliteHook, kind: Any) -> None:
    library(kind)
    frame = hook.get_df("select id, name from t where id < ? order by id", [2], df_type=kind)
    assert names_of(frame, kind) == ["id", "name"]
    assert rows_of(frame, kind) == [(0, "name 0"), (1, "name 1")]
    named = hook.get_df("select name from t where id = :id", {"id": 3}, df_type=kind)
    assert rows_of(named, kind) == [("name 3",)]
    dated = hook.get_df("select ? as day", [datetime.date(2024, 5, 1)], df_type=kind)
    assert rows_of(dated, kind) == [("2024-05-01",)]


@pytest.mark.parametrize("kind", KINDS)
def test_the_last_of_several_statements_makes_the_frame(hook: SqliteHook, kind: Any) -> None:
    library(kind)
    frame = hook.get_df(["delete from t where id > 0", "select * from t"], df_type=kind)
    assert rows_of(frame, kind) == [(0, "name 0")]
    assert hook.get_first("select count(*) from t") == (1,)


@pytest.mark.parametrize("kind", KINDS)
def test_frames_come_in_chunks(hook: SqliteHook, kind: Any) -> None:
    library(kind)
    frames = list(hook.get_df_by_chunks("select * from t order by id", chunksize=10, df_type=kind))
    assert [len(frame) for frame in frames] == [10, 10, 5]
    assert [row for frame in frames for row in rows_of(frame, kind)][-1] == (24, "name 24")


@pytest.mark.parametrize("kind", KINDS)
def test_statements_before_the_chunks_are_committed(hook: SqliteHook, kind: Any) -> None:
    library(kind)
    statements = ["delete from t where id > 2", "select * from t"]
    assert [len(frame) for frame in hook.get_df_by_chunks(statements, chunksize=2, df_type=kind)] == [2, 1]
    assert hook.get_first("select count(*) from t") == (3,)


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_result_keeps_its_columns(hook: SqliteHook, kind: Any) -> None:
    library(kind)
    assert names_of(hook.get_df("select id, name from t where 0", df_type=kind), kind) == ["id", "name"]
    assert list(hook.get_df_by_chunks("select id, name from t where 0", chunksize=5, df_type=kind)) == []


def test_keywords_go_to_the_library(hook: SqliteHook) -> None:
    library("pandas")
    assert hook.get_pandas_df("select * from t", index_col="id").loc[3, "name"] == "name 3"
    assert [len(frame) for frame in hook.get_pandas_df_by_chunks("select * from t", chunksize=20)] == [20, 5]
    polars = library("polars")
    frame = hook.get_df("select id from t", df_type="polars", schema_overrides={"id": polars.Int8})
    assert frame.schema["id"] == polars.Int8


class TypedHook(SqliteHook):
    """Gives values as other databases do: SQLite itself has numbers, texts and bytes only."""

    values: tuple[tuple[Any, ...], ...] = ()
    types: tuple[type | None, ...] = ()

    def _fetch(self, conn: Any, cursor: Any, number: int) -> list[tuple[Any, ...]]:
        rows = super()._fetch(conn, cursor, number)
        return [self.values[place] for (place,) in rows]

    def _column_types(self, description: Any) -> list[type | None]:
        return list(self.types)


MOMENT = datetime.datetime(2024, 5, 1, 12, 30, 15, 123456)
ZONED = MOMENT.replace(tzinfo=datetime.UTC)
VALUES: dict[str, Any] = {
    "big": 2**53 + 1,
    "flag": True,
    "price": decimal.Decimal("1.10"),
    "day": datetime.date(2024, 5, 1),
    "moment": MOMENT,
    "zoned": ZONED,
    "name": "ä",
    "raw": b"\x00\xff",
    "share": 0.1,
}


def typed(database: Path, values: list[Any], kind: type | None = None) -> SqliteHook:
    """A hook whose query `select id from t` gives one column with these values."""
    hook = TypedHook("warehouse")
    hook.values = tuple((value,) for value in values)
    hook.types = (kind,)
    hook.run("create table if not exists v (v integer)")
    hook.run("delete from v")
    hook.insert_rows("v", [(place,) for place in range(len(values))])
    return hook


def cells(frame: Any, kind: str) -> list[Any]:
    """The one column as Python's values."""
    if kind == "pandas":
        pandas = library("pandas")
        found = [None if value is pandas.NA or value is pandas.NaT or value != value else value for value in frame["v"]]
        return [value.to_pydatetime() if isinstance(value, pandas.Timestamp) else value for value in found]
    return [row[0] for row in rows_of(frame, kind)]


@pytest.mark.parametrize("null", [False, True])
@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("kind", KINDS)
def test_values_keep_their_types_beside_nulls(database: Path, kind: Any, name: str, null: bool) -> None:
    library(kind)
    value = VALUES[name]
    values = [value, None] if null else [value]
    found = cells(typed(database, values).get_df("select v from v order by v", df_type=kind), kind)
    assert found == values
    assert type(found[0]) is type(value) or found[0] == value


@pytest.mark.parametrize(
    ("value", "converted"),
    [(uuid.UUID(int=5), str(uuid.UUID(int=5))), (memoryview(b"\x01"), b"\x01"), (bytearray(b"\x01"), b"\x01")],
)
@pytest.mark.parametrize("kind", KINDS)
def test_what_a_library_has_no_type_for_becomes_one_it_has(
    database: Path, kind: Any, value: Any, converted: Any
) -> None:
    library(kind)
    hook = typed(database, [value, None])
    assert cells(hook.get_df("select v from v order by v", df_type=kind), kind) == [converted, None]


@pytest.mark.parametrize("kind", KINDS)
def test_chunks_have_the_same_types_also_where_all_is_null(database: Path, kind: Any) -> None:
    library(kind)
    hook = typed(database, [None, None, 5, 6], int)
    chunks = list(hook.get_df_by_chunks("select v from v order by v", chunksize=2, df_type=kind))
    assert [cells(chunk, kind) for chunk in chunks] == [[None, None], [5, 6]]
    if kind == "pandas":
        assert str(chunks[0]["v"].dtype) == "Int64"
    else:
        assert chunks[0].schema == chunks[1].schema
    assert cells(typed(database, [], int).get_df("select v from v", df_type=kind), kind) == []


@pytest.mark.parametrize("kind", KINDS)
def test_chunks_need_constant_memory(hook: SqliteHook, kind: Any) -> None:
    library(kind)
    sql = (
        "with recursive n(i) as (select 1 union all select i + 1 from n limit {}) select i, 'name ' || i as name from n"
    )

    def peak(number: int) -> int:
        tracemalloc.start()
        assert sum(len(chunk) for chunk in hook.get_df_by_chunks(sql.format(number), chunksize=1000, df_type=kind)) == (
            number
        )
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(1000)
    assert peak(60_000) < 1.5 * peak(12_000)


def test_arrow_has_a_method_of_its_own(hook: SqliteHook) -> None:
    pyarrow = library("arrow")
    table = hook.get_arrow("select id, name, id from t where id < ? order by id", [2])
    assert isinstance(table, pyarrow.Table)
    assert table.column_names == ["id", "name", "id"]
    assert table.column(2).to_pylist() == [0, 1]
    schema = pyarrow.schema([("id", pyarrow.int8())])
    assert hook.get_arrow("select id from t", schema=schema).schema == schema


def test_a_column_of_mixed_types_is_named(hook: SqliteHook) -> None:
    library("arrow")
    with pytest.raises(SqlError, match="Column 'v' cannot be an Arrow column") as caught:
        hook.get_arrow("select 1 as v union all select 'a'")
    assert caught.value.__notes__ == ["The rows came from connection 'warehouse'."]


def test_options_of_pandas_do_what_they_do_there(database: Path, hook: SqliteHook) -> None:
    pandas = library("pandas")
    decimals = typed(database, [decimal.Decimal("1.5"), None])
    assert decimals.get_df("select v from v", coerce_float=True)["v"].dtype == "float64"
    sql = "select id, '2024-05-0' || (id + 1) as day, 86400 as seconds from t where id < 2"
    frame = hook.get_df(sql, parse_dates={"day": "%Y-%m-%d", "seconds": "s"}, dtype={"id": "int8"}, index_col="id")
    assert (frame.index.name, frame.index.tolist()) == ("id", [0, 1])
    assert hook.get_df(sql, dtype={"id": "int8"})["id"].dtype == "int8"
    assert frame["day"].tolist() == [pandas.Timestamp("2024-05-01"), pandas.Timestamp("2024-05-02")]
    assert frame["seconds"].tolist() == [pandas.Timestamp("1970-01-02")] * 2
    dated = hook.get_df(sql, parse_dates=["day"], columns=["day"])
    assert list(dated.columns) == ["day"]
    assert dated["day"].tolist() == frame["day"].tolist()
    assert hook.get_df(sql, parse_dates="day")["day"].tolist() == frame["day"].tolist()
    assert hook.get_df(sql, parse_dates={"day": {"format": "%Y-%m-%d"}})["day"].tolist() == frame["day"].tolist()
    assert hook.get_df("select 1 as n", dtype_backend="numpy_nullable")["n"].dtype == "Int64"
    with pytest.raises(TypeError, match="chunks"):
        hook.get_df(sql, chunks=5)


def test_a_chunk_has_at_least_a_row(hook: SqliteHook) -> None:
    library("pandas")
    with pytest.raises(ValueError, match="chunksize must be at least 1"):
        next(hook.get_df_by_chunks("select 1", chunksize=0))


def test_numbers_of_numpy_are_stored_as_numbers(hook: SqliteHook) -> None:
    pandas = library("pandas")
    import numpy

    hook.run("create table n (a, b, c)")
    hook.insert_rows("n", [(numpy.int64(5), numpy.float32(0.5), numpy.bool_(True))])
    hook.insert_rows("n", [(pandas.NaT, pandas.Timestamp("2024-05-01"), numpy.str_("x"))])
    assert hook.get_records("select * from n") == [(5, 0.5, 1), (None, "2024-05-01 00:00:00", "x")]


def test_what_makes_no_frame_is_told(hook: SqliteHook) -> None:
    with pytest.raises(ValueError, match="df_type"):
        hook.get_df("select 1", df_type="spark")  # type: ignore[arg-type]
    library("pandas")
    with pytest.raises(EmptySql):
        hook.get_df("-- nothing")


def test_a_missing_library_says_what_to_install(hook: SqliteHook, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(SqlError, match=r"pip install 'tradewind-sql\[polars\]'"):
        hook.get_df("select 1", df_type="polars")
