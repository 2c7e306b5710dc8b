"""SlackFile: what is in the channel after transfers that end well, are repeated, or fail."""

from __future__ import annotations

import pytest

from tradewind.errors import TransferError
from tradewind.testing.memory import Collected, Rows, SourceFailed
from tradewind.transfer import Column, LocalFile, Transfer, Type
from tradewind_slack import SlackError, SlackFile, SlackUnclear

COLUMNS = (Column("id", Type("int")), Column("name", Type("text")))


@pytest.fixture
def send(workspace, run_task):
    def transfer(rows=((1, "a"),), filename="rows.csv", fails_after=None, **given):
        sink = SlackFile("#alerts", filename, conn_id="slack", **given)
        source = Rows(COLUMNS, [tuple(row) for row in rows], fails_after)
        return run_task(Transfer(task_id="send", source=source, sink=sink))

    return transfer


@pytest.fixture
def shown(control):
    """Messages with files, each with the texts of those."""

    def look():
        found = control.act("messages", channel="alerts")
        return [
            (one["text"], [control.act("file", file_id=file["id"]) for file in one.get("files", ())]) for one in found
        ]

    return look


def test_a_file_is_shared_with_a_comment(send, shown, control):
    told = send(initial_comment="Of {{ ds }}", title="Rows of {{ ds }}", filename="rows-{{ ds }}.csv")
    day = told.run.logical_date.date().isoformat()
    assert shown() == [(f"Of {day}", ["id,name\n1,a\n"])]
    (message,) = control.act("messages", channel="alerts")
    assert (message["files"][0]["name"], message["files"][0]["title"]) == (f"rows-{day}.csv", f"Rows of {day}")
    assert told.result["rows"] == 1


def test_a_repeated_transfer_leaves_one_file(send, shown, hook, control):
    control.act("say", channel="alerts", text="between")
    hook.send_file_v2(channel_id="general", file_uploads={"content": "elsewhere", "filename": "rows.csv"})
    for value in "ab":
        send([(1, value)])
    send([(2, "c")], filename="other.csv")
    assert shown()[1:] == [("", ["id,name\n1,b\n"]), ("", ["id,name\n2,c\n"])]
    assert len(control.act("messages", channel="general")) == 1


def test_only_its_own_place_is_replaced(send, shown, hook, control):
    """What other tasks sent under the same name, into a thread or to several channels, stays."""
    root = hook.call("chat.postMessage", json={"channel": "alerts", "text": "root"})
    hook.send_file_v1_to_v2(channels=["alerts", "general"], content="both", filename="rows.csv")
    for value in "ab":
        send([(1, value)], thread_ts=root["ts"])
        send([(2, value)])
    assert shown() == [("root", []), ("", ["both"]), ("", ["id,name\n2,b\n"])]
    (reply,) = control.act("messages", channel="alerts")[0]["replies"]
    assert control.act("file", file_id=reply["files"][0]["id"]) == "id,name\n1,b\n"


def test_a_transfer_that_fails_shares_nothing(send, shown, control):
    send([(1, "old")])
    with pytest.raises(SourceFailed):
        send([(number, "x") for number in range(500)], fails_after=300)
    for path, kind in (("/upload/", "drop"), ("files.list", "status"), ("completeUpload", "status")):
        control.fault(kind, status=500, times=99, path=path)
        with pytest.raises(SlackError):
            send([(1, "new")])
        control.clear()
    assert shown() == [("", ["id,name\n1,old\n"])]


@pytest.mark.parametrize("path", ["getUpload", "/upload/", "completeUpload", "files.list", "files.delete", "auth.test"])
@pytest.mark.parametrize("kind", ["status", "cut"])
def test_faults_on_the_way(send, shown, control, path, kind):
    send([(1, "old")])
    control.fault(kind, status=503, times=2, path=path)
    try:
        send([(1, "new")])
    except SlackUnclear:
        assert (path, kind) == ("files.delete", "cut")  # it may have been done, and is not asked for twice
    assert shown() == [("", ["id,name\n1,new\n"])]


def test_reading(send, hook, workspace, run_task, tmp_path):
    hook.send_file_v2(channel_id="alerts", file_uploads={"content": "id,name\n1,older\n", "filename": "in.csv"})
    hook.send_file_v2(channel_id="alerts", file_uploads={"content": "id,name\n1,newer\n", "filename": "in.csv"})
    found = Collected(COLUMNS)
    run_task(Transfer(task_id="read", source=SlackFile("alerts", "in.csv", conn_id="slack"), sink=found))
    assert [tuple(map(str, row)) for row in found.rows] == [("1", "newer")]
    with pytest.raises(TransferError, match=r"There is no file 'x.csv' in the channel 'alerts'"):
        run_task(Transfer(task_id="read", source=SlackFile("alerts", "x.csv", conn_id="slack"), sink=found))
    target = tmp_path / "out.csv"
    source = SlackFile("C0ALERTS", "in.csv", conn_id="slack")
    run_task(Transfer(task_id="read", source=source, sink=LocalFile(target)))
    assert target.read_text() == "id,name\n1,newer\n"


def test_many_files_are_looked_through(hook, send, shown, control, monkeypatch):
    monkeypatch.setattr("tradewind_slack.endpoints._PAGE", 2)
    uploads = [{"content": str(number), "filename": f"{number}.txt"} for number in range(5)]
    hook.send_file_v2(channel_id="alerts", file_uploads=uploads)
    send([(1, "a")], filename="0.txt", format="csv")
    assert [text for _, files in shown() for text in files] == ["1", "2", "3", "4", "id,name\n1,a\n"]


def test_what_the_app_may_not(send, control):
    control.act("scopes", without=["files:read"])
    with pytest.raises(SlackError, match=r"refused files.list: missing_scope. The app lacks the scope files:read"):
        send()
    assert control.act("messages", channel="alerts") == []
