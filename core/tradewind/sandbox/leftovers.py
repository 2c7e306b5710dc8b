"""What a sandbox leaves on the disk and among the processes when its guard was killed, and clearing that up.

The folder of every sandbox holds a record of the guard that owns it. A folder whose guard is gone is a leftover: what
still runs in the guard's session is stopped, and the folder removed. Only folders of this user are looked at, and of
those only what was made on this machine (or in this container, for several may share a temporary folder).
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from tradewind import atomic
from tradewind.runner.identity import HAS_PROC, host, identity, is_alive, kill_session, session_members

PREFIX = "tradewind-sandbox-"

#: A folder without a record is one that was made a moment ago, or a leftover if it is older than this, in seconds.
UNRECORDED_AGE = 3600.0

#: How long what is asked to stop may take before it is killed, and between looks whether it is gone, in seconds.
GRACE = 10.0
LOOK_INTERVAL = 0.02

_RECORD = "guard.json"


def make_folder(kind: str) -> Path:
    """A new folder, recorded as owned by this process."""
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{kind}-"))
    record(folder, signal.SIGTERM)
    return folder


def record(folder: Path, stop_signal: int) -> None:
    """Write down that this process owns the folder, and how what it has started likes to be stopped."""
    told = {"machine": _machine(), "pid": os.getpid(), "process": identity(), "stop_signal": stop_signal}
    atomic.write(folder / _RECORD, json.dumps(told).encode())


def sweep() -> list[Path]:
    """Clear up after dead guards in the temporary folder; answers the folders that were removed.

    Two sweeps at the same time do no harm: both stop the same processes and remove the same folders.
    """
    swept = []
    for folder in Path(tempfile.gettempdir()).glob(PREFIX + "*"):
        with suppress(OSError):  # somebody else has just removed it
            if _is_leftover(folder):
                _stop_session(folder)
                remove(folder)
                swept.append(folder)
    return swept


def remove(folder: Path) -> None:
    """Remove the folder, the record last: as long as anything is left of it, a later sweep can find it."""
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        elif entry.name != _RECORD:
            entry.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


def kill_members(session: int, *, spare: int | None = None) -> None:
    """Kill every process of a session but `spare`, and wait until they are gone."""
    end = time.monotonic() + GRACE  # what hangs in the kernel is left
    while not kill_session(session, spare=spare) and time.monotonic() < end:
        time.sleep(LOOK_INTERVAL)


def _is_leftover(folder: Path) -> bool:
    status = folder.lstat()
    if status.st_uid != os.geteuid() or folder.is_symlink() or not folder.is_dir():
        return False
    owner = _read_record(folder)
    if owner is None:
        return time.time() - status.st_mtime > UNRECORDED_AGE
    return owner["machine"] == _machine() and not is_alive(owner["pid"], owner["process"])


def _stop_session(folder: Path) -> None:
    """Stop what a dead guard has started: all of it is in the session that the guard led."""
    owner = _read_record(folder)
    if owner is None or identity(owner["pid"]) is not None:  # the pid was given again, so the session was empty
        return
    session = owner["pid"]
    members = session_members(session)
    if not all(_works_in(pid, folder) for pid in members):
        return  # after the machine was started anew, another session may have the number
    for pid in members:
        with suppress(OSError):
            os.kill(pid, owner["stop_signal"])
    end = time.monotonic() + GRACE
    while session_members(session) and time.monotonic() < end:
        time.sleep(LOOK_INTERVAL)
    kill_members(session)


def _works_in(pid: int, folder: Path) -> bool:
    """Whether the working folder of a process is in `folder`, as that of every process of a sandbox is."""
    if not HAS_PROC:
        return True  # there is no telling
    try:
        place = Path(f"/proc/{pid}/cwd").readlink()
    except FileNotFoundError:
        return True  # it has just ended
    except OSError:
        return False
    real = folder.resolve()
    return place == real or real in place.parents


def _machine() -> str:
    """This machine, or this container: elsewhere the same pid means another process."""
    with suppress(OSError):
        return f"{host()} {Path('/proc/self/ns/pid').readlink()}"
    return host()


def _read_record(folder: Path) -> dict[str, Any] | None:
    try:
        found = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and {"machine", "pid", "process", "stop_signal"} <= found.keys() else None
