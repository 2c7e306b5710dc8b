"""Watching the leading process of an attempt until nothing of its session is left.

The warm process watches its own children this way; the executor watches attempts that it adopted, or whose warm
process died. Either way an attempt counts as over only when its leader is gone and everything that the leader left
in its session has been killed.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress

from tradewind.runner.identity import identity, is_alive, kill_session

__all__ = ["Leader", "describe_exit"]

#: Killed processes that have not gone yet are looked at again after this long, in seconds.
SWEEP_INTERVAL = 0.005

#: Where the end of a process that is not our child makes no event, it is looked for this often, in seconds.
LOOK_INTERVAL = 0.1


class Leader:
    """The process that leads an attempt's session. Call `step` on events and when `due` says; it never blocks."""

    def __init__(self, pid: int, process: str | None, *, child: bool) -> None:
        self.pid = pid
        self.process = process
        self.exit_code: int | None = None  #: of a child, once it is over
        self.killed = False  #: it did not stop when asked, and was killed
        self.due: float | None = None  #: on time.monotonic(): when to call `step` even if nothing happens
        self._child = child
        self._kill_at: float | None = None
        self.handle = None if child else _open_handle(pid)
        # Only after the handle is there: it may belong to a stranger who was given the pid.
        self._dead = not child and not is_alive(pid, process)
        if self._dead:
            self.close()
        if not child and self.handle is None:
            self.due = time.monotonic()

    def fileno(self) -> int:
        """Readable when the process has ended (only where `handle` is not None)."""
        assert self.handle is not None
        return self.handle

    def ask_to_stop(self, grace: float) -> None:
        """Send SIGTERM; after `grace` seconds the whole session is killed."""
        if self._kill_at is None and not self._dead:
            self._signal(signal.SIGTERM)
            self._kill_at = time.monotonic() + grace
            self._set_due()

    @property
    def ended(self) -> bool:
        """The leader itself is gone; of its session something may be left."""
        return self._dead

    def step(self) -> bool:
        """Do what is due. True when the attempt is over."""
        self._dead = self._dead or self._has_ended()
        if self._dead:
            self._kill_at = None
            over = self._sweep()
            self.due = None if over else time.monotonic() + SWEEP_INTERVAL
            return over
        if self._kill_at is not None and time.monotonic() >= self._kill_at:
            self.killed = True
            kill_session(self.pid, spare=self.pid)
            self._signal(signal.SIGKILL)
            self._kill_at = time.monotonic() + 1  # if it hangs in the kernel, this changes nothing; nor does it harm
        self._set_due()
        return False

    def close(self) -> None:
        """Let go of `handle`; call it when the leader has ended."""
        if self.handle is not None:
            os.close(self.handle)
            self.handle = None

    def _set_due(self) -> None:
        look = None if self._child or self.handle is not None else time.monotonic() + LOOK_INTERVAL
        self.due = min((moment for moment in (look, self._kill_at) if moment is not None), default=None)

    def _has_ended(self) -> bool:
        if not self._child:
            return not is_alive(self.pid, self.process)
        if not hasattr(os, "waitid"):
            return self._reap()
        # WNOWAIT: as long as the child is not reaped, no other process or session can be given its pid.
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def _sweep(self) -> bool:
        if not self._child and identity(self.pid) is not None:
            return True  # the pid was given to another process, so the old session was empty
        if not kill_session(self.pid):
            return False
        return not self._child or self._reap()

    def _reap(self) -> bool:
        if self.exit_code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.exit_code = os.waitstatus_to_exitcode(status) if pid else None
        return self.exit_code is not None

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            if self.handle is not None:
                signal.pidfd_send_signal(self.handle, number)
            elif self._child or is_alive(self.pid, self.process):
                os.kill(self.pid, number)


def _open_handle(pid: int) -> int | None:
    """A file descriptor that becomes readable when the process ends, where the system has such a thing."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None


def describe_exit(exit_code: int | None, *, killed: bool = False) -> str:
    """How a process ended, in words; empty for a good end."""
    if killed:
        return "its process did not stop when asked, and was killed"
    if exit_code is None:
        return "its process ended, nobody saw how"
    if exit_code >= 0:
        return f"its process ended with exit code {exit_code}" if exit_code else ""
    try:
        name = signal.Signals(-exit_code).name
    except ValueError:
        name = f"signal {-exit_code}"
    hint = " (by hand, or because memory ran out)" if name == "SIGKILL" else ""
    return f"its process was killed by {name}{hint}"
