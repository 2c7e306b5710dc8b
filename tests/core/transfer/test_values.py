"""Values of one type as values of another: exactly, or an error."""

from __future__ import annotations

import datetime
import math
import uuid
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.transfer import Type
from tradewind.transfer.types import KINDS
from tradewind.transfer.values import json_text, reading, reading_text, text_of

UTC = datetime.UTC
NOON = datetime.datetime(2024, 5, 1, 12, 30, 0, 250000)
NOON_UTC = NOON.replace(tzinfo=UTC)

VALUES = {
    "bool": st.booleans(),
    "int": st.integers(-(2**63), 2**63 - 1),
    "decimal": st.decimals(allow_nan=False, allow_infinity=False),
    "float": st.floats(),
    "text": st.text(),
    "bytes": st.binary(),
    "date": st.dates(),
    "time": st.times(),
    "timestamp": st.datetimes(),
    "timestamptz": st.datetimes(timezones=st.just(UTC)),
    "interval": st.timedeltas(),
    "uuid": st.uuids(),
    "json": st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json_text),
}


def convert(value, source, target):
    read = reading(Type.parse(source), Type.parse(target))
    return value if read is None else read(value)


def same(one, other):
    if isinstance(one, list):
        return isinstance(other, list) and len(one) == len(other) and all(map(same, one, other))
    return one == other or (isinstance(one, float) and math.isnan(one) and math.isnan(other))


def test_every_kind_has_values_here():
    assert set(VALUES) == set(KINDS) - {"any", "array"}


@pytest.mark.parametrize("kind", VALUES)
def test_the_text_of_a_value_is_read_back_as_that_value(kind):
    @given(VALUES[kind])
    def check(value):
        read = reading_text(Type(kind), Type(kind))
        text = text_of(value)
        assert same(text if read is None else read(text), value)
        again = reading(Type("any"), Type(kind))
        assert again is not None
        assert same(again(value), value)

    check()


@pytest.mark.parametrize("kind", sorted(set(VALUES) - {"json"}))
def test_lists_are_read_back_too(kind):
    type = Type("array", item=Type(kind))

    @given(st.lists(st.none() | VALUES[kind] | st.lists(VALUES[kind], min_size=1, max_size=2), max_size=3))
    def check(value):
        read = reading_text(type, type)
        assert read is not None
        assert same(read(text_of(value)), value)

    check()


@pytest.mark.parametrize(
    ("value", "source", "target", "wanted"),
    [
        ("T", "any", "bool", True),
        (0, "int", "bool", False),
        (Decimal(1), "decimal", "bool", True),
        (True, "bool", "int", 1),
        (3.0, "float", "int", 3),
        (Decimal("4.00"), "decimal", "int", 4),
        ("-5", "text", "int", -5),
        (0.1, "float", "decimal", Decimal("0.1")),
        (7, "int", "decimal", Decimal(7)),
        ("1.10", "any", "decimal", Decimal("1.10")),
        ("NaN", "any", "decimal", Decimal("NaN")),
        (Decimal("0.1"), "decimal", "float", 0.1),
        ("-Infinity", "any", "float", -math.inf),
        (Decimal("1.10"), "decimal", "text", "1.10"),
        (True, "bool", "text", "true"),
        (b"\x00\xff", "bytes", "text", "\\x00ff"),
        ("\\x00ff", "any", "bytes", b"\x00\xff"),
        ("é", "text", "bytes", "é".encode()),
        (datetime.datetime(2024, 5, 1), "timestamp", "date", datetime.date(2024, 5, 1)),
        (datetime.date(2024, 5, 1), "date", "timestamp", datetime.datetime(2024, 5, 1)),
        (NOON, "timestamp", "timestamptz", NOON_UTC),
        (NOON_UTC, "timestamptz", "timestamp", NOON),
        ("2024-05-01T14:30:00.25+02:00", "any", "timestamptz", NOON_UTC),
        ("2024-05-01 14:30:00.25+02", "any", "timestamp", NOON),
        ("2024-05-01 12:30:00.25", "any", "timestamptz", NOON_UTC),
        (datetime.timedelta(hours=1), "interval", "time", datetime.time(1)),
        ("P1DT2H3M4.5S", "any", "interval", datetime.timedelta(days=1, hours=2, minutes=3, seconds=4.5)),
        ("PT-6H3M", "any", "interval", datetime.timedelta(hours=-6, minutes=3)),
        ("P2W", "any", "interval", datetime.timedelta(weeks=2)),
        ("12345678123456781234567812345678", "any", "uuid", uuid.UUID("12345678123456781234567812345678")),
        ([1, None], "int[]", "text", "[1,null]"),
        ([1, None], "int[]", "json", "[1,null]"),
        ([Decimal("1.10")], "decimal[]", "json", '["1.10"]'),
        ("[1,2]", "json", "int[]", [1, 2]),
        ("{1,NULL}", "any", "int[]", [1, None]),
        ("[0:1]={a,b}", "any", "text[]", ["a", "b"]),
        ({"a": [1]}, "any", "json", '{"a":[1]}'),
        ({"a": [1]}, "any", "text", '{"a":[1]}'),
    ],
)
def test_a_value_becomes_one_of_another_type(value, source, target, wanted):
    found = convert(value, source, target)
    assert repr(found) == repr(wanted)


@pytest.mark.parametrize(
    ("value", "source", "target"),
    [
        ("maybe", "any", "bool"),
        (2, "int", "bool"),
        (1.5, "float", "int"),
        ("1_000", "any", "int"),
        (Decimal("NaN"), "decimal", "int"),
        (2**60 + 1, "int", "float"),
        ("1_0", "any", "float"),
        ("x", "any", "decimal"),
        (NOON, "timestamp", "date"),
        (NOON, "timestamp", "time"),
        ("12:00:00+02:00", "any", "time"),
        (datetime.timedelta(days=1), "interval", "time"),
        ("P1Y", "any", "interval"),
        ("P", "any", "interval"),
        ("PT", "any", "interval"),
        ("infinity", "any", "timestamptz"),
        ("0044-03-15 BC", "any", "date"),
        (1, "int", "bytes"),
        (1, "int", "uuid"),
        ("{1,x}", "any", "int[]"),
        ("{1", "any", "int[]"),
        ("7", "any", "int[]"),
    ],
)
def test_what_would_be_lost_or_cannot_be_meant_is_an_error(value, source, target):
    with pytest.raises(ValueError):
        convert(value, source, target)


@pytest.mark.parametrize("text", ["{", "}", "{a", "{a,}", "{,a}", "{a}b", "{{a}", "{a}}", "{}{}", 'a{"b"}', '{"a"b}'])
def test_a_list_that_is_none_is_refused(text):
    with pytest.raises(ValueError):
        convert(text, "any", "text[]")


def test_a_subclass_of_a_known_type_has_its_text():
    class Own(str):
        __slots__ = ()

    assert text_of(Own("x")) == "x"
    with pytest.raises(ValueError, match="a set, which has no place in a column"):
        text_of({1})
