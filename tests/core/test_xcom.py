"""Values passed between tasks come back as they were, or are refused with a reason."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import decimal
import enum
import json
import math
import pathlib
import uuid
from collections import OrderedDict, namedtuple
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind import xcom
from tradewind.errors import XComError

ZONES = st.sampled_from([None, datetime.UTC, *map(ZoneInfo, ("UTC", "Europe/Berlin", "Australia/Lord_Howe"))])
OFFSETS = st.integers(-1439, 1439).map(lambda minutes: datetime.timezone(datetime.timedelta(minutes=minutes)))
DATES = st.datetimes(min_value=datetime.datetime(2, 1, 1), max_value=datetime.datetime(9998, 1, 1))

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(),
    st.text(st.characters(exclude_categories=())),  # halves of surrogate pairs included
    st.binary(max_size=20),
    st.dates(),
    st.builds(lambda moment, zone: moment.replace(tzinfo=zone), DATES, st.one_of(ZONES, OFFSETS)),
    st.times(),
    st.timedeltas(),
    st.decimals(allow_nan=False),
    st.uuids(),
)
hashables = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3).map(tuple), max_leaves=5)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(st.one_of(st.text(), st.just("__type__"), st.just("value")), inner, max_size=4),
        st.dictionaries(hashables, inner, max_size=3),
        st.sets(hashables, max_size=3),
        st.frozensets(hashables, max_size=3),
    ),
    max_leaves=20,
)


def same(left: object, right: object) -> bool:
    """Equal, and of the same types all the way down: 1 is not True, (1,) is not [1], -0.0 is not 0.0."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        pairs = zip(left.items(), right.items(), strict=False)
        return len(left) == len(right) and all(same(a, b) and same(x, y) for (a, x), (b, y) in pairs)
    if isinstance(left, (list, tuple)):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, (datetime.datetime, datetime.time)):
        return repr(left) == repr(right)
    if isinstance(left, float):
        return left == right and math.copysign(1, left) == math.copysign(1, right)
    return left == right


@given(values)
def test_every_value_comes_back_exactly(value: object) -> None:
    assert same(xcom.loads(xcom.dumps(value)), value)


@given(values)
def test_the_text_is_plain_json_in_utf8(value: object) -> None:
    text = xcom.dumps(value)
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    text.encode()


@given(st.text())
def test_reading_any_text_gives_a_value_or_an_xcom_error(text: str) -> None:
    with contextlib.suppress(XComError):
        xcom.loads(text)


@given(st.sampled_from(sorted(xcom._READERS)), st.one_of(st.none(), st.text(), st.integers(), st.lists(st.integers())))
def test_a_broken_tag_is_nothing_worse_than_an_xcom_error(kind: str, value: object) -> None:
    with contextlib.suppress(XComError):
        xcom.loads(json.dumps({"__type__": kind, "value": value}))


@pytest.mark.parametrize("number", [math.inf, -math.inf])
def test_infinities_come_back(number: float) -> None:
    assert xcom.loads(xcom.dumps({"x": number})) == {"x": number}


def test_nan_comes_back_and_the_text_is_still_json() -> None:
    text = xcom.dumps([math.nan])
    assert "NaN" not in text
    assert math.isnan(xcom.loads(text)[0])


def test_decimals_without_a_number_come_back() -> None:
    back = xcom.loads(xcom.dumps([decimal.Decimal("sNaN"), decimal.Decimal("-Infinity"), decimal.Decimal("1.10")]))
    assert [str(number) for number in back] == ["sNaN", "-Infinity", "1.10"]


def test_huge_whole_numbers_come_back() -> None:
    number = -(7**20_000)
    assert xcom.loads(xcom.dumps(number)) == number


def test_the_hour_that_happens_twice_comes_back_as_the_right_one() -> None:
    twice = datetime.datetime(2025, 10, 26, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Berlin"))
    back = xcom.loads(xcom.dumps(twice))
    assert back.fold == 1
    assert back.utcoffset() == datetime.timedelta(hours=1)
    assert back.tzinfo.key == "Europe/Berlin"


def test_a_time_with_a_zone_comes_back() -> None:
    time = datetime.time(6, 30, tzinfo=ZoneInfo("Europe/Berlin"), fold=1)
    back = xcom.loads(xcom.dumps(time))
    assert (back, back.tzinfo.key, back.fold) == (time, "Europe/Berlin", 1)


def test_a_path_and_a_bytearray_come_back() -> None:
    value = {"path": pathlib.Path("/data/x.csv"), "bytes": bytearray(b"\x00\xff")}
    assert xcom.loads(xcom.dumps(value)) == value


def test_equal_sets_give_equal_text() -> None:
    assert xcom.dumps({"b", "a", "c"}) == xcom.dumps({"c", "b", "a"})


def test_subclasses_come_back_as_the_plain_type() -> None:
    Point = namedtuple("Point", "x y")

    class Name(str):
        pass

    class Price(float):
        pass

    back = xcom.loads(xcom.dumps([Point(1, 2), Name("a"), Price(1.5), OrderedDict(a=1)]))
    assert same(back, [(1, 2), "a", 1.5, {"a": 1}])


def test_the_same_list_twice_is_no_circle() -> None:
    shared = [1]
    assert xcom.loads(xcom.dumps([shared, shared])) == [[1], [1]]


class Colour(enum.StrEnum):
    RED = "red"


@dataclasses.dataclass
class Row:
    x: int


class Record(msgspec.Struct):
    x: int


class Model:
    def model_dump(self) -> dict[str, int]:
        return {}


@pytest.mark.parametrize(
    ("value", "advice"),
    [
        (Row(1), "dataclasses.asdict"),
        (Record(1), "msgspec.to_builtins"),
        (Model(), "model_dump"),
        (Colour.RED, ".value"),
        (iter([1]), "list(value)"),
        (range(3), "list(value)"),
        ({}.items(), "list(value)"),
        (ValueError("x"), "str(value)"),
        (print, "name of what should be done"),
        (object(), "write it to a file"),
        (1j, "write it to a file"),
    ],
)
def test_what_cannot_travel_is_refused_with_advice(value: object, advice: str) -> None:
    with pytest.raises(XComError) as caught:
        xcom.dumps(value, name="The return value of task load of DAG sales")
    assert str(caught.value).startswith("The return value of task load of DAG sales cannot be passed on: it is of type")
    assert advice in str(caught.value)


def test_a_refusal_says_where_in_the_value() -> None:
    with pytest.raises(XComError, match=r"at \['rows'\]\[1\]\['when'\] it is of type object"):
        xcom.dumps({"rows": [{"when": 1}, {"when": object()}]})


def test_a_refused_key_is_named() -> None:
    with pytest.raises(XComError, match=r"at <key Row\(x=1\)> it is of type"):
        xcom.dumps({FrozenRow(1): 1})


@dataclasses.dataclass(frozen=True)
class FrozenRow:
    x: int

    def __repr__(self) -> str:
        return f"Row(x={self.x})"


def test_a_circle_is_refused() -> None:
    circle: list[object] = [1]
    circle.append({"again": circle})
    with pytest.raises(XComError, match=r"at \[1\]\['again'\] it contains itself"):
        xcom.dumps(circle)


def test_a_value_nested_too_deeply_is_refused() -> None:
    value: list[object] = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(XComError, match="nested too deeply"):
        xcom.dumps(value)


def test_text_nested_too_deeply_is_refused() -> None:
    with pytest.raises(XComError, match=r"nested too deeply|cannot be read"):
        xcom.loads("[" * 200_000)


def test_the_limit_counts_bytes() -> None:
    assert xcom.dumps("ä" * 4, limit=10) == '"ääää"'
    with pytest.raises(XComError, match=r"12 bytes, and the setting max_xcom_bytes allows 11"):
        xcom.dumps("ä" * 5, limit=11)


def test_an_unknown_tag_is_refused() -> None:
    with pytest.raises(XComError, match="unknown type 'frame'"):
        xcom.loads('{"__type__": "frame", "value": []}')


def test_numpy_like_scalars_become_python_numbers() -> None:
    class int64:
        shape = ()

        def item(self) -> int:
            return 7

    int64.__module__ = "numpy"
    assert xcom.loads(xcom.dumps([int64()])) == [7]


def test_a_uuid_keeps_its_type() -> None:
    value = uuid.uuid4()
    assert same(xcom.loads(xcom.dumps(value)), value)
