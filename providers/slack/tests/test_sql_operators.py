"""Results of queries in Slack: tables in messages, and files of every format."""

from __future__ import annotations

import datetime
import io
import json
import re
import sqlite3
import zipfile
from decimal import Decimal

import pytest

from tradewind.errors import DagError, TradewindError
from tradewind.sandbox import Control
from tradewind.states import TaskState
from tradewind_slack import SqlToSlackApiFileOperator, SqlToSlackOperator, SqlToSlackWebhookOperator
from tradewind_slack.row_files import writer_for
from tradewind_slack.tables import LONGEST, Table
from tradewind_slack.uploads import download

SQL = "select city, score from scores order by id"
PICKY = "{{ results_df | length }} rows; best: {{ results_df.records[0].city }} ({{ results_df.rows[0][1] }})"


@pytest.fixture
def warehouse(connection, tmp_path):
    path = tmp_path / "warehouse.db"
    with sqlite3.connect(path) as opened:
        opened.execute("create table scores (id integer primary key, city text, score real)")
        opened.executemany("insert into scores (city, score) values (?, ?)", [("Oslo", 9.5), ("<Köln> & 東京", None)])
    opened.close()
    return connection("warehouse", f"sqlite:///{path}")


@pytest.fixture
def task(workspace, warehouse):
    """Makes a task with both connections."""

    def make(kind, **given):
        return kind(task_id="tell", **{"sql": SQL, "sql_conn_id": "warehouse", "slack_conn_id": "slack", **given})

    return make


# -- messages


def test_a_table_is_posted(task, control, run_task):
    told = run_task(task(SqlToSlackOperator, slack_channel="#alerts", slack_message="Of {{ ds }}:\n{{ results_df }}"))
    (message,) = control.act("messages", channel="alerts")
    assert told.result == {"channel": "C0ALERTS", "ts": message["ts"]}
    assert message["text"].partition("\n")[2] == (
        "```\ncity           score\n-------------  -----\nOslo             9.5\n&lt;Köln&gt; &amp; 東京\n```"
    )


def test_a_message_picks_from_the_result(warehouse, webhook, run_task):
    given = {"slack_webhook_conn_id": "alerts", "slack_message": PICKY}
    run_task(SqlToSlackWebhookOperator(task_id="tell", sql=SQL, sql_conn_id="warehouse", **given))
    airflow = '{{ found | tabulate(tablefmt="pretty", headers="keys") }}'
    run_task(
        SqlToSlackWebhookOperator(
            task_id="tell",
            sql="select city from scores where id = :id",
            sql_conn_id="warehouse",
            parameters={"id": 1},
            slack_webhook_conn_id="alerts",
            slack_message=airflow,
            results_df_name="found",
        )
    )
    shown = Control(webhook).act("messages", channel="general")
    assert [one["text"] for one in shown] == ["2 rows; best: Oslo (9.5)", "```\ncity\n----\nOslo\n```"]


def test_a_message_may_be_in_a_file(task, texts, run_task, tmp_path):
    told = tmp_path / "told.j2"
    told.write_text("{{ results_df | length }} cities")
    run_task(task(SqlToSlackOperator, slack_channel="#alerts", slack_message=str(told)))
    assert texts("alerts") == ["2 cities"]


def test_what_cannot_be_posted(task, workspace, connection, run_task, texts):
    given = {"slack_channel": "#alerts"}
    with pytest.raises(DagError, match=r"channel= has no effect: a webhook posts to the channel that it was made for"):
        SqlToSlackWebhookOperator(task_id="x", sql=SQL, sql_conn_id="w", slack_message="x", slack_channel="#alerts")
    with pytest.raises(TradewindError, match=r"its sql returns no rows; the last statement must be a query"):
        run_task(task(SqlToSlackOperator, sql="delete from scores", **given))
    with pytest.raises(DagError, match=r"the connection 'slack' is no database: its SlackHook runs no SQL"):
        run_task(task(SqlToSlackOperator, sql_conn_id="slack", **given))
    with pytest.raises(TradewindError, match=r"slack_message is empty"):
        run_task(task(SqlToSlackOperator, slack_message="{{ '' }}", **given))
    with pytest.raises(TradewindError, match=r"results_dff"):
        run_task(task(SqlToSlackOperator, slack_message="{{ results_dff }}", **given))
    assert texts("alerts") == []


def test_a_result_that_is_too_long_is_cut_with_a_note(task, control, run_task):
    many = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 5000) select i, '<&>' as t from n"
    run_task(task(SqlToSlackOperator, sql=many, slack_channel="#alerts"))
    (message,) = control.act("messages", channel="alerts")
    text = message["text"]
    assert len(text) <= LONGEST
    shown = [line for line in text.splitlines() if "&amp;" in line]
    assert text.endswith(f"```\n_the first {len(shown)} rows of more_")
    assert len(shown) > 100
    control.act("limits", speed=0)


def test_how_tables_look():
    moment = datetime.datetime(2025, 11, 21, 9, 30)
    rows = [(1, "a\nb ```c", moment, None, True), (-20, "x" * 100, None, Decimal("1.50"), False)]
    text = str(Table(["n", "text", "at", "d", "ok"], rows))
    lines = text.splitlines()
    assert lines[1].split() == ["n", "text", "at", "d", "ok"]
    assert lines[3].startswith("  1  a b '''c ")
    assert "2025-11-21 09:30:00" in lines[3]
    assert lines[4].startswith("-20  " + "x" * 59 + "…  ")
    assert lines[4].endswith("  1.50  false")
    assert text.count("```") == 2
    empty = str(Table(["a", "b"], []))
    assert empty == "```\na  b\n-  -\n```"
    assert not Table(["a"], [])


def test_tables_that_are_too_wide_lose_columns():
    names = [f"column_{number}" for number in range(100)]
    text = str(Table(names, [tuple(range(100))] * 3))
    assert re.search(r"_the first \d+ of 100 columns_$", text)
    assert len({len(line) for line in text.splitlines()[1:-2]}) == 1
    widest = str(Table(["x"], [("y" * 60_000,)] * 1000))
    assert len(widest) <= LONGEST
    assert "_the first " in widest


def test_a_table_has_what_airflow_s_users_ask_a_data_frame():
    table = Table(["a"], [(1,), (2,)])
    assert (len(table), table.empty, list(table.columns), table.records) == (2, False, ["a"], [{"a": 1}, {"a": 2}])


# -- files


def sent(control):
    (message,) = control.act("messages", channel="alerts")
    (file,) = message["files"]
    return message, file


@pytest.mark.parametrize(
    ("suffix", "content"),
    [
        ("csv", "city,score\nOslo,9.5\n<Köln> & 東京,\n"),
        ("json", '[\n{"city": "Oslo", "score": 9.5},\n{"city": "<Köln> & 東京", "score": null}\n]\n'),
        ("jsonl", '{"city": "Oslo", "score": 9.5}\n{"city": "<Köln> & 東京", "score": null}\n'),
    ],
)
def test_a_result_is_sent_as_a_file(task, control, run_task, suffix, content):
    given = {"slack_channels": "#alerts", "slack_initial_comment": "Of {{ ds }}", "slack_title": "Scores"}
    told = run_task(task(SqlToSlackApiFileOperator, slack_filename=f"scores-{{{{ ds }}}}.{suffix}", **given))
    message, file = sent(control)
    day = told.run.logical_date.date().isoformat()
    assert (told.result, message["text"], file["title"]) == (2, f"Of {day}", "Scores")
    assert file["name"] == f"scores-{day}.{suffix}"
    assert control.act("file", file_id=file["id"]) == content


def test_xlsx(task, control, hook, run_task):
    run_task(task(SqlToSlackApiFileOperator, slack_filename="scores.xlsx", slack_channels="#alerts"))
    _, file = sent(control)
    with download(hook, file) as opened, zipfile.ZipFile(io.BytesIO(opened.read())) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
    assert re.findall(r"<t>(.*?)</t>", sheet) == ["city", "score", "Oslo", "&lt;Köln&gt; &amp; 東京"]
    assert "<v>9.5</v>" in sheet


def test_cells_of_excel_keep_their_types(tmp_path):
    at, day = datetime.datetime(2025, 11, 21, 12, 0), datetime.date(2025, 11, 21)
    rows = [(1, 2.5, Decimal("3.25"), True, at, day, "=1+1", 10**17, at.replace(tzinfo=datetime.UTC), float("nan"))]
    names = [f"c{number}" for number in range(len(rows[0]))]
    path = tmp_path / "x.xlsx"
    writer_for("x.xlsx")(path, names, rows)
    with zipfile.ZipFile(path) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
    cells = re.findall(r'<c r="[A-J]2"( s="\d")?( t="\w+")?>(?:<is><t[^>]*>|<v>)(.*?)<', sheet)
    assert [value for _, _, value in cells] == [
        *("1", "2.5", "3.25", "1", "45982.5", "45982", "=1+1", "100000000000000000"),
        *("2025-11-21 12:00:00+00", "NaN"),
    ]
    assert [kind.strip() for _, kind, _ in cells][3] == 't="b"'
    assert "<f>" not in sheet, "nothing of the rows is a formula"
    with pytest.raises(TradewindError, match=r"Row 1, column 1 has a text that is longer than a cell of Excel"):
        writer_for("x.xlsx")(path, ["a"], [("x" * 32_768,)])


def test_what_json_has_no_type_for(tmp_path):
    path = tmp_path / "x.json"
    row = (datetime.date(2025, 11, 21), Decimal("1.10"), b"\x01")
    writer_for("x.JSON")(path, ["d", "n", "b"], [row])
    assert json.loads(path.read_text()) == [{"d": "2025-11-21", "n": "1.10", "b": "\\x01"}]
    writer_for("x.json")(path, ["d"], [])
    assert json.loads(path.read_text()) == []


def test_a_result_without_rows(task, control, run_task):
    given = {"sql": "select city from scores where id > 9", "slack_filename": "x.csv", "slack_channels": "alerts"}
    assert run_task(task(SqlToSlackApiFileOperator, **given)).result == 0
    assert control.act("file", file_id=sent(control)[1]["id"]) == "city\n"
    skipped = run_task(task(SqlToSlackApiFileOperator, action_on_empty_df="skip", **given))
    assert skipped.state is TaskState.SKIPPED
    with pytest.raises(TradewindError, match=r"Task 'tell': the query returned no rows"):
        run_task(task(SqlToSlackApiFileOperator, action_on_empty_df="error", **given))
    with pytest.raises(DagError, match=r"action_on_empty_df='ignore' must be 'send', 'skip' or 'error'"):
        task(SqlToSlackApiFileOperator, action_on_empty_df="ignore", **given)
    with pytest.raises(DagError, match=r"it must end in .csv, .json, .jsonl, .xlsx"):
        run_task(task(SqlToSlackApiFileOperator, **{**given, "slack_filename": "x.parquet"}))
    assert len(control.act("messages", channel="alerts")) == 1


def test_nothing_is_sent_when_the_query_fails(task, control, run_task):
    with pytest.raises(Exception, match=r"no such column"):
        run_task(task(SqlToSlackApiFileOperator, sql="select x from scores", slack_filename="x.csv"))
    assert control.calls("/api/") == []
