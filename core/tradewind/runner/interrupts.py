"""Signals that end the code of a task: SIGTERM from whoever stops it, SIGALRM when its time is up.

Both become exceptions in the main thread, which also break off a sleep or a read. They are raised only inside
`watch`, that is while code of the task runs; at other moments a request to stop is only kept, so that nothing is
broken off between two halves of recording how the attempt ended.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from tradewind.errors import TaskTimeout

log = logging.getLogger("tradewind.runner")


#: An attempt whose task used up all its grace has this long to record how it ended, in seconds.
RECORDING_TIME = 1.0


def kill_after(grace: float) -> float:
    """Seconds between asking an attempt to stop and killing it, for a task that has `grace` seconds to stop."""
    return grace + min(grace, RECORDING_TIME)


class AttemptStopped(BaseException):
    """The attempt was told to stop. Not an Exception, so that a task's `except Exception` does not swallow it."""


def _nothing() -> None:
    pass


class Interrupts:
    """What may break off the code of a task in this process."""

    def __init__(self, grace: float = 10.0, watchdog_fd: int | None = None) -> None:
        self.grace = grace  #: seconds that a task has to end once it was told to
        self.stop_reason = ""  #: why the attempt is to stop; empty: it is not
        self._watchdog_fd = watchdog_fd  #: where a process that hangs for good says where it hangs, before it is ended
        self._on_kill: Callable[[], None] = _nothing
        self._active = False
        self._told = False
        self._pid = os.getpid()

    def install(self) -> None:
        """Make SIGTERM stop the attempt."""
        signal.signal(signal.SIGTERM, self._on_sigterm)

    def stop(self, reason: str) -> None:
        """Stop the attempt, from any thread of its process."""
        self.stop_reason = self.stop_reason or reason
        main = threading.main_thread().ident
        assert main is not None
        signal.pthread_kill(main, signal.SIGTERM)  # to that thread, or what it waits in would not be broken off

    @contextmanager
    def watch(
        self,
        what: str,
        *,
        on_kill: Callable[[], None] = _nothing,
        timeout: float | None = None,
        timeout_name: str = "execution_timeout",
        give_up: Callable[[TaskTimeout], None] | None = None,
    ) -> Iterator[None]:
        """Run code that may be broken off, by AttemptStopped, or after `timeout` seconds by TaskTimeout.

        `on_kill` is called first. `give_up` is called when the code goes on nevertheless for `grace` seconds more.
        Code that swallows the exception does not end well by that: it is raised again at the end.
        """
        limit = None
        if timeout is not None and _can_limit(what):
            told = f"{what} took longer than its {timeout_name} of {timeout:g} s"
            limit = TimeLimit(self, told, timeout, on_kill, give_up)
        told_before = self._told
        try:
            try:
                self._on_kill, self._active = on_kill, True
                if self.stop_reason:
                    self._break_off()
                if limit is not None:
                    limit.set()
                yield
                if limit is not None and limit.error is not None:
                    raise limit.error
                if self._told and not told_before:
                    raise AttemptStopped(self.stop_reason)
            finally:
                self._active = False
        finally:  # of its own, for a signal may break off even the lines above
            if limit is not None:
                limit.unset()

    def _on_sigterm(self, number: int, frame: FrameType | None) -> None:
        if os.getpid() != self._pid:  # a process that the task forked: it has no attempt to stop
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGTERM)
            return
        self.stop_reason = self.stop_reason or "it was stopped by SIGTERM"
        if self._active:
            self._break_off()

    def _break_off(self) -> None:
        if self._told:
            return
        self._told = True
        log.warning("The attempt is to stop: %s.", self.stop_reason)
        call_on_kill(self._on_kill)
        raise AttemptStopped(self.stop_reason)


class TimeLimit:
    """An alarm that breaks off the main thread, and what follows if that does not help."""

    def __init__(
        self,
        interrupts: Interrupts,
        told: str,
        seconds: float,
        on_kill: Callable[[], None],
        give_up: Callable[[TaskTimeout], None] | None,
    ) -> None:
        self.error: TaskTimeout | None = None  #: what was raised when the time was up
        self._interrupts = interrupts
        self._told = told
        self._seconds = seconds
        self._on_kill = on_kill
        self._give_up = give_up
        self._previous: object = None
        self._unset = False

    def set(self) -> None:
        self._previous = signal.signal(signal.SIGALRM, self._on_alarm)
        grace = max(kill_after(self._interrupts.grace), 0.1)  # 0 would mean no alarm at all
        seconds = max(self._seconds, 0.001)
        signal.setitimer(signal.ITIMER_REAL, seconds, grace)
        if self._interrupts._watchdog_fd is not None:
            # The last resort, for code that never returns to Python: needs neither the main thread nor Python's lock.
            faulthandler.dump_traceback_later(seconds + 2 * grace, exit=True, file=self._interrupts._watchdog_fd)

    def unset(self) -> None:
        self._unset = True
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self._previous)  # type: ignore[arg-type]
        if self._interrupts._watchdog_fd is not None:
            faulthandler.cancel_dump_traceback_later()

    def _on_alarm(self, number: int, frame: FrameType | None) -> None:
        if self._unset or os.getpid() != self._interrupts._pid:
            return
        if self.error is None:
            self.error = TaskTimeout(self._told)
            log.error("%s.", self.error)
            call_on_kill(self._on_kill)
        elif self._give_up is not None:
            log.error("It goes on nevertheless, and is ended the hard way.")
            self._interrupts._active = False
            self._give_up(self.error)
        raise self.error


def call_on_kill(on_kill: Callable[[], None]) -> None:
    """Call a task's `on_kill`; if it fails, that is logged."""
    try:
        on_kill()
    except Exception:
        log.exception("on_kill failed")


def _can_limit(what: str) -> bool:
    if threading.current_thread() is threading.main_thread() and hasattr(signal, "setitimer"):
        return True
    log.warning("The time limit of %s is not enforced: that works only in the main thread (%s).", what, sys.platform)
    return False
