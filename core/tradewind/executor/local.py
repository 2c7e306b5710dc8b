"""Runs attempts on this machine, each in a process of its own, forked in milliseconds from a warm process.

    this process -> zygote (tradewind loaded) -> warm process per DAG file -> attempts, each leading its own session

Nothing in that chain is needed by what is below it: if this process is killed, warm processes see their attempts to
the end and the next executor adopts these; if a warm process is killed, its attempts are adopted by this one.
"""

from __future__ import annotations

import itertools
import selectors
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tradewind.errors import ProcessError, SettingError
from tradewind.executor.channel import Cancel, Channel, Over, Ready, Refused, Start, Started
from tradewind.executor.contract import Ended, Executor
from tradewind.executor.process import Leader, describe_exit
from tradewind.records import TaskKey
from tradewind.runner.identity import host, identity, is_alive, kill_session
from tradewind.runner.interrupts import kill_after
from tradewind.settings import Settings
from tradewind.zygote import Child, Zygote

#: A warm process without work is ended after this long, in seconds.
IDLE_TIME = 600.0

#: One that has an older version of something loaded is ended sooner, but not at once: runs of the old version may go
#: on beside those of the new one for a while, and each would have to load its own again and again.
SUPERSEDED_TIME = 5.0

#: So many warm processes without work are kept at most; the one that was used last stays longest.
IDLE_MOST = 16

#: An attempt is handed to a new warm process so often, when one dies before it started the attempt.
MOST_TRIES = 3

#: Loaded by the zygote, so that every warm process has it.
PRELOAD = ("tradewind.executor.warm", "tradewind.runner.process", "tradewind.template.engine")


@dataclass
class _Warm:
    """A warm process, seen from the executor."""

    affinity: str
    child: Child
    process: str | None  #: identity
    channel: Channel
    loads: bool  #: it loads a DAG file before it is ready
    ready: bool = False
    retired: bool = False  #: takes in nothing more, and ends when its attempts have
    superseded: bool = False  #: a newer version of what it has loaded is asked for
    used: float = field(default_factory=time.monotonic)
    attempts: dict[int, _Attempt] = field(default_factory=dict)


@dataclass
class _Attempt:
    id: int
    key: TaskKey
    argv: list[str]
    log: str
    affinity: str
    warm: _Warm | None = None
    leader: Leader | None = None  #: watched by the executor itself: adopted, or its warm process died
    started: Started | None = None
    stop: bool = False  #: cancelled
    tries: int = 0


class LocalExecutor(Executor):
    """The executor called `local`.

    `runner` is the module that carries attempts out, see `warm.Runner`; `preload` are modules that it needs.
    """

    def __init__(
        self, settings: Settings, *, runner: str = "tradewind.runner", preload: Sequence[str] = PRELOAD
    ) -> None:
        super().__init__(settings)
        if settings.process_start not in ("auto", "fork", "spawn"):
            raise SettingError(f"The setting process_start is auto, fork or spawn, not {settings.process_start!r}.")
        self._runner = runner
        self._zygote = Zygote(preload, start=settings.process_start)
        self._spawn = not self._zygote.forks
        self._selector = selectors.DefaultSelector()
        self._wake, self._wake_end = socket.socketpair()
        self._ids = itertools.count(1)
        self._attempts: dict[TaskKey, _Attempt] = {}
        self._warm: dict[str, _Warm] = {}  #: by affinity: those that take in attempts
        self._all_warm: list[_Warm] = []
        self._unloadable: set[str] = set()  #: affinities whose file kills a process that loads it
        self._ended: list[Ended] = []
        self._closed = False

    # -- what the contract asks ----------------------------------------------------------------------------------------

    def start(self) -> None:
        for end in (self._wake, self._wake_end):
            end.setblocking(False)
        self._selector.register(self._wake, selectors.EVENT_READ)
        with suppress(ProcessError):  # the first attempt tries again, and says why if that fails too
            self._zygote.start()

    @property
    def slots(self) -> int:
        return max(0, self.settings.parallelism - len(self._attempts))

    def submit(self, key: TaskKey, argv: Sequence[str], log_path: Path, affinity: str = "") -> None:
        attempt = _Attempt(next(self._ids), key, list(argv), str(log_path), affinity)
        self._attempts[key] = attempt
        self._hand_over(attempt)

    def poll(self, timeout: float) -> list[Ended]:
        deadline = time.monotonic() + timeout
        while True:
            left = 0.0 if self._ended else max(0.0, deadline - time.monotonic())
            woken = self._turn(left)
            if self._ended or woken or time.monotonic() >= deadline:
                ended, self._ended = self._ended, []
                return ended

    def wake(self) -> None:
        with suppress(OSError):  # full: it is about to wake anyway
            self._wake_end.send(b"1")

    def cancel(self, key: TaskKey) -> None:
        attempt = self._attempts.get(key)
        if attempt is not None and not attempt.stop:
            attempt.stop = True
            self._stop_attempt(attempt)

    def adopt(self, key: TaskKey, host_name: str, pid: int, process: str | None) -> bool:
        process = process or None
        if key in self._attempts:
            return True
        if host_name != host():
            return False
        if not is_alive(pid, process) and (identity(pid) is not None or kill_session(pid)):
            return False
        attempt = _Attempt(next(self._ids), key, [], "", "")
        self._attempts[key] = attempt
        self._watch(attempt, pid, process)
        return True

    def stop(self, grace: float | None) -> list[Ended]:
        if grace is not None and not self._closed:
            self._wait_for_all(grace)
            for key in list(self._attempts):
                self.cancel(key)
            self._wait_for_all(None)
        self._close()
        ended, self._ended = self._ended, []
        return ended

    # -- turning -------------------------------------------------------------------------------------------------------

    def _turn(self, timeout: float) -> bool:
        """Wait for one thing to happen and deal with it. True if `wake` was called."""
        woken = False
        for ready, _ in self._selector.select(self._patience(timeout)):
            if ready.fileobj is self._wake:
                woken = True
                with suppress(BlockingIOError):
                    self._wake.recv(4096)
            elif isinstance(ready.data, _Warm):
                self._listen(ready.data)
            elif isinstance(ready.data, _Attempt):
                self._step(ready.data)
        self._do_what_is_due()
        return woken

    def _patience(self, timeout: float) -> float:
        moments = [attempt.leader.due for attempt in self._watched() if attempt.leader and attempt.leader.due]
        moments += [self._load_deadline(warm) for warm in self._all_warm if not warm.ready]
        return max(0.0, min([timeout, *(moment - time.monotonic() for moment in moments)]))

    def _do_what_is_due(self) -> None:
        now = time.monotonic()
        for attempt in self._watched():
            if attempt.leader and attempt.leader.due is not None and attempt.leader.due <= now:
                self._step(attempt)
        for warm in list(self._all_warm):
            if not warm.ready and self._load_deadline(warm) <= now:
                kill_session(warm.child.pid)  # its end arrives as the end of its channel
                warm.used = now
            self._note_interest(warm)
        self._retire_idle(now)

    def _watched(self) -> list[_Attempt]:
        return [attempt for attempt in self._attempts.values() if attempt.leader is not None]

    def _load_deadline(self, warm: _Warm) -> float:
        return warm.used + self.settings.parse_timeout + 5

    def _wait_for_all(self, seconds: float | None) -> None:
        deadline = None if seconds is None else time.monotonic() + seconds
        while self._attempts and (deadline is None or time.monotonic() < deadline):
            self._turn(1.0 if deadline is None else min(1.0, max(0.0, deadline - time.monotonic())))

    def _close(self) -> None:
        if self._closed:
            return
        self._closed = True
        for warm in list(self._all_warm):
            self._selector.unregister(warm.channel)
            warm.channel.close()
            warm.child.close()
        for attempt in self._watched():
            if attempt.leader is not None:
                attempt.leader.close()
        self._all_warm.clear()
        self._warm.clear()
        self._attempts.clear()
        self._zygote.close()
        self._selector.close()
        self._wake.close()
        self._wake_end.close()

    # -- attempts ------------------------------------------------------------------------------------------------------

    def _hand_over(self, attempt: _Attempt) -> None:
        """Give an attempt to a warm process, which is started if need be."""
        attempt.tries += 1
        if attempt.tries > MOST_TRIES:
            self._finish(attempt, None, f"{MOST_TRIES} processes that should have started it died")
            return
        try:
            warm = self._warm_for(attempt)
        except (ProcessError, OSError) as error:
            self._finish(attempt, None, f"no process could be started: {error}")
            return
        attempt.warm = warm
        warm.attempts[attempt.id] = attempt
        warm.used = time.monotonic() if warm.ready else warm.used
        warm.channel.send(Start(attempt.id, attempt.argv, attempt.log))
        self._note_interest(warm)
        if attempt.stop:
            self._stop_attempt(attempt)

    def _stop_attempt(self, attempt: _Attempt) -> None:
        if attempt.leader is not None:
            attempt.leader.ask_to_stop(kill_after(self.settings.kill_grace))
        elif attempt.warm is not None:
            attempt.warm.channel.send(Cancel(attempt.id, kill_after(self.settings.kill_grace)))
            self._note_interest(attempt.warm)

    def _watch(self, attempt: _Attempt, pid: int, process: str | None) -> None:
        """Watch an attempt that no warm process of ours watches."""
        leader = Leader(pid, process, child=False)
        attempt.warm, attempt.leader = None, leader
        if leader.handle is not None:
            self._selector.register(leader.handle, selectors.EVENT_READ, attempt)
        if attempt.stop:
            leader.ask_to_stop(kill_after(self.settings.kill_grace))

    def _step(self, attempt: _Attempt) -> None:
        leader = attempt.leader
        if leader is None:
            return
        handle = leader.handle
        over = leader.step()
        if handle is not None and leader.ended:  # it would be readable for ever
            self._selector.unregister(handle)
            leader.close()
        if over:
            self._finish(attempt, None, describe_exit(None, killed=leader.killed))

    def _finish(self, attempt: _Attempt, exit_code: int | None, reason: str) -> None:
        if attempt.warm is not None:
            attempt.warm.attempts.pop(attempt.id, None)
            attempt.warm.used = time.monotonic()
        self._attempts.pop(attempt.key, None)
        self._ended.append(Ended(attempt.key, exit_code, reason))

    # -- warm processes ------------------------------------------------------------------------------------------------

    def _warm_for(self, attempt: _Attempt) -> _Warm:
        affinity = "" if self._spawn or attempt.affinity in self._unloadable else attempt.affinity
        found = self._warm.get(affinity)
        if found is not None:
            return found
        what = affinity.partition("\0")[0]
        for other in self._older(what):
            other.superseded = True
        preload = attempt.argv if affinity else []
        child = self._zygote.fork("tradewind.executor.warm:serve", [self._runner, preload, self._spawn])
        channel = Channel(child.sock, blocking=False)
        warm = _Warm(affinity, child, identity(child.pid), channel, loads=bool(affinity))
        self._warm[affinity] = warm
        self._all_warm.append(warm)
        self._selector.register(channel, selectors.EVENT_READ, warm)
        return warm

    def _older(self, what: str) -> Iterator[_Warm]:
        """Warm processes that have another version of the same thing loaded."""
        return (warm for warm in list(self._warm.values()) if what and warm.affinity.partition("\0")[0] == what)

    def _listen(self, warm: _Warm) -> None:
        warm.channel.flush()
        for message in warm.channel.receive():
            attempt = warm.attempts.get(getattr(message, "id", 0))
            if isinstance(message, Ready):
                warm.ready, warm.used = True, time.monotonic()
            elif attempt is None:
                continue
            elif isinstance(message, Started):
                attempt.started = message
            elif isinstance(message, Over):
                self._finish(attempt, message.exit_code, message.reason)
            elif isinstance(message, Refused):
                self._on_refused(warm, attempt)
        if warm.channel.closed:
            self._on_warm_gone(warm)

    def _on_refused(self, warm: _Warm, attempt: _Attempt) -> None:
        """What the warm process has loaded is out of date: a new one takes its place."""
        del warm.attempts[attempt.id]
        self._retire(warm)
        self._hand_over(attempt)

    def _on_warm_gone(self, warm: _Warm) -> None:
        """A warm process ended. Attempts that it started go on, and are watched from here; others start anew."""
        self._selector.unregister(warm.channel)
        self._forget(warm)
        if warm.loads and not warm.ready:
            self._unloadable.add(warm.affinity)
        for attempt in list(warm.attempts.values()):
            attempt.warm = None
            if attempt.started is not None:
                self._watch(attempt, attempt.started.pid, attempt.started.process)
            elif attempt.stop:
                self._finish(attempt, None, "it was stopped before it started")
            else:
                self._hand_over(attempt)

    def _retire(self, warm: _Warm) -> None:
        """Let a warm process end when its attempts have."""
        warm.retired = True
        if self._warm.get(warm.affinity) is warm:
            del self._warm[warm.affinity]

    def _retire_idle(self, now: float) -> None:
        idle = [warm for warm in self._all_warm if warm.ready and not warm.attempts]
        idle.sort(key=lambda warm: warm.used, reverse=True)
        for position, warm in enumerate(idle):
            patience = SUPERSEDED_TIME if warm.superseded else IDLE_TIME
            if warm.retired or position >= IDLE_MOST or now - warm.used > patience:
                self._selector.unregister(warm.channel)
                self._forget(warm)

    def _forget(self, warm: _Warm) -> None:
        self._retire(warm)
        self._all_warm.remove(warm)
        warm.channel.close()
        warm.child.close()

    def _note_interest(self, warm: _Warm) -> None:
        """Wait for the channel to take more, if something waits to be sent."""
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if warm.channel.pending else 0)
        if not warm.channel.closed and self._selector.get_key(warm.channel).events != wanted:
            self._selector.modify(warm.channel, wanted, warm)
