"""The local executor with a tiny runner: what it starts, watches, kills, adopts and reports."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest

from tradewind.errors import SettingError
from tradewind.executor import local
from tradewind.executor.contract import Ended
from tradewind.executor.local import LocalExecutor
from tradewind.records import TaskKey
from tradewind.runner.identity import host, identity, session_members
from tradewind.settings import Settings

#: A runner whose command line is ["tiny", verb, path]: it does as the verb says, and notes its pid in the path.
TINY = """
import os, signal, subprocess, sys, time
from pathlib import Path

loaded = []

def preload(argv):
    loaded.append(argv[1])
    if argv[1] == "deadly":
        os._exit(3)
    if argv[1] == "hanging":
        time.sleep(600)

def out_of_date():
    # once: a process that takes the place of this one finds the file gone
    try:
        os.unlink(os.environ.get("TINY_CHANGED", "/nonexistent"))
    except OSError:
        return False
    return True

def main(argv):
    verb, path = argv[1], Path(argv[2])
    note = f"{os.getpid()} {os.getppid()} {' '.join(loaded)}"
    if verb == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if verb == "polite":
        signal.signal(signal.SIGTERM, lambda *_: (path.with_suffix(".stopped").touch(), os._exit(0)))
    if verb in ("leaver", "leaver-killed"):
        left = subprocess.Popen(["sleep", "600"], process_group=0)
        note += f" {left.pid}"
    path.with_suffix(".new").write_text(note)
    path.with_suffix(".new").rename(path)
    if verb == "leaver-killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if verb in ("stubborn", "polite", "waiter"):
        end = path.with_suffix(".end")
        while not end.exists():
            time.sleep(0.01)
        path.with_suffix(".done").touch()
    if verb == "worker":
        with path.with_suffix(".starts").open("a") as starts:
            starts.write("x")
        time.sleep(0.02)
    if verb == "prints":
        print("hello")
        os.write(2, b"raw\\n")
    if verb == "raises":
        raise ValueError("broken")
    return 7 if verb == "seven" else 0
"""

MakeExecutor = Callable[..., LocalExecutor]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=str(tmp_path), kill_grace=0.3, parse_timeout=30)


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Iterator[MakeExecutor]:
    (tmp_path / "tiny.py").write_text(TINY)
    monkeypatch.syspath_prepend(str(tmp_path))
    made: list[LocalExecutor] = []

    def make_one(settings: Settings = settings) -> LocalExecutor:
        executor = LocalExecutor(settings, runner="tiny", preload=["tradewind.executor.warm", "tiny"])
        executor.start()
        made.append(executor)
        return executor

    yield make_one
    for executor in made:
        executor.stop(0)


class Attempts:
    """Submits attempts and waits for what they note."""

    def __init__(self, executor: LocalExecutor, folder: Path) -> None:
        self.executor = executor
        self.folder = folder
        self.number = 0

    def submit(self, verb: str, affinity: str = "file\0one") -> tuple[TaskKey, Path]:
        self.number += 1
        key = TaskKey("dag", "run", f"{verb}-{self.number}")
        path = self.folder / f"{key.task_id}.note"
        self.executor.submit(key, ["tiny", verb, str(path)], self.folder / f"{key.task_id}.log", affinity)
        return key, path

    def wait(self, path: Path, seconds: float = 60) -> list[str]:
        """What an attempt noted; the executor goes on working meanwhile, and nothing may end."""
        deadline = time.monotonic() + seconds
        while not path.exists():
            assert time.monotonic() < deadline, f"{path} does not appear"
            assert self.executor.poll(0.01) == []
        return path.read_text().split()

    def ended(self, count: int = 1, seconds: float = 60) -> list[Ended]:
        found: list[Ended] = []
        deadline = time.monotonic() + seconds
        while len(found) < count:
            assert time.monotonic() < deadline, f"only {found} ended"
            found += self.executor.poll(0.5)
        return found


@pytest.fixture
def attempts(make: MakeExecutor, tmp_path: Path) -> Attempts:
    return Attempts(make(), tmp_path)


def test_an_attempt_runs_in_its_own_session_and_its_end_is_reported(attempts: Attempts) -> None:
    key, path = attempts.submit("waiter")
    pid, parent, *loaded = attempts.wait(path)
    assert os.getsid(int(pid)) == int(pid)
    assert loaded == ["waiter"]
    assert int(parent) != os.getpid()
    path.with_suffix(".end").touch()
    assert attempts.ended() == [Ended(key, 0, "")]
    assert identity(int(pid)) is None


def test_the_exit_code_is_reported(attempts: Attempts) -> None:
    key, _ = attempts.submit("seven")
    assert attempts.ended() == [Ended(key, 7, "its process ended with exit code 7")]


def test_an_error_of_the_runner_itself_is_in_the_log(attempts: Attempts, tmp_path: Path) -> None:
    key, _ = attempts.submit("raises")
    assert attempts.ended()[0].exit_code == 1
    assert "ValueError: broken" in (tmp_path / f"{key.task_id}.log").read_text()


def test_what_is_written_before_the_log_is_set_up_arrives_in_the_log(attempts: Attempts, tmp_path: Path) -> None:
    key, _ = attempts.submit("prints")
    attempts.ended()
    assert sorted((tmp_path / f"{key.task_id}.log").read_text().split()) == ["hello", "raw"]


def test_attempts_with_one_affinity_share_a_warm_process(attempts: Attempts) -> None:
    notes = []
    for _ in range(3):
        _, path = attempts.submit("quick")
        attempts.ended()
        notes.append(path.read_text().split())
    assert len({note[0] for note in notes}) == 3
    assert len({note[1] for note in notes}) == 1


def test_another_affinity_has_another_warm_process_and_a_new_version_replaces_the_old(
    attempts: Attempts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "SUPERSEDED_TIME", 0.2)
    parents = []
    for affinity in ("a\0one", "b\0one", "a\0two"):
        _, path = attempts.submit("quick", affinity)
        attempts.ended()
        parents.append(int(path.read_text().split()[1]))
    assert len(set(parents)) == 3
    wait_until(lambda: identity(parents[0]) is None, attempts)
    assert identity(parents[1]) is not None


def test_attempts_of_two_versions_in_turn_do_not_load_them_anew_each_time(attempts: Attempts) -> None:
    parents = []
    for number in range(6):
        _, path = attempts.submit("quick", f"a\0{number % 2}")
        attempts.ended()
        parents.append(path.read_text().split()[1])
    assert len(set(parents)) == 2


def test_what_an_attempt_leaves_behind_is_killed_before_its_end_is_reported(attempts: Attempts) -> None:
    for verb, code in (("leaver", 0), ("leaver-killed", -9)):
        key, path = attempts.submit(verb)
        (ended,) = attempts.ended()
        pid, left = int(path.read_text().split()[0]), int(path.read_text().split()[-1])
        assert (ended.key, ended.exit_code) == (key, code)
        assert identity(left) is None
        assert session_members(pid) == []


def test_a_killed_attempt_says_so_in_its_log(attempts: Attempts, tmp_path: Path) -> None:
    key, _ = attempts.submit("leaver-killed")
    (ended,) = attempts.ended()
    assert ended.reason.startswith("its process was killed by SIGKILL")
    assert ended.reason in (tmp_path / f"{key.task_id}.log").read_text()


def test_a_cancelled_attempt_may_stop_by_itself(attempts: Attempts) -> None:
    key, path = attempts.submit("polite")
    attempts.wait(path)
    attempts.executor.cancel(key)
    assert attempts.ended() == [Ended(key, 0, "")]
    assert path.with_suffix(".stopped").exists()


def test_a_cancelled_attempt_that_does_not_stop_is_killed(attempts: Attempts) -> None:
    key, path = attempts.submit("stubborn")
    attempts.wait(path)
    attempts.executor.cancel(key)
    (ended,) = attempts.ended()
    assert (ended.key, ended.exit_code) == (key, -9)
    assert ended.reason == "its process did not stop when asked, and was killed"


def test_cancelling_what_it_does_not_hold_does_nothing(attempts: Attempts) -> None:
    attempts.executor.cancel(TaskKey("dag", "run", "unknown"))
    assert attempts.executor.poll(0) == []


def test_an_attempt_goes_on_when_its_warm_process_is_killed(attempts: Attempts) -> None:
    key, path = attempts.submit("waiter")
    pid, parent, *_ = attempts.wait(path)
    os.kill(int(parent), signal.SIGKILL)
    wait_until(lambda: identity(int(parent)) is None, attempts)
    assert attempts.executor.poll(0.1) == []
    path.with_suffix(".end").touch()
    (ended,) = attempts.ended()
    assert (ended.key, ended.exit_code) == (key, None)
    assert identity(int(pid)) is None
    assert path.with_suffix(".done").exists()


def test_an_attempt_whose_warm_process_was_killed_can_be_cancelled(attempts: Attempts) -> None:
    key, path = attempts.submit("stubborn")
    pid, parent, *_ = attempts.wait(path)
    os.kill(int(parent), signal.SIGKILL)
    wait_until(lambda: identity(int(parent)) is None, attempts)
    attempts.executor.cancel(key)
    (ended,) = attempts.ended()
    assert ended == Ended(key, None, "its process did not stop when asked, and was killed")
    assert identity(int(pid)) is None


def test_attempts_that_were_not_started_when_a_warm_process_died_start_elsewhere(attempts: Attempts) -> None:
    _, path = attempts.submit("quick")
    attempts.ended()
    parent = int(path.read_text().split()[1])
    os.kill(parent, signal.SIGSTOP)
    keys = {attempts.submit("quick")[0] for _ in range(5)}
    os.kill(parent, signal.SIGKILL)
    ended = attempts.ended(5)
    assert {(one.key, one.exit_code) for one in ended} == {(key, 0) for key in keys}


def test_a_file_that_kills_whoever_loads_it_does_not_keep_the_attempt_from_starting(attempts: Attempts) -> None:
    key, path = attempts.submit("deadly", "deadly\0one")
    assert attempts.ended() == [Ended(key, 0, "")]
    assert path.read_text().split()[2:] == []


def test_a_file_that_hangs_does_not_keep_the_attempt_from_starting(
    make: MakeExecutor, settings: Settings, tmp_path: Path
) -> None:
    from dataclasses import replace

    attempts = Attempts(make(replace(settings, parse_timeout=-3)), tmp_path)  # two seconds in all
    key, _ = attempts.submit("hanging", "hanging\0one")
    assert attempts.ended() == [Ended(key, 0, "")]


def test_a_warm_process_that_is_out_of_date_is_replaced(
    make: MakeExecutor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = tmp_path / "changed"
    monkeypatch.setenv("TINY_CHANGED", str(changed))
    attempts = Attempts(make(), tmp_path)
    _, first = attempts.submit("quick")
    attempts.ended()
    changed.touch()
    key, path = attempts.submit("quick", "file\0one")
    assert attempts.ended() == [Ended(key, 0, "")]
    assert path.read_text().split()[1] != first.read_text().split()[1]


def test_many_attempts_at_once(attempts: Attempts) -> None:
    keys = {attempts.submit("quick")[0] for _ in range(60)}
    ended = attempts.ended(60)
    assert {one.key for one in ended} == keys
    assert {one.exit_code for one in ended} == {0}
    assert attempts.executor.slots == attempts.executor.settings.parallelism


def test_wake_ends_a_waiting_poll(attempts: Attempts) -> None:
    import threading

    timer = threading.Timer(0.05, attempts.executor.wake)
    timer.start()
    began = time.monotonic()
    assert attempts.executor.poll(120) == []
    assert time.monotonic() - began < 60
    timer.join()


def test_stop_waits_asks_and_kills(attempts: Attempts) -> None:
    keys = {}
    for verb in ("polite", "stubborn"):
        key, path = attempts.submit(verb)
        keys[key] = path
        attempts.wait(path)
    pids = [int(path.read_text().split()[0]) for path in keys.values()]
    ended = attempts.executor.stop(0.05)
    assert {one.key for one in ended} == set(keys)
    assert [identity(pid) for pid in pids] == [None, None]


def test_stop_can_leave_attempts_running_and_another_executor_adopts_them(
    attempts: Attempts, make: MakeExecutor, tmp_path: Path
) -> None:
    key, path = attempts.submit("waiter")
    pid, parent, *_ = attempts.wait(path)
    process = identity(int(pid))
    assert attempts.executor.stop(None) == []
    second = Attempts(make(), tmp_path)
    assert second.executor.adopt(key, host(), int(pid), process)
    assert second.executor.poll(0.05) == []
    path.with_suffix(".end").touch()
    (ended,) = second.ended()
    assert (ended.key, ended.exit_code) == (key, None)
    assert path.with_suffix(".done").exists()
    wait_until(lambda: identity(int(parent)) is None, second)


def test_adopting_what_is_gone_or_elsewhere_is_refused(attempts: Attempts) -> None:
    key = TaskKey("dag", "run", "gone")
    with subprocess.Popen(["true"]) as done:
        pass
    assert not attempts.executor.adopt(key, host(), done.pid, "some-process")
    assert not attempts.executor.adopt(key, "another.host", os.getpid(), identity())
    assert not attempts.executor.adopt(key, host(), os.getpid(), "the pid was given again")
    assert attempts.executor.slots == attempts.executor.settings.parallelism


def test_adopting_an_attempt_whose_leader_is_dead_kills_what_it_left(attempts: Attempts) -> None:
    script = "import subprocess; print(subprocess.Popen(['sleep', '600'], process_group=0).pid)"
    leader = subprocess.Popen([sys.executable, "-c", script], start_new_session=True, stdout=subprocess.PIPE, text=True)
    process = identity(leader.pid)
    assert leader.stdout is not None
    left = int(leader.stdout.readline())
    leader.stdout.close()
    leader.wait()
    key = TaskKey("dag", "run", "left")
    if attempts.executor.adopt(key, host(), leader.pid, process):
        assert attempts.ended()[0].key == key
    assert identity(left) is None


def test_a_killed_executor_leaves_attempts_running_and_nothing_else(
    attempts: Attempts, tmp_path: Path, settings: Settings
) -> None:
    """The whole chain is killed from above with SIGKILL; a new executor takes over."""
    script = textwrap.dedent(f"""
        import sys, time
        sys.path.insert(0, {str(tmp_path)!r})
        from pathlib import Path
        from tradewind.executor.local import LocalExecutor
        from tradewind.records import TaskKey
        from tradewind.settings import Settings
        executor = LocalExecutor(Settings(), runner="tiny", preload=["tradewind.executor.warm", "tiny"])
        executor.start()
        for verb in ("waiter", "leaver-killed"):
            note = {str(tmp_path)!r} + f"/{{verb}}.note"
            executor.submit(TaskKey("d", "r", verb), ["tiny", verb, note], Path(note + ".log"), "file\\0one")
        print(executor._zygote.pid, flush=True)
        time.sleep(600)
    """)
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as scheduler:
        assert scheduler.stdout is not None
        zygote = int(scheduler.stdout.readline())
        path = tmp_path / "waiter.note"
        pid, parent, *_ = attempts.wait(path)
        attempts.wait(tmp_path / "leaver-killed.note")
        scheduler.kill()
    process = identity(int(pid))
    assert process is not None
    assert attempts.executor.adopt(TaskKey("d", "r", "waiter"), host(), int(pid), process)
    wait_until(lambda: identity(zygote) is None, attempts)
    assert identity(int(parent)) is not None
    path.with_suffix(".end").touch()
    assert attempts.ended()[0].key.task_id == "waiter"
    assert path.with_suffix(".done").exists()
    left = int((tmp_path / "leaver-killed.note").read_text().split()[-1])
    wait_until(lambda: identity(int(parent)) is None and identity(left) is None, attempts)


@pytest.mark.parametrize("seed", [1, 2])
def test_every_attempt_ends_once_and_runs_at_most_once_whatever_is_killed(
    attempts: Attempts, tmp_path: Path, seed: int
) -> None:
    """Attempts, warm processes and the zygote are killed at random while attempts come and go."""
    random = Random(seed)
    keys, ended = set(), []
    for _ in range(80):
        keys.add(attempts.submit("worker", f"file\0{random.choice('ab')}")[0])
        ended += attempts.executor.poll(random.choice([0, 0.01]))
        notes = [path.read_text().split() for path in tmp_path.glob("*.note")]
        victim = random.random()
        if victim < 0.1 and attempts.executor._all_warm:
            kill(random.choice(attempts.executor._all_warm).child.pid)
        elif victim < 0.2:
            kill(int(random.choice(notes)[0]) if notes else 0)
        elif victim < 0.23:
            kill(attempts.executor._zygote.pid or 0)
    ended += attempts.ended(80 - len(ended), seconds=60)
    assert sorted(one.key.task_id for one in ended) == sorted(key.task_id for key in keys)
    assert {path.read_text() for path in tmp_path.glob("*.starts")} <= {"x", ""}
    started = {int(path.read_text().split()[0]) for path in tmp_path.glob("*.note")}
    assert [pid for pid in started if identity(pid)] == []


def kill(pid: int) -> None:
    if pid and identity(pid):
        with suppress(ProcessLookupError):  # it ended meanwhile
            os.kill(pid, signal.SIGKILL)


def test_an_unknown_way_to_start_processes_is_refused() -> None:
    with pytest.raises(SettingError, match="process_start is auto, fork or spawn, not 'thread'"):
        LocalExecutor(Settings(process_start="thread"))


def wait_until(true: Callable[[], bool], attempts: Attempts, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        assert attempts.executor.poll(0.01) == []
