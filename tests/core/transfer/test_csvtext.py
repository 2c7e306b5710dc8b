"""The CSV of transfers: what is written is read back, in pieces of any size, and counted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.errors import TransferError
from tradewind.transfer import Column, Type
from tradewind.transfer.csvtext import Decoder, LineCounter, WholeRows, encode, last_row_end, quoted

TEXT = Type("text")

texts = st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(["", "\\.", "NULL", '"', ",", "\r\n", "\n"])
tables = st.integers(1, 4).flatmap(lambda width: st.lists(st.tuples(*[st.none() | texts] * width), max_size=8))


def columns(width, kind="text"):
    return [Column(f"c{number}", Type.parse(kind)) for number in range(width)]


def decoded(data, width, *, size=7, kind="text", delimiter=","):
    rows = []
    found = columns(width, kind)
    decoder = Decoder(found, [one.type for one in found], rows.extend, lambda line: f"line {line}", delimiter=delimiter)
    for start in range(0, len(data), size):
        decoder.write(data[start : start + size])
    decoder.end()
    return rows


@given(tables, st.integers(1, 40), st.sampled_from(",;\t|"))
def test_rows_come_back_whatever_is_in_them_and_however_they_are_cut(table, size, delimiter):
    width = len(table[0]) if table else 1
    data = encode(table, columns(width), delimiter=delimiter)
    assert decoded(data, width, size=size, delimiter=delimiter) == table


@given(tables, st.integers(1, 40), st.booleans())
def test_rows_are_counted_however_they_are_cut(table, size, ended):
    data = encode(table, columns(len(table[0]) if table else 1))
    if not ended and table and not data.endswith(b"\n\n") and data != b"\n":
        data = data[:-1]  # the last line needs no end
    counter = LineCounter()
    for start in range(0, len(data), size):
        counter.count(data[start : start + size])
    assert counter.rows == len(table)


@given(tables, st.integers(1, 40))
def test_only_whole_rows_are_given_out_and_nothing_is_lost(table, size):
    data = encode(table, columns(len(table[0]) if table else 1))[:-1]
    rows, seen = WholeRows(), b""
    for start in range(0, len(data), size):
        seen += rows.add(data[start : start + size])
        assert seen == data[: last_row_end(data[: start + size])]
    assert seen + rows.rest() == data


def test_null_and_the_empty_text_are_two_things():
    assert encode([(None, ""), ("", None)], columns(2)) == b',""\n"",\n'
    assert decoded(b',""\n"",\n', 2) == [(None, ""), ("", None)]


def test_an_empty_line_is_a_row_of_one_null():
    assert decoded(b"\n\nx\n", 1) == [(None,), (None,), ("x",)]


def test_lines_may_end_as_on_windows():
    assert decoded(b'a,b\r\n"c\r\n",\r\n', 2) == [("a", "b"), ("c\r\n", None)]


def test_a_lone_backslash_and_point_is_quoted_because_copy_would_end_there():
    assert quoted("\\.") == '"\\."'
    assert quoted("a\\.") == "a\\."


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"1,2\n3\n", "The line 2 has 1 values, but there are 2 columns: c0, c1."),
        (b'1,"a\nb"\n2,"x', "The line 3 begins a value in quotes that does not end."),
        (b'1,a"b"c\n', r"The line 1 has a quote in the middle of value 2\."),
        (b'1,"a"b"c"\n', r"The line 1 has a quote in the middle of value 2\."),
        (b"1,2\n\xff,2\n", "The line 2 is not UTF-8"),
        (b"1,2\n3,secret\n", "The line 2: column 'c1' has a text that is not of type int"),
    ],
)
def test_an_error_tells_line_and_column_and_no_value(data, message):
    with pytest.raises(TransferError, match=message) as caught:
        decoded(data, 2, kind="int" if b"secret" in data else "text")
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None or isinstance(caught.value.__cause__, UnicodeDecodeError)


def test_a_value_without_a_text_is_refused_by_its_column():
    with pytest.raises(TransferError, match="Column 'c1' has a object, which has no place in a column"):
        encode([(1, object())], columns(2))


def test_half_a_surrogate_pair_is_refused():
    with pytest.raises(TransferError, match="surrogate"):
        encode([("\ud800",)], columns(1))
