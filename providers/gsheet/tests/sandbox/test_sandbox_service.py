"""Requests are checked against the description of the API; quotas, faults, pages; what is kept in a folder."""

from __future__ import annotations

import json
import time

import pytest
import requests
from google.oauth2 import service_account
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError

from tradewind.sandbox import Control
from tradewind_gsheet.sandbox import GSheetSandbox


@pytest.fixture
def ask(google, key):
    """`ask("POST", "/v4/spreadsheets", {...})`: a request that no client would send. Answers status and message."""
    scopes = ["https://www.googleapis.com/auth/spreadsheets", "https://www.googleapis.com/auth/drive"]
    credentials = service_account.Credentials.from_service_account_info(key, scopes=scopes)
    from google.auth.transport.requests import AuthorizedSession

    with AuthorizedSession(credentials) as session:

        def ask(method, path, body=None):
            answer = session.request(method, google.extra_dejson["api_endpoint"] + path, json=body, timeout=60)
            return answer.status_code, answer.json().get("error", {}).get("message", "")

        yield ask


# -- validation


def test_what_the_api_does_not_know_is_refused(ask, book):
    update = f"/v4/spreadsheets/{book.id}:batchUpdate"
    values = f"/v4/spreadsheets/{book.id}/values"
    unknown = "Invalid JSON payload received. Unknown name"

    def batch(*told):
        status, message = ask("POST", update, {"requests": list(told)})
        assert status == 400
        return message

    assert batch({"AddSheet": {}}) == f"{unknown} \"AddSheet\" at 'requests[0]': Cannot find field."
    assert batch({"addSheet": {"titel": "x"}}, {"deleteSheet": {"id": 1}}) == (
        f"{unknown} \"titel\" at 'requests[0].add_sheet': Cannot find field.\n"
        f"{unknown} \"id\" at 'requests[1].delete_sheet': Cannot find field."
    )
    assert batch({"appendDimension": {"dimension": "ROW"}}) == (
        "Invalid value at 'requests[0].append_dimension.dimension' "
        '(type.googleapis.com/google.apps.sheets.v4.Dimension), "ROW"'
    )
    assert batch({"appendDimension": {"length": "many"}}) == (
        "Invalid value at 'requests[0].append_dimension.length' (TYPE_INT32), \"many\""
    )
    assert ask("POST", "/v4/spreadsheets", {"properties": {"title": ["x"]}})[1] == (
        f"{unknown} \"title\" at 'spreadsheet.properties': Proto field is not repeating, cannot start list."
    )
    assert ask("PUT", f"{values}/A1?valueInputOption=RAW", {"valuez": []})[1] == (
        f"{unknown} \"valuez\" at 'data': Cannot find field."
    )
    assert ask("PUT", f"{values}/A1?valueInputOption=TYPED", {})[1] == (
        "Invalid value at 'value_input_option' (type.googleapis.com/google.apps.sheets.v4.ValueInputOption), \"TYPED\""
    )
    assert ask("GET", f"{values}/A1?nothing=1")[1] == (
        f"{unknown} \"nothing\": Cannot bind query parameter. Field 'nothing' could not be found in request message."
    )
    assert ask("POST", f"{values}:batchGetByDataFilter", {})[0] == 501
    assert ask("GET", "/v5/spreadsheets")[0] == 404


def test_other_ways_to_say_the_same(ask, book):
    """Names as in the protocol, numbers as texts, one for a list of one, nulls."""
    told = {"append_dimension": {"sheet_id": "0", "dimension": "ROWS", "length": "5"}}
    assert ask("POST", f"/v4/spreadsheets/{book.id}:batchUpdate", {"requests": told, "responseRanges": None})[0] == 200
    assert book.get()["sheets"][0]["properties"]["gridProperties"]["rowCount"] == 1005


# -- quotas


def test_quotas_are_off_and_can_be_set(sandbox, client):
    connection = sandbox("google_cloud_platform")
    control = Control(connection)
    mine = client("sheets", key=json.loads(connection.extra_dejson["keyfile_dict"])).spreadsheets()
    for _ in range(70):
        made = mine.create(body={}).execute()["spreadsheetId"]
    control.act("set_quota", read=3, write=60, minute=3600)
    for _ in range(3):
        mine.get(spreadsheetId=made).execute()
    with pytest.raises(HttpError) as caught:
        mine.get(spreadsheetId=made).execute()
    error = json.loads(caught.value.content)["error"]
    assert (error["code"], error["status"]) == (429, "RESOURCE_EXHAUSTED")
    assert error["message"].startswith(
        "Quota exceeded for quota metric 'Read requests' and limit 'Read requests per minute per user' of service "
        "'sheets.googleapis.com' for consumer 'project_number:"
    )
    assert error["details"][0]["reason"] == "RATE_LIMIT_EXCEEDED"
    mine.create(body={}).execute()  # writes are counted by themselves
    control.act("set_quota", read=2, minute=0.2)  # a short minute
    mine.get(spreadsheetId=made).execute()
    mine.get(spreadsheetId=made).execute()
    end = time.monotonic() + 10
    while not _is_allowed(mine.get(spreadsheetId=made)):
        assert time.monotonic() < end


def _is_allowed(call):
    try:
        call.execute()
    except HttpError as error:
        if error.status_code != 429:
            raise
        return False
    return True


# -- faults


def test_faults(book, control, refused):
    control.clear()
    control.fault("status", status=429, times=2, headers={"Retry-After": "1"}, path="/values/")
    assert refused(book.read)[0] == 429
    told = refused(lambda: book.write("A1", [[1]]))[1]
    assert told.startswith("Quota exceeded for quota metric 'Write requests'")
    control.fault("status", status=503)
    assert refused(book.read) == (503, "The service is currently unavailable.")
    control.fault("drop", times=2)  # httplib2 tries twice
    with pytest.raises(OSError, match="closed"):
        book.read()
    control.fault("lost", method="POST", path=":append")
    book.append("Sheet1", [["lost"]])
    assert book.read() == [["lost"], ["lost"]]  # it was done, and the client has repeated it
    book.write("A2", [[""]])
    control.fault("twice", method="POST", path=":append")
    book.append("Sheet1", [["twice"]])
    assert book.read() == [["lost"], ["twice"], ["twice"]]
    control.fault("slow", bytes_per_second=2000)
    assert book.read() == [["lost"], ["twice"], ["twice"]]
    kinds = [call.fault for call in control.calls() if call.fault]
    assert kinds == ["status", "status", "status", "drop", "drop", "lost", "twice", "slow"]


def test_clients_repeat_what_was_refused_for_now(book, control):
    """What google-api-python-client does by itself."""
    control.clear()
    control.fault("status", status=503, times=2, path="/values/")
    call = book.values.get(spreadsheetId=book.id, range="A1")
    call._sleep = lambda _: None
    assert call.execute(num_retries=3)["range"] == "Sheet1!A1"
    assert [one.status for one in control.calls("/values/")] == [503, 503, 200]


def test_the_token_endpoint_fails(control, client):
    control.fault("status", status=500, times=100, path="^/token")
    mine = client("sheets").spreadsheets()
    from google.auth.exceptions import RefreshError

    with pytest.raises(RefreshError):
        mine.create(body={}).execute()
    control.clear()
    mine.create(body={}).execute()


# -- pages


def test_pages(book, google, span):
    base = google.extra_dejson["api_endpoint"]
    book.write("A1", [["<script>alert(1)</script>", "5%", "=B1*2", True]])
    made = book.do(addSheet={"properties": {"title": "Tab <2>"}})[0]["addSheet"]["properties"]["sheetId"]
    bold = {"userEnteredFormat": {"textFormat": {"bold": True}}, "note": 'a "note"'}
    book.do(repeatCell={"range": span(0, 0, 1, 1), "cell": bold, "fields": "userEnteredFormat,note"})
    book.do(mergeCells={"range": span(2, 0, 4, 2)})
    hidden = book.do(addSheet={"properties": {"title": "hidden one", "hidden": True}})
    assert hidden
    page = requests.get(f"{base}/spreadsheets/d/{book.id}/edit#gid={made}", timeout=60)
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "<script>" not in page.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.text
    assert 'style="font-weight:bold" title="a &quot;note&quot;"' in page.text
    assert f'<section id="gid={made}">' in page.text
    assert "Tab &lt;2&gt;" in page.text
    assert "hidden one" not in page.text
    assert '<td class="n" title="=B1*2">0.1' in page.text
    assert "rowspan=2 colspan=2" in page.text
    assert f'href="/spreadsheets/d/{book.id}/edit"' in requests.get(f"{base}/", timeout=60).text
    assert requests.get(f"{base}/spreadsheets/d/nothing/edit", timeout=60).status_code == 404


def test_long_sheets_have_several_pages(book, google):
    url = f"{google.extra_dejson['api_endpoint']}/spreadsheets/d/{book.id}/edit"
    book.write("A1", [[f"row {number}"] for number in range(1, 601)])
    first, second = (requests.get(url, params=params, timeout=60).text for params in ({}, {"from": "501"}))
    assert "row 500<" in first
    assert "row 501<" not in first
    assert "from=501" in first
    assert "row 501<" in second
    assert "row 600<" in second


# -- a folder


def test_what_is_kept_in_a_folder_is_there_the_next_time(tmp_path, span):
    scopes = ["https://www.googleapis.com/auth/spreadsheets"]

    def spreadsheets(connection, info):
        credentials = service_account.Credentials.from_service_account_info(info, scopes=scopes)
        where = {"api_endpoint": connection.extra_dejson["api_endpoint"]}
        return build("sheets", "v4", credentials=credentials, client_options=where, static_discovery=True)

    with GSheetSandbox(folder=tmp_path / "kept") as connection:
        info = json.loads(connection.extra_dejson["keyfile_dict"])
        with spreadsheets(connection, info) as service:
            one = service.spreadsheets()
            key = one.create(body={"properties": {"title": "Kept"}}).execute()["spreadsheetId"]
            gone = one.create(body={"properties": {"title": "Gone"}}).execute()["spreadsheetId"]
            values = [["5%", "=A1*2", "2024-01-15", True, 1.5]]
            one.values().update(
                spreadsheetId=key, range="A1", valueInputOption="USER_ENTERED", body={"values": values}
            ).execute()
            requests_ = [
                {"mergeCells": {"range": span(2, 0, 4, 2)}},
                {"addNamedRange": {"namedRange": {"name": "data", "range": span(0, 0, 1, 5)}}},
            ]
            one.batchUpdate(spreadsheetId=key, body={"requests": requests_}).execute()
            before = one.get(spreadsheetId=key, includeGridData=True).execute()
        Control(connection).act("create_spreadsheet", title="Of a person")
        assert gone
    with GSheetSandbox(folder=tmp_path / "kept") as connection:
        again = json.loads(connection.extra_dejson["keyfile_dict"])
        assert again["private_key"] == info["private_key"]
        with spreadsheets(connection, again) as service:
            after = service.spreadsheets().get(spreadsheetId=key, includeGridData=True).execute()
            assert {**after, "spreadsheetUrl": ""} == {**before, "spreadsheetUrl": ""}
            found = service.spreadsheets().values().get(spreadsheetId=key, range="data").execute()
            assert found["values"] == [["5%", "0.1", "2024-01-15", "TRUE", "1.5"]]
        page = requests.get(f"http://{connection.host}:{connection.port}/", timeout=60).text
        assert "Of a person" in page
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "kept").rglob("*.json"))
