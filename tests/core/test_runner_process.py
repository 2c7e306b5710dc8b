"""Attempts as they really run: in processes of the local executor, with a store, a DAG file and a log each."""

from __future__ import annotations

import datetime
import os
import signal
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tradewind import settings as settings_module
from tradewind.executor.contract import Ended
from tradewind.executor.local import LocalExecutor
from tradewind.parser import file_hash, load_dags
from tradewind.records import DagVersion, Moves, NewRun, ParsedFile, Run, RunMove, TaskInstance, TaskKey, TaskMove
from tradewind.runner.arguments import affinity, callback_argv, callback_key, task_argv
from tradewind.runner.identity import identity
from tradewind.settings import Settings
from tradewind.states import RunState, RunType, TaskState
from tradewind.store import Store, open_store

AT = datetime.datetime(2024, 5, 1, tzinfo=datetime.UTC)

HEAD = """
import datetime, os, signal, subprocess, sys, time
from pathlib import Path
from tradewind.dag import DAG
from tradewind.operators.python import PythonOperator
from tradewind.operators.bash import BashOperator
from tradewind.errors import TaskSkipped

notes = Path(__file__).parent / "notes"

def note(word):
    with notes.open("a") as file:
        file.write(f"{word}\\n")

def python(task_id, function, **kwargs):
    return PythonOperator(task_id=task_id, python_callable=function, **kwargs)
"""


class Bench:
    """One DAG, one run of it, an executor, and what a scheduler would do around them."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.folder = Path(settings.dags_folder)
        self.folder.mkdir(parents=True)
        self.path = str(self.folder / "shop.py")
        self.store: Store = open_store(settings, create=True)
        self._executor: LocalExecutor | None = None
        self.run: Run
        self.version: DagVersion

    @property
    def executor(self) -> LocalExecutor:
        if self._executor is None:
            self._executor = LocalExecutor(self.settings)
            self._executor.start()
        return self._executor

    def write(self, code: str) -> None:
        """Write the DAG file, with `code` as the body of the DAG's `with` block, and make a run of it."""
        body = textwrap.indent(textwrap.dedent(code), "    ")
        source = HEAD + f'with DAG("shop", start_date=datetime.datetime(2024, 1, 1), schedule=None) as dag:\n{body}\n'
        Path(self.path).write_text(source)
        specs = tuple(dag.spec() for dag in load_dags(self.path).values())
        parsed = ParsedFile(self.path, file_hash(source.encode()), source, specs)
        self.store.save_parsed(parsed, AT)
        new = NewRun("shop", "manual__1", RunType.MANUAL, AT, AT, AT + datetime.timedelta(days=1), {})
        assert self.store.create_run(new, AT) is not None
        (self.run,) = self.store.claim_runs("me", AT, [], limit=10)
        self.version = self.store.version("shop", self.run.version)

    def queue(self, task_id: str, **changes: Any) -> TaskKey:
        """What a scheduler does before it hands a task instance over."""
        before = self.state(task_id)
        after = msgspec.structs.replace(
            before,
            state=TaskState.QUEUED,
            dispatch=before.dispatch + 1,
            try_number=before.try_number + 1,
            queued_at=AT,
            **changes,
        )
        assert self.store.apply(self.run, Moves((TaskMove(before, after),))).written
        return TaskKey("shop", "manual__1", task_id, -1, after.try_number, after.dispatch)

    def move(self, task_id: str, state: TaskState | None) -> None:
        before = self.state(task_id)
        after = msgspec.structs.replace(before, state=state)
        assert self.store.apply(self.run, Moves((TaskMove(before, after),))).written

    def state(self, task_id: str) -> TaskInstance:
        return self.store.task(self.run.id, task_id)

    def log_path(self, task_id: str) -> Path:
        return Path(self.settings.logs_folder) / f"{task_id}.log"

    def log(self, task_id: str) -> str:
        return self.log_path(task_id).read_text()

    def submit(self, key: TaskKey) -> None:
        argv = task_argv(key, self.path, self.version.file_hash)
        self.executor.submit(key, argv, self.log_path(key.task_id), affinity(argv))

    def ended(self, key: TaskKey, seconds: float = 60) -> Ended:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for ended in self.executor.poll(0.5):
                assert ended.key == key
                return ended
        raise AssertionError(f"{key} did not end; its log: {self.log(key.task_id)}")

    def execute(self, task_id: str) -> TaskInstance:
        """Run a task to its end, and what it recorded."""
        key = self.queue(task_id)
        self.submit(key)
        ended = self.ended(key)
        assert ended.exit_code == 0, (ended, self.log(task_id))
        return self.state(task_id)

    def notes(self) -> list[str]:
        path = self.folder / "notes"
        return path.read_text().split("\n")[:-1] if path.exists() else []

    def wait_for_note(self, word: str, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while word not in self.notes():
            assert time.monotonic() < deadline, f"no {word} among {self.notes()}"
            assert self.executor.poll(0.01) == []


MakeBench = Callable[..., Bench]


@pytest.fixture
def make(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeBench]:
    made: list[Bench] = []

    def make_one(**changes: Any) -> Bench:
        for name, value in {"kill_grace": 2, "heartbeat_interval": 0.1, **changes}.items():
            monkeypatch.setenv(f"TRADEWIND_{name.upper()}", str(value))
        made.append(Bench(settings_module.read()))
        return made[-1]

    yield make_one
    for bench in made:
        if bench._executor is not None:
            bench._executor.stop(0)
        bench.store.close()


@pytest.fixture
def bench(make: MakeBench) -> Bench:
    return make()


def test_an_attempt_records_its_process_and_its_end(bench: Bench) -> None:
    bench.write("""
        python("a", lambda ti: note(f"{os.getpid()} {ti.try_number}") or {"rows": 7})
    """)
    done = bench.execute("a")
    assert (done.state, done.reason) == (TaskState.SUCCESS, "")
    assert bench.notes() == [f"{done.pid} 1"]
    assert done.started_at is not None
    assert done.ended_at is not None
    assert done.started_at <= done.ended_at
    assert done.process
    assert identity(done.pid) is None
    api = bench.store.task_api()
    assert api.xcom_get("shop", "manual__1", "a", "return_value") == '{"rows":7}'


def test_the_log_begins_and_ends_with_a_line_that_names_attempt_and_outcome(bench: Bench) -> None:
    bench.write("""
        python("a", lambda: print("hello"))
    """)
    bench.execute("a")
    first, *middle, last = bench.log("a").splitlines()
    assert "INFO    shop.a of manual__1, try 1 of 1, on " in first
    assert bench.path in first
    assert any(line.endswith("OUT     hello") for line in middle)
    assert "INFO    shop.a of manual__1, try 1: success, after 0." in last


def test_the_first_and_the_last_line_do_not_depend_on_the_log_level_and_nothing_follows(make: MakeBench) -> None:
    bench = make(log_level="error")
    bench.write("""
        def work():
            os.write(1, b"raw\\n" * 1000)
        python("a", work)
    """)
    bench.execute("a")
    first, *middle, last = bench.log("a").splitlines()
    assert "try 1 of 1" in first
    assert [line.split()[-1] for line in middle] == ["raw"] * 1000
    assert "success, after" in last


def test_a_failing_task_is_up_for_retry_and_then_failed(bench: Bench) -> None:
    bench.write("""
        def fail():
            raise ValueError("broken")
        python("a", fail, retries=1, retry_delay=60, on_retry_callback=lambda context: note("retry"),
               on_failure_callback=lambda context: note(f"failure {context['exception']}"))
    """)
    first = bench.execute("a")
    assert (first.state, first.reason) == (TaskState.UP_FOR_RETRY, "ValueError: broken")
    assert first.next_at == first.ended_at + datetime.timedelta(seconds=60)
    second = bench.execute("a")
    assert (second.state, second.try_number) == (TaskState.FAILED, 2)
    assert bench.notes() == ["retry", "failure broken"]
    assert [attempt.state for attempt in bench.store.attempts(bench.run.id, "a")] == ["up_for_retry", "failed"]
    log = bench.log("a")
    assert f'File "{bench.path}", line' in log
    assert 'raise ValueError("broken")' in log
    assert "/tradewind/runner/" not in log


def test_an_attempt_that_is_not_wanted_any_more_runs_nothing(bench: Bench) -> None:
    bench.write("""
        python("a", lambda: note("ran"))
    """)
    key = bench.queue("a")
    bench.move("a", TaskState.SCHEDULED)
    bench.submit(key)
    assert bench.ended(key).exit_code == 0
    assert bench.state("a").state is TaskState.SCHEDULED
    bench.queue("a")  # another dispatch; the old command line must not start it
    bench.submit(key)
    assert bench.ended(key).exit_code == 0
    assert bench.state("a").state is TaskState.QUEUED
    assert bench.notes() == []


def test_a_zombie_records_nothing_and_stops_itself(bench: Bench) -> None:
    bench.write("""
        def work():
            note("begun")
            time.sleep(300)
        python("a", work, on_failure_callback=lambda context: note("failure"))
    """)
    key = bench.queue("a")
    bench.submit(key)
    bench.wait_for_note("begun")
    bench.move("a", TaskState.FAILED)
    began = time.monotonic()
    assert bench.ended(key).exit_code == 0
    assert time.monotonic() - began < 60
    assert bench.state("a").reason == ""
    assert bench.notes() == ["begun"]
    assert "had been given up" in bench.log("a").splitlines()[-1]


def test_a_zombie_that_does_not_stop_is_killed_with_all_that_it_started(make: MakeBench) -> None:
    bench = make(kill_grace=0.2)
    bench.write("""
        def work():
            child = subprocess.Popen(["sleep", "600"], process_group=0)
            note(f"child {child.pid}")
            note("begun")
            while True:
                try:
                    time.sleep(300)
                except BaseException:
                    note("swallowed")
        python("a", work)
    """)
    key = bench.queue("a")
    bench.submit(key)
    bench.wait_for_note("begun")
    bench.move("a", None)
    bench.ended(key)
    assert bench.notes()[1:] == ["begun", "swallowed"]
    assert identity(int(bench.notes()[0].split()[1])) is None


def test_cancel_calls_on_kill_and_retries_apply(bench: Bench) -> None:
    bench.write("""
        class Slow(PythonOperator):
            def on_kill(self):
                note("on_kill")
        Slow(task_id="a", python_callable=lambda: note("begun") or time.sleep(300), retries=1)
    """)
    key = bench.queue("a")
    bench.submit(key)
    bench.wait_for_note("begun")
    bench.executor.cancel(key)
    assert bench.ended(key).exit_code == 0
    done = bench.state("a")
    assert (done.state, done.reason) == (TaskState.UP_FOR_RETRY, "it was stopped by SIGTERM")
    assert bench.notes() == ["begun", "on_kill"]


def test_cancelling_a_bash_command_ends_all_that_it_started(bench: Bench) -> None:
    bench.write("""
        BashOperator(task_id="a", bash_command=f"sleep 61 & echo child $! >> {notes}; echo begun >> {notes}; wait")
    """)
    key = bench.queue("a")
    bench.submit(key)
    bench.wait_for_note("begun")
    bench.executor.cancel(key)
    bench.ended(key)
    assert bench.state("a").state is TaskState.FAILED
    assert identity(int(bench.notes()[0].split()[1])) is None


def test_execution_timeout_fails_the_task(bench: Bench) -> None:
    bench.write("""
        python("a", lambda: time.sleep(300), execution_timeout=datetime.timedelta(seconds=0.1))
    """)
    done = bench.execute("a")
    assert (done.state, done.reason) == (
        TaskState.FAILED,
        "TaskTimeout: task a of DAG shop took longer than its execution_timeout of 0.1 s",
    )
    assert "time.sleep(300)" in bench.log("a")


def test_a_task_that_swallows_its_timeout_is_ended_all_the_same(make: MakeBench) -> None:
    bench = make(kill_grace=0.2)
    bench.write("""
        def work():
            while True:
                try:
                    time.sleep(300)
                except Exception:
                    note("swallowed")
        python("a", work, execution_timeout=1, on_failure_callback=lambda context: note("failure"))
    """)
    done = bench.execute("a")
    assert done.state is TaskState.FAILED
    assert done.reason.startswith("TaskTimeout")
    assert bench.notes() == ["swallowed", "failure"]
    assert "ended the hard way" in bench.log("a")


def test_a_killed_task_is_reported_and_its_log_says_so(bench: Bench) -> None:
    bench.write("""
        def work():
            subprocess.Popen(["sleep", "600"], process_group=0)
            print("last words")
            os.kill(os.getpid(), signal.SIGKILL)
        python("a", work)
    """)
    key = bench.queue("a")
    bench.submit(key)
    ended = bench.ended(key)
    assert ended.exit_code == -9
    assert bench.state("a").state is TaskState.RUNNING  # what becomes of it is the scheduler's to say
    *_, words, last = bench.log("a").splitlines()
    assert words.endswith("OUT     last words")
    assert "killed by SIGKILL" in last


def test_a_crash_in_c_leaves_its_traceback_in_the_log(bench: Bench) -> None:
    bench.write("""
        def crash():
            import ctypes
            ctypes.string_at(0)
        python("a", crash)
    """)
    key = bench.queue("a")
    bench.submit(key)
    assert bench.ended(key).exit_code == -signal.SIGSEGV
    assert "Fatal Python error: Segmentation fault" in bench.log("a")
    assert "in crash" in bench.log("a")


def test_a_task_that_ends_its_process_is_not_a_success(bench: Bench) -> None:
    bench.write("""
        python("a", lambda: os._exit(0))
        python("b", lambda: sys.exit(0))
        python("c", lambda: sys.exit("no good"))
    """)
    key = bench.queue("a")
    bench.submit(key)
    bench.ended(key)
    assert bench.state("a").state is TaskState.RUNNING
    assert bench.execute("b").state is TaskState.SUCCESS
    assert (bench.execute("c").state, bench.state("c").reason) == (TaskState.FAILED, "SystemExit: no good")


def test_a_full_disk_does_not_fail_the_task_and_is_told(bench: Bench) -> None:
    bench.write("""
        BashOperator(task_id="a", bash_command="echo output; echo done")
    """)
    bench.log_path("a").parent.mkdir(parents=True)
    bench.log_path("a").symlink_to("/dev/full")
    done = bench.execute("a")
    assert done.state is TaskState.SUCCESS
    assert done.reason == f"its log is not complete: No space left on device ({bench.log_path('a')})"


def test_secrets_do_not_reach_the_log(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", "postgres://user:hunter2-hunter2@host/db")
    bench.write("""
        def leak():
            from tradewind.connection import Connection
            found = Connection.get("warehouse")
            print("printed", found.password)
            subprocess.run(["echo", "echoed", found.password])
            raise ValueError(f"raised {found.password}")
        python("a", leak)
    """)
    done = bench.execute("a")
    assert done.reason == "ValueError: raised ***"
    assert "hunter2" not in bench.log("a")
    for word in ("printed ***", "echoed ***", "ValueError: raised ***"):
        assert word in bench.log("a")


def test_a_value_that_cannot_travel_fails_the_task(bench: Bench) -> None:
    bench.write("""
        python("a", lambda: object())
    """)
    done = bench.execute("a")
    assert done.state is TaskState.FAILED
    assert done.reason.startswith("XComError: ")


def test_a_changed_file_does_not_change_what_a_run_executes(bench: Bench) -> None:
    bench.write("""
        python("a", lambda: note("old"))
        python("b", lambda: note("old b"))
    """)
    Path(bench.path).write_text("raise RuntimeError('half written')")
    assert bench.execute("a").state is TaskState.SUCCESS
    Path(bench.path).unlink()
    assert bench.execute("b").state is TaskState.SUCCESS
    assert bench.notes() == ["old", "old b"]


def test_a_module_beside_the_dag_file_is_loaded_anew_when_it_changes(bench: Bench) -> None:
    helper = bench.folder / "shop_helper.py"
    helper.write_text("WORD = 'first'\n")
    try:
        bench.write("""
            import shop_helper
            python("a", lambda: note(shop_helper.WORD))
            python("b", lambda: note(shop_helper.WORD))
        """)
        bench.execute("a")
        helper.write_text("WORD = 'second'\n")
        bench.execute("b")
    finally:
        sys.modules.pop("shop_helper", None)
    assert bench.notes() == ["first", "second"]


def test_a_file_that_cannot_be_loaded_fails_the_attempt_with_the_reason(bench: Bench) -> None:
    bench.write("""
        if os.environ.get("TRADEWIND_BROKEN"):
            raise RuntimeError("no licence here")
        python("a", print, retries=1)
    """)
    os.environ["TRADEWIND_BROKEN"] = "1"
    try:
        done = bench.execute("a")
    finally:
        del os.environ["TRADEWIND_BROKEN"]
    assert done.state is TaskState.UP_FOR_RETRY
    assert done.reason == "its DAG file could not be loaded: RuntimeError: no licence here"
    assert "RuntimeError: no licence here" in bench.log("a")


def test_an_attempt_outlives_its_executor_and_records_its_end(bench: Bench) -> None:
    bench.write("""
        def work():
            note("begun")
            while not notes.with_name("go").exists():
                time.sleep(0.01)
            return 1
        python("a", work)
    """)
    key = bench.queue("a")
    bench.submit(key)
    bench.wait_for_note("begun")
    running = bench.state("a")
    bench.executor.stop(None)
    bench._executor = None
    assert running.pid is not None
    assert bench.executor.adopt(key, running.host or "", running.pid, running.process)
    (bench.folder / "go").touch()
    assert bench.ended(key).exit_code is None
    assert bench.state("a").state is TaskState.SUCCESS


def test_signs_of_life_are_given(bench: Bench) -> None:
    bench.write("""
        def work():
            note("begun")
            while not notes.with_name("go").exists():
                time.sleep(0.01)
        python("a", work)
    """)
    key = bench.queue("a")
    bench.submit(key)
    bench.wait_for_note("begun")
    first = bench.state("a").heartbeat_at
    assert first is not None
    deadline = time.monotonic() + 60
    while (latest := bench.state("a").heartbeat_at) == first:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert latest is not None
    assert latest > first
    (bench.folder / "go").touch()
    bench.ended(key)


def test_callbacks_of_a_run_get_its_context_and_are_called_once(bench: Bench) -> None:
    bench.write("""
        python("a", lambda: None)
        dag.on_success_callback = [lambda context: note(f"{context['dag_run'].run_id} {context['ds']}")]
    """)
    end_run(bench)
    for _ in range(2):
        assert bench.ended(submit_callback(bench)).exit_code == 0
    assert bench.notes() == ["manual__1 2024-05-01"]
    assert not bench.store.run("shop", "manual__1").callback_due
    assert "on_success_callback of shop, run manual__1: done." in bench.log("run")


def end_run(bench: Bench) -> None:
    before = bench.run
    after = msgspec.structs.replace(before, state=RunState.SUCCESS, ended_at=AT, callback_due=True)
    assert bench.store.apply(before, Moves((), RunMove(before, after))).written


def submit_callback(bench: Bench) -> TaskKey:
    key = callback_key("shop", "manual__1")
    argv = callback_argv("shop", "manual__1", bench.path, bench.version.file_hash)
    bench.executor.submit(key, argv, bench.log_path("run"), affinity(argv))
    return key


def test_callbacks_are_called_though_the_database_is_away_when_they_are_due(bench: Bench) -> None:
    bench.write("""
        python("a", lambda: None)
        dag.on_success_callback = lambda context: note("told")
    """)
    end_run(bench)
    database = Path(bench.store.place)
    away = database.rename(database.with_name("away"))
    key = submit_callback(bench)
    deadline = time.monotonic() + 60
    while not bench.log_path("run").exists() or "wait for the metadata database" not in bench.log("run"):
        assert time.monotonic() < deadline
        assert bench.executor.poll(0.01) == []
    away.rename(database)
    assert bench.ended(key).exit_code == 0
    assert bench.notes() == ["told"]


def test_a_task_with_threads_left_over_ends(bench: Bench) -> None:
    bench.write("""
        def work():
            import threading
            threading.Thread(target=time.sleep, args=(60,)).start()
        python("a", work)
    """)
    assert bench.execute("a").state is TaskState.SUCCESS


def test_attempts_may_start_in_interpreters_of_their_own(make: MakeBench) -> None:
    bench = make(process_start="spawn")
    bench.write("""
        python("a", lambda: print("spawned", os.getpid()) or os.getpid())
    """)
    done = bench.execute("a")
    assert done.state is TaskState.SUCCESS
    assert f"spawned {done.pid}" in bench.log("a")
    first, *_, last = bench.log("a").splitlines()
    assert "try 1 of 1" in first
    assert "success, after" in last


def test_a_dag_file_that_starts_threads_is_not_forked(bench: Bench) -> None:
    bench.write("""
        import threading
        threading.Thread(target=time.sleep, args=(3600,), daemon=True).start()
        python("a", lambda: "fine")
    """)
    assert bench.execute("a").state is TaskState.SUCCESS


def test_many_attempts_at_once_all_end(bench: Bench) -> None:
    bench.write("""
        for number in range(30):
            python(f"t{number}", lambda: None)
    """)
    keys = {bench.queue(f"t{number}") for number in range(30)}
    for key in keys:
        bench.submit(key)
    ended: list[Ended] = []
    deadline = time.monotonic() + 60
    while len(ended) < 30:
        assert time.monotonic() < deadline
        ended += bench.executor.poll(1)
    assert {one.key for one in ended} == keys
    assert {instance.state for instance in bench.store.tasks(bench.run.id)} == {TaskState.SUCCESS}
