"""Notifiers in runs in this process, on a local stand-in for Slack."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from tradewind import DAG, Connection, TaskFailed, TaskSkipped
from tradewind.errors import UsageError
from tradewind.operators.python import PythonOperator
from tradewind.sandbox import Control
from tradewind_slack import SlackNotifier, SlackWebhookNotifier


@pytest.fixture
def slack(sandbox: Any, monkeypatch: pytest.MonkeyPatch) -> Control:
    """The workspace behind the connection `slack`; nothing waits long."""
    connection = sandbox("slack")
    connection.extra = {**connection.extra_dejson, "retry_delay": 0.01, "retries": 2, "timeout": 5}
    monkeypatch.setenv("TRADEWIND_CONN_SLACK", connection.get_uri())
    return Control(connection)


def messages(slack: Control, channel: str = "general") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = slack.act("messages", channel=channel)
    return found


def shown(message: dict[str, Any]) -> str:
    """All of the text of a message's blocks."""
    return "\n".join(
        text["text"]
        for block in message["blocks"]
        for text in [block.get("text"), *block.get("elements", [])]
        if text is not None
    )


def fail(message: str = "no such file") -> None:
    raise TaskFailed(message)


def make_dag(**more: Any) -> DAG:
    return DAG("sales", start_date=datetime.datetime(2026, 1, 1), schedule=None, **more)


def test_a_run_in_which_tasks_fail_makes_one_message_that_is_edited(slack: Control) -> None:
    alert = SlackNotifier(slack_conn_id="slack", channel="#general", text="Night load of {{ ds }}")
    with make_dag(on_failure_callback=alert, default_args={"on_failure_callback": alert}) as dag:
        load = PythonOperator(task_id="load", python_callable=fail)
        load >> PythonOperator(task_id="report", python_callable=print)
        PythonOperator(task_id="clean", python_callable=lambda: fail("<!channel> `x` & *y*"))
    run = dag.test(datetime.datetime(2026, 3, 1, tzinfo=datetime.UTC)).run
    (message,) = messages(slack)
    text = shown(message)
    assert text.startswith("Night load of 2026-03-01\n:red_circle: *sales, run ")
    assert "failed, 2 of 3 tasks failed*\n1 task did not run: what it needs failed." in text
    assert ":x: `load` failed, try 1 of 1: `TaskFailed: no such file`" in text
    assert ":x: `clean` failed, try 1 of 1: `TaskFailed: &lt;!channel&gt; 'x' &amp; *y*`" in text
    assert f"```tradewind tasks clear sales --run {run.run_id} --only-failed```" in text
    assert message["text"] == f"sales, run {run.run_id}: failed, 2 of 3 tasks failed"
    called = [call.target.rpartition("/")[2] for call in slack.calls("chat.")]
    assert called == ["chat.postMessage", "chat.update", "chat.update"]


def test_a_run_that_goes_well_is_told_of_only_if_that_is_wanted(slack: Control) -> None:
    for wanted, count in ((False, 0), (True, 1)):
        alert = SlackNotifier(slack_conn_id="slack", channel="#general", tell_success=wanted)
        callbacks = dict.fromkeys(("on_success_callback", "on_execute_callback", "on_failure_callback"), alert)
        with make_dag(default_args=callbacks, on_success_callback=alert) as dag:
            PythonOperator(task_id="load", python_callable=print)
        dag.test()
        assert len(messages(slack)) == count
    assert messages(slack)[0]["text"].endswith(": success")


def test_retries_and_skips_are_lines_that_change(slack: Control) -> None:
    alert = SlackNotifier(slack_conn_id="slack", channel="#general")
    names = ("on_retry_callback", "on_skipped_callback", "on_success_callback", "on_execute_callback")
    states: list[str] = []

    def shaky(ti: Any) -> None:
        states.extend(shown(message) for message in messages(slack))
        if ti.try_number == 1:
            raise ValueError("not yet")

    def skip() -> None:
        raise TaskSkipped("nothing to do")

    with make_dag(default_args=dict.fromkeys(names, alert)) as dag:
        shaky_task = PythonOperator(task_id="shaky", python_callable=shaky, retries=1)
        shaky_task >> PythonOperator(task_id="skips", python_callable=skip)
    dag.test()
    (before,) = states
    (message,) = messages(slack)
    assert ":hourglass_flowing_sand: `shaky` is running, try 2 of 2" in before
    assert ":white_check_mark: `shaky` succeeded, try 2 of 2" in shown(message)
    assert ":fast_forward: `skips` was skipped: `TaskSkipped: nothing to do`" in shown(message)
    assert "tasks clear" not in shown(message)


def test_a_message_for_each_event_as_airflow_has_it(slack: Control) -> None:
    told = SlackNotifier(
        slack_conn_id="slack",
        channel="#general",
        per="event",
        text="{{ ti.task_id }} is {{ ti.state }}",
        username="Loader",
        blocks=[{"type": "section", "text": {"type": "mrkdwn", "text": "*{{ ti.task_id }}*"}}],
    )
    with make_dag(default_args={"on_failure_callback": told, "on_success_callback": [told, told]}) as dag:
        PythonOperator(task_id="good", python_callable=print)
        PythonOperator(task_id="bad", python_callable=fail)
    dag.test()
    bad, good = messages(slack)  # of each one, although one was told twice
    assert (bad["text"], shown(bad)) == ("bad is failed", "*bad*")
    assert (good["text"], shown(good)) == ("good is success", "*good*")
    assert {bad["username"], good["username"]} == {"Loader"}


def test_wrong_arguments_are_refused_when_the_dag_is_read() -> None:
    with pytest.raises(TypeError, match="channel"):
        SlackNotifier(slack_conn_id="slack")  # type: ignore[call-arg]
    with pytest.raises(UsageError, match="nothing to say"):
        SlackNotifier(channel="#x", per="event")
    with pytest.raises(UsageError, match="per='event'"):
        SlackNotifier(channel="#x", blocks=[{}])
    with pytest.raises(UsageError, match="'run' or 'event'"):
        SlackWebhookNotifier(per="task")  # type: ignore[arg-type]


def test_what_cannot_be_sent_is_logged_and_changes_nothing(slack: Control, caplog: pytest.LogCaptureFixture) -> None:
    alert = SlackNotifier(slack_conn_id="slack", channel="#nowhere")
    with make_dag(default_args={"on_failure_callback": alert}, on_failure_callback=alert) as dag:
        PythonOperator(task_id="a", python_callable=fail)
        PythonOperator(task_id="b", python_callable=fail)
    run = dag.test()
    assert run.task_states == {"a": "failed", "b": "failed"}
    told = [record.getMessage() for record in caplog.records if "on_failure_callback" in record.getMessage()]
    assert len(told) == 2  # `b` does not try again so soon; the DAG does
    assert all("Slack refused chat.postMessage: channel_not_found" in one for one in told)
    assert any("Not sent now, since that has just failed" in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize("kind", ["lost", "drop", "twice"])
def test_a_lost_answer_makes_no_second_message(slack: Control, kind: Any) -> None:
    slack.fault(kind, path="chat.postMessage")
    alert = SlackNotifier(slack_conn_id="slack", channel="#general", retry_handlers=[])
    with make_dag(on_failure_callback=alert, default_args={"on_failure_callback": alert}) as dag:
        PythonOperator(task_id="a", python_callable=fail)
    dag.test()
    (message,) = messages(slack)
    assert "`a` failed" in shown(message)


def test_a_message_that_somebody_deletes_is_posted_anew(slack: Control, sandbox: Any) -> None:
    alert = SlackNotifier(slack_conn_id="slack", channel="#general")

    def delete() -> None:
        (message,) = messages(slack)
        hook = alert.hook
        channel = hook.call("conversations.list")["channels"]
        place = next(one["id"] for one in channel if one["name"] == "general")
        hook.call("chat.delete", json={"channel": place, "ts": message["ts"]})

    with make_dag(on_failure_callback=alert, default_args={"on_failure_callback": alert}) as dag:
        first = PythonOperator(task_id="a", python_callable=fail)
        first >> PythonOperator(task_id="b", python_callable=delete, trigger_rule="all_done")
        PythonOperator(task_id="c", python_callable=fail)
    dag.test()
    (message,) = messages(slack)
    assert "`c` failed" in shown(message)


def test_a_webhook_posts_at_the_first_failure_and_at_the_end(
    slack: Control, sandbox: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = sandbox("slackwebhook")
    monkeypatch.setenv("TRADEWIND_CONN_HOOK", connection.get_uri())
    alert = SlackWebhookNotifier(slack_webhook_conn_id="hook")
    with make_dag(on_failure_callback=alert, default_args={"on_failure_callback": alert}) as dag:
        for name in ("a", "b", "c"):
            PythonOperator(task_id=name, python_callable=fail)
    dag.test()
    first, last = messages(Control(connection))
    assert "1 of 3 tasks failed, still running" in shown(first)
    assert "failed, 3 of 3 tasks failed" in shown(last)
    assert all(f"`{name}` failed" in shown(last) for name in ("a", "b", "c"))


def test_a_secret_is_in_no_message(slack: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADEWIND_CONN_WAREHOUSE", "postgres://user:xyzzy-plugh-42@localhost/db")
    alert = SlackNotifier(slack_conn_id="slack", channel="#general", text="as {{ conn.warehouse.password }}")

    def leak() -> None:
        raise ValueError(f"cannot log in with {Connection.get('warehouse').password}")

    with make_dag(default_args={"on_failure_callback": alert}) as dag:
        PythonOperator(task_id="leak", python_callable=leak)
    dag.test()
    (message,) = messages(slack)
    assert "cannot log in with ***" in shown(message)
    assert "xyzzy" not in str(message)
