"""The operators, run as tasks against the stand-in."""

from __future__ import annotations

import pytest

from tradewind.connection import stand_ins
from tradewind.errors import ConnectionNotFound, DagError, MissingArgument, TradewindError
from tradewind.sandbox import Control
from tradewind.secrets import variable_name
from tradewind_slack import (
    SlackAPIConversationsHistoryOperator,
    SlackAPIFileOperator,
    SlackAPIOperator,
    SlackAPIPostOperator,
    SlackError,
    SlackHook,
    SlackWebhookOperator,
)

ID = {"slack_conn_id": "slack"}


def test_posting(workspace, control, run_task):
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "{{ ds }}"}}]
    told = run_task(SlackAPIPostOperator(task_id="tell", channel="#alerts", text="of {{ ds }}", blocks=blocks, **ID))
    posted = told.result
    assert set(posted) == {"channel", "ts"}
    more = {"username": "loader", "icon_url": "https://x.example/i.png", "attachments": [{"text": "more"}]}
    answer = SlackAPIPostOperator(
        task_id="answer",
        channel=posted["channel"],
        text="done",
        thread_ts="{{ ti.xcom_pull('tell')['ts'] }}",
        api_params={"unfurl_links": False},
        **more,
        **ID,
    )
    run_task(answer, xcoms={"tell": posted})
    (root,) = control.act("messages", channel="alerts")
    day = told.run.logical_date.date().isoformat()
    assert (root["text"], root["blocks"][0]["text"]["text"], root["ts"]) == (f"of {day}", day, posted["ts"])
    (reply,) = root["replies"]
    assert (reply["text"], reply["username"], reply["attachments"][0]["text"]) == ("done", "loader", "more")


def test_text_and_channel_are_required(workspace, run_task, texts):
    """In Airflow a forgotten text posts a joke to #general."""
    with pytest.raises(MissingArgument, match=r"text"):
        SlackAPIPostOperator(task_id="tell", channel="#general")
    with pytest.raises(MissingArgument, match=r"channel"):
        SlackAPIPostOperator(task_id="tell", text="x")
    for text in ("", "  ", "{{ '' }}"):
        with pytest.raises(TradewindError, match=r"Task 'tell': text is empty, so there is nothing to post"):
            run_task(SlackAPIPostOperator(task_id="tell", channel="#general", text=text, **ID))
    with pytest.raises(TradewindError, match=r"channel is empty"):
        run_task(SlackAPIPostOperator(task_id="tell", channel="{{ '' }}", text="x", **ID))
    with pytest.raises(TradewindError, match=r"text has 40,001 characters, and Slack cuts messages at 40,000"):
        run_task(SlackAPIPostOperator(task_id="tell", channel="#general", text="x" * 40_001, **ID))
    assert texts() == []


def test_a_token_in_place_of_a_connection(sandbox, run_task):
    made = sandbox("slack")
    url = f"http://{made.host}:{made.port}/api/"
    given = {"channel": "#general", "text": ":red_circle: failed", "username": "loader", "base_url": url}
    run_task(SlackAPIPostOperator(task_id="tell", token=made.password, **given))
    (message,) = Control(made).act("messages", channel="general")
    assert (message["text"], message["username"]) == (given["text"], "loader")
    with pytest.raises(SlackError, match=r"invalid_auth") as refused:
        run_task(SlackAPIPostOperator(task_id="tell", token="xoxb-of-nobody", **given))
    assert "xoxb-of-nobody" not in str(refused.value)


def test_a_token_does_not_get_past_a_sandbox(sandbox, monkeypatch):
    monkeypatch.setenv(stand_ins.VARIABLE, "")
    with pytest.raises(ConnectionNotFound, match=r"slack_api_default"):
        SlackHook(token="xoxb-of-the-real-slack").call("auth.test")
    monkeypatch.setenv(variable_name("slack_api_default"), sandbox("slack").get_uri())
    monkeypatch.setenv(stand_ins.VARIABLE, variable_name("slack_api_default"))
    assert SlackHook(token="xoxb-of-the-real-slack").call("auth.test")["ok"]


def test_a_refusal_fails_the_task(workspace, run_task):
    with pytest.raises(SlackError, match=r"Connection 'slack': Slack refused chat.postMessage: channel_not_found"):
        run_task(SlackAPIPostOperator(task_id="tell", channel="#nowhere", text="x", **ID))


def test_any_method(workspace, run_task):
    made = run_task(
        SlackAPIOperator(task_id="make", method="conversations.create", api_params={"name": "{{ task.task_id }}"}, **ID)
    )
    assert made.result["channel"]["name"] == "make"
    with pytest.raises(DagError, match=r"Task 'make': method must name what is called"):
        run_task(SlackAPIOperator(task_id="make", **ID))


def test_files(workspace, control, run_task, tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("a,b\n1,2\n")
    by_path = SlackAPIFileOperator(
        task_id="send",
        channels="#alerts,general",
        filename=str(tmp_path / "{{ 'rows' }}.csv"),
        title="Rows of {{ ds }}",
        initial_comment="Here",
        **ID,
    )
    (file_id,) = run_task(by_path).result
    assert control.act("file", file_id=file_id) == "a,b\n1,2\n"
    for channel in ("alerts", "general"):
        (message,) = control.act("messages", channel=channel)
        assert (message["text"], message["files"][0]["name"]) == ("Here", "rows.csv")
    by_text = SlackAPIFileOperator(
        task_id="log",
        channels=["C0ALERTS"],
        content="{{ 'a line' }}\n",
        display_filename="log-{{ ds }}.txt",
        thread_ts=message_ts(control),
        **ID,
    )
    (file_id,) = run_task(by_text).result
    assert control.act("file", file_id=file_id) == "a line"  # templates end without their last line end
    assert control.act("messages", channel="alerts")[0]["replies"][0]["files"][0]["id"] == file_id
    with pytest.raises(DagError, match=r"Task 'x': give filename= or content=, one of them"):
        SlackAPIFileOperator(task_id="x", channels="#alerts")


def message_ts(control):
    return control.act("messages", channel="alerts")[0]["ts"]


def test_history(workspace, hook, control, run_task, monkeypatch):
    monkeypatch.setattr("tradewind_slack.operators._PAGE", 2)
    moments = [hook.call("chat.postMessage", json={"channel": "alerts", "text": str(n)})["ts"] for n in range(5)]

    def texts(**given):
        told = run_task(SlackAPIConversationsHistoryOperator(task_id="read", channel="#alerts", **given, **ID))
        return [one["text"] for one in told.result]

    assert texts() == ["4", "3", "2", "1", "0"]
    assert texts(limit=3) == ["4", "3", "2"]
    assert texts(oldest=moments[2]) == ["4", "3", "2"]
    assert texts(oldest=moments[2], inclusive=False) == ["4", "3"]
    assert texts(latest=moments[1]) == ["1", "0"]


def test_a_webhook(webhook, run_task):
    given = {"slack_webhook_conn_id": "alerts"}
    run_task(SlackWebhookOperator(task_id="tell", message="of {{ task.task_id }}", **given))
    run_task(SlackWebhookOperator(task_id="tell", blocks=[{"type": "divider"}], **given))
    shown = Control(webhook).act("messages", channel="general")
    assert [one["text"] for one in shown] == ["of tell", ""]
    with pytest.raises(TradewindError, match=r"Task 'tell': message is empty"):
        run_task(SlackWebhookOperator(task_id="tell", **given))


@pytest.mark.parametrize("name", ["channel", "username", "icon_emoji", "icon_url"])
def test_what_a_webhook_ignores_is_refused(name):
    """In Airflow these are sent, and Slack does as if they were not there."""
    with pytest.raises(DagError, match=rf"Task 'tell': {name}= has no effect: a webhook posts"):
        SlackWebhookOperator(task_id="tell", slack_webhook_conn_id="alerts", message="x", **{name: "y"})
