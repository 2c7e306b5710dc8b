"""What a sandbox leaves on the disk and among the processes when its guard was killed, and clearing that up.

The folder of every sandbox holds a record of the guard that owns it. A folder whose guard is gone is a leftover: what
still runs in the guard's session is stopped, and the folder removed. Only folders of this user are looked at.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from tradewind.runner.identity import identity, is_alive, kill_session, session_members

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
    record(folder, None)
    return folder


def record(folder: Path, stop_signal: int | None) -> None:
    """Write down that this process owns the folder, and how what it has started likes to be stopped."""
    told = {"pid": os.getpid(), "process": identity(), "stop_signal": stop_signal}
    new = folder / (_RECORD + ".new")
    new.write_text(json.dumps(told), encoding="utf-8")
    new.replace(folder / _RECORD)


def sweep(parents: Iterable[Path] = ()) -> list[Path]:
    """Clear up after dead guards in the temporary folder; answers the folders that were removed.

    Two sweeps at the same time do no harm: both stop the same processes and remove the same folders.
    """
    swept = []
    for parent in parents or (Path(tempfile.gettempdir()),):
        for folder in parent.glob(PREFIX + "*"):
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


def stop_members(session: int, stop_signal: int | None, *, spare: int | None = None) -> None:
    """Ask every process of a session but `spare` to stop, and kill those that do not within `GRACE` seconds."""
    members = [pid for pid in session_members(session) if pid != spare]
    for pid in members if stop_signal is not None else ():
        with suppress(OSError):
            os.kill(pid, stop_signal or signal.SIGTERM)
    end = time.monotonic() + GRACE if stop_signal is not None else 0.0
    while time.monotonic() < end and any(pid != spare for pid in session_members(session)):
        time.sleep(LOOK_INTERVAL)
    while not kill_session(session, spare=spare):
        time.sleep(LOOK_INTERVAL)


def _is_leftover(folder: Path) -> bool:
    status = folder.lstat()
    if status.st_uid != os.geteuid() or folder.is_symlink() or not folder.is_dir():
        return False
    owner = _read_record(folder)
    if owner is None:
        return time.time() - status.st_mtime > UNRECORDED_AGE
    return not is_alive(owner["pid"], owner["process"])


def _stop_session(folder: Path) -> None:
    """Stop what a dead guard has started: all of it is in the session that the guard led."""
    owner = _read_record(folder)
    if owner is not None and identity(owner["pid"]) is None:  # else the pid was given again, so the session was empty
        stop_members(owner["pid"], owner["stop_signal"])


def _read_record(folder: Path) -> dict[str, Any] | None:
    try:
        found = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and {"pid", "process", "stop_signal"} <= found.keys() else None
