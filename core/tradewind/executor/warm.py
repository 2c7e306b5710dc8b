"""The warm process: it has tradewind and one DAG file loaded already, and forks an attempt from that in milliseconds.

It belongs to one executor, which it obeys over a socket. When the executor is gone it starts nothing more, sees its
attempts to their end, and exits. It never runs a task itself, so nothing that a task does can harm the next one.
"""

from __future__ import annotations

import gc
import importlib
import os
import selectors
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, Protocol, cast

from tradewind.executor.channel import Cancel, Channel, Over, Ready, Refused, Start, Started
from tradewind.executor.process import Leader, describe_exit
from tradewind.runner.identity import identity, kill_session
from tradewind.runner.output import format_line

#: Signals that a terminal or a service manager sends to all processes alike. The executor decides what they mean.
_FOR_OTHERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Runner(Protocol):
    """The module that carries attempts out: `tradewind.runner`."""

    preload: Callable[[Sequence[str]], None]  #: load what this attempt and those like it need; never raises
    out_of_date: Callable[[], bool]  #: whether what was loaded has changed since
    main: Callable[[Sequence[str]], int]  #: carry out the attempt; exit code 0: it recorded how it ended


def serve(sock: socket.socket, runner: str, preload: list[str], spawn: bool) -> None:
    """Be a warm process until the executor closes the socket. Called by the zygote."""
    for number in _FOR_OTHERS:
        signal.signal(number, signal.SIG_IGN)
    module = cast(Runner, importlib.import_module(runner))
    if preload:
        module.preload(preload)
    gc.collect()
    gc.freeze()  # else the collector would touch, and so copy, in each attempt what could stay shared
    Warm(sock, module, spawn=spawn or threading.active_count() > 1).run()
    kill_session(os.getpid(), spare=os.getpid())  # what the DAG file may have started when it was loaded


@dataclass
class _Attempt:
    id: int
    leader: Leader
    log: str


class Warm:
    """The loop of the warm process: starts attempts, watches them, reports their end."""

    def __init__(self, sock: socket.socket, runner: Runner, *, spawn: bool) -> None:
        self._channel = Channel(sock, blocking=True)
        self._runner = runner
        self._spawn = spawn  #: start attempts in an interpreter of their own: threads run here, so a fork may hang
        self._attempts: dict[int, _Attempt] = {}
        self._wake, self._wake_end = socket.socketpair()
        self._wake.setblocking(False)
        self._wake_end.setblocking(False)
        self._selector = selectors.DefaultSelector()

    def run(self) -> None:
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake_end.fileno(), warn_on_full_buffer=False)
        self._selector.register(self._channel, selectors.EVENT_READ)
        self._selector.register(self._wake, selectors.EVENT_READ)
        self._channel.send(Ready())
        while self._attempts or not self._channel.closed:
            for ready, _ in self._selector.select(self._patience()):
                if ready.fileobj is self._channel:
                    self._take_orders()
                else:
                    with suppress(BlockingIOError):
                        self._wake.recv(4096)
            self._watch()

    def _patience(self) -> float | None:
        due = [attempt.leader.due for attempt in self._attempts.values() if attempt.leader.due is not None]
        return max(0.0, min(due) - time.monotonic()) if due else None

    def _take_orders(self) -> None:
        for message in self._channel.receive():
            if isinstance(message, Start):
                self._start(message)
            elif isinstance(message, Cancel) and message.id in self._attempts:
                self._attempts[message.id].leader.ask_to_stop(message.grace)
        if self._channel.closed:
            self._selector.unregister(self._channel)
            self._channel.close()

    def _watch(self) -> None:
        for attempt in list(self._attempts.values()):
            if attempt.leader.step():
                del self._attempts[attempt.id]
                self._report(attempt)

    def _report(self, attempt: _Attempt) -> None:
        code = attempt.leader.exit_code
        reason = describe_exit(code, killed=attempt.leader.killed and code == -signal.SIGKILL)
        if code is not None and code < 0:
            # The attempt could not write its last line itself.
            with suppress(OSError), Path(attempt.log).open("ab") as log:
                log.write(format_line("ERROR", f"The attempt ended without recording how: {reason}.").encode())
        self._channel.send(Over(attempt.id, code, reason))

    def _start(self, order: Start) -> None:
        if self._runner.out_of_date():
            self._channel.send(Refused(order.id))
            return
        gate, opener = os.pipe()
        try:
            pid = os.fork()
        except OSError as error:
            os.close(gate)
            os.close(opener)
            self._channel.send(Over(order.id, None, f"no process could be started: {error}"))
            return
        if pid == 0:
            os.close(opener)
            self._be_attempt(order, gate)
        os.close(gate)
        self._attempts[order.id] = _Attempt(order.id, Leader(pid, None, child=True), order.log)
        # The attempt waits at the gate until the executor can know its process, for if this one were killed now,
        # nobody could say whether the attempt runs. Closing the gate unopened ends the attempt.
        self._channel.send(Started(order.id, pid, identity(pid) or ""))
        if not self._channel.broken:
            os.write(opener, b"1")
        os.close(opener)

    def _be_attempt(self, order: Start, gate: int) -> NoReturn:
        code = 1
        try:
            os.setsid()
            self._leave_behind()
            _redirect(order.log)
            if not os.read(gate, 1):
                os._exit(0)
            os.close(gate)
            argv = [*order.argv, "--log", order.log]
            if self._spawn:
                os.execv(sys.executable, [sys.executable, "-m", *argv])
            code = self._runner.main(argv)
        except BaseException:  # whatever it is, this process must not return into the loop above
            traceback.print_exc()
        finally:
            for stream in (sys.stdout, sys.stderr):
                with suppress(Exception):
                    stream.flush()
            os._exit(code)

    def _leave_behind(self) -> None:
        """Forget what belongs to the warm process."""
        signal.set_wakeup_fd(-1)
        for number in (*_FOR_OTHERS, signal.SIGCHLD):
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
        self._selector.close()
        self._channel.close()
        self._wake.close()
        self._wake_end.close()
        self._attempts.clear()
        numpy = sys.modules.get("numpy.random")  # Python's own generator is seeded anew by each fork, this is not
        if numpy is not None:
            numpy.seed()


def _redirect(log: str) -> None:
    """Nothing to read; what is written before the attempt's log is set up goes to the log's end, if it can."""
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    try:
        Path(log).parent.mkdir(parents=True, exist_ok=True)
        target = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    except OSError:
        target = nothing
    os.dup2(target, 1)
    os.dup2(target, 2)
    for fd in {target, nothing}:
        os.close(fd)
