"""Data frames, with pandas and with polars."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from tradewind_sql import EmptySql, SqlError, SqliteHook

KINDS = ("pandas", "polars")


def library(kind: str) -> Any:
    return pytest.importorskip(kind, reason=f"{kind} is optional: pip install 'tradewind-sql[{kind}]'")


def rows_of(frame: Any, kind: str) -> list[tuple[Any, ...]]:
    return list(frame.itertuples(index=False, name=None)) if kind == "pandas" else frame.rows()


@pytest.fixture
def hook(hook: SqliteHook) -> SqliteHook:
    hook.run("create table t (id integer, name text)")
    hook.insert_rows("t", [(place, f"name {place}") for place in range(25)])
    return hook


@pytest.mark.parametrize("kind", KINDS)
def test_a_query_becomes_a_frame(hook: SqliteHook, kind: Any) -> None:
    library(kind)
    frame = hook.get_df("select id, name from t where id < ? order by id", [2], df_type=kind)
    assert list(frame.columns) == ["id", "name"]
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
    assert list(hook.get_df("select id, name from t where 0", df_type=kind).columns) == ["id", "name"]


def test_keywords_go_to_the_library(hook: SqliteHook) -> None:
    library("pandas")
    assert hook.get_pandas_df("select * from t", index_col="id").loc[3, "name"] == "name 3"
    assert [len(frame) for frame in hook.get_pandas_df_by_chunks("select * from t", chunksize=20)] == [20, 5]
    polars = library("polars")
    frame = hook.get_df("select id from t", df_type="polars", schema_overrides={"id": polars.Int8})
    assert frame.schema["id"] == polars.Int8


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
