"""What happens inside the zygote and, right after a fork, inside its children.

The zygote has one thread and owns nothing but its sockets. It ends when the socket to its parent closes, so it never
outlives a parent that was killed; its children go on, and notice by their own socket.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import select
import signal
import socket
import sys
import traceback
from collections.abc import Sequence
from typing import Any, NoReturn

import msgspec

from tradewind.plugins import load_object
from tradewind.zygote.frames import receive, receive_with_fds, send

#: Signals that the zygote handles in its own way; its children get back what it was started with (`nohup`).
_HANDLED = (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main() -> None:
    """Run the zygote. The first argument is the file descriptor of the socket to the parent."""
    control = socket.socket(fileno=int(sys.argv.pop(1)))
    with contextlib.suppress(ConnectionError):  # the parent died in the middle of something
        preload = receive(control)
        if preload is not None and _load(control, preload):
            _Zygote(control).serve()


def _load(control: socket.socket, preload: list[str]) -> bool:
    """Load what all children need, and tell the parent. False: it cannot be loaded."""
    try:
        for module in preload:
            importlib.import_module(module)
    except Exception as error:  # whatever a module raises when it is loaded is for the parent to show
        send(control, {"error": f"{module} cannot be imported: {type(error).__name__}: {error}"})
        return False
    # Memory that the collector never touches again stays shared between all children.
    gc.collect()
    gc.disable()
    gc.freeze()
    send(control, {"pid": os.getpid()})
    return True


def main_spawned() -> NoReturn:
    """Be a child in an interpreter of its own. Arguments: file descriptor of its socket, target, JSON of its args."""
    fd, target, args = int(sys.argv[1]), sys.argv[2], msgspec.json.decode(sys.argv[3])
    del sys.argv[1:]
    os.setsid()
    _run(socket.socket(fileno=fd), target, args)


class _Zygote:
    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._inherited = {number: signal.getsignal(number) for number in _HANDLED}
        self._status: dict[int, int] = {}  #: pid -> descriptor on which its end is reported
        self._wake, self._wake_end = os.pipe()
        os.set_blocking(self._wake, False)
        os.set_blocking(self._wake_end, False)

    def serve(self) -> None:
        for number in _HANDLED:
            signal.signal(number, signal.SIG_IGN if number == signal.SIGINT else signal.SIG_DFL)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake_end, warn_on_full_buffer=False)
        while True:
            ready, _, _ = select.select([self._control.fileno(), self._wake], [], [])
            if self._wake in ready:
                with contextlib.suppress(BlockingIOError):
                    os.read(self._wake, 4096)
                self._reap()
            if self._control.fileno() in ready:
                request, fds = receive_with_fds(self._control)
                if request is None:
                    return
                self._fork(request, *fds)

    def _fork(self, request: dict[str, Any], sock_fd: int, status_fd: int) -> None:
        try:
            pid = os.fork()
        except OSError as error:  # no memory or no process left; the parent may try again later
            os.close(sock_fd)
            os.close(status_fd)
            send(self._control, {"error": f"no process can be started: {error}"})
            return
        if pid == 0:
            self._become_child(sock_fd, status_fd)
            _run(socket.socket(fileno=sock_fd), request["target"], request["args"])
        os.close(sock_fd)
        self._status[pid] = status_fd
        send(self._control, {"pid": pid})

    def _become_child(self, *own: int) -> None:
        """Leave the zygote behind: its sockets, those of other children, and its signal handling."""
        os.setsid()
        signal.set_wakeup_fd(-1)
        for number, handler in self._inherited.items():
            signal.signal(number, handler)
        for fd in (self._control.detach(), self._wake, self._wake_end, own[1], *self._status.values()):
            os.close(fd)
        gc.enable()

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            fd = self._status.pop(pid, None)
            if fd is not None:
                report_end(fd, os.waitstatus_to_exitcode(status))


def report_end(status_fd: int, exit_code: int) -> None:
    """Tell the parent how a child ended."""
    with contextlib.suppress(OSError):  # the parent is not interested any more
        os.write(status_fd, b"%d\n" % exit_code)
    os.close(status_fd)


def _run(sock: socket.socket, target: str, args: Sequence[Any]) -> NoReturn:
    """Call the target, and end this process without running what the zygote would have run at its exit."""
    code = 1
    try:
        load_object(target)(sock, *args)
        code = 0
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except BaseException:
        with contextlib.suppress(Exception):
            traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):
                stream.flush()
        os._exit(code & 0xFF)
