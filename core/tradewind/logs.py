"""Where the log of an attempt lies: its name, which is the same in the local folder and in a log store."""

from __future__ import annotations

import re
from pathlib import Path

#: Longest part of a path. File systems take 255; a map index may follow.
LONGEST = 240  # bytes

_UNSAFE = re.compile(r"[^\w.=+:@-]")


def attempt_log_name(dag_id: str, run_id: str, task_id: str, map_index: int, try_number: int) -> str:
    """`<dag>/<run>/<task>/<try>.log`; characters that file systems dislike are written as `%XX`."""
    task = f"{safe(task_id)}[{map_index}]" if map_index >= 0 else safe(task_id)
    return f"{safe(dag_id)}/{safe(run_id)}/{task}/{try_number}.log"


def attempt_log(folder: str | Path, dag_id: str, run_id: str, task_id: str, map_index: int, try_number: int) -> Path:
    """The local file of that name."""
    return Path(folder) / attempt_log_name(dag_id, run_id, task_id, map_index, try_number)


def run_log_name(dag_id: str, run_id: str) -> str:
    """Log of what is run for a run as a whole: its DAG-level callbacks."""
    return f"{safe(dag_id)}/{safe(run_id)}/run.log"


def run_log(folder: str | Path, dag_id: str, run_id: str) -> Path:
    """The local file of that name."""
    return Path(folder) / run_log_name(dag_id, run_id)


def safe(name: str) -> str:
    """An id as a part of a path or key. One that is too long for a file system ends in a hash of all of it."""
    quoted = _UNSAFE.sub(lambda found: "".join(f"%{byte:02X}" for byte in found.group().encode()), name)
    if len(quoted.encode()) > LONGEST:
        import hashlib

        ending = f"~{hashlib.sha256(name.encode()).hexdigest()[:16]}"
        return quoted.encode()[: LONGEST - len(ending)].decode(errors="ignore") + ending
    return quoted.replace(".", "%2E") if set(quoted) <= {"."} else quoted
