"""The operators, run as tasks against the stand-in."""

from __future__ import annotations

import sqlite3
import threading
import uuid
from typing import Any

import pytest

from tradewind.connection import Connection
from tradewind.testing import run_task
from tradewind_gsheet import (
    GoogleSheetsAppendOperator,
    GoogleSheetsClearOperator,
    GoogleSheetsCreateSpreadsheetOperator,
    GoogleSheetsReadOperator,
    SQLToGoogleSheetsOperator,
)
from tradewind_gsheet.errors import GSheetsError


def test_making_a_spreadsheet_in_a_folder(hook, control):
    """With a drive_id Airflow used the title, and nothing else."""
    folder = (
        hook.client()
        .http_client.request(
            "post",
            "https://www.googleapis.com/drive/v3/files",
            json={"name": "reports", "mimeType": "application/vnd.google-apps.folder"},
        )
        .json()["id"]
    )
    task = GoogleSheetsCreateSpreadsheetOperator(
        task_id="make",
        spreadsheet={"properties": {"title": "Report"}, "sheets": [{"properties": {"title": "Daily"}}]},
        drive_id=folder,
        gcp_conn_id="sheets",
    )
    pushed: dict[str, Any] = {}

    class Instance:
        def xcom_push(self, key: str, value: Any) -> None:
            pushed[key] = value

    made = task.execute({"ti": Instance()})
    assert pushed == {"spreadsheet_id": made["spreadsheetId"], "spreadsheet_url": made["spreadsheetUrl"]}
    assert hook.get_sheet_titles(pushed["spreadsheet_url"]) == ["Daily"]
    assert [one["id"] for one in hook.client().list_spreadsheet_files(folder_id=folder)] == [made["spreadsheetId"]]


def test_a_task_that_is_run_again_can_reuse_its_spreadsheet(key):
    def task(title: str) -> GoogleSheetsCreateSpreadsheetOperator:
        told = {"properties": {"title": title}}
        return GoogleSheetsCreateSpreadsheetOperator(task_id="make", spreadsheet=told, reuse=True, gcp_conn_id="sheets")

    assert run_task(task("Targets")).result["spreadsheetId"] == key
    made = [run_task(task("Report {{ ds }}")).result["spreadsheetId"] for _ in range(2)]
    assert made[0] == made[1] != key


def test_appending_reading_clearing(hook, key):
    append = GoogleSheetsAppendOperator(
        task_id="append",
        spreadsheet=key,
        tab="Log",
        rows=[{"n": "{{ 40 + 2 }}", "what": "x"}],
        partition={"day": "{{ ds }}"},
        create=True,
        gcp_conn_id="sheets",
    )
    for _ in range(2):
        assert run_task(append).result == 1
    read = GoogleSheetsReadOperator(
        task_id="read", spreadsheet="Targets", tab="Log", numericise=True, expected_headers=["n"], gcp_conn_id="sheets"
    )
    [row] = run_task(read).result
    assert row["n"] == 42
    assert set(row) == {"n", "what", "day"}
    clear = GoogleSheetsClearOperator(task_id="clear", spreadsheet="Targets", ranges=["Log!A2:C"], gcp_conn_id="sheets")
    assert len(run_task(clear).result) == 1
    assert hook.get_rows(key, "Log") == [["n", "what", "day"]]


@pytest.fixture
def database(tmp_path, monkeypatch):
    path = tmp_path / "shop.db"
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", Connection(conn_type="sqlite", host=str(path)).get_uri())
    with sqlite3.connect(path) as conn:
        conn.execute("create table orders (id int, name text)")
        conn.executemany("insert into orders values (?, ?)", [(n, f"order {n}") for n in range(1, 31)])
    conn.close()


def test_sql_to_sheets(hook, key, database):
    """Airflow left what an earlier, longer result had written below."""

    def load(limit: int) -> None:
        task = SQLToGoogleSheetsOperator(
            task_id="load",
            sql="select id, name, null as blank from orders order by id limit :number",
            parameters={"number": limit},
            spreadsheet_id=key,
            spreadsheet_range="Sheet1!B2",
            sql_conn_id="shop",
            gcp_conn_id="sheets",
        )
        assert run_task(task).result == {"rows": limit}

    load(30)
    assert len(hook.get_rows(key)) == 32
    load(2)
    assert hook.get_rows(key) == [
        ["", "", "", ""],
        ["", "id", "name", "blank"],
        ["", 1, "order 1", ""],
        ["", 2, "order 2", ""],
    ]
    load(0)
    assert hook.get_rows(key)[1:] == [["", "id", "name", "blank"]]


def test_sql_that_gives_no_rows_and_a_connection_that_runs_no_sql(key, database):
    def task(**given: Any) -> SQLToGoogleSheetsOperator:
        told = {"sql": "select 1", "sql_conn_id": "shop", **given}
        return SQLToGoogleSheetsOperator(task_id="load", spreadsheet_id=key, gcp_conn_id="sheets", **told)

    with pytest.raises(GSheetsError, match="write a query, such as SELECT"):
        run_task(task(sql="delete from orders"))
    with pytest.raises(GSheetsError, match="for GSheetsHook, which does not run SQL"):
        run_task(task(sql_conn_id="sheets"))


def test_every_type_of_postgresql(hook, key, sandbox, monkeypatch):
    """Times, UUIDs and bytes made Airflow's operator fail."""
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", sandbox("postgres").get_uri())
    sql = """
        select 1 as i, 1.50::numeric as n, time '01:02' as t, date '2025-11-21' as d,
        timestamptz '2025-11-21 12:00+01' as z, '\\x00ff'::bytea as b, true as o, interval '1 day' as v,
        '00000000-0000-0000-0000-000000000001'::uuid as u, '{"a": 1}'::jsonb as j, array[1, 2] as a, null as x
    """
    task = SQLToGoogleSheetsOperator(
        task_id="load", sql=sql, spreadsheet_id=key, sql_conn_id="warehouse", gcp_conn_id="sheets"
    )
    run_task(task)
    [row] = hook.get_records(key)
    assert row == {
        "i": 1,
        "n": 1.5,
        "t": "01:02:00",
        "d": "2025-11-21",
        "z": "2025-11-21 11:00:00+00",
        "b": "\\x00ff",
        "o": True,
        "v": "P1DT0S",
        "u": str(uuid.UUID(int=1)),
        "j": '{"a":1}',
        "a": "{1,2}",
        "x": "",
    }


def test_a_stop_reaches_google_and_the_database(hook, key, control, database):
    """The task waits for its turn; a stop ends that at once, and the table is as it was."""
    control.fault("status", status=429, times=100, headers={"Retry-After": "200"})
    task = SQLToGoogleSheetsOperator(
        task_id="load", sql="select * from orders", spreadsheet_id=key, sql_conn_id="shop", gcp_conn_id="sheets"
    )
    failed: list[Exception] = []

    def run() -> None:
        try:
            task.execute({})
        except Exception as error:
            failed.append(error)

    working = threading.Thread(target=run)
    working.start()
    while not control.calls():
        working.join(0.02)
    task.on_kill()
    working.join(60)
    assert not working.is_alive()
    assert "the task is stopped" in str(failed[0])
    control.clear()
    assert hook.get_rows(key) == []
