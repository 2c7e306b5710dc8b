"""Who a process is, what belongs to its session, and how its end is noticed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from tradewind.executor.process import Leader, describe_exit
from tradewind.runner.identity import (
    host,
    identity,
    is_alive,
    kill_session,
    proc_identity,
    ps_identity,
    session_members,
)

#: Leads a session, starts two sleeping processes in groups of their own, says who they are, and goes on as it is told.
FAMILY = """
import os, signal, subprocess, sys, time
if sys.argv[1] == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
children = [subprocess.Popen(["sleep", "600"], process_group=0) for _ in range(2)]
print(*[child.pid for child in children], flush=True)
if sys.argv[1] == "leave":
    os._exit(5)
time.sleep(600)
"""

Start = Callable[[str], tuple[subprocess.Popen[str], list[int]]]

needs_ps = pytest.mark.skipif(shutil.which("ps") is None, reason="this machine has no ps")
identities = pytest.mark.parametrize(
    "identity_of",
    [
        pytest.param(proc_identity, marks=pytest.mark.skipif(sys.platform != "linux", reason="Linux only"), id="proc"),
        pytest.param(ps_identity, marks=needs_ps, id="ps"),
    ],
)


@pytest.fixture
def family() -> Iterator[Start]:
    started = []

    def start(how: str) -> tuple[subprocess.Popen[str], list[int]]:
        leader = subprocess.Popen(
            [sys.executable, "-c", FAMILY, how], start_new_session=True, stdout=subprocess.PIPE, text=True
        )
        started.append(leader)
        assert leader.stdout is not None
        children = [int(pid) for pid in leader.stdout.readline().split()]
        return leader, children

    yield start
    for leader in started:
        while not kill_session(leader.pid):
            time.sleep(0.005)
        assert leader.stdout is not None
        leader.stdout.close()
        leader.wait()


@identities
def test_a_process_has_an_identity_while_it_lives(identity_of: Callable[[int], str | None]) -> None:
    with subprocess.Popen(["sleep", "600"]) as process:
        found = identity_of(process.pid)
        assert found
        assert identity_of(process.pid) == found
        assert identity_of(os.getpid()) != found or identity_of is ps_identity  # ps tells whole seconds only
        process.kill()
        wait_until(lambda: identity_of(process.pid) is None)  # a zombie: nobody has waited for it yet
    assert identity_of(process.pid) is None


def test_a_process_is_alive_only_under_its_own_identity() -> None:
    own = identity()
    assert own is not None
    assert is_alive(os.getpid(), own)
    assert is_alive(os.getpid(), None)
    assert not is_alive(os.getpid(), own + "0")
    assert host()


def test_a_session_is_killed_whatever_process_groups_it_has(family: Start) -> None:
    leader, children = family("stay")
    assert sorted(session_members(leader.pid)) == sorted([leader.pid, *children])
    assert not kill_session(leader.pid, spare=leader.pid)
    wait_until(lambda: session_members(leader.pid) == [leader.pid])
    assert kill_session(leader.pid, spare=leader.pid)
    assert leader.poll() is None
    assert not kill_session(leader.pid)
    wait_until(lambda: session_members(leader.pid) == [])


def watch(leader: Leader, seconds: float = 60) -> None:
    """Do as the owner of a Leader does, until the attempt is over."""
    deadline = time.monotonic() + seconds
    while not leader.step():
        assert time.monotonic() < deadline
        time.sleep(0.005)
    leader.close()


def test_what_a_dead_leader_left_is_killed_before_it_counts_as_over(family: Start) -> None:
    process, children = family("leave")
    leader = Leader(process.pid, None, child=True)
    watch(leader)
    process.returncode = leader.exit_code
    assert leader.exit_code == 5
    assert [identity(pid) for pid in children] == [None, None]


@pytest.mark.parametrize("child", [True, False])
def test_a_leader_that_does_not_stop_is_killed_with_all_its_session(family: Start, child: bool) -> None:
    process, children = family("stubborn")
    leader = Leader(process.pid, identity(process.pid), child=child)
    assert not leader.step()
    leader.ask_to_stop(0.1)
    watch(leader)
    if child:
        process.returncode = leader.exit_code
    assert leader.killed
    assert process.wait() == -signal.SIGKILL
    assert [identity(pid) for pid in children] == [None, None]


def test_a_leader_that_stops_when_asked_is_not_killed(family: Start) -> None:
    process, _ = family("stay")
    leader = Leader(process.pid, identity(process.pid), child=False)
    leader.ask_to_stop(60)
    watch(leader)
    assert not leader.killed
    assert process.wait() == -signal.SIGTERM


def test_where_the_system_gives_no_handle_the_process_is_looked_at_regularly(
    family: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "pidfd_open", raising=False)
    process, children = family("stay")
    leader = Leader(process.pid, identity(process.pid), child=False)
    assert leader.handle is None
    assert not leader.step()
    assert leader.due is not None
    assert leader.due - time.monotonic() <= 0.25
    leader.ask_to_stop(60)
    watch(leader)
    assert process.wait() == -signal.SIGTERM
    assert [identity(pid) for pid in children] == [None, None]


def test_a_pid_that_was_given_again_is_left_alone(family: Start) -> None:
    """The leader that is watched is gone; a stranger has its pid."""
    process, children = family("stay")
    leader = Leader(process.pid, "identity of an earlier process", child=False)
    assert leader.handle is None
    leader.ask_to_stop(0)
    watch(leader)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.1)
    assert all(identity(pid) for pid in children)


@pytest.mark.parametrize(
    ("code", "killed", "told"),
    [
        (0, False, ""),
        (3, False, "its process ended with exit code 3"),
        (-9, False, "its process was killed by SIGKILL (by hand, or because memory ran out)"),
        (-11, False, "its process was killed by SIGSEGV"),
        (-9, True, "its process did not stop when asked, and was killed"),
        (None, False, "its process ended, nobody saw how"),
    ],
)
def test_the_end_of_a_process_in_words(code: int | None, killed: bool, told: str) -> None:
    assert describe_exit(code, killed=killed) == told


def wait_until(true: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.005)
