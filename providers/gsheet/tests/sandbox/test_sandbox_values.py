"""`spreadsheets.values` does what the Sheets API does: what is written, what is read, and what is refused."""

from __future__ import annotations

import math

import pytest


def test_what_is_typed_is_understood_and_what_is_raw_is_kept(book):
    typed = [["5", "5%", "2024-01-15", "TRUE", "=1+2", "'7", "text"]]
    book.write("A1", typed)
    book.write("A2", typed, "RAW")
    rows = book.read(valueRenderOption="UNFORMATTED_VALUE")
    assert rows == [[5, 0.05, 45306, True, 3, "7", "text"], typed[0]]
    assert book.read("1:1") == [["5", "5%", "2024-01-15", "TRUE", "3", "7", "text"]]
    assert book.formulas("1:1") == [[5, 0.05, 45306, True, "=1+2", "7", "text"]]
    as_text = book.read("1:1", valueRenderOption="UNFORMATTED_VALUE", dateTimeRenderOption="FORMATTED_STRING")
    assert as_text == [[5, 0.05, "2024-01-15", True, 3, "7", "text"]]


def test_json_values_are_what_they_are(book):
    book.write("A1", [[1, 1.5, True, "x", None, ""]], "RAW")
    assert book.read(valueRenderOption="UNFORMATTED_VALUE") == [[1, 1.5, True, "x"]]
    book.write("A1", [[None, "", 2]], "RAW")  # nothing is skipped, an empty text clears
    assert book.read(valueRenderOption="UNFORMATTED_VALUE") == [[1, "", 2, "x"]]


def test_long_numbers_lose_their_last_digits(book):
    """The trap of ids in sheets: numbers are kept as floating-point numbers."""
    book.write("A1", [[12345678901234567, "12345678901234567"]], "RAW")
    assert book.read(valueRenderOption="UNFORMATTED_VALUE") == [[12345678901234568, "12345678901234567"]]


def test_more_ranges_than_an_url_can_hold(book):
    """Google's client sends them as a form."""
    book.write("A1", [["x"]])
    found = book.values.batchGet(spreadsheetId=book.id, ranges=["Sheet1!A1:B2"] * 300).execute()["valueRanges"]
    assert len(found) == 300
    assert found[299]["values"] == [["x"]]


def test_a_number_in_a_cell_with_a_date_is_seen_as_a_date(book):
    book.write("A1", [["2024-01-15"]])
    book.write("A1", [[45307]], "RAW")
    assert book.read() == [["2024-01-16"]]


def test_a_cell_that_is_formatted_as_text_takes_everything_as_text(book, span):
    format = {"userEnteredFormat": {"numberFormat": {"type": "TEXT"}}}
    book.do(repeatCell={"range": span(0, 0, 1, 3), "cell": format, "fields": "userEnteredFormat.numberFormat"})
    book.write("A1", [["=1+1", "007", "1/2"]])
    assert book.read(valueRenderOption="UNFORMATTED_VALUE") == [["=1+1", "007", "1/2"]]


def test_what_is_empty_at_the_ends_is_left_out(book):
    book.write("B2", [["x", "", "y", ""], ["", "", "", ""], ["z"]])
    found = book.values.get(spreadsheetId=book.id, range="A1:F6").execute()
    assert found == {
        "range": "Sheet1!A1:F6",
        "majorDimension": "ROWS",
        "values": [[], ["", "x", "", "y"], [], ["", "z"]],
    }
    assert book.read("A1:F6", majorDimension="COLUMNS") == [[], ["", "x", "", "z"], [], ["", "y"]]
    nothing = book.values.get(spreadsheetId=book.id, range="F1:Z9").execute()
    assert nothing == {"range": "Sheet1!F1:Z9", "majorDimension": "ROWS"}


def test_ranges_are_told_as_what_they_are_on_the_grid(book):
    asked = {
        "Sheet1": "Sheet1!A1:Z1000",
        "A:B": "Sheet1!A1:B1000",
        "'Sheet1'!2:3": "Sheet1!A2:Z3",
        "Sheet1!C5:A2": "Sheet1!A2:C5",
        "sheet1!b2": "Sheet1!B2",
        "A990:Z2000": "Sheet1!A990:Z1000",
        "Sheet1!R1C2:R3C4": "Sheet1!B1:D3",
    }
    found = book.values.batchGet(spreadsheetId=book.id, ranges=list(asked)).execute()["valueRanges"]
    assert [one["range"] for one in found] == list(asked.values())


def test_ranges_that_mean_nothing(book, refused):
    for asked in ("Sheet2!A1", "nothing", "Sheet1!", "A1:B2:C3", "'Sheet1'A1", "Sheet1!A0"):
        assert refused(lambda asked=asked: book.read(asked)) == (400, f"Unable to parse range: {asked}")


def test_ranges_beyond_the_grid(book, refused):
    limits = "exceeds grid limits. Max rows: 1000, max columns: 26"
    assert refused(lambda: book.read("A1001")) == (400, f"Range (Sheet1!A1001) {limits}")
    assert refused(lambda: book.read("AA1:AB2")) == (400, f"Range (Sheet1!AA1:AB2) {limits}")
    assert refused(lambda: book.write("A1001", [[1]])) == (400, f"Range (Sheet1!A1001) {limits}")
    assert refused(lambda: book.write("A1:B1001", [[1]])) == (400, f"Range (Sheet1!A1:B1001) {limits}")
    assert refused(lambda: book.write("A999", [[1], [2], [3]])) == (400, f"Range (Sheet1!A999:A1001) {limits}")
    assert book.read() == []


def test_values_that_do_not_fit_into_their_range(book, refused):
    told = "Requested writing within range [Sheet1!A1:B1], but tried writing to"
    assert refused(lambda: book.write("A1:B1", [[1], [2]])) == (400, f"{told} row [2]")
    assert refused(lambda: book.write("A1:B1", [[1, 2, 3]])) == (400, f"{told} column [C]")
    book.write("A1", [[1, 2], [3, 4]])  # from a cell on there is no end
    assert book.read() == [["1", "2"], ["3", "4"]]


def test_what_a_cell_cannot_hold(book, refused):
    assert refused(lambda: book.write("A1", [[{"a": 1}]]))[1].startswith("Invalid values[0][0]: struct_value {\n")
    assert refused(lambda: book.write("A1", [[1], ["x", [2]]]))[1].startswith("Invalid values[1][1]: list_value {\n")
    told = "Your input contains more than the maximum of 50000 characters in a single cell."
    assert refused(lambda: book.write("A1", [["x" * 50_001]])) == (400, told)
    assert refused(lambda: book.write("A1", [[math.nan]]))[1].startswith("Invalid JSON payload received. Unexpected")
    told = "Invalid value at 'data.values[0]' (type.googleapis.com/google.protobuf.ListValue), \"x\""
    assert refused(lambda: book.write("A1", ["x"])) == (400, told)
    assert book.read() == []


def test_the_input_option_has_no_default(book, refused):
    call = book.values.update(spreadsheetId=book.id, range="A1", body={"values": [[1]]})
    assert refused(call.execute) == (400, "'valueInputOption' is required but not specified")


def test_what_was_written_is_counted(book):
    done = book.write("B2", [[1, 2], [], [3, None, 4]])
    assert done == {
        "spreadsheetId": book.id,
        "updatedRange": "Sheet1!B2:D4",
        "updatedRows": 2,
        "updatedColumns": 3,
        "updatedCells": 4,
    }


def test_columns_are_written_and_told(book):
    call = book.values.update(
        spreadsheetId=book.id,
        range="A1:B3",
        valueInputOption="RAW",
        includeValuesInResponse=True,
        body={"range": "A1:B3", "majorDimension": "COLUMNS", "values": [[1, 2, 3], ["x"]]},
    )
    done = call.execute()
    assert done["updatedData"] == {
        "range": "Sheet1!A1:B3",
        "majorDimension": "ROWS",
        "values": [["1", "x"], ["2"], ["3"]],
    }


def test_the_range_in_the_body_is_that_of_the_path(book, refused):
    told = "Requested range[A1] does not match value's range[B1]"
    assert refused(lambda: book.write("A1", [[1]], range="B1")) == (400, told)


def test_several_ranges_at_once_are_written_all_or_none(book, refused):
    def update(*data):
        body = {"valueInputOption": "RAW", "data": [{"range": range_, "values": values} for range_, values in data]}
        return book.values.batchUpdate(spreadsheetId=book.id, body=body).execute()

    done = update(("A1:B1", [[1, 2]]), ("B3", [[3]]))
    assert {name: count for name, count in done.items() if name.startswith("total")} == {
        "totalUpdatedRows": 2,
        "totalUpdatedColumns": 2,
        "totalUpdatedCells": 3,
        "totalUpdatedSheets": 1,
    }
    assert refused(lambda: update(("A1", [[9]]), ("Sheet2!A1", [[9]])))[1] == "Unable to parse range: Sheet2!A1"
    assert book.read() == [["1", "2"], [], ["", "3"]]
    found = book.values.batchGet(spreadsheetId=book.id, ranges=["A1", "B1:B3"]).execute()["valueRanges"]
    assert [one["values"] for one in found] == [[["1"]], [["2"], [], ["3"]]]


def test_values_are_cleared_and_formats_stay(book):
    book.write("A1", [["5%", "x"], ["7%", "y"]])
    assert book.values.clear(spreadsheetId=book.id, range="A1:A1").execute()["clearedRange"] == "Sheet1!A1"
    done = book.values.batchClear(spreadsheetId=book.id, body={"ranges": ["B1", "B2:B"]}).execute()
    assert done == {"spreadsheetId": book.id, "clearedRanges": ["Sheet1!B1", "Sheet1!B2:B1000"]}
    book.write("A1", [[0.25]], "RAW")
    assert book.read() == [["25%"], ["7%"]]


# -- appending


@pytest.fixture
def tables(book):
    """The two tables of Google's own example: A1:C2, and B4:D6."""
    book.write(
        "A1", [["x", "x", "x"], ["x", "x", "x"], [], ["", "y", "y", "y"], ["", "y", "y", "y"], ["", "y", "y", "y"]]
    )
    return book


def test_what_is_appended_goes_below_the_last_table_of_the_range(tables):
    told = {
        "Sheet1": ("B4:D6", "B7"),
        "B4": ("B4:D6", "B7"),
        "C5:D5": ("B4:D6", "B7"),
        "B2:D4": ("B4:D6", "B7"),
        "A3:G10": ("B4:D6", "B7"),
        "A1": ("A1:C2", "A3"),
        "E4": (None, "E4"),
        "A4": (None, "A4"),
        "F1:Z2": (None, "F1"),
    }
    for asked, (table, written) in told.items():
        done = tables.append(asked, [["new"]])
        assert done.get("tableRange") == (table and f"Sheet1!{table}"), asked
        assert done["updates"]["updatedRange"] == f"Sheet1!{written}", asked
        tables.write(written, [[""]])


def test_a_gap_in_the_header_ends_the_table(book):
    book.write("A1", [["x", "", "y"]])
    assert book.append("Sheet1", [["new"]])["updates"]["updatedRange"] == "Sheet1!C2"


def test_appending_makes_the_grid_larger(book):
    book.do(
        updateSheetProperties={
            "properties": {"gridProperties": {"rowCount": 2, "columnCount": 2}},
            "fields": "gridProperties",
        }
    )
    book.append("Sheet1", [[1, 2], [3, 4]])
    done = book.append("Sheet1", [[5, 6, 7]], includeValuesInResponse=True)
    assert done["updates"]["updatedData"]["values"] == [["5", "6", "7"]]
    grid = book.get()["sheets"][0]["properties"]["gridProperties"]
    assert grid == {"rowCount": 3, "columnCount": 3}


def test_rows_are_inserted_for_what_is_appended(tables):
    tables.append("A1", [["new"]], insertDataOption="INSERT_ROWS")
    assert tables.read("A3:D5") == [["new"], [], ["", "y", "y", "y"]]
    tables.append("A1", [["over"]])
    assert tables.read("A4:D5") == [["over"], ["", "y", "y", "y"]]


# -- formulas


RESULTS = [
    ("=B1*2+1", 21),
    ("=SUM(B1:B3)", 60),
    ("=sum(B:B)/COUNT(B:B)", 20),
    ("=AVERAGE(B1,B3)", 20),
    ("=COUNTA(B1:C3)", 5),
    ("=MAX(B1:B3)-MIN(B1:B3)", 20),
    ("=-2^2", 4),
    ("=50%+1", 1.5),
    ('=IF(B1>5,"big","small")', "big"),
    ('=IFERROR(1/0,"none")', "none"),
    ('=C1&" "&B1', "one 10"),
    ('=COUNTIF(C1:C3,"t*")', 1),
    ('=SUMIF(B1:B3,">10")', 50),
    ('=VLOOKUP("two",C1:C2,1,FALSE)', "two"),
    ("=INDEX(B1:B3,2)", 20),
    ("=MATCH(30,B1:B3,0)", 3),
    ("=ROUND(2.345,2)", 2.35),
    ("=AND(TRUE,B1=10)", True),
    ("=LEN(UPPER(C2))", 3),
    ('=TEXT(0.256,"0.0%")', "25.6%"),
    ("=DATE(2024,1,15)", 45306),
    ("=YEAR(DATE(2024,1,15))", 2024),
    ("=Sheet1!B3", 30),
    ("=Z9", 0),
    ("=1/0", "#DIV/0!"),
    ("=NOSUCH(1)", "#NAME?"),
    ("=nothing", "#NAME?"),
    ("=Sheet9!A1", "#REF!"),
    ('=1+"x"', "#VALUE!"),
    ("=VLOOKUP(9,B1:B3,1,FALSE)", "#N/A"),
    ("=SQRT(-1)", "#NUM!"),
    ("=1+", "#ERROR!"),
]


def test_formulas(book):
    book.write("B1", [[10, "one"], [20, "two"], [30]])
    book.write("A1", [["=A1"], *([formula] for formula, _ in RESULTS)])
    found = book.read("A1:A", valueRenderOption="UNFORMATTED_VALUE")
    assert found[0] == ["#REF!"]  # itself
    assert dict(zip([formula for formula, _ in RESULTS], [row[0] for row in found[1:]], strict=True)) == dict(RESULTS)
    assert book.formulas("A2:A3") == [[RESULTS[0][0]], [RESULTS[1][0]]]


def test_a_result_is_seen_as_what_it_is_made_of(book):
    book.write("A1", [["$1.23", "=A1", "=A1+A1", "=TODAY()"]])
    assert book.read("A1:C1") == [["$1.23", "$1.23", "$2.46"]]
    assert book.read("D1")[0][0].count("/") == 2


def test_a_long_chain_of_formulas(book):
    book.write("A1", [[1], *([f"=A{row}+1"] for row in range(1, 1000))])
    assert book.read("A1000") == [["1000"]]


def test_results_follow_what_they_depend_on(book):
    book.write("A1", [[1, "=A1*10"]])
    assert book.read() == [["1", "10"]]
    book.write("A1", [[2]])
    assert book.read() == [["2", "20"]]
