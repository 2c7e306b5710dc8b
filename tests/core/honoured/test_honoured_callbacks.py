"""Who is told how a task ended, what runs around `execute`, and operators executed inside others."""

import email
import email.policy
import logging
import socket

import pytest
from aiosmtpd.controller import Controller

from tradewind import DAG, BaseOperator, TaskFailed, TaskSkipped
from tradewind.operators.bash import BashOperator
from tradewind.operators.python import PythonOperator
from tradewind.states import TaskState

EVENTS = {
    "on_execute_callback": "execute",
    "on_success_callback": "success",
    "on_failure_callback": "failure",
    "on_retry_callback": "retry",
    "on_skipped_callback": "skipped",
}


class Heard:
    """Callbacks that note who was called, and with what."""

    def __init__(self):
        self.notes = []

    def of(self, event):
        return lambda context: self.notes.append((event, str(context["ti"].state), context["exception"]))

    def all(self):
        return {name: self.of(event) for name, event in EVENTS.items()}


def run(function, **arguments):
    with DAG("d") as dag:
        PythonOperator(task_id="t", python_callable=function, **arguments)
    return dag.test().get_task_instance("t")


def raises(error):
    def work():
        raise error

    return work


@pytest.mark.parametrize(
    ("error", "event", "state"),
    [(None, "success", "success"), (TaskFailed("x"), "failure", "failed"), (TaskSkipped("x"), "skipped", "skipped")],
)
def test_each_callback_hears_of_its_own_end(error, event, state):
    heard = Heard()
    run(raises(error) if error else (lambda: 1), **heard.all())
    assert heard.notes == [("execute", "running", None), (event, state, error)]


def test_on_retry_callback_hears_of_tries_that_are_not_the_last():
    heard, error = Heard(), ValueError("x")
    run(raises(error), retries=1, **heard.all())
    assert [note for note in heard.notes if note[0] != "execute"] == [
        ("retry", "up_for_retry", error),
        ("failure", "failed", error),
    ]


def test_callbacks_may_be_lists_and_notifiers():
    class Notifier:
        def __init__(self):
            self.told = []

        def __call__(self, context):
            self.told.append(context["ti"].task_id)

    one, two = Notifier(), Notifier()
    run(lambda: 1, on_success_callback=[one, two])
    assert (one.told, two.told) == (["t"], ["t"])


def test_pre_execute_and_post_execute_are_called_around_it():
    order = []
    run(
        lambda: order.append("execute") or "result",
        pre_execute=lambda context: order.append("pre"),
        post_execute=lambda context, result: order.append(f"post {result}"),
    )
    assert order == ["pre", "execute", "post result"]


# -- mail -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def inbox(monkeypatch):
    """Subjects of the mails that arrive at a real SMTP server."""
    subjects = []

    class Handler:
        async def handle_DATA(self, server, session, envelope):
            message = email.message_from_bytes(envelope.content, policy=email.policy.default)
            subjects.append((envelope.rcpt_tos, message["Subject"].rsplit(" ", 1)[1]))
            return "250 OK"

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = Controller(Handler(), hostname="127.0.0.1", port=port)
    server.start()
    uri = f"smtp://127.0.0.1:{port}?starttls=false&from_email=wind%40example.com"
    monkeypatch.setenv("TRADEWIND_CONN_SMTP_DEFAULT", uri)
    yield subjects
    server.stop()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({}, ["up_for_retry", "failed"]),
        ({"email_on_retry": False}, ["failed"]),
        ({"email_on_failure": False}, ["up_for_retry"]),
        ({"email_on_failure": False, "email_on_retry": False}, []),
    ],
)
def test_email_is_sent_on_retry_and_on_failure(inbox, arguments, told):
    run(raises(ValueError("x")), retries=1, email="team@example.com", **arguments)
    assert inbox == [(["team@example.com"], state) for state in told]


# -- nested operators -------------------------------------------------------------------------------------------------


class Outer(BaseOperator):
    def __init__(self, inner, **kwargs):
        super().__init__(**kwargs)
        self.inner = inner

    def execute(self, context):
        return self.inner.execute(context)


def nested(**arguments):
    inner = BashOperator(task_id="inner", bash_command="echo hi", **arguments)
    with DAG("d") as dag:
        Outer(task_id="outer", inner=inner)
    return dag.test().get_task_instance("outer")


def test_allow_nested_operators_warns_and_goes_on(caplog):
    with caplog.at_level(logging.WARNING, "tradewind.task"):
        assert nested().state is TaskState.SUCCESS
    (record,) = [record for record in caplog.records if "is executed inside task 'outer'" in record.message]
    assert record.message.startswith("BashOperator 'inner'")


def test_allow_nested_operators_false_refuses():
    ended = nested(allow_nested_operators=False)
    assert ended.state is TaskState.FAILED
    assert ended.reason.startswith("UsageError: BashOperator 'inner' is executed inside task 'outer'")


def test_super_and_plain_calls_are_not_nested(caplog):
    class More(BashOperator):
        def execute(self, context):
            return super().execute(context) + "!"

    assert More(task_id="t", bash_command="echo hi", allow_nested_operators=False).execute({}) == "hi!"
    with DAG("d") as dag:
        More(task_id="t", bash_command="echo hi", allow_nested_operators=False)
    assert dag.test().xcom("t") == "hi!"
    assert "executed inside" not in caplog.text


# -- attempts that were lost ------------------------------------------------------------------------------------------


def lost_dag(**arguments):
    with DAG("d") as dag:
        PythonOperator(task_id="t", python_callable=print, **arguments)
    return dag


def test_a_lost_attempt_has_its_callbacks_called_and_the_run_is_kept_till_then(played):
    dag = lost_dag(on_failure_callback=print)
    played.add(dag)
    run = played.trigger(dag)
    lost = played.lose("t", run)
    assert played.state(run) == "failed"
    ((key, argv),) = played.executor.held.items()
    assert (argv.kind, argv.key) == ("callback", lost)
    assert key != lost
    assert played.store.run("d", run.run_id).owner == "s"
    played.over(key, 1, "it raised")
    assert played.store.run("d", run.run_id).owner is None
    assert played.loop.board.runs == {}


def test_the_callbacks_of_a_lost_attempt_are_not_those_of_the_run(played):
    with DAG("d", on_failure_callback=print) as dag:
        PythonOperator(task_id="t", python_callable=print, on_failure_callback=print)
    played.add(dag)
    run = played.trigger(dag)
    played.lose("t", run)
    of_task, of_run = sorted(played.executor.held, key=lambda key: not key.task_id)
    played.over(of_task, 0)
    assert played.store.run("d", run.run_id).callback_due
    played.over(of_run, 0)
    ended = played.store.run("d", run.run_id)
    assert (ended.callback_due, ended.owner) == (False, None)


def test_a_retry_starts_while_the_callback_of_the_lost_try_still_runs(played):
    dag = lost_dag(on_retry_callback=print, retries=2, retry_delay=0)
    played.add(dag)
    run = played.trigger(dag)
    played.lose("t", run)
    assert sorted((argv.kind, argv.key.try_number) for argv in played.executor.held.values()) == [
        ("callback", 1),
        ("run", 2),
    ]
    played.lose("t", run)
    played.end("t", run)
    assert played.state(run) == "success"
    assert sorted(argv.key.try_number for argv in played.executor.held.values()) == [1, 2]


def test_an_attempt_that_cannot_be_started_is_told_of_too(played):
    dag = lost_dag(on_failure_callback=print)
    played.add(dag)
    run = played.trigger(dag)
    for _ in range(3):
        played.lose("t", run, started=False)
        played.turn(seconds=20)
    assert played.states(run) == {"t": "failed"}
    assert [argv.kind for argv in played.executor.held.values()] == ["callback"]


@pytest.mark.parametrize(
    "arguments",
    [{}, {"on_success_callback": print}, {"email": "a@b.de", "email_on_failure": False, "email_on_retry": False}],
)
def test_a_lost_attempt_that_nobody_wants_to_hear_of_starts_nothing(played, arguments):
    dag = lost_dag(**arguments)
    played.add(dag)
    run = played.trigger(dag)
    played.lose("t", run)
    assert played.executor.held == {}
    assert played.loop.board.runs == {}
