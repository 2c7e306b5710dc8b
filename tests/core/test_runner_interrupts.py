"""Breaking off the code of a task: by SIGTERM, and when its time is up."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from tradewind.errors import TaskTimeout
from tradewind.runner.interrupts import AttemptStopped, Interrupts


@pytest.fixture
def interrupts() -> Iterator[Interrupts]:
    before = signal.getsignal(signal.SIGTERM)
    found = Interrupts(grace=0.1)
    found.install()
    yield found
    signal.signal(signal.SIGTERM, before)


def swallow(kind: type[BaseException] = Exception, then: float = 0) -> None:
    """Sleep, and do not let anybody break that off."""
    with contextlib.suppress(kind):
        time.sleep(300)
    time.sleep(then)


def terminate_soon(after: float = 0.05) -> threading.Timer:
    main = threading.main_thread().ident
    assert main is not None
    timer = threading.Timer(after, lambda: signal.pthread_kill(main, signal.SIGTERM))
    timer.start()
    return timer


def test_time_is_up_even_in_a_blocking_sleep(interrupts: Interrupts) -> None:
    called = []
    began = time.monotonic()
    with (
        pytest.raises(TaskTimeout, match=r"^task x took longer than its execution_timeout of 0\.05 s$"),
        interrupts.watch("task x", on_kill=lambda: called.append(1), timeout=0.05),
    ):
        time.sleep(300)
    assert time.monotonic() - began < 60
    assert called == [1]


def test_code_within_its_time_is_left_alone(interrupts: Interrupts) -> None:
    with interrupts.watch("task x", timeout=60):
        pass
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_swallowing_the_timeout_does_not_make_a_success(interrupts: Interrupts) -> None:
    with pytest.raises(TaskTimeout), interrupts.watch("task x", timeout=0.02):
        swallow()


def test_code_that_goes_on_after_its_time_is_given_up(interrupts: Interrupts) -> None:
    given_up = []
    with pytest.raises(TaskTimeout), interrupts.watch("task x", timeout=0.3, give_up=given_up.append):
        swallow(then=300)
    assert [str(error) for error in given_up] == ["task x took longer than its execution_timeout of 0.3 s"]


def test_a_failing_on_kill_does_not_hide_the_timeout(interrupts: Interrupts) -> None:
    def on_kill() -> None:
        raise ValueError("broken")

    with pytest.raises(TaskTimeout), interrupts.watch("task x", on_kill=on_kill, timeout=0.02):
        time.sleep(300)


def test_sigterm_calls_on_kill_and_breaks_off(interrupts: Interrupts) -> None:
    called = []
    timer = terminate_soon()
    with (
        pytest.raises(AttemptStopped, match="stopped by SIGTERM"),
        interrupts.watch("task x", on_kill=lambda: called.append(1)),
    ):
        time.sleep(300)
    timer.join()
    assert called == [1]


@pytest.mark.usefixtures("interrupts")
def test_except_exception_does_not_swallow_a_stop_and_a_bare_except_makes_no_success() -> None:
    for kind in (Exception, BaseException):
        interrupts = Interrupts()
        interrupts.install()
        timer = terminate_soon()
        with pytest.raises(AttemptStopped), interrupts.watch("task x"):
            swallow(kind)
        timer.join()


def test_sigterm_outside_of_the_tasks_code_waits_until_it_begins(interrupts: Interrupts) -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(0.01)  # nothing is raised here
    ran = []
    with pytest.raises(AttemptStopped), interrupts.watch("task x"):
        ran.append(1)
    assert ran == []


def test_after_a_stop_further_code_may_run(interrupts: Interrupts) -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    with pytest.raises(AttemptStopped), interrupts.watch("task x"):
        pass
    with interrupts.watch("its end"):
        os.kill(os.getpid(), signal.SIGTERM)


def test_stop_from_another_thread_gives_the_reason(interrupts: Interrupts) -> None:
    timer = threading.Timer(0.05, lambda: interrupts.stop("it was cleared"))
    timer.start()
    with pytest.raises(AttemptStopped, match=r"^it was cleared$"), interrupts.watch("task x"):
        time.sleep(300)
    timer.join()


def test_a_forked_helper_of_the_task_dies_of_sigterm_as_any_process(interrupts: Interrupts) -> None:
    called = []
    with interrupts.watch("task x", on_kill=lambda: called.append(os.getpid())):
        ready, begun = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.write(begun, b"1")
            time.sleep(300)
            os._exit(0)
        os.read(ready, 1)
        for end in (ready, begun):
            os.close(end)
        os.kill(pid, signal.SIGTERM)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGTERM
    assert called == []


def test_outside_of_the_main_thread_there_is_no_limit_and_that_is_logged(
    interrupts: Interrupts, caplog: pytest.LogCaptureFixture
) -> None:
    def work() -> None:
        with interrupts.watch("task x", timeout=0.01):
            time.sleep(0.05)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert "The time limit of task x is not enforced" in caplog.text


def test_code_that_never_returns_to_python_is_ended_by_the_watchdog() -> None:
    """An endless sum in C holds Python's lock, so neither the alarm nor any thread gets through."""
    code = (
        "from tradewind.runner.interrupts import Interrupts\n"
        "with Interrupts(grace=0.1, watchdog_fd=2).watch('task x', timeout=0.1):\n"
        "    sum(range(10**13))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "Timeout (0:00:00.5" in done.stderr
    assert 'File "<string>", line 3' in done.stderr
