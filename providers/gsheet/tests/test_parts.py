"""Parts that need no server: quotas, the spool, which requests may be repeated, keys of spreadsheets, existing rows."""

from __future__ import annotations

import json
import threading
import time
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.errors import DagError
from tradewind_gsheet import Sheet, quota
from tradewind_gsheet.book import key_in, tab_in
from tradewind_gsheet.errors import GSheetsError
from tradewind_gsheet.existing import runs
from tradewind_gsheet.incoming import named
from tradewind_gsheet.quota import Quota
from tradewind_gsheet.spool import MAX_REQUEST, Spool
from tradewind_gsheet.transport import REPEATABLE, is_repeatable, retry_after

KEY = "1AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_abcd"


def test_no_more_requests_in_any_window_than_allowed():
    made, allowed = [], Quota(5, window=0.2)

    def ask():
        for _ in range(5):
            while wait := allowed.take():
                time.sleep(wait)
            made.append(time.monotonic())

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    made.sort()
    assert len(made) == 15
    assert all(made[number + 5] - made[number] > 0.18 for number in range(10))


def test_a_limit_of_none_is_none():
    assert all(Quota(0).take() == 0 for _ in range(1000))


def test_one_login_has_one_quota_in_a_process():
    assert quota.shared("a", "read", 60) is quota.shared("a", "read", 60)
    assert quota.shared("a", "read", 60) is not quota.shared("b", "read", 60)
    assert quota.shared("a", "read", 60) is not quota.shared("a", "write", 60)


@given(
    st.lists(st.lists(st.text(max_size=3) | st.integers(-(2**53), 2**53), min_size=2, max_size=2), max_size=30),
    st.randoms(),
)
def test_rows_come_back_from_the_spool(rows, random):
    half = random.randint(0, len(rows))
    order = random.sample(range(len(rows)), len(rows))
    with closing(Spool()) as spool:
        spool.add(rows[:half])
        spool.add(rows[half:])
        assert len(spool) == len(rows)
        for wanted, got in (
            ([["a", "b"], *rows], spool.bodies([["a", "b"]])),
            ([rows[number] for number in order], spool.bodies([], order)),
        ):
            assert [row for _, _, body in got for row in json.loads(body)["values"]] == wanted


def test_requests_are_as_large_as_they_may_be():
    with closing(Spool()) as spool:
        spool.add([["x" * 1000]] * 5000)
        parts = list(spool.bodies())
    assert [first for first, _, _ in parts] == [0, *(sum(n for _, n, _ in parts[:k]) for k in range(1, len(parts)))]
    assert sum(number for _, number, _ in parts) == 5000
    assert all(len(body) <= MAX_REQUEST for _, _, body in parts)
    assert len(parts) == -(-5000 * 1005 // MAX_REQUEST)


@pytest.mark.parametrize(
    ("method", "path", "safe"),
    [
        ("GET", "/v4/spreadsheets/k", True),
        ("PUT", "/v4/spreadsheets/k/values/A1", True),
        ("POST", "/v4/spreadsheets/k/values:batchUpdate", True),
        ("POST", "/v4/spreadsheets/k/values:batchClear", True),
        ("POST", "/v4/spreadsheets/k/values/A1:clear", True),
        ("POST", "/v4/spreadsheets/k/values/A1:append", False),
        ("POST", "/v4/spreadsheets/k:batchUpdate", False),
        ("POST", "/v4/spreadsheets", False),
        ("POST", "/drive/v3/files/k/permissions", False),
        ("PATCH", "/drive/v3/files/k", False),
    ],
)
def test_what_may_be_done_twice(method, path, safe):
    assert is_repeatable(method, path, {}) is safe
    assert is_repeatable(method, path, {REPEATABLE: "no"}) is False
    assert is_repeatable(method, path, {REPEATABLE: "yes"}) is True


def test_how_long_google_asks_to_wait():
    assert retry_after({"Retry-After": "2.5"}) == 2.5
    assert retry_after({"Retry-After": "-1"}) == 0
    assert retry_after({"Retry-After": "soon"}) is None
    assert retry_after({}) is None
    assert (retry_after({"Retry-After": "Wed, 21 Oct 2099 07:28:00 GMT"}) or 0) > 3e8
    assert retry_after({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 0


@pytest.mark.parametrize(
    ("text", "key", "gid"),
    [
        (KEY, KEY, None),
        (f"https://docs.google.com/spreadsheets/d/{KEY}/edit#gid=12", KEY, 12),
        (f"https://docs.google.com/spreadsheets/d/{KEY}", KEY, None),
        (f"https://docs.google.com/spreadsheets/u/1/d/{KEY}/edit?usp=sharing&gid=3", KEY, 3),
        (f"https://docs.google.com/a/corp.example/spreadsheets/d/{KEY}/edit", KEY, None),
        (f"http://127.0.0.1:8000/spreadsheets/d/{KEY}/edit", KEY, None),
        (f"https://spreadsheets.google.com/ccc?key={KEY}", KEY, None),
        ("Targets 2025", None, None),
        ("Targets", None, None),
    ],
)
def test_the_key_in_what_people_give(text, key, gid):
    assert key_in(text) == key
    assert tab_in(text) == gid


def test_runs():
    assert runs([]) == []
    assert runs([1, 2, 3, 7, 9, 10]) == [(1, 4), (7, 8), (9, 11)]


def test_rows_as_people_have_them():
    import pandas
    import polars

    wanted = [(1, "x"), (2, None)]
    for rows, columns in (
        ([[1, "x"], [2, None]], ["a", "b"]),
        ([{"a": 1, "b": "x"}, {"a": 2}], None),
        ([{"b": "x", "a": 1}, {"a": 2}], ["a", "b"]),
        (pandas.DataFrame({"a": [1, 2], "b": ["x", None]}), None),
        (polars.DataFrame({"a": [1, 2], "b": ["x", None]}), None),
    ):
        names, batches = named(rows, columns)
        assert [column.name for column in names] == ["a", "b"]
        assert [tuple(row) for batch in batches for row in batch] == wanted
    for rows, columns, told in (
        ([[1, 2]], None, "have no names"),
        ([[1, 2]], ["a"], "Row 1 has 2 values for 1 columns"),
        ([{"a": 1}, {"a": 1, "b": 2}], None, "Row 2 has 'b'"),
    ):
        with pytest.raises(GSheetsError, match=told):
            list(named(rows, columns)[1])


def test_what_an_endpoint_refuses():
    for wrong, told in (
        ({"mode": "merge"}, "must be one of replace, append, upsert"),
        ({"mode": "replace", "partition": {"a": 1}}, "no other use"),
        ({"keys": "id"}, "must be a list"),
        ({"dates": "excel"}, "text, serial"),
        ({"value_input_option": "FORMULA"}, "RAW, USER_ENTERED"),
        ({"errors": "ignore"}, "raise, null, text"),
        ({"types": {"a": "money"}}, "not a type"),
        ({"conn_id": ""}, "conn_id"),
    ):
        with pytest.raises(DagError, match=told):
            Sheet("Targets", **wrong)
    for wrong, told in (
        ({}, "must say how"),
        ({"mode": "upsert"}, "needs keys="),
        ({"mode": "upsert", "keys": ["a"], "header": False}, "without a header"),
    ):
        with pytest.raises(DagError, match=told):
            Sheet("Targets", **wrong).check_sink()
