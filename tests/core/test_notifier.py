"""`BaseNotifier`, and who sends the one message of a run when many want to."""

from __future__ import annotations

import datetime
import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tradewind import DAG, BaseNotifier, TaskFailed
from tradewind.context import MemoryTaskApi, Memos, build_run_context
from tradewind.notifier import MessageGone, RunNotifier, RunReport
from tradewind.notifier.report import make_report, rerun_command
from tradewind.notifier.run_message import LEASE, MOST_TOLD, PAUSE, RunMessage
from tradewind.operators.python import PythonOperator
from tradewind.records import Run, TaskInstance
from tradewind.runner import callbacks
from tradewind.states import RunState, RunType, TaskState

AT = datetime.datetime(2026, 3, 1, tzinfo=datetime.UTC)
RUN = Run(1, "sales", "manual 1", RunType.MANUAL, RunState.RUNNING, AT, AT, AT, "", AT)


class Noted(BaseNotifier):
    """Keeps what it tells."""

    template_fields = ("text",)

    def __init__(self, text: str, kept: list[Any]) -> None:
        self.text = text
        self.kept = kept

    def notify(self, context: Any) -> None:
        self.kept.append(self.text)
        if "broken" in self.text:
            raise ValueError("it is broken")


# -- BaseNotifier ------------------------------------------------------------------------------------------------------


def test_each_call_is_rendered_anew() -> None:
    kept: list[str] = []
    told = Noted("{{ ti.task_id }} of {{ dag.dag_id }}: {{ 1 + 1 }}", kept)
    with DAG("sales", start_date=AT, schedule=None, render_template_as_native_obj=True) as dag:
        for name in ("a", "b"):
            PythonOperator(task_id=name, python_callable=print, on_success_callback=told)
    dag.test()
    assert kept == ["a of sales: 2", "b of sales: 2"]
    assert told.text == "{{ ti.task_id }} of {{ dag.dag_id }}: {{ 1 + 1 }}"


@pytest.mark.parametrize("text", ["broken", "{{ no_such_name }}"])
def test_one_that_fails_is_logged_and_fails_nothing(text: str, caplog: pytest.LogCaptureFixture) -> None:
    told = Noted(text, [])
    names = ("on_execute_callback", "on_success_callback")
    with DAG("sales", start_date=AT, schedule=None, on_success_callback=told) as dag:
        PythonOperator(task_id="a", python_callable=print, **dict.fromkeys(names, told))
    assert dag.test().state is RunState.SUCCESS
    said = [record.getMessage() for record in caplog.records if "Noted failed" in record.getMessage()]
    assert len(said) == 3

    context = build_run_context(dag, RUN, MemoryTaskApi())
    assert not callbacks.call(told, context, "on_success_callback")  # so that the exit code of its process tells
    caplog.clear()
    told(context)  # called by anybody else
    (record,) = caplog.records
    assert record.getMessage() == "Noted could not tell of manual 1 of sales."
    assert record.levelno == logging.ERROR


def test_a_notifier_must_say_how_it_tells() -> None:
    with pytest.raises(TypeError, match="notify"):
        BaseNotifier()  # type: ignore[abstract]


# -- who sends ---------------------------------------------------------------------------------------------------------


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Service:
    """Takes what is sent, as the value of `wanted` that was known when it was sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, int]] = []

    def __call__(self, memo: dict[str, Any]) -> dict[str, Any]:
        self.sent.append((memo["post_id"], memo["wanted"]))
        return {"message": {"number": len(self.sent)}}


@pytest.fixture
def memos() -> Memos:
    return Memos("sales", "r", MemoryTaskApi())


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_news_that_comes_while_somebody_sends_is_sent_by_the_same_one(memos: Memos, clock: Clock) -> None:
    service = Service()
    first = RunMessage(memos, "m", "first", now=clock)

    def send(memo: dict[str, Any]) -> dict[str, Any]:
        if not service.sent:
            for name in ("second", "third"):  # others come along, and leave at once
                other = RunMessage(memos, "m", name, now=clock)
                other.note(name)
                other.deliver(service)
        return service(memo)

    first.note("first")
    first.deliver(send)
    assert [wanted for _, wanted in service.sent] == [1, 3]
    assert len({post_id for post_id, _ in service.sent}) == 1
    memo = first.read()
    assert (memo["told"], memo["lease"], memo["sent"], memo["wanted"]) == (["first", "second", "third"], None, 3, 3)
    first.deliver(service)
    assert len(service.sent) == 2  # there is nothing to send


def test_the_lease_of_a_killed_sender_runs_out(memos: Memos, clock: Clock) -> None:
    service = Service()

    def die(memo: dict[str, Any]) -> dict[str, Any]:
        service(memo)
        raise KeyboardInterrupt

    dead = RunMessage(memos, "m", "dead", now=clock)
    dead.note("a")
    dead._release = lambda *_: None  # type: ignore[method-assign]  # it is gone before it can let go
    with pytest.raises(KeyboardInterrupt):
        dead.deliver(die)
    other = RunMessage(memos, "m", "other", now=clock)
    other.note("b")
    other.deliver(service)
    assert len(service.sent) == 1  # it may be alive
    clock.now += LEASE + 1
    other.deliver(service)
    assert [wanted for _, wanted in service.sent] == [1, 2]
    assert service.sent[0][0] == service.sent[1][0]  # the same post


def test_the_callback_of_a_killed_sender_need_not_wait(memos: Memos, clock: Clock) -> None:
    service = Service()
    dead = RunMessage(memos, "m", "a, try 1", now=clock)
    dead.note("a")
    dead._take(False)
    again = RunMessage(memos, "m", "a, try 1", now=clock)
    again.note("a")
    again.deliver(service)
    assert [wanted for _, wanted in service.sent] == [2]


def test_one_that_was_taken_for_dead_has_its_message_replaced(memos: Memos, clock: Clock) -> None:
    """What it sends last may stand where something newer stood: the state is sent once more."""
    service = Service()
    slow = RunMessage(memos, "m", "slow", now=clock)
    other = RunMessage(memos, "m", "other", now=clock)

    def send(memo: dict[str, Any]) -> dict[str, Any]:
        if not service.sent:
            clock.now += LEASE + 1
            other.note("b")
            other.deliver(service)
        return service(memo)

    slow.note("a")
    slow.deliver(send)
    assert [wanted for _, wanted in service.sent] == [2, 1, 3]
    assert other.read()["sent"] == other.read()["wanted"] == 3


def test_what_could_not_be_sent_is_sent_later_and_not_tried_by_everybody(
    memos: Memos, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    service = Service()

    def fail(memo: dict[str, Any]) -> dict[str, Any]:
        raise OSError("the service is down")

    first = RunMessage(memos, "m", "first", now=clock)
    first.note("a")
    with pytest.raises(OSError, match="down"):
        first.deliver(fail)
    assert first.read()["lease"] is None
    first.deliver(service)
    assert service.sent == []
    assert "Not sent now, since that has just failed: OSError: the service is down" in caplog.text
    first.deliver(service, patient=True)
    assert [wanted for _, wanted in service.sent] == [1]

    first.note("b")
    with pytest.raises(OSError, match="down"):
        first.deliver(fail)
    clock.now += PAUSE + 1
    first.deliver(service)
    assert [wanted for _, wanted in service.sent] == [1, 2]


def test_a_message_that_is_gone_is_posted_anew(memos: Memos, clock: Clock) -> None:
    posted: list[Any] = []

    def send(memo: dict[str, Any]) -> dict[str, Any]:
        if memo["message"] is not None:
            raise MessageGone("it was deleted")
        posted.append(memo["post_id"])
        return {"message": {"id": len(posted)}}

    message = RunMessage(memos, "m", "x", now=clock)
    for _ in range(2):
        message.note("a")
        message.deliver(send)
    assert len(set(posted)) == 2
    assert message.read()["message"] == {"id": 2}


def test_the_memo_stays_small(memos: Memos, clock: Clock) -> None:
    message = RunMessage(memos, "m", "x", now=clock)
    for number in range(MOST_TOLD + 20):
        message.note("t" * 249 + str(number))
    assert len(json.dumps(message.read())) < 20_000
    assert message.read()["wanted"] == MOST_TOLD + 20


SENDERS = """
import sys, time
from pathlib import Path
from tradewind.context import Memos
from tradewind.notifier.run_message import RunMessage
from tradewind.settings import Settings
from tradewind.store import open_store

def send(memo):
    while len(list(noted.iterdir())) < 6:  # all have something to tell before the first one is told
        time.sleep(0.01)
    with open(sys.argv[3], "a") as file:
        file.write(f"{memo['wanted']} {len(memo['told'])}\\n")
    return {"message": {}}

noted = Path(sys.argv[1], "noted")
with open_store(Settings(home=sys.argv[1], database_url=sys.argv[2])) as store:
    for number in range(2):
        message = RunMessage(Memos("sales", "run-1", store.task_api()), "m", f"{sys.argv[4]} {number}")
        message.note(f"{sys.argv[4]} {number}")
        (noted / sys.argv[4]).touch()
        message.deliver(send)
"""


def test_many_processes_make_few_calls_and_the_last_one_has_it_all(tmp_path: Path) -> None:
    from tradewind.settings import Settings
    from tradewind.store import open_store

    settings = Settings(home=str(tmp_path), database_url=f"sqlite:///{tmp_path}/tradewind.db")
    sent = tmp_path / "sent"
    (tmp_path / "noted").mkdir()
    with open_store(settings, create=True) as store:
        _create_run(store)
        store.close()
        running = [
            subprocess.Popen([sys.executable, "-c", SENDERS, str(tmp_path), settings.database_url, str(sent), str(n)])
            for n in range(6)
        ]
        assert [process.wait(60) for process in running] == [0] * 6
        memo = RunMessage(Memos("sales", "run-1", store.task_api()), "m", "").read()
    lines = [tuple(map(int, line.split())) for line in sent.read_text().splitlines()]
    assert lines == sorted(lines), "one after the other"
    assert lines[-1] == (12, 12)
    assert memo["sent"] == memo["wanted"] == 12
    assert len(lines) < 12


def _create_run(store: Any) -> None:
    from tradewind.records import DagSpec, NewRun, ParsedFile, TaskSpec

    store.save_parsed(ParsedFile("/dags/sales.py", "0" * 16, "", (DagSpec("sales", (TaskSpec("t", "X"),)),)), AT)
    assert store.create_run(NewRun("sales", "run-1", RunType.MANUAL, AT, AT, AT), AT)


# -- the report --------------------------------------------------------------------------------------------------------


def report_of(*instances: TaskInstance, run: Run = RUN, told: tuple[str, ...] = ()) -> RunReport:
    api = MemoryTaskApi()
    api.record_run(run)
    for instance in instances:
        api.record_task(run, instance)
    return make_report(build_run_context(DAG("sales", start_date=AT, schedule=None), RUN, api), told)


def test_the_report_is_of_the_run_as_it_stands_now() -> None:
    ended = replace(RUN, state=RunState.FAILED, ended_at=AT, reason="a\nb")
    failed = TaskInstance("t", map_index=3, state=TaskState.FAILED, try_number=2, max_tries=1, reason="x " * 200)
    needs = TaskInstance("u", state=TaskState.UPSTREAM_FAILED)
    report = report_of(failed, needs, TaskInstance("v", state=TaskState.SUCCESS), run=ended)
    assert report.title == "sales, run manual 1: failed, 1 of 3 tasks failed"
    assert (report.state, report.reason, report.failed, report.not_run) == (RunState.FAILED, "a b", 1, 1)
    (line,) = report.lines
    assert (line.name, line.told) == ("t[3]", "failed, try 2 of 2")
    assert len(line.reason) == 140
    assert (
        report.rerun
        == "tradewind tasks clear sales --run 'manual 1' --only-failed"
        == rerun_command("sales", "manual 1")
    )
    assert report.digest() == report_of(failed, needs, TaskInstance("v", state=TaskState.SUCCESS), run=ended).digest()
    assert report.digest() != report_of(failed, needs, run=ended).digest()


def test_tasks_that_were_told_of_have_a_line_too_and_the_rest_is_counted() -> None:
    failed = [
        TaskInstance(f"t{number:02}", state=TaskState.FAILED, ended_at=AT + datetime.timedelta(seconds=number))
        for number in range(30)
    ]
    others = [TaskInstance("again"), TaskInstance("good", state=TaskState.SUCCESS, try_number=3, max_tries=4)]
    report = report_of(*reversed(failed), *others, told=("good", "again"))
    assert [line.name for line in report.lines] == [*(f"t{number:02}" for number in range(18)), "again", "good"]
    assert [line.told for line in report.lines[-2:]] == ["is to run", "succeeded, try 3 of 5"]
    assert (report.more, report.failed, report.tasks) == (12, 30, 32)
    assert report.title.endswith("30 of 32 tasks failed, still running")


def test_the_end_of_a_log_is_read_here_or_in_the_log_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tradewind.logs import attempt_log, attempt_log_name
    from tradewind.remote import open_log_store
    from tradewind.remote.chunks import Chunk
    from tradewind.secrets.masking import mask_secret
    from tradewind.settings import read

    monkeypatch.setenv("TRADEWIND_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TRADEWIND_LOGS_URL", f"file://{tmp_path}/logs")
    failed = TaskInstance("t", state=TaskState.FAILED, try_number=1)
    assert report_of(failed).lines[0].log_end == ""

    store = open_log_store(read())
    assert store is not None
    name = attempt_log_name("sales", RUN.run_id, "t", -1, 1)
    first, second = b"".join(b"line %d\n" % n for n in range(3000)), b"line 3000\nthe end\n"
    stream = "20260301000000000-0123abcd"
    for start, data in ((0, first), (len(first), second)):
        store.put(name, Chunk(stream, start, start + len(data)).name, data)
    remote = report_of(failed).lines[0].log_end.splitlines()
    assert remote[-3:] == ["line 2999", "line 3000", "the end"]
    assert len(remote) == 12

    mask_secret("sesame-42")
    path = attempt_log(read().logs_folder, "sales", RUN.run_id, "t", -1, 1)
    path.parent.mkdir(parents=True)
    path.write_text("x" * 30_000 + "\nopen sesame-42\n" + "y" * 500)
    local = report_of(failed).lines[0].log_end
    assert local.splitlines()[0] == "open ***"
    assert len(local) < 400


# -- RunNotifier -------------------------------------------------------------------------------------------------------


class Board(RunNotifier):
    """Posts to a list."""

    def __init__(self, messages: list[str], address: str = "board") -> None:
        self.messages = messages
        self.address_given = address

    @property
    def address(self) -> str:
        return self.address_given

    def post(self, report: RunReport, post_id: str) -> dict[str, Any]:
        self.messages.append(report.title)
        return {"place": len(self.messages) - 1}

    def edit(self, message: dict[str, Any], report: RunReport) -> None:
        self.messages[message["place"]] = report.title


def test_notifiers_of_the_same_address_share_a_message() -> None:
    messages: list[str] = []

    def fail() -> None:
        raise TaskFailed("no")

    with DAG("sales", start_date=AT, schedule=None, on_failure_callback=Board(messages)) as dag:
        PythonOperator(task_id="a", python_callable=fail, on_failure_callback=[Board(messages), Board(messages, "b")])
        PythonOperator(task_id="b", python_callable=fail, on_failure_callback=Board(messages, "long " * 100))
    run = dag.test()
    name = f"sales, run {run.run.run_id}"
    assert messages == [
        f"{name}: failed, 2 of 2 tasks failed",
        f"{name}: 1 of 2 tasks failed, still running",
        f"{name}: 2 of 2 tasks failed, still running",
    ]
