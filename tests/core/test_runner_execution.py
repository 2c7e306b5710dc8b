"""One attempt in this process, without a store: what the task does decides how it ends, and who is told."""

from __future__ import annotations

import datetime
import email
import email.policy
import logging
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from tradewind.context import MemoryTaskApi, get_current_context
from tradewind.dag import DAG
from tradewind.errors import SensorTimeout, TaskFailed, TaskRescheduled, TaskSkipped, TradewindError
from tradewind.operator import BaseOperator, BaseSensor
from tradewind.records import Outcome, Run, TaskInstance, TaskKey
from tradewind.runner.execution import execute_task
from tradewind.runner.interrupts import Interrupts
from tradewind.states import RunState, RunType, TaskState

AT = datetime.datetime(2024, 5, 1, tzinfo=datetime.UTC)
RUN = Run(
    id=1,
    dag_id="shop",
    run_id="manual__1",
    type=RunType.MANUAL,
    state=RunState.RUNNING,
    logical_date=AT,
    data_interval_start=AT,
    data_interval_end=AT + datetime.timedelta(days=1),
    version="v",
    queued_at=AT,
    started_at=AT,
    conf={"color": "red"},
)


class Does(BaseOperator):
    """A task that does what it is given."""

    template_fields = ("text",)

    def __init__(self, work: Callable[[Any], Any] = lambda context: None, text: Any = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.work = work
        self.text = text
        self.killed = 0

    def execute(self, context: Any) -> Any:
        return self.work(context)

    def on_kill(self) -> None:
        notes.append("on_kill")


notes: list[Any] = []


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    notes.clear()
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def note(word: str) -> Callable[[Any], None]:
    return lambda context: notes.append((word, context["ti"].state, context["reason"]))


def run(
    task: Any, *, try_number: int = 1, api: MemoryTaskApi | None = None, dispatch: int = 1, **options: Any
) -> Outcome:
    instance = TaskInstance(
        task.task_id, state=TaskState.RUNNING, try_number=try_number, max_tries=task.retries, dispatch=dispatch
    )
    return execute_task(task.dag, task, RUN, instance, MemoryTaskApi() if api is None else api, **options)


def make(work: Callable[[Any], Any] = lambda context: None, cls: Any = Does, **kwargs: Any) -> Any:
    with DAG("shop", start_date=AT, schedule=None, params={"color": "blue"}):
        return cls(task_id="t", work=work, **kwargs)


def raises(error: BaseException) -> Callable[[Any], None]:
    def work(context: Any) -> None:
        raise error

    return work


def told_all() -> dict[str, Any]:
    names = ("execute", "success", "failure", "retry", "skipped")
    return {f"on_{name}_callback": note(name) for name in names}


def test_a_task_that_returns_is_a_success_and_its_value_is_pushed() -> None:
    api = MemoryTaskApi()
    outcome = run(make(lambda context: {"rows": 7}, **told_all()), api=api)
    assert (outcome.state, outcome.next_at, outcome.reason) == (TaskState.SUCCESS, None, "")
    assert api.xcom_get("shop", "manual__1", "t", "return_value") == '{"rows":7}'
    assert [word for word, _, _ in notes] == ["execute", "success"]
    assert notes[-1][1] is TaskState.SUCCESS


def test_none_is_not_pushed_and_neither_is_what_shall_not_be() -> None:
    api = MemoryTaskApi()
    run(make(), api=api)
    run(make(lambda context: 7, do_xcom_push=False), api=api)
    assert api.xcoms == {}


def test_several_outputs_are_pushed_one_by_one_and_as_a_whole() -> None:
    api = MemoryTaskApi()
    run(make(lambda context: {"a": 1, "b": None}, multiple_outputs=True), api=api)
    assert {key[-1]: text for key, text in api.xcoms.items()} == {
        "a": "1",
        "b": "null",
        "return_value": '{"a":1,"b":null}',
    }


def test_several_outputs_must_be_a_dict() -> None:
    outcome = run(make(lambda context: [1, 2], multiple_outputs=True))
    assert outcome.state is TaskState.FAILED
    assert "task t of DAG shop has multiple_outputs=True and so must return a dict, not list" in outcome.reason


def test_a_value_that_cannot_travel_fails_the_task_by_name() -> None:
    api = MemoryTaskApi()
    outcome = run(make(lambda context: object(), **told_all()), api=api)
    assert outcome.state is TaskState.FAILED
    assert outcome.reason.startswith("XComError: ")
    assert "task t of DAG shop" in outcome.reason
    assert notes[-1][0] == "failure"
    assert api.xcoms == {}


def test_templates_are_rendered_on_a_copy() -> None:
    seen = []
    task = make(lambda context: seen.append(context["task"].text), text="{{ ds }} {{ params.color }}")
    assert run(task).state is TaskState.SUCCESS
    assert seen == ["2024-05-01 red"]
    assert task.text == "{{ ds }} {{ params.color }}"


def test_a_template_that_cannot_be_rendered_fails_the_task() -> None:
    outcome = run(make(text="{{ nonsense }}", **told_all()))
    assert outcome.state is TaskState.FAILED
    assert "nonsense" in outcome.reason
    assert [word for word, _, _ in notes] == ["failure"]


def test_the_order_of_hooks_around_the_task() -> None:
    task = make(
        lambda context: notes.append("execute") or "result",
        on_execute_callback=lambda context: notes.append("on_execute"),
        pre_execute=lambda context: notes.append("pre"),
        post_execute=lambda context, result: notes.append(f"post {result}"),
        on_success_callback=[lambda context: notes.append("on_success"), lambda context: notes.append("second")],
    )
    record_at = []
    run(task, record=lambda outcome: bool(record_at.append(len(notes))) or True)
    assert notes == ["on_execute", "pre", "execute", "post result", "on_success", "second"]
    assert record_at == [4]


def test_the_current_context_is_there_in_the_task_and_in_its_callbacks() -> None:
    seen = []
    task = make(
        lambda context: seen.append(get_current_context()["ds"]),
        on_success_callback=lambda context: seen.append(get_current_context()["ti"].state),
    )
    run(task)
    assert seen == ["2024-05-01", TaskState.SUCCESS]
    with pytest.raises(TradewindError):
        get_current_context()


def test_a_failing_task_fails_or_is_tried_again() -> None:
    task = make(raises(ValueError("broken\nreally")), retries=1, retry_delay=60, **told_all())
    first = run(task)
    assert first.state is TaskState.UP_FOR_RETRY
    assert first.next_at is not None
    assert first.next_at - first.ended_at == datetime.timedelta(minutes=1)
    assert first.reason == "ValueError: broken really"
    second = run(task, try_number=2)
    assert (second.state, second.next_at) == (TaskState.FAILED, None)
    assert [word for word, _, _ in notes] == ["execute", "retry", "execute", "failure"]
    assert notes[-1][2] == "ValueError: broken really"


def test_callbacks_get_the_exception() -> None:
    error = ValueError("broken")
    seen = []
    run(make(raises(error), on_failure_callback=lambda context: seen.append(context["exception"])))
    assert seen == [error]


@pytest.mark.parametrize(
    ("error", "state", "reason"),
    [
        (TaskSkipped("nothing new"), TaskState.SKIPPED, "TaskSkipped: nothing new"),
        (TaskFailed("no use"), TaskState.FAILED, "TaskFailed: no use"),
        (SensorTimeout("too late"), TaskState.FAILED, "SensorTimeout: too late"),
        (SystemExit(0), TaskState.SUCCESS, ""),
        (SystemExit(None), TaskState.SUCCESS, ""),
        (SystemExit(3), TaskState.UP_FOR_RETRY, "SystemExit: 3"),
        (SystemExit("words"), TaskState.UP_FOR_RETRY, "SystemExit: words"),
        (MemoryError(), TaskState.UP_FOR_RETRY, "MemoryError"),
        (RecursionError("deep"), TaskState.UP_FOR_RETRY, "RecursionError: deep"),
        (GeneratorExit(), TaskState.UP_FOR_RETRY, "GeneratorExit"),
        (
            BaseExceptionGroup("several", [ValueError("a")]),
            TaskState.UP_FOR_RETRY,
            "ExceptionGroup: several (1 sub-exception)",
        ),
    ],
)
def test_what_a_task_raises_decides_how_it_ends(error: BaseException, state: TaskState, reason: str) -> None:
    outcome = run(make(raises(error), retries=1))
    assert (outcome.state, outcome.reason) == (state, reason)


def test_an_endless_recursion_fails_the_task() -> None:
    def work(context: Any) -> Any:
        return work(context)

    assert run(make(work)).reason.startswith("RecursionError")


def test_an_exception_that_cannot_be_shown_is_a_failure_all_the_same() -> None:
    class Odd(Exception):
        def __str__(self) -> str:
            raise ValueError

    outcome = run(make(raises(Odd())))
    assert (outcome.state, outcome.reason) == (TaskState.FAILED, "Odd: (its message cannot be shown)")


def test_a_rescheduled_sensor_is_no_failure_and_nobody_is_told() -> None:
    at = datetime.datetime(2024, 5, 2, 3, tzinfo=datetime.timezone(datetime.timedelta(hours=2)))
    outcome = run(make(raises(TaskRescheduled(at)), **told_all()))
    assert (outcome.state, outcome.next_at) == (TaskState.UP_FOR_RESCHEDULE, at)
    assert [word for word, _, _ in notes] == ["execute"]


def test_the_timeout_of_a_rescheduled_sensor_counts_from_its_first_look() -> None:
    class Never(BaseSensor):
        def poke(self, context: Any) -> bool:
            return False

    with DAG("shop", start_date=AT, schedule=None):
        sensor = Never(task_id="t", mode="reschedule", poke_interval=1, timeout=3600)
    api = MemoryTaskApi()
    assert run(sensor, api=api).state is TaskState.UP_FOR_RESCHEDULE
    key = TaskKey("shop", "manual__1", "t", dispatch=2)
    api.record_reschedule(key, datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=2))
    outcome = run(sensor, api=api, dispatch=2)
    assert outcome.state is TaskState.FAILED
    assert outcome.reason.startswith("SensorTimeout")


def test_a_rescheduled_sensor_finds_what_its_earlier_looks_kept_and_a_new_try_does_not() -> None:
    class Counts(BaseSensor):
        def poke(self, context: Any) -> bool:
            ti = context["ti"]
            notes.append(ti.xcom_pull(task_ids=ti.task_id, key="looks", default=0))
            ti.xcom_push("looks", notes[-1] + 1)
            return False

    with DAG("shop", start_date=AT, schedule=None):
        sensor = Counts(task_id="t", mode="reschedule", poke_interval=1)
    api = MemoryTaskApi()
    for dispatch, try_number in ((1, 1), (2, 1), (3, 1), (4, 2), (5, 2)):
        run(sensor, api=api, dispatch=dispatch, try_number=try_number)
        api.record_reschedule(TaskKey("shop", "manual__1", "t", try_number=try_number, dispatch=dispatch), AT)
    assert notes == [0, 1, 2, 0, 1]


def test_decided_skips_are_in_the_outcome() -> None:
    assert run(make(lambda context: context["ti"].skip(["a", "b", "a"]))).skips == ("a", "b")


def test_an_earlier_try_leaves_no_values_behind() -> None:
    api = MemoryTaskApi()
    api.xcom_put(TaskKey("shop", "manual__1", "t"), "old", "1")
    run(make(), api=api, dispatch=2)
    assert api.xcoms == {}


def test_a_failing_callback_does_not_tell_the_error_of_the_task_again(caplog: pytest.LogCaptureFixture) -> None:
    def broken(context: Any) -> None:
        try:
            raise KeyError("its own")
        except KeyError:
            raises(ValueError("that came of it"))(context)

    run(make(raises(RuntimeError("of the task")), on_failure_callback=[raises(ValueError("alone")), broken]))
    told = caplog.text[caplog.text.index("The on_failure_callback") :]
    assert "ValueError: alone" in told
    assert "KeyError: 'its own'" in told
    assert "ValueError: that came of it" in told
    assert "RuntimeError: of the task" not in told


def test_a_failing_callback_is_logged_and_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def broken(context: Any) -> None:
        raise ValueError("of the callback")

    outcome = run(make(on_execute_callback=broken, on_success_callback=[raises(SystemExit(1)), broken, note("last")]))
    assert outcome.state is TaskState.SUCCESS
    assert [word for word, _, _ in notes] == ["last"]
    assert caplog.text.count("ValueError: of the callback") == 2
    assert "The on_success_callback " in caplog.text


def test_an_attempt_that_was_given_up_tells_nobody() -> None:
    outcome = run(make(**told_all()), record=lambda outcome: False)
    assert outcome.state is TaskState.SUCCESS
    assert [word for word, _, _ in notes] == ["execute"]


def test_execution_timeout_breaks_off_a_sleep_and_calls_on_kill() -> None:
    began = time.monotonic()
    outcome = run(make(lambda context: time.sleep(300), execution_timeout=0.05, retries=1))
    assert time.monotonic() - began < 60
    assert outcome.state is TaskState.UP_FOR_RETRY
    assert outcome.reason == "TaskTimeout: task t of DAG shop took longer than its execution_timeout of 0.05 s"
    assert notes == ["on_kill"]


def test_the_timeout_is_for_execute_alone() -> None:
    def slow(context: Any) -> None:
        time.sleep(0.1)

    task = make(execution_timeout=0.05, pre_execute=slow, on_success_callback=slow)
    assert run(task).state is TaskState.SUCCESS


def test_a_task_that_cannot_be_stopped_is_recorded_and_ended_with_its_process() -> None:
    class Ended(BaseException):
        pass

    def work(context: Any) -> None:
        try:
            time.sleep(300)
        except Exception:
            time.sleep(300)

    def end_process() -> None:
        notes.append("ended")
        raise Ended

    def record(outcome: Outcome) -> bool:
        notes.append(outcome.state)
        return True

    task = make(work, execution_timeout=0.3, on_failure_callback=lambda context: notes.append("told"))
    with pytest.raises(Ended):
        execute_with_exit(task, record, end_process)
    assert notes[:4] == ["on_kill", TaskState.FAILED, "told", "ended"]


def execute_with_exit(task: Any, record: Callable[[Outcome], bool], end_process: Callable[[], None]) -> None:
    """`end_process` would not return in real life; here its exception is what the attempt ends with."""
    ended: list[BaseException] = []

    def end() -> None:
        try:
            end_process()
        except BaseException as error:
            ended.append(error)
            raise

    run(task, record=record, interrupts=Interrupts(grace=0.1), end_process=end)
    raise ended[0]


def test_sigterm_stops_the_task_and_retries_apply() -> None:
    interrupts = Interrupts()
    interrupts.install()
    main = threading.main_thread().ident
    assert main is not None
    timer = threading.Timer(0.05, lambda: signal.pthread_kill(main, signal.SIGTERM))
    timer.start()
    outcome = run(
        make(lambda context: time.sleep(300), retries=1, on_retry_callback=note("retry")), interrupts=interrupts
    )
    timer.join()
    assert (outcome.state, outcome.reason) == (TaskState.UP_FOR_RETRY, "it was stopped by SIGTERM")
    assert [one if isinstance(one, str) else one[0] for one in notes] == ["on_kill", "retry"]


def test_a_keyboard_interrupt_is_recorded_and_goes_on() -> None:
    recorded = []
    with pytest.raises(KeyboardInterrupt):
        run(make(raises(KeyboardInterrupt())), record=lambda outcome: not recorded.append(outcome.state))
    assert recorded == [TaskState.FAILED]


def test_the_log_shows_the_users_frames_and_not_ours(caplog: pytest.LogCaptureFixture) -> None:
    def work(context: Any) -> None:
        try:
            raise KeyError("inner")
        except KeyError as error:
            raise ValueError("outer") from error

    with caplog.at_level(logging.INFO):
        run(make(work))
    assert "test_runner_execution.py" in caplog.text
    assert "KeyError: 'inner'" in caplog.text
    assert "ValueError: outer" in caplog.text
    assert 'execution.py", line' not in caplog.text.replace("test_runner_execution.py", "")


def test_secrets_are_masked_in_the_reason() -> None:
    from tradewind.secrets import forget_secrets, mask_secret

    mask_secret("hunter2-hunter2")
    try:
        assert run(make(raises(ValueError("with hunter2-hunter2")))).reason == "ValueError: with ***"
    finally:
        forget_secrets()


class Inbox:
    """Takes in the mail of a real SMTP server."""

    def __init__(self) -> None:
        self.mails: list[Any] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.mails.append(envelope)
        return "250 OK"


def test_mail_goes_out_when_a_task_fails_or_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    inbox = Inbox()
    server = Controller(inbox, hostname="127.0.0.1", port=free_port())
    server.start()
    uri = f"smtp://127.0.0.1:{server.port}?starttls=false&from_email=wind%40example.com"
    monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", uri)
    try:
        task = make(raises(ValueError("1 < 2")), retries=1, email=["team@example.com"], email_on_retry=False)
        assert run(task).state is TaskState.UP_FOR_RETRY
        assert inbox.mails == []
        assert run(task, try_number=2).state is TaskState.FAILED
    finally:
        server.stop()
    (mail,) = inbox.mails
    assert (mail.mail_from, mail.rcpt_tos) == ("wind@example.com", ["team@example.com"])
    message = email.message_from_bytes(mail.content, policy=email.policy.default)
    assert message["Subject"] == "shop.t of manual__1: failed"
    assert "ValueError: 1 &lt; 2" in message.get_content()


def test_mail_that_cannot_be_sent_is_logged_and_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    outcome = run(make(raises(ValueError("broken")), email=["team@example.com"]))
    assert (outcome.state, outcome.reason) == (TaskState.FAILED, "ValueError: broken")
    assert "smtp_default" in caplog.text


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
