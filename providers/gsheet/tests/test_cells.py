"""What values become in cells, and what is read from them."""

from __future__ import annotations

import datetime
import math
import uuid
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.transfer import Type
from tradewind_gsheet import cells, serials
from tradewind_gsheet.numbers import Numbers

MOMENTS = st.datetimes(datetime.datetime(1900, 1, 1), datetime.datetime(2200, 1, 1))


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (None, ""),
        ("", ""),
        ("=1+1", "=1+1"),
        ("007", "007"),
        (True, True),
        (7, 7),
        (2**53, 2**53),
        (2**53 + 1, "9007199254740993"),
        (0.1, 0.1),
        (math.inf, "Infinity"),
        (math.nan, "NaN"),
        (Decimal("10.50"), 10.5),
        (Decimal("3.00"), 3),
        (Decimal("1E+3"), 1000),
        (Decimal("0.1234567890123456789"), "0.1234567890123456789"),
        (Decimal("NaN"), "NaN"),
        (datetime.date(2025, 11, 21), "2025-11-21"),
        (datetime.datetime(2025, 11, 21, 1, 2, 3), "2025-11-21 01:02:03"),
        (
            datetime.datetime(2025, 11, 21, tzinfo=datetime.timezone(datetime.timedelta(hours=1))),
            "2025-11-20 23:00:00+00",
        ),
        (datetime.time(1, 2, 3), "01:02:03"),
        (datetime.timedelta(days=1, seconds=2), "P1DT2S"),
        (uuid.UUID(int=5), "00000000-0000-0000-0000-000000000005"),
        (b"\x00\xff", "\\x00ff"),
        ({"a": [1, None]}, '{"a":[1,null]}'),
        (["a", "b c"], '{a,"b c"}'),
    ],
)
def test_what_values_become(value, cell):
    made = cells.to_cell(value)
    assert made == cell
    assert type(made) is type(cell)


@pytest.mark.parametrize(
    ("value", "serial"),
    [
        (datetime.date(1899, 12, 30), 0),
        (datetime.date(2025, 11, 21), 45982),
        (datetime.datetime(2025, 11, 21, 12), 45982.5),
        (datetime.datetime(2025, 11, 21, 12, tzinfo=datetime.UTC), 45982.5),
        (datetime.time(6), 0.25),
        (datetime.timedelta(days=2, hours=12), 2.5),
    ],
)
def test_dates_are_numbers_if_one_wants(value, serial):
    assert cells.to_cell(value, dates_as_serials=True) == serial


@given(MOMENTS)
def test_moments_come_back_from_numbers(moment):
    moment = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    assert serials.to_moment(serials.to_serial(moment)) == moment
    assert serials.to_date(serials.to_serial(moment.date())) == moment.date()
    assert serials.to_time(serials.to_serial(moment.time())) == moment.time()


@pytest.mark.parametrize("number", [45982.5, 1e300, math.inf, math.nan])
def test_numbers_that_are_no_dates(number):
    with pytest.raises(ValueError):
        serials.to_date(number)


def test_a_text_that_is_too_long_for_a_cell():
    with pytest.raises(ValueError, match="50,001 characters"):
        cells.to_cell("x" * 50_001)


def test_things_that_have_no_place_in_a_cell():
    with pytest.raises(ValueError, match="object"):
        cells.to_cell(object())


@given(
    st.one_of(
        st.integers(-(2**60), 2**60).map(lambda value: ("int", value)),
        st.decimals(allow_nan=False, allow_infinity=False).map(lambda value: ("decimal", value)),
        st.floats(allow_nan=False).map(lambda value: ("float", value)),
        st.booleans().map(lambda value: ("bool", value)),
        st.dates().map(lambda value: ("date", value)),
        st.times().map(lambda value: ("time", value)),
        st.datetimes().map(lambda value: ("timestamp", value)),
        st.uuids().map(lambda value: ("uuid", value)),
        st.binary(min_size=1, max_size=50).map(lambda value: ("bytes", value)),
        st.timedeltas().map(lambda value: ("interval", value)),
    )
)
def test_values_come_back_with_their_type(given_value):
    kind, value = given_value
    assert cells.reader(Type(kind), None)(cells.to_cell(value)) == value


def test_dates_are_read_from_text_and_from_numbers():
    read = cells.reader(Type("date"), None)
    assert read("2025-11-21") == read(45982) == datetime.date(2025, 11, 21)
    assert cells.reader(Type("timestamptz"), None)(45982.5) == datetime.datetime(2025, 11, 21, 12, tzinfo=datetime.UTC)
    with pytest.raises(ValueError):
        read(True)


@pytest.mark.parametrize(
    ("numbers", "text", "value"),
    [
        (Numbers(), "1,234.5", Decimal("1234.5")),
        (Numbers(), "-1 234", -1234),
        (Numbers(), "\u22125", -5),
        (Numbers(), ".5", Decimal("0.5")),
        (Numbers(), "5.", 5),
        (Numbers(), "+7", 7),
        (Numbers(), "1,23", None),
        (Numbers(), "1,234,56", None),
        (Numbers(), "12 %", None),
        (Numbers(), "$5", None),
        (Numbers(), "", None),
        (Numbers(), "-", None),
        (Numbers(), ".", None),
        (Numbers(), "1e5", None),
        (Numbers(), "1_000", None),
        (Numbers(), "\u0663", None),
        (Numbers(), "2024-01-01", None),
        (Numbers(decimal=",", thousands="."), "1.234,56", Decimal("1234.56")),
        (Numbers(decimal=",", thousands="."), "1.5", None),
        (Numbers(decimal=",", thousands=""), "1234,5", Decimal("1234.5")),
        (Numbers(percent=True), "12.5%", Decimal("0.125")),
        (Numbers(percent=True), "100 %", 1),
        (Numbers(currency="€", decimal=",", thousands="."), "1.234,50 €", Decimal("1234.5")),
        (Numbers(currency=["$", "USD"]), "-$5.00", -5),
        (Numbers(currency=["$", "US$"]), "US$ 7", 7),
        (Numbers(currency=["$"]), "€7", None),
        (Numbers(parentheses=True, currency="$"), "($300)", -300),
        (Numbers(), "(300)", None),
    ],
)
def test_numbers_are_read_as_one_is_told(numbers, text, value):
    assert numbers.read(text) == value


@pytest.mark.parametrize("wrong", [{"decimal": ""}, {"thousands": "."}, {"thousands": "ab"}, {"currency": "%"}])
def test_numbers_that_could_be_read_in_two_ways(wrong):
    with pytest.raises(Exception, match="Numbers"):
        Numbers(**wrong)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**9), max_value=10**9))
def test_what_python_formats_is_read(value):
    assert Numbers().read(f"{value:,f}") == value


def test_types_of_columns():
    told = [str(cells.type_of(column)) for column in ([1, 2], [1, 2.5], ["a"], [True], [1, "a"], [])]
    assert told == ["int", "float", "text", "bool", "any", "any"]
