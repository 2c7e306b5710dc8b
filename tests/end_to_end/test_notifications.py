"""Notifiers where many processes call them at once: a real scheduler, and a local stand-in for Slack."""

import os
import shlex
import signal
from pathlib import Path

import pytest

from tradewind.sandbox import Control

HEAD = """
    import os
    from datetime import datetime
    from tradewind import DAG
    from tradewind.operators.python import PythonOperator
    from tradewind_slack import SlackNotifier

    alert = SlackNotifier(slack_conn_id="slack", channel="#alerts")
"""


@pytest.fixture
def slack(sandbox):
    """A workspace with the channel #alerts."""
    connection = sandbox("slack")
    connection.extra = {**connection.extra_dejson, "retries": 4, "retry_delay": 0.05}
    control = Control(connection)
    control.act("channel", name="alerts")
    control.uri = connection.get_uri()
    return control


def shown(message):
    texts = [text for block in message["blocks"] for text in [block.get("text"), *block.get("elements", [])] if text]
    return "\n".join(text["text"] for text in texts)


def memo(here, run):
    found = here.store.task_api().memo_get(run.dag_id, run.run_id, "notifier slack slack #alerts")
    return "" if found is None else found[1]


def test_200_tasks_that_fail_make_one_message_which_tells_of_success_in_the_end(deploy, slack, tmp_path):
    here = deploy(TRADEWIND_CONN_SLACK=slack.uri, TRADEWIND_PARALLELISM="24")
    mended = tmp_path / "mended"
    here.write(
        "wide.py",
        HEAD
        + f"""
    def work(number):
        if not os.path.exists({str(mended)!r}):
            raise ValueError(f"number {{number}} cannot be < 7 & > 3")

    with DAG("wide", start_date=datetime(2026, 1, 1), schedule=None, max_active_tasks=24,
             default_args={{"on_failure_callback": alert}}, on_failure_callback=alert, on_success_callback=alert):
        for number in range(200):
            PythonOperator(task_id=f"load_{{number:03}}", python_callable=work, op_args=[number])
        """,
    )
    here.start()
    run = here.trigger("wide")
    assert str(here.ended(run, 90).state) == "failed"
    (message,) = slack.act("messages", channel="alerts")
    text = shown(message)
    assert message["text"] == f"wide, run {run.run_id}: failed, 200 of 200 tasks failed"
    assert text.count(":x:") == 20
    assert "... and 180 more" in text
    assert text.count("End of the log of") == 3
    assert "Traceback (most recent call last)" in text
    assert "ValueError: number" in text
    assert "cannot be &lt; 7 &amp; &gt; 3" in text
    calls = slack.calls("chat.")
    ended = here.store.run("wide", run.run_id)
    assert len(calls) <= 4 + (ended.ended_at - ended.started_at).total_seconds(), "200 callbacks, and a call a second"
    assert [call.status for call in calls if "postMessage" in call.target] == [200]

    mended.touch()
    command = next(line for line in text.splitlines() if "tradewind tasks clear" in line).strip("`")
    program, *words = shlex.split(command)
    assert program == "tradewind"
    here.cli(*words, "--yes")
    assert str(here.until(lambda: here._if_ended(run), 90).state) == "success"
    (edited,) = slack.act("messages", channel="alerts")
    assert edited["ts"] == message["ts"]
    assert edited["text"] == f"wide, run {run.run_id}: success, after tasks had failed"
    assert shown(edited).count(":white_check_mark:") == 20
    assert "tasks clear" not in shown(edited)


def test_what_was_not_sent_when_the_sender_was_killed_is_sent(deploy, slack):
    """The callback of the killed process is called again, takes over, and makes no second message."""
    here = deploy(TRADEWIND_CONN_SLACK=slack.uri)
    here.write(
        "one.py",
        HEAD
        + """
    with DAG("one", start_date=datetime(2026, 1, 1), schedule=None):
        PythonOperator(task_id="a", python_callable=lambda: 1 / 0, on_failure_callback=alert)
        """,
    )
    slack.fault("slow", path="chat.postMessage", bytes_per_second=1)
    here.start()
    run = here.trigger("one")
    here.until(lambda: slack.act("messages", channel="alerts"))
    os.kill(here.store.task(run.id, "a").pid, signal.SIGKILL)
    here.until(lambda: '"message": {' in memo(here, run) and '"lease": null' in memo(here, run))
    assert str(here.ended(run).state) == "failed"
    (message,) = slack.act("messages", channel="alerts")
    assert "`a` failed, try 1 of 1: `ZeroDivisionError: division by zero`" in shown(message)
    assert len(slack.calls("chat.postMessage")) == 2
    assert "Callbacks of one.a" in here.log(run, "a").read_text()


@pytest.mark.parametrize(
    ("kind", "status", "said"),
    [("status", 500, "Slack refused chat.postMessage"), ("drop", 0, "did not answer chat.postMessage")],
)
def test_when_slack_is_down_tasks_end_as_ever_and_the_log_says_so(deploy, slack, kind, status, said):
    here = deploy(TRADEWIND_CONN_SLACK=slack.uri)
    here.write(
        "down.py",
        HEAD
        + """
    def shaky(ti):
        if ti.try_number == 1:
            raise ValueError("not yet")

    told = dict.fromkeys(["on_retry_callback", "on_failure_callback", "on_execute_callback"], alert)
    with DAG("down", start_date=datetime(2026, 1, 1), schedule=None, default_args=told, on_failure_callback=alert):
        shaky_task = PythonOperator(task_id="shaky", python_callable=shaky, retries=1, retry_delay=0.01)
        shaky_task >> PythonOperator(task_id="bad", python_callable=lambda: 1 / 0)
        """,
    )
    slack.fault(kind, times=10_000, status=status, path="chat.")
    here.start()
    run = here.trigger("down")
    assert str(here.ended(run).state) == "failed"
    assert here.states(run) == {"shaky": "success", "bad": "failed"}
    first = here.cli("tasks", "logs", "down", "shaky", run.run_id, "--try", "1").stdout
    assert "The on_retry_callback SlackNotifier failed; that changes nothing else." in first
    assert said in first
    assert "Not sent now, since that has just failed" in here.cli("tasks", "logs", "down", "bad", run.run_id).stdout
    here.until(lambda: "The callback of" in here.scheduler_log())
    of_run = here.cli("runs", "logs", "down", run.run_id).stdout
    assert "The on_failure_callback SlackNotifier failed" in of_run
    assert said in of_run
    assert slack.act("messages", channel="alerts") == []
    token = "xox"
    assert token not in first + of_run + here.scheduler_log()

    slack.clear()
    here.cli("tasks", "clear", "down", "--run", run.run_id, "--only-failed", "--yes")
    here.until(lambda: here.store.task(run.id, "bad").try_number == 2)
    here.until(lambda: here._if_ended(run))
    (message,) = slack.act("messages", channel="alerts")
    assert "`bad` failed, try 2 of 2" in shown(message)
    assert "`shaky` succeeded" in shown(message)


def test_when_slack_takes_no_more_for_a_while_it_is_asked_later(deploy, slack):
    here = deploy(TRADEWIND_CONN_SLACK=slack.uri)
    here.write(
        "storm.py",
        HEAD
        + """
    with DAG("storm", start_date=datetime(2026, 1, 1), schedule=None,
             default_args={"on_failure_callback": alert}, on_failure_callback=alert):
        for number in range(8):
            PythonOperator(task_id=f"t{number}", python_callable=lambda: 1 / 0)
        """,
    )
    slack.fault("status", status=429, times=3, headers={"Retry-After": "0"}, path="chat.")
    here.start()
    run = here.trigger("storm")
    assert str(here.ended(run).state) == "failed"
    (message,) = slack.act("messages", channel="alerts")
    assert [f"`t{number}` failed" in shown(message) for number in range(8)] == [True] * 8
    assert Path(here.settings.logs_folder, "storm").is_dir()
