"""Programs that know nothing of the sandbox: the examples of gspread's README, as they are installed with it."""

from __future__ import annotations

import doctest
import importlib.metadata
import os
import re
import subprocess
import sys
from pathlib import Path

import google.auth
import gspread
import pytest
import requests
from googleapiclient.discovery import build

from tradewind.connection import Connection
from tradewind.errors import SandboxError
from tradewind_gsheet.sandbox import in_place_of_google


def examples():
    """The Python blocks of the README of the gspread that is installed."""
    text = importlib.metadata.metadata("gspread").get_payload()
    return re.findall(r"^```python\n(.*?)^```", str(text), re.DOTALL | re.MULTILINE)


@pytest.fixture
def client(google):
    with in_place_of_google(google) as key_file:
        made = gspread.service_account(str(key_file))
        yield made
        made.http_client.session.close()


def test_the_first_example_of_the_readme_runs_as_a_program_of_its_own(client, google, tmp_path):
    first = next(block for block in examples() if "gspread.service_account()" in block)
    (tmp_path / "first.py").write_text(first, encoding="utf-8")
    made = client.create("Where is the money Lebowski?")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GOOGLE_", "AIRFLOW_"))}
    done = subprocess.run(
        [sys.executable, "-m", "tradewind_gsheet.sandbox", "--conn-id", "sheets", "first.py"],
        cwd=tmp_path,
        env={**kept, "HOME": str(tmp_path), "AIRFLOW_CONN_SHEETS": google.get_uri()},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert made.sheet1.get("A1:B2") == [["1", "2"], ["3", "4"]]
    assert made.sheet1.acell("B42").value == "it's down there somewhere, let me take another look."
    told = made.fetch_sheet_metadata({"fields": "sheets.data.rowData.values.userEnteredFormat.textFormat.bold"})
    assert told["sheets"][0]["data"][0]["rowData"][0]["values"][1] == {
        "userEnteredFormat": {"textFormat": {"bold": True}}
    }


def test_the_other_examples_of_the_readme(client, control, capsys):
    """They are run one after the other with what they take for granted; the prompts in them are checked."""
    for key in ("0BmgG6nO_6dprdS1MN3d3MkdPa142WFRrdnRRUWl1UFE", "0Bm...FE"):
        control.act("create_spreadsheet", title=key, id=key)
        control.act("share", file=key, email=client.http_client.auth.service_account_email)
    client.create("My poor gym results")
    worksheet = client.create("Examples").sheet1
    worksheet.update([["A1", "B1"], ["A2"], ["Dough", "Rug store"], ["Big dough", "Small rug"]], "A1")
    names = {"re": re, "gc": client, "worksheet": worksheet}
    run = 0
    for block in examples()[1:]:
        if ">>>" in block or not _is_python(block):
            continue
        exec(compile(block, "README", "exec"), names)
        if "gc.create" in block:
            names["sh"].add_worksheet("January", 10, 10)
        names["worksheet"] = worksheet  # one of them deletes its own
        run += 1
    assert run >= 12
    assert "Found something at R3C1" in capsys.readouterr().out
    assert worksheet.get("J42:K43") == [["1", "2"], ["3", "4"]]
    assert [one["emailAddress"] for one in names["sh"].list_permissions()][1:] == ["otto@example.com"]
    worksheet.batch_clear(["A1:Z1000"])
    worksheet.update([["A1", "B1"], ["A2"]], "A1")
    prompted = [block for block in examples() if block.startswith('>>> worksheet.get("A1:B4"')]
    assert len(prompted) == 3
    for block in prompted:
        test = doctest.DocTestParser().get_doctest(block, {"worksheet": worksheet}, "README", None, 0)
        assert doctest.DocTestRunner().run(test).failed == 0


def _is_python(block):
    try:
        compile(block, "README", "exec")
    except SyntaxError:  # one of them lacks a comma
        return False
    return True


def test_googles_client_without_a_word_about_an_endpoint(client, google):
    credentials, project = google_default()
    assert project == google.extra_dejson["project"]
    with build("sheets", "v4", credentials=credentials, static_discovery=True) as service:
        key = service.spreadsheets().create(body={"properties": {"title": "By default"}}).execute()["spreadsheetId"]
    assert client.open_by_key(key).title == "By default"


def google_default():
    return google.auth.default(scopes=["https://www.googleapis.com/auth/spreadsheets"])


def test_everything_is_as_before_behind_the_block(google):
    send, defaults = requests.Session.send, gspread.auth.service_account.__defaults__
    with in_place_of_google(google) as key_file:
        assert Path(key_file).stat().st_mode & 0o077 == 0
        assert requests.Session.send is not send
    assert not key_file.exists()
    assert requests.Session.send is send
    assert gspread.auth.service_account.__defaults__ == defaults
    assert "GOOGLE_APPLICATION_CREDENTIALS" not in os.environ


def test_other_hosts_are_left_alone(google):
    with in_place_of_google(google):
        page = requests.get(f"{google.extra_dejson['api_endpoint']}/", timeout=60)
    assert page.status_code == 200


def test_only_for_a_sandbox():
    with (
        pytest.raises(SandboxError, match="not that of a Google Sheets sandbox"),
        in_place_of_google(Connection("x", "google_cloud_platform")),
    ):
        pass


# -- more of gspread


def test_worksheets_of_gspread(client):
    sheet = client.create("Worksheets").sheet1
    sheet.update([["name", "value"], ["b", 2], ["a", 1]], "A1")
    assert sheet.get_all_records() == [{"name": "b", "value": 2}, {"name": "a", "value": 1}]
    sheet.sort((1, "asc"), range="A2:B3")
    assert sheet.col_values(1) == ["name", "a", "b"]
    sheet.insert_row(["c", 3], 2)
    sheet.delete_rows(3)
    sheet.append_row(["d", 4])
    assert sheet.get_values() == [["name", "value"], ["c", "3"], ["b", "2"], ["d", "4"]]
    sheet.freeze(rows=1)
    sheet.resize(10, 3)
    sheet.insert_note("A1", "a note")
    assert sheet.get_note("A1") == "a note"
    sheet.define_named_range("A2:B4", "data")
    assert sheet.get("data") == [["c", "3"], ["b", "2"], ["d", "4"]]
    copied = sheet.duplicate(new_sheet_name="Copy")
    assert copied.get("A1:B1") == [["name", "value"]]
    sheet.batch_format([{"range": "A1:B1", "format": {"textFormat": {"bold": True}}}])
    sheet.hide_columns(1, 2)
    assert client.open("Worksheets").worksheet("Copy").row_count == 10
    with pytest.raises(gspread.exceptions.SpreadsheetNotFound):
        client.open("nothing")
    with pytest.raises(gspread.exceptions.WorksheetNotFound):
        client.open("Worksheets").worksheet("nothing")
