"""Prints the log of an attempt, and goes on printing while it grows."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tradewind import logs, settings
from tradewind.errors import NotFound
from tradewind.states import HELD

if TYPE_CHECKING:
    from tradewind.records import Run, TaskInstance
    from tradewind.store import Store

#: How often a growing log is looked at.
INTERVAL = 0.1  # seconds

#: How much is read at once.
CHUNK = 1 << 20  # bytes


def print_log(store: Store, run: Run, task_id: str, try_number: int | None, *, follow: bool) -> None:
    """Print one try's log, the last one's by default. With `follow`, wait for it, and for later tries, to end."""
    instance = store.task(run.id, task_id)
    number = try_number or max(instance.try_number, 1)
    place = 0
    while True:
        ended = _has_ended(instance, number)  # asked before the file is read: what it wrote last is read too
        path = _path(run, instance, number)
        place = _print_from(path, place)
        if not follow or ended:
            break
        time.sleep(INTERVAL)
        instance = store.task(run.id, task_id)
        if try_number is None and instance.try_number > number:
            _print_from(path, place)
            number, place = instance.try_number, 0
    if place == 0 and not path.exists():
        raise NotFound(_explain_missing(run, instance, number, path))


def _path(run: Run, instance: TaskInstance, number: int) -> Path:
    folder = settings.read().logs_folder
    return logs.attempt_log(folder, run.dag_id, run.run_id, instance.task_id, instance.map_index, number)


def _has_ended(instance: TaskInstance, number: int) -> bool:
    """Whether nothing more will come: the task is over, or is at a later try than the one asked for."""
    if instance.try_number > number:
        return True
    return instance.state is not None and instance.state.is_finished and instance.state not in HELD


def _print_from(path: Path, place: int) -> int:
    """Print what the file has after `place`; answer where it ends."""
    try:
        with path.open("rb") as file:
            file.seek(place)
            while chunk := file.read(CHUNK):
                click.echo(chunk, nl=False)
                place += len(chunk)
    except FileNotFoundError:
        pass  # the attempt has not started yet
    return place


def _explain_missing(run: Run, instance: TaskInstance, number: int, path: Path) -> str:
    if instance.try_number == 0:
        state = instance.state or "not decided about yet"
        return (
            f"{instance.task_id} of {run.run_id} has no log: it has not been started ({state}). "
            f"`tradewind tasks why {run.dag_id} {instance.task_id} {run.run_id}` tells more."
        )
    return f"{instance.task_id} of {run.run_id} has no log of try {number}: there is no file {path}."
