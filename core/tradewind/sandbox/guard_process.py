"""What happens inside the guard of a sandbox.

The guard owns a temporary folder and every process that is started for the sandbox. It reads requests, one JSON object
a line, from a pipe that only the process which uses the sandbox holds open. When that pipe ends, because the sandbox is
stopped or because its user was killed in whatever way, the guard stops what it has started and removes the folder.

    {"start": [word, ...], "log": name, "environ": {...}, "stop_signal": number}  ->  {"pid": number} or {"error": text}
    later, when that process has ended                                          ->  {"ended": pid, "code": number}
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from tradewind.sandbox import leftovers

#: Signals that end the guard as the end of the pipe does.
_STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def main() -> None:
    """Be a guard. The first argument is the kind of sandbox, for the folder's name."""
    wake, wake_end = os.pipe()
    os.set_blocking(wake_end, False)
    signal.set_wakeup_fd(wake_end)
    for number in (signal.SIGCHLD, *_STOPPING):
        signal.signal(number, lambda *_: None)
    leftovers.sweep()
    guard = _Guard(leftovers.make_folder(sys.argv[1]), wake)
    try:
        guard.serve()
    finally:
        guard.stop()


class _Guard:
    def __init__(self, folder: Path, wake: int) -> None:
        self.folder = folder
        self.wake = wake
        self.children: dict[int, subprocess.Popen[bytes]] = {}
        self.stop_signal: int = signal.SIGTERM
        self.unread = b""

    def serve(self) -> None:
        """Until the pipe ends, or a signal says so."""
        self.tell({"folder": str(self.folder)})
        while True:
            ready, _, _ = select.select([0, self.wake], [], [])
            if self.wake in ready:
                if set(os.read(self.wake, 4096)) & set(_STOPPING):
                    return
                self.reap()
            if 0 in ready:
                read = os.read(0, 65536)
                if not read:
                    return
                *lines, self.unread = (self.unread + read).split(b"\n")
                for line in lines:
                    self.tell(self.start(json.loads(line)))

    def start(self, request: dict[str, Any]) -> dict[str, Any]:
        """Start a process in the session and folder of the guard; its output goes to the log."""
        self.stop_signal = request["stop_signal"]
        leftovers.record(self.folder, self.stop_signal)
        try:
            with (self.folder / request["log"]).open("ab") as log:
                child = subprocess.Popen(
                    request["start"],
                    cwd=self.folder,
                    env=request["environ"],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                )
        except OSError as error:
            return {"error": str(error)}
        self.children[child.pid] = child
        return {"pid": child.pid}

    def reap(self) -> None:
        for pid, child in list(self.children.items()):
            code = child.poll()
            if code is not None:
                del self.children[pid]
                self.tell({"ended": pid, "code": code})

    def stop(self) -> None:
        """Stop everything that was started, and remove the folder."""
        for child in self.children.values():
            if child.poll() is None:
                child.send_signal(self.stop_signal)
        for child in self.children.values():
            with suppress(subprocess.TimeoutExpired):
                child.wait(leftovers.GRACE)
        leftovers.kill_members(os.getpid(), spare=os.getpid())
        leftovers.remove(self.folder)

    def tell(self, answer: dict[str, Any]) -> None:
        with suppress(OSError):  # nobody listens any more: then the pipe ends too
            os.write(1, json.dumps(answer).encode() + b"\n")
