"""Random values go into a table, by COPY and by upsert, and come out as they were."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tradewind_postgres.inserts import SMALL

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
specials = st.lists(st.sampled_from(["\\", "\t", "\n", "\r", "\\N", "\\.", '"', "{", "}", ",", "NULL", " ", "x"])).map(
    "".join
)
strings = st.one_of(texts, specials)
numbers = st.integers(-(2**63), 2**63 - 1)
json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53), strings),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(strings, inner, max_size=3)),
    max_leaves=6,
).filter(lambda value: isinstance(value, list | dict))
moments = st.datetimes(
    timezones=st.sampled_from([datetime.UTC, datetime.timezone(datetime.timedelta(hours=-9, minutes=-30))])
)

ROW = st.tuples(
    st.one_of(st.none(), strings),
    st.one_of(st.none(), numbers),
    st.one_of(st.none(), st.floats(allow_nan=False)),
    st.one_of(st.none(), st.binary(max_size=20)),
    st.one_of(st.none(), json_values),
    st.one_of(st.none(), st.lists(st.one_of(st.none(), strings), max_size=4)),
    st.one_of(st.none(), moments),
    st.one_of(
        st.none(), st.decimals(allow_nan=False, allow_infinity=False, places=5, min_value=-(10**12), max_value=10**12)
    ),
    st.one_of(st.none(), st.booleans()),
    st.one_of(st.none(), st.timedeltas(datetime.timedelta(days=-9999), datetime.timedelta(days=9999))),
)
TABLE = (
    "create table t (id int primary key, a text, n bigint, f float8, b bytea, j json, arr text[], "
    "at timestamptz, d numeric, ok boolean, i interval)"
)


@pytest.fixture
def session(hook, ask):
    ask(TABLE)
    with hook.session():
        yield hook


def rows_of(cells):
    return [(number, *row) for number, row in enumerate(cells)]


@settings(
    max_examples=150,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(cells=st.lists(ROW, min_size=1, max_size=8), replace=st.booleans())
@example(cells=[(None,) * 10], replace=True)
@example(cells=[("\\N", 0, 0.0, b"\\", [], [""], None, None, False, None)] * (SMALL + 1), replace=True)
def test_what_goes_in_comes_out(session, ask, cells, replace):
    rows = rows_of(cells)
    ask("truncate t")
    assert session.insert_rows("t", rows, replace=replace) == len(rows)
    assert session.get_records("select * from t order by id") == rows
