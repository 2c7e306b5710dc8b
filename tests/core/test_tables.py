"""Types and tables that hold on every database."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from tradewind.tables import Moment, metadata

DIALECTS: dict[str, Any] = {"sqlite": sqlite.dialect(), "postgresql": postgresql.dialect(), "mysql": mysql.dialect()}
AWARE = st.datetimes(
    min_value=datetime.datetime(1, 1, 2), max_value=datetime.datetime(9999, 12, 30), timezones=st.timezones()
)


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
@given(value=AWARE)
def test_a_moment_comes_back_exactly(dialect: Any, value: datetime.datetime) -> None:
    utc = value.astimezone(datetime.UTC)
    back = Moment().process_result_value(Moment().process_bind_param(value, dialect), dialect)
    assert back == utc
    assert back.tzinfo is datetime.UTC
    assert back.microsecond == value.microsecond


@given(one=AWARE, two=AWARE)
def test_stored_moments_sort_by_time(one: datetime.datetime, two: datetime.datetime) -> None:
    stored = [Moment().process_bind_param(value, DIALECTS["sqlite"]) for value in (one, two)]
    assert (stored[0] < stored[1]) == (one.astimezone(datetime.UTC) < two.astimezone(datetime.UTC))


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
def test_a_datetime_without_a_time_zone_is_refused(dialect: Any) -> None:
    with pytest.raises(ValueError, match="has no time zone"):
        Moment().process_bind_param(datetime.datetime(2026, 1, 1), dialect)


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
def test_every_table_can_be_written_down_for_every_database(dialect: Any) -> None:
    for table in metadata.sorted_tables:
        assert table.name in str(CreateTable(table).compile(dialect=dialect))
        for index in table.indexes:
            assert index.name in str(CreateIndex(index).compile(dialect=dialect))


def test_no_key_is_longer_than_mysql_takes() -> None:
    for table in metadata.sorted_tables:
        keys = [list(table.primary_key), *(list(index.columns) for index in table.indexes)]
        for columns in keys:
            assert sum(4 * (getattr(column.type, "length", None) or 1) for column in columns) <= 3072, table.name


def test_mysql_compares_keys_letter_by_letter_and_keeps_microseconds() -> None:
    runs = str(CreateTable(metadata.tables["runs"]).compile(dialect=DIALECTS["mysql"]))
    assert "run_id VARCHAR(250) COLLATE utf8mb4_bin" in runs
    assert "logical_date DATETIME(6)" in runs
    assert "conf LONGTEXT" in runs
