"""Who a process is, and what belongs to its session.

A pid alone names nothing for long: it is given again. A process is named by host, pid and `identity`, which holds its
start time. Every attempt leads its own session, so all that it leaves behind can be found and killed. Linux is asked
through /proc, other systems through `ps`.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

#: Process states that run no code any more: zombie, dead.
_GONE = "ZX"

_PROC = Path("/proc")

#: Linux names the start of a process in ticks since boot; `ps` does for the others.
HAS_PROC = sys.platform == "linux"


def host() -> str:
    """Name of this machine, as it is recorded with attempts and schedulers."""
    return socket.gethostname()


def identity(pid: int | None = None) -> str | None:
    """Tells the process with this pid (default: this one) from a later one with the same pid.

    None when there is no such process, or it is a zombie: it runs nothing any more.
    """
    pid = os.getpid() if pid is None else pid
    return proc_identity(pid) if HAS_PROC else ps_identity(pid)


def is_alive(pid: int, process: str | None) -> bool:
    """Whether the process that had this pid and identity still runs. With no identity known, any process counts."""
    found = identity(pid)
    return found is not None and process in (None, found)


def proc_identity(pid: int) -> str | None:
    """`identity` by /proc."""
    try:
        stat = (_PROC / str(pid) / "stat").read_bytes()
    except OSError:
        return None
    fields = stat[stat.rindex(b")") + 2 :].split()  # the program's name, in brackets, may hold spaces
    state, start = fields[0].decode(), fields[19].decode()
    return None if state in _GONE else f"{_boot()}-{start}"


def ps_identity(pid: int) -> str | None:
    """`identity` by `ps`, whose start times are whole seconds."""
    shown = _ps("-o", "stat=,lstart=", "-p", str(pid)).split()
    if not shown or shown[0][0] in _GONE:
        return None
    return " ".join(shown[1:])


def session_members(session: int) -> list[int]:
    """Pids of the living processes in a session."""
    return [pid for pid in _all_pids() if _session(pid) == session and identity(pid) is not None]


def kill_session(session: int, *, spare: int | None = None) -> bool:
    """Send SIGKILL to every process of a session but `spare`. True if there was none left to kill.

    A killed process takes a moment to go, so callers repeat this until it returns True.
    """
    members = [pid for pid in session_members(session) if pid != spare]
    for pid in members:
        _kill_member(pid, session)
    return not members


def _kill_member(pid: int, session: int) -> None:
    """Kill `pid` if it still is in the session: it may have ended since we looked, and its pid been given again."""
    try:
        if not hasattr(os, "pidfd_open"):
            if _session(pid) == session:
                os.kill(pid, signal.SIGKILL)
            return
        handle = os.pidfd_open(pid)
        try:
            if _session(pid) == session:
                signal.pidfd_send_signal(handle, signal.SIGKILL)
        finally:
            os.close(handle)
    except OSError:  # it is gone, or (a set-uid program) not ours to kill
        pass


def _session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except OSError:
        return None


def _all_pids() -> list[int]:
    if HAS_PROC:
        return [int(name) for name in os.listdir(_PROC) if name.isdigit()]  # noqa: PTH208 - hot, and names are all we need
    return [int(pid) for pid in _ps("-ax", "-o", "pid=").split()]


def _ps(*arguments: str) -> str:
    # LC_ALL: start times must not change with the reader's language
    environment = {**os.environ, "LC_ALL": "C"}
    return subprocess.run(["ps", *arguments], capture_output=True, text=True, check=False, env=environment).stdout


@lru_cache(maxsize=1)
def _boot() -> str:
    """A few digits that change with each boot, for ticks since boot mean nothing across two."""
    try:
        return (_PROC / "sys/kernel/random/boot_id").read_text().split("-")[0]
    except OSError:
        return "boot"
