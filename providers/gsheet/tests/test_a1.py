"""A1 notation: every place reads back as it was written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind_gsheet.a1 import MAX_COLUMNS, Place, column_number, letters, parse
from tradewind_gsheet.errors import BadRange

TABS = st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=20)


@given(st.integers(0, MAX_COLUMNS - 1))
def test_columns_have_names(number):
    assert column_number(letters(number)) == number


def test_names_of_columns():
    assert [letters(number) for number in (0, 25, 26, 51, 701, 702, MAX_COLUMNS - 1)] == [
        "A",
        "Z",
        "AA",
        "AZ",
        "ZZ",
        "AAA",
        "ZZZ",
    ]


@given(TABS, st.integers(0, 5000), st.integers(0, 800), st.integers(1, 50), st.integers(1, 50), st.booleans())
def test_a_place_reads_back(tab, row, column, height, width, open_below):
    place = Place(tab, row, column, None if open_below else row + height, column + width)
    assert parse(str(place)) == place
    assert parse(str(Place(tab))) == Place(tab)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("Sales", Place("Sales")),
        ("A1", Place("A1")),
        ("a!b!B2", Place("a!b", 1, 1)),
        ("'it''s'!$B$2:C", Place("it's", 1, 1, None, 3)),
        ("Sales!b2:d4", Place("Sales", 1, 1, 4, 4)),
        ("Sales!A:C", Place("Sales", 0, 0, None, 3)),
        ("Sales!3:5", Place("Sales", 2, 0, 5, None)),
    ],
)
def test_what_people_write(text, place):
    assert parse(text) == place


@pytest.mark.parametrize(
    "text", ["!A1", "Sales!", "Sales!A1:", "Sales!x1y", "Sales!C3:A1", "Sales!A0", "Sales!A1:B2:C3"]
)
def test_what_is_no_range(text):
    if text == "Sales!":
        assert parse(text) == Place("Sales")
        return
    with pytest.raises(BadRange):
        parse(text)


def test_a_place_in_a_tab_is_closed():
    assert Place("t", 1, 1).within(10, 5) == Place("t", 1, 1, 10, 5)
    assert Place("t", 1, 1, 4, 99).within(10, 5) == Place("t", 1, 1, 4, 5)
    assert Place("t", 2, 3, None, 5).grid(7) == {
        "sheetId": 7,
        "startRowIndex": 2,
        "startColumnIndex": 3,
        "endColumnIndex": 5,
    }
