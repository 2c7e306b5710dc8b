"""Tables, JSON and YAML as the command line prints them."""

from __future__ import annotations

import datetime
import json
import math

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from tradewind.cli.output import cell, plain_table, show_record, show_rows, to_plain, to_yaml
from tradewind.states import RunState

#: What JSON has. PyYAML reads YAML 1.1, whose numbers differ in corners, so floats are tame here.
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(min_value=-1e6, max_value=1e6, allow_nan=False).map(lambda number: round(number, 3))
    | st.text()
)
plain = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=20,
)


@given(plain)
@example({"no": "off", "list": [], "map": {}, "": "", "text": "a: b # c", "date": "2025-01-31", "n": "1e3"})
@example([[1, [2, {"a": [3]}]], {"b": {"c": None}}])
@example({"lines": "one\ntwo\n", "tab": "\t", "bell": "\x07", "next": "\x85\u2028\ufeff", "astral": "\U0001f600"})
@example({"dash": "- a", "word": "-", "null": "~", "space": "a ", "colon": "a:", "star": "*a", "y": "Y"})
def test_yaml_says_what_went_in(data):
    assert yaml.safe_load(to_yaml(data)) == data


def test_yaml_is_readable():
    text = to_yaml(
        [{"dag_id": "hello", "tags": ["a", "b"], "paused": False, "next": None, "at": "2025-01-31T00:00:00Z"}]
    )
    assert text.splitlines() == [
        "- dag_id: hello",
        "  tags:",
        "    - a",
        "    - b",
        "  paused: false",
        "  next: null",
        '  at: "2025-01-31T00:00:00Z"',
    ]


def test_numbers_that_json_lacks_do_not_break_the_json():
    assert json.loads(json.dumps(to_plain([math.inf, -math.inf, math.nan]), allow_nan=False)) == ["inf", "-inf", "nan"]


def test_moments_durations_and_states_become_plain():
    at = datetime.datetime(2025, 1, 31, 6, tzinfo=datetime.UTC)
    assert to_plain({"at": at, "for": datetime.timedelta(minutes=1), "state": RunState.FAILED, "set": {"x"}}) == {
        "at": "2025-01-31T06:00:00Z",
        "for": 60.0,
        "state": "failed",
        "set": ["x"],
    }


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, ""),
        (True, "yes"),
        (False, "no"),
        (("a", "b"), "a, b"),
        ([1, 2], "[1, 2]"),
        ({"a": 1}, '{"a": 1}'),
        (0, "0"),
    ],
)
def test_cells_are_short(value, shown):
    assert cell(value) == shown


def test_a_piped_table_has_every_character_of_every_cell(capsys):
    long = "x" * 300
    show_rows([{"a": long, "b": "two\nlines"}, {"a": "short", "b": None}], ("a", "b"), "table")
    lines = capsys.readouterr().out.splitlines()
    assert lines == [f"{'a':<300}  b", f"{long}  two lines", "short"]


def test_columns_stay_in_line():
    lines = plain_table([{"a": "1", "b": "2"}, {"a": "long one", "b": "3"}], ("a", "b")).splitlines()
    assert [line.index(mark) for line, mark in zip(lines, "b23")] == [10, 10, 10]


def test_an_empty_table_says_so_on_stderr_and_an_empty_list_is_json(capsys):
    show_rows([], ("a",), "table", empty="None at all.")
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "None at all.\n")
    show_rows([], ("a",), "json")
    assert json.loads(capsys.readouterr().out) == []


def test_json_rows_have_every_column_and_nothing_else(capsys):
    show_rows([{"a": 1, "hidden": 2}], ("a", "b"), "json")
    assert json.loads(capsys.readouterr().out) == [{"a": 1, "b": None}]


def test_a_record_shows_all_lines_of_a_value(capsys):
    show_record({"name": "x", "tree": "one\ntwo", "none": None}, "table")
    assert capsys.readouterr().out.splitlines() == ["name  x", "tree  one", "      two", "none"]
