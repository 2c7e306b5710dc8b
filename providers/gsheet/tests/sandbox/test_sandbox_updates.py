"""`spreadsheets.create`, `get`, `copyTo` and `batchUpdate` do what the Sheets API does."""

from __future__ import annotations


def titles(book):
    return [sheet["properties"]["title"] for sheet in book.get()["sheets"]]


# -- spreadsheets


def test_a_new_spreadsheet(sheets, google):
    body = {
        "properties": {"title": "Budget", "locale": "de_DE"},
        "sheets": [
            {
                "properties": {"title": "A", "gridProperties": {"rowCount": 3, "columnCount": 2}},
                "data": [{"rowData": [{"values": [{"userEnteredValue": {"numberValue": 1.5}}]}]}],
            },
            {"properties": {"title": "B", "hidden": True}},
        ],
    }
    made = sheets.create(body=body).execute()
    assert made["properties"]["locale"] == "de_DE"
    assert made["spreadsheetUrl"].startswith(
        f"http://{google.host}:{google.port}/spreadsheets/d/{made['spreadsheetId']}/"
    )
    assert made["sheets"][0]["properties"]["gridProperties"] == {"rowCount": 3, "columnCount": 2}
    assert made["sheets"][1]["properties"]["hidden"] is True
    found = sheets.values().get(spreadsheetId=made["spreadsheetId"], range="A!A1").execute()
    assert found["values"] == [["1,5"]]


def test_a_locale_that_there_is_not(sheets, refused):
    call = sheets.create(body={"properties": {"title": "x", "locale": "xx_YY"}})
    assert refused(call.execute)[0] == 400


def test_fields_and_cells_that_are_asked_for(book, refused):
    book.write("B2", [["5%"], ["=B2*2"]])
    assert book.get(fields="sheets.properties(title,index)") == {
        "sheets": [{"properties": {"title": "Sheet1", "index": 0}}]
    }
    assert "data" not in book.get()["sheets"][0]
    [data] = book.get(ranges=["B2:B3"], includeGridData=True)["sheets"][0]["data"]
    assert (data["startRow"], data["startColumn"]) == (1, 1)
    first, second = (row["values"][0] for row in data["rowData"])
    assert first["userEnteredValue"] == {"numberValue": 0.05}
    assert first["formattedValue"] == "5%"
    assert first["userEnteredFormat"]["numberFormat"] == {"type": "PERCENT", "pattern": "0%"}
    assert second["userEnteredValue"] == {"formulaValue": "=B2*2"}
    assert second["effectiveValue"] == {"numberValue": 0.1}
    only = book.get(fields="sheets.data.rowData.values.formattedValue")
    assert only["sheets"][0]["data"][0]["rowData"][1]["values"][1] == {"formattedValue": "5%"}
    for wrong in ("nothing", "sheets.properties.nothing", "properties, sheets", "sheets("):
        assert refused(lambda wrong=wrong: book.get(fields=wrong))[1] == "Request contains an invalid argument."


def test_a_sheet_is_copied_into_another_spreadsheet(book, sheets):
    book.write("A1", [["5%", "=A1"]])
    other = sheets.create(body={"properties": {"title": "Other"}}).execute()["spreadsheetId"]
    body = {"destinationSpreadsheetId": other}
    made = sheets.sheets().copyTo(spreadsheetId=book.id, sheetId=0, body=body).execute()
    assert (made["title"], made["index"]) == ("Copy of Sheet1", 1)
    found = sheets.values().get(spreadsheetId=other, range="'Copy of Sheet1'!A1:B1").execute()
    assert found["values"] == [["5%", "5%"]]


# -- all or none


def test_requests_are_done_all_or_none(book, refused):
    book.write("A1", [["kept"]])
    first = {"updateCells": {"start": {"sheetId": 0}, "rows": [{"values": [{}]}], "fields": "userEnteredValue"}}
    second = {"addSheet": {"properties": {"title": "New"}}}
    third = {"deleteSheet": {"sheetId": 77}}
    call = book.sheets.batchUpdate(spreadsheetId=book.id, body={"requests": [first, second, third]})
    assert refused(call.execute) == (400, "Invalid requests[2].deleteSheet: No sheet with id: 77")
    assert book.read() == [["kept"]]
    assert titles(book) == ["Sheet1"]


def test_requests_that_ask_for_nothing(book, refused):
    def ask(*requests):
        return refused(book.sheets.batchUpdate(spreadsheetId=book.id, body={"requests": list(requests)}).execute)

    assert ask() == (400, "Must specify at least one request.")
    assert ask({}) == (400, "Invalid requests[0]: No request set.")
    assert "oneof field 'kind' is already set" in ask({"addSheet": {}, "deleteSheet": {}})[1]
    assert ask({"addChart": {}}) == (501, "Invalid requests[0].addChart: The sandbox does not do this.")


# -- sheets


def test_sheets_are_added_moved_renamed_and_deleted(book, refused):
    made = book.do(addSheet={"properties": {"title": "B", "index": 0, "gridProperties": {"rowCount": 5}}})[0]
    number = made["addSheet"]["properties"]["sheetId"]
    assert titles(book) == ["B", "Sheet1"]
    book.write("Sheet1!A1", [["=B!A1+1"]])
    book.write("B!A1", [[41]])
    book.do(
        updateSheetProperties={"properties": {"sheetId": number, "title": "C d", "index": 2}, "fields": "title,index"}
    )
    assert titles(book) == ["Sheet1", "C d"]
    assert book.formulas("Sheet1!A1") == [["='C d'!A1+1"]]
    assert book.read("Sheet1!A1") == [["42"]]
    again = refused(lambda: book.do(addSheet={"properties": {"title": "sheet1"}}))[1]
    assert (
        again
        == 'Invalid requests[0].addSheet: A sheet with the name "sheet1" already exists. Please enter another name.'
    )
    copied = book.do(duplicateSheet={"sourceSheetId": number, "newSheetName": "E"})[0]["duplicateSheet"]["properties"]
    assert titles(book) == ["E", "Sheet1", "C d"]
    book.do(deleteSheet={"sheetId": copied["sheetId"]})
    book.do(deleteSheet={"sheetId": number})
    assert book.read("Sheet1!A1") == [["#REF!"]]
    told = "Invalid requests[0].deleteSheet: You can't remove all the sheets in a document."
    assert refused(lambda: book.do(deleteSheet={"sheetId": 0})) == (400, told)


def test_the_grid_has_limits(book, refused):
    def resize(rows, columns, **more):
        grid = {"rowCount": rows, "columnCount": columns, **more}
        book.do(updateSheetProperties={"properties": {"gridProperties": grid}, "fields": "gridProperties"})

    book.write("A1", [["a", "b"], ["c", "d"]])
    resize(1, 1)
    resize(5, 5)
    assert book.read() == [["a"]]  # what lay beyond is lost
    limit = "This action would increase the number of cells in the workbook above the limit of 10000000 cells."
    assert refused(lambda: resize(1_000_001, 10))[1].endswith(limit)
    resize(1_000_000, 10)
    assert refused(lambda: book.do(addSheet={}))[1] == f"Invalid requests[0].addSheet: {limit}"
    assert refused(lambda: resize(0, 1))[1].endswith("gridProperties.rowCount must be > 0, got: 0")
    assert refused(lambda: resize(2, 2, frozenRowCount=2))[1].endswith(
        "You can't freeze all visible rows on the sheet."
    )


def test_masks_of_changes(book, refused):
    def change(mask):
        return refused(lambda: book.do(updateSheetProperties={"properties": {"title": "x"}, "fields": mask}))[1]

    at = "Invalid requests[0].updateSheetProperties: "
    assert change("") == f"{at}At least one field must be listed in 'fields'. (Use '*' to indicate all fields.)"
    assert change("nothing") == f"{at}Invalid field: nothing"


# -- rows and columns


def rows_of(start, end, sheet=0):
    return {"sheetId": sheet, "dimension": "ROWS", "startIndex": start, "endIndex": end}


def test_rows_come_and_go_and_references_follow(book, refused, span):
    book.write("A1", [[1, "=A3"], [2, "=SUM(A1:A3)"], [3, "=A$3"]])
    book.do(addNamedRange={"namedRange": {"name": "third", "range": span(2, 0, 3, 1)}})
    book.do(insertDimension={"range": rows_of(1, 3)})
    assert book.formulas() == [[1, "=A5"], [], [], [2, "=SUM(A1:A5)"], [3, "=A$5"]]
    assert book.read("third") == [["3"]]
    book.do(deleteDimension={"range": rows_of(0, 1)})
    assert book.formulas() == [[], [], [2, "=SUM(A1:A4)"], [3, "=A$4"]]
    book.do(deleteDimension={"range": rows_of(3, 4)})
    assert book.formulas() == [[], [], [2, "=SUM(A1:A3)"]]
    assert refused(lambda: book.read("third"))[1] == "Unable to parse range: third"
    assert book.get()["sheets"][0]["properties"]["gridProperties"]["rowCount"] == 1000


def test_rows_that_cannot_come_or_go(book, refused):
    at = "Invalid requests[0].deleteDimension: "
    told = "Cannot delete a row that doesn't exist. Tried to delete row index 1000 but there are only 1000 rows."
    assert refused(lambda: book.do(deleteDimension={"range": rows_of(1000, 1001)}))[1] == at + told
    assert refused(lambda: book.do(deleteDimension={"range": rows_of(0, 1000)}))[1].endswith(
        "You can't delete all the rows on the sheet."
    )
    assert refused(lambda: book.do(insertDimension={"range": rows_of(1001, 1002)}))[1].endswith(
        "range.startIndex[1001] is after last row in grid[1000]"
    )
    assert refused(lambda: book.do(appendDimension={"sheetId": 5, "dimension": "ROWS", "length": 1}))[1].endswith(
        "No grid with id: 5"
    )


def test_columns_move_and_hide(book):
    book.write("A1", [["a", "b", "c", "d"]])
    columns = {"sheetId": 0, "dimension": "COLUMNS", "startIndex": 0, "endIndex": 1}
    book.do(moveDimension={"source": columns, "destinationIndex": 3})
    assert book.read() == [["b", "c", "a", "d"]]
    hidden = {"range": columns, "properties": {"hiddenByUser": True}, "fields": "hiddenByUser"}
    book.do(updateDimensionProperties=hidden)
    [data] = book.get(includeGridData=True)["sheets"][0]["data"]
    assert data["columnMetadata"][0] == {"pixelSize": 100, "hiddenByUser": True}
    book.do(appendDimension={"sheetId": 0, "dimension": "COLUMNS", "length": 2})
    assert book.get()["sheets"][0]["properties"]["gridProperties"]["columnCount"] == 28


# -- cells


def test_cells_are_repeated_and_formulas_with_them(book, span):
    book.write("A1", [[1], [2], [3]])
    cell = {"userEnteredValue": {"formulaValue": "=A1*10"}, "userEnteredFormat": {"textFormat": {"bold": True}}}
    book.do(
        repeatCell={"range": span(0, 1, 3, 2), "cell": cell, "fields": "userEnteredValue,userEnteredFormat.textFormat"}
    )
    assert book.formulas("B1:B3") == [["=A1*10"], ["=A2*10"], ["=A3*10"]]
    book.do(repeatCell={"range": span(0, 1, 3, 2), "cell": {}, "fields": "userEnteredFormat.textFormat.bold"})
    told = book.get(fields="sheets.data.rowData.values.userEnteredFormat")["sheets"][0]["data"][0]
    assert not any(cell for row in told["rowData"] for cell in row["values"])


def test_cells_are_updated_and_the_rest_of_the_range_is_reset(book, span, refused):
    book.write("A1", [[1, 2], [3, 4]])
    rows = [{"values": [{"userEnteredValue": {"stringValue": "x"}, "note": "told"}]}]
    book.do(updateCells={"range": span(0, 0, 2, 2), "rows": rows, "fields": "userEnteredValue,note"})
    assert book.read() == [["x"]]
    assert book.get(includeGridData=True)["sheets"][0]["data"][0]["rowData"][0]["values"][0]["note"] == "told"
    wide = [{"values": [{}, {}, {}]}]
    call = {"range": span(0, 0, 1, 2), "rows": wide, "fields": "*"}
    told = "Invalid requests[0].updateCells: Attempting to write column: 2, beyond the last requested column of: 1"
    assert refused(lambda: book.do(updateCells=call))[1] == told
    beyond = {"range": span(999, 0, 1001, 1), "rows": rows, "fields": "*"}
    assert "Range (Sheet1!A1000:A1001) exceeds grid limits" in refused(lambda: book.do(updateCells=beyond))[1]
    book.do(appendCells={"sheetId": 0, "rows": rows, "fields": "*"})
    assert book.read() == [["x"], ["x"]]


def test_cells_are_copied_cut_and_sorted(book, span):
    book.write("A1", [[3, "=A1+1"], [1, "=A2+1"], ["", ""], [2, "=A4+1"]])
    book.do(copyPaste={"source": span(0, 0, 1, 2), "destination": span(0, 3, 2, 5), "pasteType": "PASTE_NORMAL"})
    assert book.formulas("D1:E2") == [[3, "=D1+1"], [3, "=D2+1"]]
    book.do(
        copyPaste={
            "source": span(0, 0, 1, 2),
            "destination": span(4, 3, 6, 4),
            "pasteType": "PASTE_VALUES",
            "pasteOrientation": "TRANSPOSE",
        }
    )
    assert book.formulas("D5:D6") == [[3], [4]]
    book.do(cutPaste={"source": span(0, 3, 6, 5), "destination": {"sheetId": 0, "rowIndex": 0, "columnIndex": 6}})
    assert book.read("D1:E6") == []
    assert book.formulas("G1:H1") == [[3, "=D1+1"]]
    book.do(sortRange={"range": span(0, 0, 4, 2), "sortSpecs": [{"dimensionIndex": 0, "sortOrder": "DESCENDING"}]})
    assert book.formulas("A1:B4") == [[3, "=A1+1"], [2, "=A2+1"], [1, "=A3+1"]]


def test_texts_are_found_and_replaced(book):
    book.write("A1", [["Big dough", '="big"&1'], ["small dough", 5]])
    find = {"find": "DOUGH", "replacement": "7", "allSheets": True}
    done = book.do(findReplace=find)[0]["findReplace"]
    assert done == {"valuesChanged": 2, "rowsChanged": 2, "sheetsChanged": 1, "occurrencesChanged": 2}
    pattern = {"find": r"^(\w+) 7$", "replacement": "$1", "searchByRegex": True, "sheetId": 0, "matchEntireCell": True}
    book.do(findReplace=pattern)
    assert book.read("A1:A2") == [["Big"], ["small"]]
    assert book.do(findReplace={"find": "nothing", "allSheets": True}) == [{"findReplace": {}}]
    book.do(findReplace={"find": "5", "replacement": "2024-01-15", "allSheets": True})
    assert book.read("B2", valueRenderOption="UNFORMATTED_VALUE") == [[45306]]


def test_merged_cells(book, span, refused):
    book.write("A1", [["a", "b"], ["c", "d"]])
    book.do(mergeCells={"range": span(0, 0, 2, 2), "mergeType": "MERGE_ROWS"})
    assert book.read() == [["a"], ["c"]]
    assert len(book.get()["sheets"][0]["merges"]) == 2
    told = "You must select all cells in a merged range to merge or unmerge them."
    assert refused(lambda: book.do(mergeCells={"range": span(0, 0, 1, 1)}))[1].endswith(told)
    book.do(unmergeCells={"range": span(0, 0, 2, 2)})
    assert "merges" not in book.get()["sheets"][0]


def test_ranges_are_pushed_aside_and_duplicates_removed(book, span):
    book.write("A1", [["a", 1], ["b", 2], ["a", 1]])
    book.do(insertRange={"range": span(0, 0, 1, 1), "shiftDimension": "ROWS"})
    assert book.read("A1:B4") == [["", "1"], ["a", "2"], ["b", "1"], ["a"]]
    book.do(deleteRange={"range": span(0, 0, 1, 1), "shiftDimension": "ROWS"})
    assert book.read("A1:B3") == [["a", "1"], ["b", "2"], ["a", "1"]]
    assert book.do(deleteDuplicates={"range": span(0, 0, 3, 2)}) == [
        {"deleteDuplicates": {"duplicatesRemovedCount": 1}}
    ]
    assert book.read() == [["a", "1"], ["b", "2"]]


def test_named_ranges(book, span, refused):
    made = book.do(addNamedRange={"namedRange": {"name": "data", "range": span(0, 0, 2, 2)}})[0]["addNamedRange"]
    book.write("data", [[1, 2], [3, 4]])
    book.write("D1", [["=SUM(data)"]])
    assert book.read("D1") == [["10"]]
    for wrong in ("data", "A1", "1x", "a b"):
        named = {"name": wrong, "range": span(0, 0, 1, 1)}
        assert refused(lambda named=named: book.do(addNamedRange={"namedRange": named}))[0] == 400
    number = made["namedRange"]["namedRangeId"]
    book.do(deleteNamedRange={"namedRangeId": number})
    assert book.read("D1") == [["#NAME?"]]


def test_protected_ranges_keep_others_out(book, span, refused, control, client, files):
    other = control.act("add_account", name="other")
    control.act("share", file=book.id, email=other["client_email"])
    made = book.do(addProtectedRange={"protectedRange": {"range": span(0, 0, 1, 1)}})[0]["addProtectedRange"]
    theirs = type(book)(client("sheets", key=other).spreadsheets(), book.id)
    theirs.write("B1", [["free"]])
    told = "You are trying to edit a protected cell or object."
    status, message = refused(lambda: theirs.write("A1", [["kept out"]]))
    assert (status, message.startswith(told)) == (400, True)
    assert refused(lambda: theirs.do(deleteDimension={"range": rows_of(0, 1)}))[1].startswith(
        f"Invalid requests[0].deleteDimension: {told}"
    )
    book.write("A1", [["its owner"]])
    book.do(deleteProtectedRange={"protectedRangeId": made["protectedRange"]["protectedRangeId"]})
    theirs.write("A1", [["free too"]])
    assert book.read() == [["free too", "free"]]
