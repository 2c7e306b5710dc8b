"""Where the log of an attempt lies."""

from __future__ import annotations

import re
from pathlib import Path

_UNSAFE = re.compile(r"[^\w.=+:@-]")


def attempt_log(folder: str | Path, dag_id: str, run_id: str, task_id: str, map_index: int, try_number: int) -> Path:
    """`<folder>/<dag>/<run>/<task>/<try>.log`; characters that file systems dislike are written as `%XX`."""
    task = f"{_safe(task_id)}[{map_index}]" if map_index >= 0 else _safe(task_id)
    return Path(folder) / _safe(dag_id) / _safe(run_id) / task / f"{try_number}.log"


def run_log(folder: str | Path, dag_id: str, run_id: str) -> Path:
    """Log of what is run for a run as a whole: its DAG-level callbacks."""
    return Path(folder) / _safe(dag_id) / _safe(run_id) / "run.log"


def _safe(name: str) -> str:
    quoted = _UNSAFE.sub(lambda found: "".join(f"%{byte:02X}" for byte in found.group().encode()), name)
    return quoted.replace(".", "%2E") if set(quoted) <= {"."} else quoted
