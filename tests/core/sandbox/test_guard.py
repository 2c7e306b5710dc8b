"""The guard owns what a sandbox starts, whatever happens to its user or to itself."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tradewind.errors import SandboxError
from tradewind.runner.identity import identity
from tradewind.sandbox import Guard
from tradewind.sandbox import guard as guards

SLEEP = [sys.executable, "-c", "import time; print('sleeping', flush=True); time.sleep(1000)"]

#: Starts a guard with a process, tells their pids and the folder, and does as it is told.
USER = f"""
import os, sys, time
from tradewind.sandbox import Guard
guard = Guard("test")
pid = guard.start({SLEEP!r}, log="log", environ=os.environ)
print(pid, guard._process.pid, guard.folder, flush=True)
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The temporary folder of the guards in this test; its path has a space."""
    folder = tmp_path / "temporary files"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


@pytest.fixture
def guard():
    started = Guard("test")
    yield started
    started.stop()


@pytest.fixture
def user():
    """Start another process that uses a guard, and then does what the code says."""
    running = []

    def start(code):
        command = [sys.executable, "-W", "error", "-c", USER + code]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        running.append(process)
        pid, guard_pid, place = process.stdout.readline().split(maxsplit=2)
        return process, int(pid), int(guard_pid), Path(place.strip())

    yield start
    for process in running:
        process.kill()
        process.communicate()


def until(what, timeout=60.0):
    end = time.monotonic() + timeout
    while not what():
        assert time.monotonic() < end
        time.sleep(0.02)


def gone(*pids):
    return all(identity(pid) is None for pid in pids)


def start(guard, command, **more):
    return guard.start(command, log="log", environ=os.environ, **more)


def test_a_process_runs_in_the_folder_until_the_guard_is_stopped(guard, folder):
    pid = start(guard, SLEEP)
    assert guard.folder.parent == folder
    assert guard.folder.stat().st_mode & 0o777 == 0o700
    until(lambda: guard.log_tail("log") == "sleeping")
    assert guard.exit_code(pid) is None
    guard.stop()
    guard.stop()
    assert gone(pid)
    assert list(folder.iterdir()) == []


def test_the_end_of_a_process_is_told(guard):
    ended = start(guard, [sys.executable, "-c", "import os; print(os.getcwd()); raise SystemExit(7)"])
    killed = start(guard, [sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"])
    assert guard.exit_code(killed, 60) == -9
    assert guard.exit_code(ended, 60) == 7
    assert guard.log_tail("log") == str(guard.folder)


def test_only_the_last_lines_of_a_log_are_shown(guard):
    pid = start(guard, [sys.executable, "-c", "for number in range(100): print(number)"])
    assert guard.exit_code(pid, 60) == 0
    assert guard.log_tail("log", lines=3) == "97\n98\n99"
    assert guard.log_tail("no such log") == ""


def test_a_program_that_is_not_there(guard):
    with pytest.raises(SandboxError, match=r"/no/such/program cannot be started: .*No such file"):
        start(guard, ["/no/such/program"])


def test_what_the_process_has_started_goes_too(guard):
    code = "import subprocess, sys; print(subprocess.Popen(sys.argv[1:]).pid, flush=True)"
    pid = start(guard, [sys.executable, "-c", code, *SLEEP])
    assert guard.exit_code(pid, 60) == 0
    until(lambda: "sleeping" in guard.log_tail("log"))
    grandchild = int(re.search(r"\d+", guard.log_tail("log"))[0])
    assert not gone(grandchild)
    guard.stop()
    assert gone(grandchild)


def test_it_is_asked_by_the_signal_that_it_likes(guard):
    code = """if True:
        import signal
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1, signal.SIGTERM})
        print("ready", flush=True)
        number = signal.sigwait({signal.SIGUSR1, signal.SIGTERM})
        open("../said", "w").write(number.name)
    """
    pid = start(guard, [sys.executable, "-c", code], stop_signal=signal.SIGUSR1)
    until(lambda: guard.log_tail("log") == "ready")
    guard.stop()
    assert gone(pid)
    assert (guard.folder.parent / "said").read_text() == "SIGUSR1"


def test_what_does_not_stop_is_killed(guard):
    pid = start(guard, ["sh", "-c", "trap '' TERM; echo ready; while true; do sleep 1; done"])
    until(lambda: guard.log_tail("log") == "ready")
    began = time.monotonic()
    guard.stop()
    assert gone(pid)
    assert time.monotonic() - began > 5  # it had time to stop


def test_it_is_stopped_when_its_user_ends(user, folder):
    process, pid, guard_pid, _ = user("")
    assert process.communicate(timeout=60) == ("", "")
    assert process.returncode == 0
    assert gone(pid, guard_pid)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_it_is_stopped_when_its_user_is_killed(user, folder, number):
    process, pid, guard_pid, _ = user("time.sleep(1000)")
    process.send_signal(number)
    until(lambda: gone(pid, guard_pid) and not list(folder.iterdir()))


def test_a_child_that_was_forked_neither_stops_it_nor_keeps_it_up(user, folder):
    process, pid, guard_pid, place = user(
        """
if os.fork() == 0:
    guard.stop()
    print(os.getpid(), flush=True)
time.sleep(1000)
"""
    )
    child = int(process.stdout.readline())
    try:
        assert not gone(pid)
        assert place.exists()
        process.kill()
        until(lambda: gone(pid, guard_pid) and not list(folder.iterdir()))
        assert not gone(child)
    finally:
        os.kill(child, signal.SIGKILL)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_guard_that_is_asked_to_stop_clears_up(guard, folder, number):
    pid = start(guard, SLEEP)
    os.kill(guard._process.pid, number)
    until(lambda: gone(pid) and not list(folder.iterdir()))
    with pytest.raises(SandboxError, match="ended with exit code 0"):
        start(guard, SLEEP)


def test_a_guard_that_was_killed_is_cleared_up_after_by_the_next(folder):
    killed = Guard("test")
    pid = start(killed, SLEEP)
    os.kill(killed._process.pid, signal.SIGKILL)
    killed.stop()
    assert not gone(pid)
    assert killed.folder.exists()
    with Guarded() as guard:
        assert gone(pid)
        assert list(folder.iterdir()) == [guard.folder]


def test_a_guard_that_lives_is_left_alone(guard, folder):
    pid = start(guard, SLEEP)
    with Guarded():
        assert not gone(pid)
        assert guard.folder.exists()


def test_many_start_and_stop_at_the_same_time(folder):
    from concurrent.futures import ThreadPoolExecutor

    dead = [Guard("test") for _ in range(2)]
    for one in dead:
        os.kill(one._process.pid, signal.SIGKILL)
        one.stop()

    def use(_):
        with Guarded() as guard:
            pid = start(guard, SLEEP)
            assert guard.exit_code(pid) is None
            return pid

    with ThreadPoolExecutor(4) as pool:
        assert gone(*pool.map(use, range(8)))
    assert list(folder.iterdir()) == []


def test_folders_that_are_not_ours_to_remove_are_left_alone(folder, monkeypatch):
    def made(name, record):
        place = folder / f"tradewind-sandbox-{name}"
        place.mkdir()
        if record is not None:
            (place / "guard.json").write_text(record)
        return place

    dead = Guard("test")
    record = json.loads((dead.folder / "guard.json").read_text())
    dead.stop()
    left_over = made("dead", json.dumps(record))
    elsewhere = made("elsewhere", json.dumps({**record, "machine": "another"}))
    fresh, old, unreadable = made("fresh", None), made("old", None), made("unreadable", "{")
    os.utime(old, (0, 0))
    linked = folder / "tradewind-sandbox-link"
    linked.symlink_to(elsewhere)
    (folder / "tradewind-sandbox-file").write_text("")
    if os.geteuid() == 0:
        foreign = made("foreign", json.dumps(record))
        os.chown(foreign, 65534, 65534)
    with Guarded():
        assert not left_over.exists()
        assert not old.exists()
        assert elsewhere.exists()
        assert fresh.exists()
        assert unreadable.exists()
        assert linked.is_symlink()
        assert (folder / "tradewind-sandbox-file").exists()
        assert os.geteuid() != 0 or foreign.exists()


def test_a_session_that_only_has_the_number_of_a_dead_guard_is_not_touched(folder):
    """After the machine was started anew, the pid of a guard can be the number of somebody else's session."""
    leader = "import os, subprocess, sys; print(subprocess.Popen(['sleep', '1000']).pid, flush=True); os._exit(0)"
    with subprocess.Popen(
        [sys.executable, "-c", leader], stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        pid = int(process.stdout.readline())
        process.stdout.close()
        process.wait()
        try:
            with Guarded() as guard:
                record = json.loads((guard.folder / "guard.json").read_text())
            place = folder / "tradewind-sandbox-x"
            place.mkdir()
            (place / "guard.json").write_text(json.dumps({**record, "pid": process.pid, "process": "earlier"}))
            with Guarded():
                assert not place.exists()
                assert not gone(pid)
        finally:
            os.kill(pid, signal.SIGKILL)


def test_a_temporary_folder_that_is_not_there(monkeypatch):
    monkeypatch.setattr(guards.sys, "executable", "/no/such/python")
    with pytest.raises(SandboxError, match="/no/such/python cannot be started"):
        Guard("test")


def test_a_guard_that_cannot_make_its_folder_says_why(folder, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "")
    (folder / "tradewind").write_text("")
    monkeypatch.setattr(guards.sys, "path", [])
    with pytest.raises(SandboxError, match=r"ended with exit code 1: .*No module named"):
        Guard("test")


class Guarded:
    def __enter__(self):
        self.guard = Guard("test")
        return self.guard

    def __exit__(self, *_):
        self.guard.stop()
