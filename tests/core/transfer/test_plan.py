"""Types as they are written, and which column goes where."""

from __future__ import annotations

import pytest

from tradewind.errors import DagError, TransferError
from tradewind.transfer import Column, Type
from tradewind.transfer.plan import make_plan


def columns(*names, kind="text", **more):
    return [Column(name, Type.parse(kind), **more) for name in names]


def names(plan):
    return [column.name for column in plan.source], [column.name for column in plan.sink]


@pytest.mark.parametrize("text", ["any", "int", "decimal", "decimal(10,2)", "text[]", "decimal(5,0)[]", "timestamptz"])
def test_a_type_is_read_as_it_is_written(text):
    assert str(Type.parse(text)) == text


@pytest.mark.parametrize("text", ["", "integer", "int(4)", "array", "decimal(a)", "text[][]"])
def test_what_is_no_type_is_refused_with_the_list_of_them(text):
    with pytest.raises(DagError, match="is not a type of columns; there are any, bool, int"):
        Type.parse(text)


def test_columns_go_by_name_and_not_by_place():
    assert names(make_plan(columns("a", "b"), columns("b", "a"), None, "T")) == (["a", "b"], ["a", "b"])


def test_a_column_that_the_database_fills_may_be_missing():
    sink = [*columns("a"), *columns("id", optional=True)]
    assert names(make_plan(columns("a"), sink, None, "T")) == (["a"], ["a"])


def test_a_sink_without_columns_takes_those_of_the_source():
    plan = make_plan(columns("a", kind="int"), None, {"a": "x"}, "T")
    assert plan.sink == (Column("x", Type("int")),)


def test_chosen_columns_are_renamed_and_ordered():
    plan = make_plan(columns("a", "b", "c"), columns("x", "y", "z"), {"c": "x", "a": "y"}, "T")
    assert names(plan) == (["c", "a"], ["x", "y"])
    assert names(make_plan(columns("a", "b"), columns("a", "b"), ["b"], "T")) == (["b"], ["b"])


@pytest.mark.parametrize(
    ("source", "sink", "chosen", "message"),
    [
        (["a", "prise"], ["a", "price"], None, r"no column 'prise' \(did you mean 'price'\?\), and nothing .*'price'"),
        (["a"], ["a", "b"], None, r"T: nothing comes for the sink's column 'b'\. The sink has 'a', 'b'\."),
        (["a"], ["a"], ["A"], r"T: the source has no column 'A' \(did you mean 'a'\?\); it has 'a'\."),
        (["a"], ["a"], {"a": "b"}, "the sink has no column 'b'"),
        (["a", "b"], ["a"], {"a": "a", "b": "a"}, "T: columns= writes the column 'a' more than once"),
        (["a", "a"], ["a"], None, "T: the source has the column 'a' more than once"),
        ([], ["a"], None, "T: the source has no column"),
        (["a"], ["a"], [], "columns= writes no column"),
    ],
)
def test_what_does_not_fit_is_named(source, sink, chosen, message):
    with pytest.raises(TransferError, match=message):
        make_plan(columns(*source), columns(*sink), chosen, "T")


def test_a_chosen_few_must_still_fill_what_cannot_be_empty():
    sink = [*columns("a"), *columns("b", nullable=False), *columns("c")]
    with pytest.raises(TransferError, match="nothing comes for the sink's column 'b'"):
        make_plan(columns("a"), sink, ["a"], "T")
    assert names(make_plan(columns("a"), [sink[0], sink[2]], ["a"], "T")) == (["a"], ["a"])


@pytest.mark.parametrize(
    ("source", "sink", "same"),
    [
        ("any", "int", True),
        ("int", "int", True),
        ("int", "decimal(10,2)", True),
        ("bool", "text", True),
        ("bool", "int", False),
        ("timestamptz", "timestamp", False),
        ("text", "int", False),
        ("int[]", "int[]", True),
        ("int[]", "text[]", False),
        ("decimal", "int", False),
    ],
)
def test_bytes_are_passed_on_only_where_they_mean_the_same(source, sink, same):
    assert make_plan(columns("a", kind=source), columns("a", kind=sink), None, "T").same_text is same
