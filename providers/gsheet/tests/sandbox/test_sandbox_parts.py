"""The parts of the sandbox by themselves: A1 notation, what typed texts mean, formats, formulas, masks, queries."""

from __future__ import annotations

import datetime
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind_gsheet.sandbox import fields
from tradewind_gsheet.sandbox.a1 import (
    Area,
    Reference,
    area_name,
    column_name,
    column_number,
    parse_cells,
    quoted_title,
    split_title,
)
from tradewind_gsheet.sandbox.colours import settled
from tradewind_gsheet.sandbox.drive_query import query
from tradewind_gsheet.sandbox.entering import entered
from tradewind_gsheet.sandbox.formulas import NoFormula, parsed, retitled, shifted
from tradewind_gsheet.sandbox.locales import DEFAULT, locale
from tradewind_gsheet.sandbox.project import FOLDER, SPREADSHEET, File, permission
from tradewind_gsheet.sandbox.refusals import Refused
from tradewind_gsheet.sandbox.showing import formatted, general, shown

TODAY = datetime.date(2026, 5, 6)

# -- A1 notation


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("A1", Reference(0, 0, 1, 1, is_cell=True)),
        ("$B$2:C4", Reference(1, 1, 4, 3)),
        ("C4:B2", Reference(1, 1, 4, 3)),
        ("A1:A1", Reference(0, 0, 1, 1)),
        ("B:C", Reference(None, 1, None, 3)),
        ("2:3", Reference(1, None, 3, None)),
        ("B2:D", Reference(1, 1, None, 4)),
        ("A5:7", Reference(4, 0, 7, None)),
        ("R2C3:R4C5", Reference(1, 2, 4, 5)),
        ("aa10", Reference(9, 26, 10, 27, is_cell=True)),
    ],
)
def test_cells_of_a_range(text, found):
    assert parse_cells(text) == found


@pytest.mark.parametrize("text", ["", "A", "1", "A0", "A1:", ":B2", "A1:B2:C3", "ABCD1", "Sheet 1", "A-1"])
def test_what_is_no_range(text):
    with pytest.raises(ValueError, match=r".*"):
        parse_cells(text)


@given(st.integers(0, 18_277), st.integers(0, 9_999_999), st.integers(1, 50), st.integers(1, 300))
def test_the_name_of_an_area_means_it(left, top, width, height):
    assert column_number(column_name(left)) == left
    area = Area(top, left, top + height, min(left + width, 18_278))
    found = parse_cells(area_name(area))
    assert (found.top, found.left, found.bottom, found.right) == (area.top, area.left, area.bottom, area.right)


@given(st.text(min_size=1).filter(str.strip))
def test_a_title_in_quotes_is_that_title(title):
    assert split_title(quoted_title(title) + "!B2") == (title, "B2")


@pytest.mark.parametrize(
    ("title", "told"), [("Sheet1", "Sheet1"), ("A1", "'A1'"), ("it's", "'it''s'"), ("2024", "'2024'"), ("a b", "'a b'")]
)
def test_titles_that_need_quotes(title, told):
    assert quoted_title(title) == told


# -- what is typed


@pytest.mark.parametrize(
    ("text", "value", "seen"),
    [
        ("5", 5, "5"),
        ("-0.5", -0.5, "-0.5"),
        ("007", 7, "7"),
        ("2,000,000.01", 2000000.01, "2,000,000.01"),
        ("1,2", "1,2", "1,2"),
        ("5%", 0.05, "5%"),
        ("12.5%", 0.125, "12.50%"),
        ("$1,234.50", 1234.5, "$1,234.50"),
        ("-$5", -5, "-$5"),
        ("€3", 3, "€3"),
        ("(5)", -5, "-5"),
        ("1e3", 1000, "1.00E+03"),
        ("true", True, "TRUE"),
        ("FALSE", False, "FALSE"),
        ("'123", "123", "123"),
        ("2024-01-15", 45306, "2024-01-15"),
        ("1/15/2024", 45306, "1/15/2024"),
        ("15/1/2024", "15/1/2024", "15/1/2024"),
        ("1/2", 46024, "1/2/2026"),
        ("Jan 5, 2024", 45296, "January 5, 2024"),
        ("2024-02-30", "2024-02-30", "2024-02-30"),
        ("2024-01-15 10:30:00", 45306.4375, "2024-01-15 10:30:00"),
        ("2024-01-15T10:30:00", "2024-01-15T10:30:00", "2024-01-15T10:30:00"),
        ("10:30 pm", 0.9375, "10:30 PM"),
        ("25:00", 25 / 24, "25:00:00"),
        ("", None, ""),
        (" 12 ", 12, "12"),
        ("a text", "a text", "a text"),
        ("12345678901234567890", 12345678901234567890.0, "1.23457E+19"),
        ("nan", "nan", "nan"),
        ("1e999", "1e999", "1e999"),
    ],
)
def test_what_a_typed_text_means(text, value, seen):
    found = entered(text, DEFAULT, TODAY)
    assert found.value == value
    assert type(found.value) is type(value)
    format = {"type": found.type, "pattern": found.pattern} if found.type else None
    assert shown(found.value, format, DEFAULT) == seen


@pytest.mark.parametrize(
    ("name", "text", "value", "seen"),
    [
        ("de_DE", "1.234,5", 1234.5, "1.234,50"),
        ("de_DE", "31.12.2024", 45657, "31.12.2024"),
        ("de_DE", "2,5 €", 2.5, "2,50 €"),
        ("de_DE", "1,234.5", "1,234.5", "1,234.5"),
        ("en_GB", "31/12/2024", 45657, "31/12/2024"),
        ("fr_FR", "1 234,5", 1234.5, "1\u202f234,50"),
        ("ja_JP", "2024/12/31", 45657, "2024/12/31"),
    ],
)
def test_locales_write_in_their_own_way(name, text, value, seen):
    its = locale(name)
    found = entered(text, its, TODAY)
    assert found.value == value
    assert shown(value, {"type": found.type, "pattern": found.pattern} if found.type else None, its) == seen


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e14, max_value=1e14).map(lambda one: round(one, 6)))
def test_a_number_that_is_shown_and_typed_again_is_the_same(number):
    found = entered(general(number, DEFAULT), DEFAULT, TODAY).value
    assert math.isclose(found, number, rel_tol=1e-9, abs_tol=1e-10)


# -- formats


@pytest.mark.parametrize(
    ("number", "pattern", "seen"),
    [
        (1234.5, "#,##0.00", "1,234.50"),
        (1.005, "0.00", "1.01"),
        (-0.001, "0.00", "0.00"),
        (-1234.5, "$#,##0.00;($#,##0.00)", "($1,234.50)"),
        (0, '0;-0;"none"', "none"),
        (0.256, "0.0%", "25.6%"),
        (1234567, "0.00E+00", "1.23E+06"),
        (5, "0000", "0005"),
        (1500000, '0.0,,"M"', "1.5M"),
        (12, "@", "12"),
        (45000.75, "dddd, mmmm d, yyyy h:mm am/pm", "Wednesday, March 15, 2023 6:00 PM"),
        (45000.75, "yyyy-mm-dd hh:mm:ss", "2023-03-15 18:00:00"),
        (1.5, "[h]:mm:ss", "36:00:00"),
        (7.25, '0.00" kg"', "7.25 kg"),
        (3, "[Red]0.0", "3.0"),
    ],
)
def test_patterns(number, pattern, seen):
    assert formatted(number, pattern, DEFAULT) == seen


@pytest.mark.parametrize(
    ("number", "seen"),
    [(1 / 3, "0.3333333333"), (100 / 3, "33.33333333"), (0.1 + 0.2, "0.3"), (1e15, "1E+15"), (1e-12, "1E-12")],
)
def test_numbers_without_a_format(number, seen):
    assert general(number, DEFAULT) == seen


# -- formulas


@pytest.mark.parametrize(
    ("formula", "down", "right", "moved"),
    [
        ("=A1+$A1+A$1+$A$1", 2, 1, "=B3+$A3+B$1+$A$1"),
        ("=SUM(A1:B2)", 1, 1, "=SUM(B2:C3)"),
        ('="A1"&A1', 1, 0, '="A1"&A2'),
        ("=A1", -1, 0, "=#REF!"),
        ("='My sheet'!A1", 1, 0, "='My sheet'!A2"),
        ("=LOG10(A1)", 1, 0, "=LOG10(A2)"),
        ("=SUM(A:B)", 5, 1, "=SUM(B:C)"),
    ],
)
def test_references_move_with_a_copied_formula(formula, down, right, moved):
    assert shifted(formula, down, right) == moved


def test_a_sheet_gets_another_title_in_formulas():
    assert retitled("=Old!A1+'Old'!B2+Other!A1", "old", "'New one'") == "='New one'!A1+'New one'!B2+Other!A1"


@pytest.mark.parametrize("formula", ["=", "=1+", "=(1", "=SUM(1", "=1 2", "=§", '="a'])
def test_what_is_no_formula(formula):
    with pytest.raises(NoFormula):
        parsed(formula)


# -- masks, colours, queries


def test_masks():
    mask = fields.parse("a.b,c(d,e/f),row_count")
    assert mask == {"a": {"b": {}}, "c": {"d": {}, "e": {"f": {}}}, "rowCount": {}}
    data = {"a": {"b": 1, "x": 2}, "c": [{"d": 3, "y": 4}], "z": 5}
    assert fields.select(data, mask) == {"a": {"b": 1}, "c": [{"d": 3}]}
    for wrong in ("", "a,", "a(b", "a b", ",a", "a..b"):
        with pytest.raises(ValueError, match=r".*"):
            fields.parse(wrong)


def test_colours_are_kept_in_steps_and_both_ways():
    half = {"red": 127 / 255, "green": 0, "blue": 1}
    kept = {"red": 0.49803922, "blue": 1}
    assert settled({"backgroundColor": half}) == {
        "backgroundColor": kept,
        "backgroundColorStyle": {"rgbColor": kept},
    }
    assert settled({"tabColorStyle": {"rgbColor": half}})["tabColor"] == kept


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("name = 'a'", ["a"]),
        ("name != 'a' and trashed = false", ["it's b"]),
        ('mimeType="application/vnd.google-apps.folder"', ["c"]),
        ("name contains 'b'", ["it's b"]),
        ("name contains 's'", ["it's b"]),
        ("name = 'it\\'s b'", ["it's b"]),
        ("not name = 'a' and (trashed = true or starred = true)", ["c"]),
        ("'bob@example.com' in writers", ["a"]),
        ("parents in \"1folder\" or 'root' in parents and name = 'c'", ["it's b", "c"]),
        ("modifiedTime > '2024-06-01T00:00:00'", ["it's b", "c"]),
        ("sharedWithMe", ["a"]),
    ],
)
def test_queries(text, found):
    test = query(text)
    assert [file.name for file in FILES if test(file)] == found


@pytest.mark.parametrize(
    "text", ["name", "name =", "name = a", "nothing = 'a'", "name = 'a' and", "(name = 'a'", "name ~ 'a'"]
)
def test_queries_that_cannot_be_read(text):
    with pytest.raises(Refused, match="Invalid Value"):
        query(text)


def _file(name, kind, month, *permissions, **more):
    owner = permission("user", "owner", "ann@example.com")
    time = f"2024-{month}-01T00:00:00.000Z"
    return File(f"1{name}", name, kind, time, time, [owner, *permissions], **more)


FILES = [
    _file("a", SPREADSHEET, "05", permission("user", "writer", "bob@example.com")),
    _file("it's b", SPREADSHEET, "07", parents=["1folder"]),
    _file("c", FOLDER, "08", trashed=True),
]
