"""A runner for tests of executors: its attempts do as their command line says, and nothing else.

`["attempt", verb, path]`: the attempt writes its pid into the file, and then, by its verb,

    succeed   ends well
    fail      ends with exit code 3
    crash     is killed by a signal
    wait      goes on until the file `<path>.end` is there
    leave     starts a process that goes on, notes its pid as well, and ends
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

#: Exit code of an attempt that fails.
FAILED = 3

_SLEEPER = "import time; time.sleep(600)"


def preload(argv: Sequence[str]) -> None:
    """There is nothing to load."""


def out_of_date() -> bool:
    return False


def main(argv: Sequence[str]) -> int:
    """Carry one attempt out; gives the exit code."""
    verb, name = argv[1:3]  # an executor may add to it where to log
    path = Path(name)
    pids = [os.getpid()]
    if verb == "leave":
        pids.append(subprocess.Popen([sys.executable, "-c", _SLEEPER]).pid)
    written = path.with_name(f"{path.name}.new")
    written.write_text(" ".join(map(str, pids)))
    written.rename(path)
    if verb == "crash":
        os.kill(os.getpid(), signal.SIGKILL)
    while verb == "wait" and not path.with_name(f"{path.name}.end").exists():
        time.sleep(0.01)
    return FAILED if verb == "fail" else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
