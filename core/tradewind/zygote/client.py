"""The parent's side of the zygote."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from tradewind.errors import ProcessError
from tradewind.zygote.frames import receive, send
from tradewind.zygote.process import report_end

#: How long the zygote may take to answer; the first time it has to load what it is told to.
ANSWER_TIMEOUT = 120.0  # seconds

#: Code of the new interpreter. It takes over the search path, and nothing that lies in the working folder by chance.
_BOOT = (
    "import sys; sys.path[:] = sys.argv[{0}:]; del sys.argv[{0}:]; from tradewind.zygote import process; process.{1}()"
)


class Child:
    """A process that the zygote started. It leads a session of its own."""

    def __init__(self, pid: int, sock: socket.socket, status: socket.socket) -> None:
        self.pid = pid
        self.sock = sock  #: connected to the socket that the child's function got
        self._status = status
        self._ended = False
        self._exit_code: int | None = None

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Child({self.pid}{', ended' if self._ended else ''})"

    def fileno(self) -> int:
        """Ready to read when the child has ended, for `select` and the like."""
        return self._status.fileno()

    def wait(self, timeout: float | None = None) -> int | None:
        """How the child ended: its exit code, or minus the signal that killed it.

        None means that nobody knows, for the zygote died; the child itself may go on. Raises TimeoutError.
        """
        if not self._ended:
            poll = select.poll()  # `select` refuses descriptors above 1023
            poll.register(self._status, select.POLLIN)
            if not poll.poll(None if timeout is None else max(0.0, timeout) * 1000):
                raise TimeoutError(f"process {self.pid} has not ended within {timeout} seconds")
            with contextlib.suppress(ConnectionResetError):
                told = self._status.recv(16)
                self._exit_code = int(told) if told else None
            self._ended = True
        return self._exit_code

    @property
    def ended(self) -> bool:
        """Whether it is known to have ended."""
        with contextlib.suppress(TimeoutError):
            return self.wait(0) is not None
        return False

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send a signal to its whole process group; no error if it has ended."""
        if not self.ended:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)

    def close(self) -> None:
        """Close both sockets. The child itself is left alone."""
        self.sock.close()
        self._status.close()


class Zygote:
    """Starts children that run a function. The process behind it is started by the first call of `fork`.

    If that process dies, the next call starts another. Environment and search path are those of the moment when it
    is started. Any thread may use it.
    """

    def __init__(self, preload: Sequence[str] = (), *, start: str = "auto") -> None:
        """`start` is fork, spawn (a new interpreter for each child) or auto, as the setting `process_start`."""
        if start == "auto":
            start = "fork" if sys.platform == "linux" else "spawn"
        self.forks = start == "fork"
        self._preload = list(preload)
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._owner = os.getpid()
        self._closed = False

    def __enter__(self) -> Zygote:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        with contextlib.suppress(Exception):
            self._stop()

    @property
    def pid(self) -> int | None:
        """Of the zygote itself; None while it is not running."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def start(self) -> None:
        """Start the process now, so that the first `fork` need not wait for it."""
        with self._lock:
            if self.forks:
                self._ensure_started()

    def fork(self, target: str, args: Sequence[Any] = ()) -> Child:
        """Start a process that calls `target` ("package.module:function") with its socket and `args` (JSON values).

        Raises ProcessError if no process can be started.
        """
        ours, theirs = socket.socketpair()
        status, status_end = socket.socketpair()
        try:
            with self._lock:
                if self._closed:
                    raise ProcessError(f"{target} cannot be started: tradewind is being stopped")
                pid = (self._fork if self.forks else self._spawn)(target, list(args), theirs, status_end)
        except BaseException:
            ours.close()
            status.close()
            raise
        finally:
            theirs.close()
            status_end.close()
        return Child(pid, ours, status)

    def close(self) -> None:
        """End the zygote for good; its children go on."""
        with self._lock:
            self._closed = True
            self._stop()

    def _stop(self) -> None:
        process, control = self._process, self._control
        self._process = self._control = None
        if control is not None:
            control.close()
        if process is None:
            return
        if self._owner != os.getpid():  # inherited by a fork of our process: not ours to wait for
            process.returncode = 0
            return
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _fork(self, target: str, args: list[Any], theirs: socket.socket, status_end: socket.socket) -> int:
        request = {"target": target, "args": args}
        for last in (False, True):
            control = self._ensure_started()
            answer = None
            try:
                with contextlib.suppress(OSError):
                    send(control, request, [theirs.fileno(), status_end.fileno()])
                    answer = receive(control)
            except BaseException:  # interrupted: the answer that may still come would be taken for the next one's
                self._stop()
                raise
            if answer is not None:
                break
            self._stop()  # it was killed; one more try with a new one
            if last:
                raise ProcessError("The process that starts others died twice in a row; is the machine out of memory?")
        assert answer is not None
        if "error" in answer:
            raise ProcessError(f"{target} cannot be started: {answer['error']}")
        return int(answer["pid"])

    def _ensure_started(self) -> socket.socket:
        if self._control is not None and self._owner == os.getpid():
            return self._control
        self._stop()
        self._owner = os.getpid()
        control, theirs = socket.socketpair()
        try:
            with theirs:
                self._process = _interpreter("main", [str(theirs.fileno())], theirs.fileno(), own_session=True)
        except ProcessError:
            control.close()
            raise
        control.settimeout(ANSWER_TIMEOUT)
        answer = None
        with contextlib.suppress(OSError):
            send(control, self._preload)
            answer = receive(control)
        self._control = control
        if answer is None or "error" in answer:
            self._process.kill()
            code = self._process.wait()
            self._stop()
            reason = answer["error"] if answer else f"it ended with exit code {code}"
            raise ProcessError(f"The process that starts others cannot be started: {reason}")
        return control

    def _spawn(self, target: str, args: list[Any], theirs: socket.socket, status_end: socket.socket) -> int:
        arguments = [str(theirs.fileno()), target, msgspec.json.encode(args).decode()]
        process = _interpreter("main_spawned", arguments, theirs.fileno())
        status_fd = status_end.detach()
        threading.Thread(
            target=lambda: report_end(status_fd, process.wait()), name=f"wait for {process.pid}", daemon=True
        ).start()
        return process.pid


def _interpreter(function: str, arguments: list[str], fd: int, *, own_session: bool = False) -> subprocess.Popen[bytes]:
    """A new Python that calls a function of `tradewind.zygote.process` and keeps `fd` open."""
    boot = _BOOT.format(len(arguments) + 1, function)
    path = [entry or str(Path.cwd()) for entry in sys.path]
    try:
        return subprocess.Popen(
            [sys.executable, "-c", boot, *arguments, *path],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=[fd],
            start_new_session=own_session,
        )
    except OSError as error:
        raise ProcessError(f"{sys.executable} cannot be started: {error}") from error
