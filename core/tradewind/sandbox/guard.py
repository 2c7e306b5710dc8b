"""The user's side of the guard: the process that owns what a sandbox starts, and outlives its user just long enough."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tradewind.errors import SandboxError

#: The first answer comes when leftovers of earlier sandboxes are cleared up.
ANSWER_TIMEOUT = 120.0  # seconds

#: Stopping a server, killing it if it does not stop, and removing its data takes the guard at most this long.
STOP_TIMEOUT = 40.0  # seconds

#: Code of the new interpreter. It takes over the search path, and nothing that lies in the working folder by chance.
_BOOT = (
    "import sys; sys.path[:] = sys.argv[2:]; del sys.argv[2:]; "
    "from tradewind.sandbox import guard_process; guard_process.main()"
)

#: Guards of this process that have not been stopped: they are at its exit.
_running: set[Guard] = set()


class Guard:
    """Owns a temporary folder, and processes that work in it. All is gone when it is stopped, or this process ends.

    Not even `kill -9` of this process leaves anything behind. If the guard itself is killed that way, the next guard
    of the same user clears up. May be used from any thread, by one at a time.
    """

    def __init__(self, kind: str) -> None:
        """`kind` is a word for the name of the folder. Raises SandboxError if no process can be started."""
        self._owner = os.getpid()
        self._unread = b""
        self._ended: dict[int, int] = {}  #: pid -> exit code, or minus the signal
        self._requests, self._process = _start(kind)
        _running.add(self)
        _watch_for_exit_and_forks()
        try:
            self.folder = Path(self._answer("folder")["folder"])
        except BaseException:
            self.stop()
            raise

    def start(
        self, command: Sequence[str | Path], *, log: str, environ: Mapping[str, str], stop_signal: int = signal.SIGTERM
    ) -> int:
        """Start a process in the folder, and answer its pid. `log` is the file in the folder for what it prints.

        It is asked to stop by `stop_signal`. Raises SandboxError if it cannot be started.
        """
        words = [str(word) for word in command]
        request = {"start": words, "log": log, "environ": dict(environ), "stop_signal": int(stop_signal)}
        try:
            os.write(self._requests, json.dumps(request).encode() + b"\n")
        except OSError as error:
            raise self._dead() from error
        answer = self._answer("pid", "error")
        if "error" in answer:
            raise SandboxError(f"{words[0]} cannot be started: {answer['error']}")
        return int(answer["pid"])

    def exit_code(self, pid: int, timeout: float = 0.0) -> int | None:
        """How a process that was started has ended; None if it still runs after `timeout` seconds."""
        end = time.monotonic() + timeout
        while pid not in self._ended:
            if self._read(max(0.0, end - time.monotonic())) is None:
                return None
        return self._ended[pid]

    def log_tail(self, log: str, lines: int = 40) -> str:
        """The last lines that were written to a log."""
        with contextlib.suppress(OSError):
            text = (self.folder / log).read_text(encoding="utf-8", errors="replace")
            return "\n".join(text.strip().splitlines()[-lines:])
        return ""

    def stop(self) -> None:
        """Stop the processes and remove the folder. May be called more than once; does nothing in a forked child."""
        if self._owner != os.getpid():
            return
        _running.discard(self)
        self.let_go()
        try:
            self._process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()  # the next guard clears up
            self._process.wait()
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()

    def let_go(self) -> None:
        """End the pipe, upon which the guard stops everything, without waiting for that."""
        if self._requests >= 0:
            os.close(self._requests)
            self._requests = -1

    def forget(self) -> None:
        """In a child that was forked: hold nothing of the guard any more, for it belongs to the parent."""
        self.let_go()
        self._process.returncode = 0  # not ours to wait for
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()

    def _answer(self, *names: str) -> dict[str, Any]:
        end = time.monotonic() + ANSWER_TIMEOUT
        while True:
            answer = self._read(max(0.0, end - time.monotonic()))
            if answer is None:
                raise SandboxError(f"The guard of the sandbox did not answer within {ANSWER_TIMEOUT:g} seconds.")
            if answer.keys() & set(names):
                return answer

    def _read(self, timeout: float) -> dict[str, Any] | None:
        """The next line that the guard tells; None if there is none within `timeout` seconds."""
        assert self._process.stdout is not None
        end = time.monotonic() + timeout
        poll = select.poll()  # `select` refuses descriptors above 1023
        poll.register(self._process.stdout, select.POLLIN)
        while b"\n" not in self._unread:
            if not poll.poll(max(0.0, end - time.monotonic()) * 1000):
                return None
            read = os.read(self._process.stdout.fileno(), 65536)
            if not read:
                raise self._dead()
            self._unread += read
        line, _, self._unread = self._unread.partition(b"\n")
        told: dict[str, Any] = json.loads(line)
        if "ended" in told:
            self._ended[told["ended"]] = told["code"]
        return told

    def _dead(self) -> SandboxError:
        assert self._process.stderr is not None
        code = self._process.wait()
        last = self._process.stderr.read().decode(errors="replace").strip().splitlines()[-1:]
        why = f": {last[0]}" if last else ""
        return SandboxError(f"The guard of the sandbox ended with exit code {code}{why}")


def _start(kind: str) -> tuple[int, subprocess.Popen[bytes]]:
    requests, writes = os.pipe()
    path = [entry or str(Path.cwd()) for entry in sys.path]
    try:
        process = subprocess.Popen(
            [sys.executable, "-c", _BOOT, kind, *path],
            stdin=requests,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            cwd="/",
            start_new_session=True,  # Ctrl-C in the terminal is for us, and all that it starts can be found
        )
    except OSError as error:
        os.close(writes)
        raise SandboxError(f"{sys.executable} cannot be started: {error}") from error
    finally:
        os.close(requests)
    return writes, process


_watching = threading.Event()


def _watch_for_exit_and_forks() -> None:
    if not _watching.is_set():
        _watching.set()
        atexit.register(_stop_all)
        os.register_at_fork(after_in_child=_forget_all)


def _stop_all() -> None:
    running = list(_running)
    for guard in running:
        guard.let_go()  # all of them first, so that they stop side by side
    for guard in running:
        guard.stop()


def _forget_all() -> None:
    for guard in _running:
        guard.forget()
    _running.clear()
