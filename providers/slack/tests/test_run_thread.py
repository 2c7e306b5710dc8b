"""What tasks say in the thread of their run, on a local stand-in for Slack."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from tradewind import DAG, Connection
from tradewind.operators.python import PythonOperator
from tradewind.sandbox import Control
from tradewind.testing import OperatorContract
from tradewind_slack import SlackHook, SlackNotifier, SlackRunThreadOperator

ALERT = SlackNotifier(slack_conn_id="slack", channel="#general", tell_success=True)


@pytest.fixture
def slack(sandbox: Any, connection: Any) -> Control:
    made: Connection = sandbox("slack")
    made.extra = {**made.extra_dejson, "retry_delay": 0.01}
    return Control(connection("slack", made))


def make_dag() -> DAG:
    return DAG("sales", start_date=datetime.datetime(2026, 1, 1), schedule=None, on_success_callback=ALERT)


def replies(slack: Control) -> list[str]:
    """The texts in the thread of the one message that there is."""
    (message,) = slack.act("messages", channel="general")
    return [reply["text"] for reply in message["replies"]]


def say(text: str, context: Any) -> dict[str, str]:
    found: dict[str, str] = SlackRunThreadOperator(task_id="say", notifier=ALERT, text=text).execute(context)
    return found


def test_a_task_replies_to_the_message_of_its_run(slack: Control, run_dag: Any) -> None:
    with make_dag() as dag:
        count = PythonOperator(task_id="count", python_callable=lambda: 7)
        for name in ("rows", "again"):
            text = f"{{{{ ti.xcom_pull('count') }}}} {name}"
            count >> SlackRunThreadOperator(task_id=name, notifier=ALERT, text=text)
    run = run_dag(dag).run
    assert sorted(replies(slack)) == ["7 again", "7 rows"]
    (message,) = slack.act("messages", channel="general")
    assert message["text"] == f"sales, run {run.run_id}: success"


def test_a_task_that_runs_again_edits_its_reply(slack: Control, run_dag: Any) -> None:
    def twice(**context: Any) -> None:
        first = say("first", context)
        assert say("second", context) == first

    with make_dag() as dag:
        PythonOperator(task_id="twice", python_callable=twice)
    run_dag(dag)
    assert replies(slack) == ["second"]


def test_a_reply_that_was_deleted_is_made_anew(slack: Control, run_dag: Any) -> None:
    def deleted(**context: Any) -> None:
        first = say("first", context)
        with SlackHook("slack") as hook:
            hook.call("chat.delete", json={"channel": first["channel"], "ts": first["ts"]})
        assert say("second", context)["ts"] != first["ts"]

    with make_dag() as dag:
        PythonOperator(task_id="deleted", python_callable=deleted)
    run_dag(dag)
    assert replies(slack) == ["second"]


def test_an_answer_that_is_lost_makes_no_second_reply(slack: Control, run_dag: Any) -> None:
    slack.fault("lost", path="chat.postMessage", after=1)
    with make_dag() as dag:
        SlackRunThreadOperator(task_id="say", notifier=ALERT, text="once")
    run_dag(dag)
    assert replies(slack) == ["once"]
    assert [call.fault for call in slack.calls("postMessage")] == ["", "lost", ""]


class TestSlackRunThreadOperator(OperatorContract):
    operator = SlackRunThreadOperator
    arguments = {"notifier": ALERT, "text": "loaded", "blocks": [{"type": "divider"}]}
