"""The hook's own methods, and the clients that it gives, against the stand-in."""

from __future__ import annotations

import datetime
import uuid
from decimal import Decimal

import pytest

from tradewind_gsheet import Numbers
from tradewind_gsheet.errors import BadRange, GSheetsError, SpreadsheetNotFound


def test_airflows_methods(hook, key):
    assert hook.update_values(key, "Sheet1!A1", [["id", "name"], [1, "x"]])["updatedCells"] == 4
    assert hook.get_values(key, "Sheet1!A1:B2") == [["id", "name"], ["1", "x"]]
    assert hook.get_values(key, "Sheet1!A1:B2", "COLUMNS", "UNFORMATTED_VALUE") == [["id", 1], ["name", "x"]]
    done = hook.batch_update_values(key, ["A3", "Sheet1!D1:D2"], [[[2, "y"]], [["d"], ["e"]]])
    assert done["totalUpdatedCells"] == 4
    found = hook.batch_get_values(key, ["Sheet1!A3:B3", "D1"])["valueRanges"]
    assert [one["values"] for one in found] == [[["2", "y"]], [["d"]]]
    assert hook.append_values(key, "Sheet1!A1:B1", [[3, "z"]])["updates"]["updatedRange"] == "Sheet1!A4:B4"
    assert hook.clear(key, "Sheet1!D1:D2")["clearedRange"] == "Sheet1!D1:D2"
    assert hook.batch_clear(key, ["A4:B4", "A3:B3"])["clearedRanges"] == ["Sheet1!A4:B4", "Sheet1!A3:B3"]
    assert hook.get_rows(key) == [["id", "name"], [1, "x"]]
    assert hook.get_spreadsheet(key)["properties"]["title"] == "Targets"
    assert hook.get_sheet_titles(key) == ["Sheet1"]
    assert hook.get_sheet_titles(key, ["Sheet2"]) == []


def test_urls_keys_and_titles(hook, key, control):
    url = hook.get_spreadsheet(key)["spreadsheetUrl"]
    assert hook.resolve(url) == hook.resolve(key) == hook.resolve("Targets") == key
    assert hook.get_sheet_titles(url) == ["Sheet1"]
    assert hook.open("Targets").id == key
    with pytest.raises(SpreadsheetNotFound, match=r"sees no spreadsheet 'Target': .* share it with tradewind@"):
        hook.resolve("Target")
    with pytest.raises(SpreadsheetNotFound, match="not the URL"):
        hook.resolve("https://example.com/x")
    quoted = hook.create_spreadsheet({"properties": {"title": 'a "b" \\ c'}})["spreadsheetId"]
    assert hook.resolve('a "b" \\ c') == quoted
    other = hook.create_spreadsheet({"properties": {"title": "Targets"}})["spreadsheetId"]
    with pytest.raises(GSheetsError, match="sees 2 spreadsheets 'Targets'") as caught:
        hook.resolve("Targets")
    assert key in str(caught.value)
    assert other in str(caught.value)


def test_a_spreadsheet_that_is_made_once(hook, key):
    assert hook.ensure_spreadsheet("Targets") == key
    made = hook.ensure_spreadsheet("Summary")
    assert made != key
    assert hook.ensure_spreadsheet("Summary") == made


def test_a_tab_that_is_not_there(hook, key):
    for ask in (
        lambda: hook.get_values(key, "Sheet2!A1"),
        lambda: hook.update_values(key, "Sheet2!A1", [[1]]),
        lambda: hook.get_records(key, "Sheet2"),
    ):
        with pytest.raises(BadRange, match="'Sheet1'"):
            ask()


def test_what_is_refused_before_it_is_sent(hook, key, control):
    control.clear()
    with pytest.raises(GSheetsError, match="Row 2 has 1 values, and the first one 2"):
        hook.update_values(key, "A1", [[1, 2], [3]])
    with pytest.raises(GSheetsError, match="more than the 10,000,000 cells"):
        hook.update_values(key, "A1", [[1] * 20] * 500_001)
    with pytest.raises(GSheetsError, match="Row 1 has a object"):
        hook.append_values(key, "A1", [[object()]])
    with pytest.raises(GSheetsError, match="2 ranges, and values for 1"):
        hook.batch_update_values(key, ["A1", "B1"], [[[1]]])
    assert control.calls() == []


def test_every_value_has_a_place(hook, key):
    """Airflow's operator failed on times, UUIDs and bytes."""
    values = [datetime.time(1, 2), uuid.UUID(int=1), b"\xff", Decimal("1.5"), None, True, datetime.date(2025, 1, 2)]
    hook.update_values(key, "A1", [values])
    assert hook.get_rows(key) == [["01:02:00", str(uuid.UUID(int=1)), "\\xff", 1.5, "", True, "2025-01-02"]]


def test_a_text_like_a_formula_is_executed_only_if_one_says_so(hook, key):
    hook.update_values(key, "A1", [["=1+1", "1/2/2025", "007"]])
    assert hook.get_rows(key) == [["=1+1", "1/2/2025", "007"]]
    hook.update_values(key, "A2", [["=1+1", "1/2/2025", "007"]], value_input_option="USER_ENTERED")
    assert hook.get_rows(key, "Sheet1!A2:C2") == [[2, 45659, 7]]


def test_rows_are_of_one_length(hook, key):
    hook.update_values(key, "A1", [["a", None, None], [1, 2, 3], [None, None, None], ["x", None, None]])
    assert hook.get_values(key, "Sheet1") == [["a"], ["1", "2", "3"], [], ["x"]]
    assert hook.get_rows(key) == [["a", "", ""], [1, 2, 3], ["", "", ""], ["x", "", ""]]
    assert hook.get_rows(key, blank=None)[0] == ["a", None, None]
    assert list(hook.iter_rows(key, "Sheet1!A2:B2")) == [[1, 2]]
    assert hook.get_rows(key, "Sheet1!Z1:Z5") == []


def test_records(hook, key):
    hook.update_values(
        key, "A1", [["id", "zip", "amount"], [1, "007", "1,234.5"], ["", "", ""], [2, "", "n/a"], [3, "1", "7"]]
    )
    assert hook.get_records(key) == [
        {"id": 1, "zip": "007", "amount": "1,234.5"},
        {"id": 2, "zip": "", "amount": "n/a"},
        {"id": 3, "zip": "1", "amount": "7"},
    ]
    told = hook.get_records(key, numericise=True, numericise_ignore=["zip"], default_blank=None)
    assert told == [
        {"id": 1, "zip": "007", "amount": 1234.5},
        {"id": 2, "zip": None, "amount": "n/a"},
        {"id": 3, "zip": "1", "amount": 7},
    ]
    assert hook.get_records(key, numericise=True, numericise_ignore=["all"]) == hook.get_records(key)
    german = Numbers(decimal=",", thousands=".", percent=True, currency="€")
    hook.update_values(key, "C2", [["1.234,50 €"], [None], ["12,5 %"]])
    assert [one["amount"] for one in hook.get_records(key, numericise=german)] == [1234.5, 0.125, 7]
    assert hook.get_records(key, "Sheet1!A1:B") == [
        {"id": 1, "zip": "007"},
        {"id": 2, "zip": ""},
        {"id": 3, "zip": "1"},
    ]
    assert hook.get_records(key, head=2) == [
        {"1": 2, "007": "", "1.234,50 €": "12,5 %"},
        {"1": 3, "007": "1", "1.234,50 €": "7"},
    ]
    with pytest.raises(GSheetsError, match="the header in row 4 has no name for column B"):
        hook.get_records(key, head=4)


def test_headers_that_cannot_be_right(hook, key):
    hook.update_values(key, "A1", [["a", "b", "a"], [1, 2, 3]])
    with pytest.raises(GSheetsError, match="the header has 'a' more than once"):
        hook.get_records(key)
    hook.update_values(key, "A1", [["a", None, "c"]])
    with pytest.raises(GSheetsError, match="no name for column B"):
        hook.get_records(key)
    hook.update_values(key, "A1", [["a", "b", "c"]])
    with pytest.raises(GSheetsError, match="the header lacks 'd'; it has 'a', 'b', 'c'"):
        hook.get_records(key, expected_headers=["a", "d"])
    with pytest.raises(GSheetsError, match="no column 'z', which numericise_ignore"):
        hook.get_records(key, numericise_ignore=["z"])
    hook.clear(key, "Sheet1")
    with pytest.raises(GSheetsError, match="the header in row 1 is blank"):
        hook.get_records(key)


@pytest.mark.parametrize("df_type", ["pandas", "polars"])
def test_data_frames(hook, key, df_type):
    hook.update_values(key, "A1", [["id", "name", "mixed"], [1, "x", 1], [2, None, "b"]])
    frame = hook.get_df(key, df_type=df_type)
    assert list(frame.columns) == ["id", "name", "mixed"]
    assert frame["id"].sum() == 3
    assert frame.shape == (2, 3)
    with pytest.raises(GSheetsError, match="'pandas' or 'polars'"):
        hook.get_df(key, df_type="excel")


def test_the_real_clients(hook, key, control):
    """Both libraries use the login, the server and the limits of the connection."""
    sheet = hook.client().open_by_key(key).sheet1
    sheet.append_row(["by", "gspread"])
    service = hook.get_conn()
    body = {"values": [["by", "googleapiclient"]]}
    service.spreadsheets().values().update(spreadsheetId=key, range="A2", valueInputOption="RAW", body=body).execute()
    assert sheet.get_all_values() == [["by", "gspread"], ["by", "googleapiclient"]]
    control.fault("status", status=429, times=2, headers={"Retry-After": "0"})
    assert service.spreadsheets().get(spreadsheetId=key).execute()["spreadsheetId"] == key
    assert [call.status for call in control.calls()[-3:]] == [429, 429, 200]
    import gspread

    with pytest.raises(gspread.SpreadsheetNotFound):
        hook.client().open_by_key("x" * 40)


def test_sharing_and_exporting(hook, key, tmp_path):
    hook.update_values(key, "A1", [["a", "b"], [1, "ü,x"]])
    hook.share(key, "ann@example.com", "writer")
    told = hook.client().list_permissions(key)
    assert ("ann@example.com", "writer") in {(one.get("emailAddress"), one["role"]) for one in told}
    assert hook.export(key, format="csv").decode().splitlines() == ["a,b", '1,"ü,x"']
    assert hook.export("Targets", tmp_path / "t.xlsx")[:2] == b"PK"
    assert (tmp_path / "t.xlsx").read_bytes()[:2] == b"PK"
    with pytest.raises(GSheetsError, match="no format 'doc'"):
        hook.export(key, tmp_path / "t.doc")


def test_making_a_spreadsheet_in_a_folder_keeps_all_that_was_said(hook, control):
    """Airflow's operator used only the title there."""
    folder = (
        hook.client()
        .http_client.request(
            "post",
            "https://www.googleapis.com/drive/v3/files",
            json={"name": "reports", "mimeType": "application/vnd.google-apps.folder"},
        )
        .json()["id"]
    )
    wanted = {"properties": {"title": "Sales", "locale": "de_DE"}, "sheets": [{"properties": {"title": "Januar"}}]}
    made = hook.create_spreadsheet(wanted, folder_id=folder)
    assert made["properties"]["locale"] == "de_DE"
    assert hook.get_sheet_titles(made["spreadsheetId"]) == ["Januar"]
    found = hook.client().list_spreadsheet_files(folder_id=folder)
    assert [one["id"] for one in found] == [made["spreadsheetId"]]
