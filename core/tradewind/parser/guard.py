"""Stands between the parser and the process that loads one DAG file.

The guard runs no code of the user's. It adopts whatever processes the file leaves behind, so that none survives; it
ends the loading process when time is up, or when whoever asked for the file is gone; and it tells how it ended.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path

import msgspec

from tradewind.parser import inside
from tradewind.zygote import send

#: A file that starts so many processes is a mistake that would soon bring the machine down.
MOST_PROCESSES = 200

#: Longest result that a file may have.
MOST_RESULT = 256_000_000  # bytes

#: Longest report of a crash that is kept.
_MOST_DUMP = 1_000_000  # bytes

#: How often the guard looks around while nothing happens.
_TICK = 0.05 if hasattr(os, "pidfd_open") else 0.01  # seconds

#: How long a process may take to die by itself after it was told to.
_DYING = 0.5  # seconds

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


class Report(msgspec.Struct):
    """How the loading of a file ended."""

    exit_code: int
    result: bytes = b""  #: JSON of `inside.Loaded`, if it came so far
    dump: str = ""  #: what faulthandler wrote, if it crashed or was ended
    ended_for: str = ""  #: why the guard ended it: "timeout", "processes" or nothing


def guard(sock: socket.socket, path: str, source: str, timeout: float, memory_mb: int) -> None:
    """Load a DAG file in a process of its own, and send a `Report` when nothing of it is left."""
    process_control(_PR_SET_CHILD_SUBREAPER, 1)
    results, results_end = os.pipe()
    dumps, dumps_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        for fd in (results, dumps, sock.detach()):
            os.close(fd)
        os.setsid()
        process_control(_PR_SET_PDEATHSIG, signal.SIGKILL)
        inside.load(path, source, memory_mb, results_end, dumps_end)
    os.close(results_end)
    os.close(dumps_end)
    watch = _Watch(sock, pid, results, dumps, timeout)
    report = watch.run()
    _end_all_that_is_left(pid)
    if report is not None:
        with suppress(OSError):  # whoever asked is gone
            send(sock, report)


class _Watch:
    """Waits for the loading process, and collects what it writes."""

    def __init__(self, sock: socket.socket, pid: int, results: int, dumps: int, timeout: float) -> None:
        self._sock = sock
        self._pid = pid
        self._written = {results: bytearray(), dumps: bytearray()}
        self._open = [results, dumps]
        self._results, self._dumps = results, dumps
        self._deadline = time.monotonic() + timeout
        self._kill_at: float | None = None
        self._ended_for = ""
        self._tasks_before = _tasks_on_machine()
        self._handle = [os.pidfd_open(pid)] if hasattr(os, "pidfd_open") else []
        for fd in self._open:
            os.set_blocking(fd, False)

    def run(self) -> Report | None:
        """How it ended; None if nobody wants to know any more."""
        while True:
            ready, _, _ = select.select([self._sock.fileno(), *self._open, *self._handle], [], [], _TICK)
            if self._sock.fileno() in ready:  # nobody sends anything on it: it was closed
                return None
            self._read()
            ended, status = os.waitpid(self._pid, os.WNOHANG)
            if ended:
                break
            self._end_if_due()
        self._read()
        dump = self._written[self._dumps][:_MOST_DUMP].decode("utf-8", "replace")
        code = os.waitstatus_to_exitcode(status)
        return Report(code, bytes(self._written[self._results]), dump, self._ended_for)

    def _read(self) -> None:
        for fd in list(self._open):
            with suppress(BlockingIOError):
                while data := os.read(fd, 1 << 16):
                    if len(self._written[fd]) < MOST_RESULT:
                        self._written[fd] += data
                self._open.remove(fd)  # closed by its last writer

    def _end_if_due(self) -> None:
        # faulthandler catches SIGABRT and writes where the process is, even in the middle of a C function.
        now = time.monotonic()
        if self._kill_at is not None:
            if now >= self._kill_at:
                os.kill(self._pid, signal.SIGKILL)
        elif now >= self._deadline:
            self._ended_for = "timeout"
            os.kill(self._pid, signal.SIGABRT)
            self._kill_at = now + _DYING
        elif self._has_too_many_processes():
            self._ended_for = "processes"
            os.killpg(self._pid, signal.SIGSTOP)  # all at once: one by one they would multiply faster
            os.kill(self._pid, signal.SIGABRT)
            os.kill(self._pid, signal.SIGCONT)
            self._kill_at = now + _DYING

    def _has_too_many_processes(self) -> bool:
        # Counting is costly, so it is done only when the machine as a whole has many more than before.
        before = self._tasks_before
        return (
            before is not None
            and (_tasks_on_machine() or 0) > before + MOST_PROCESSES
            and (_count_session(self._pid) > MOST_PROCESSES)
        )


def process_control(option: int, value: int) -> None:
    """Linux's prctl. Elsewhere nothing: what it guards against is then left to the process group alone."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _end_all_that_is_left(pid: int) -> None:
    """Kill the group of the dead process `pid`, then everything that we adopted from it, until there is no more."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    while True:
        try:
            ended, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not ended:
            for child in _children():
                with suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
            time.sleep(0.002)


def _children() -> list[int]:
    try:
        me = os.getpid()
        return [int(pid) for pid in Path(f"/proc/{me}/task/{me}/children").read_text().split()]
    except OSError:
        return []


def _tasks_on_machine() -> int | None:
    """How many processes and threads there are; None where that is not cheap to know."""
    try:
        return int(Path("/proc/loadavg").read_text().split()[3].partition("/")[2])
    except (OSError, ValueError, IndexError):
        return None


def _count_session(session: int) -> int:
    count = 0
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                count += os.getsid(int(entry.name)) == session
    return count
