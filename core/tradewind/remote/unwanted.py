"""Notes in the home folder: the values of these runs are to be deleted from the XCom store.

A note is written before a run is deleted, and carried out after that, when the store serves, by whoever comes first.
The number of a run is never given again, so a note cannot hit a later run of the same name.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tradewind import atomic
from tradewind.errors import StoreError
from tradewind.remote.contract import XComStore
from tradewind.remote.values import run_prefix

FOLDER = "unwanted-xcoms"

#: A run that is still there after this long will not be deleted: that failed. In seconds.
DELETION = 3600.0


@dataclass(frozen=True)
class Unwanted:
    """A run that is about to be deleted."""

    id: int  #: Run.id
    dag_id: str
    run_id: str


def write(home: str | Path, run: Unwanted) -> None:
    """Note a run. Raises StoreError: a run whose values would stay for ever is better not deleted."""
    place = Path(home) / FOLDER
    name = f"{run.id}-{hashlib.sha256(run.run_id.encode()).hexdigest()[:8]}"
    try:
        place.mkdir(parents=True, exist_ok=True)
        about = {"id": run.id, "dag_id": run.dag_id, "run_id": run.run_id}
        atomic.write(place / name, json.dumps(about).encode(), durable=True)
    except OSError as error:
        raise StoreError(
            f"{run.run_id} of {run.dag_id} is not deleted: that its values in the XCom store have to go too cannot be "
            f"noted in {place}: {error.strerror or error}."
        ) from error


def carry_out(home: str | Path, store: XComStore, is_there: Callable[[Unwanted], bool]) -> int:
    """Delete the values of every noted run that is not there any more; returns how many values. Raises XComError."""
    count = 0
    for file in sorted(notes(home)):
        try:
            run = Unwanted(**json.loads(file.read_text()))
        except FileNotFoundError:  # another process was quicker
            continue
        if is_there(run):
            if time.time() - file.stat().st_mtime < DELETION:
                continue
        else:
            count += store.delete_all(run_prefix(run.dag_id, run.run_id, run.id))
        with suppress(FileNotFoundError):
            file.unlink()
    return count


def notes(home: str | Path) -> list[Path]:
    """The notes that there are."""
    place = Path(home) / FOLDER
    return [file for file in place.iterdir() if not file.name.startswith(".")] if place.exists() else []
