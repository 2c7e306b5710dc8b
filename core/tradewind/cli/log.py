"""Prints logs of attempts and runs, while they grow too: the local file, or else what a log store has."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tradewind import logs, settings
from tradewind.cli.app import warn
from tradewind.errors import LogStoreError, NotFound
from tradewind.states import HELD

if TYPE_CHECKING:
    from tradewind.records import Run, TaskInstance
    from tradewind.remote import RemoteLog
    from tradewind.store import Store

#: How often a growing log is looked at, here and in a log store, in seconds.
INTERVAL = 0.1
REMOTE_INTERVAL = 1.0

#: How much is read at once.
CHUNK = 1 << 20  # bytes

#: The end of a log whose task has ended is waited for so many upload intervals long.
END_PATIENCE = 3


def print_log(store: Store, run: Run, task_id: str, try_number: int | None, *, follow: bool) -> None:
    """Print one try's log, the last one's by default. With `follow`, wait for it, and for later tries, to end."""
    instance = store.task(run.id, task_id)
    number = try_number or max(instance.try_number, 1)
    log = _of_try(run, instance, number)
    while True:
        ended = _has_ended(instance, number)  # asked before the log is read: what it wrote last is read too
        log.print_new(follow=follow)
        if not follow:
            break
        if ended and not log.wait_for_end():
            break
        time.sleep(log.interval)
        instance = store.task(run.id, task_id)
        if try_number is None and instance.try_number > number:
            log.print_rest()
            number = instance.try_number
            log = _of_try(run, instance, number)
    if not log.found:
        raise NotFound(_explain_missing(run, instance, number, log))


def print_run_log(run: Run) -> None:
    """Print the log of a run's own callbacks. Raises NotFound if it has none."""
    log = Printed(logs.run_log_name(run.dag_id, run.run_id))
    log.print_new(follow=False)
    if not log.found:
        raise NotFound(
            f"{run.run_id} of {run.dag_id} has no log of its own, which has what its DAG-level callbacks say: "
            f"{log.where()}. `tradewind tasks logs` prints those of its tasks."
        )


class Printed:
    """A log, as far as it was printed."""

    def __init__(self, name: str) -> None:
        self._settings = settings.read()
        self.path = Path(self._settings.logs_folder) / name
        self.found = False
        self.interval = INTERVAL
        self._name = name
        self._place = 0  #: how far the local file was printed, in bytes
        self._head = b""  #: how the local file began
        self._remote: RemoteLog | None = None
        self._patience = END_PATIENCE * self._settings.logs_upload_interval

    def print_new(self, *, follow: bool) -> None:
        """Print what has come. The local file is asked first, then the log store.

        Raises LogStoreError; with `follow` that is a warning, and the store is asked again the next time.
        """
        if self._print_local() or not self._settings.logs_url:
            return
        self.interval = min(REMOTE_INTERVAL, self._settings.logs_upload_interval)
        try:
            self._print_remote()
        except LogStoreError as error:
            if not follow:
                raise
            warn(str(error))

    def print_rest(self) -> None:
        """Print what is left of a log whose try is over, as it is uploaded."""
        self.print_new(follow=True)
        while self.wait_for_end():
            time.sleep(self.interval)
            self.print_new(follow=True)

    def wait_for_end(self) -> bool:
        """Whether the end of the log, whose task has ended, is to be waited for: it may not be uploaded yet."""
        if self._remote is None or self._remote.ended:
            return False
        self._patience -= self.interval
        return self._patience > 0

    def where(self) -> str:
        """Where it was looked for, for messages."""
        url, seconds = self._settings.logs_url, self._settings.logs_upload_interval
        remote = f", and nothing of it in the log store {url} (logs arrive there every {seconds:g} s)" if url else ""
        return f"there is no file {self.path}{remote}"

    def _print_local(self) -> bool:
        """Print what the file has after what was printed; False if there is no file."""
        try:
            with self.path.open("rb") as file:
                self.found = True
                self._head = self._head or file.read(CHUNK)
                file.seek(self._place)
                while chunk := file.read(CHUNK):
                    click.echo(chunk, nl=False)
                    self._place += len(chunk)
        except FileNotFoundError:  # the attempt has not started yet, or ran elsewhere, or it is uploaded and deleted
            return False
        return True

    def _print_remote(self) -> None:
        if self._remote is None:
            from tradewind.remote import RemoteLog, open_log_store
            from tradewind.remote.chunks import stream_of

            store = open_log_store(self._settings)
            assert store is not None
            stream = stream_of(self._head, over=True) or "" if self._head else ""
            self._remote = RemoteLog(store, self._name, stream=stream, place=self._place)
        for piece in self._remote.read():
            click.echo(piece, nl=False)
        self.found = self.found or self._remote.found


def _of_try(run: Run, instance: TaskInstance, number: int) -> Printed:
    return Printed(logs.attempt_log_name(run.dag_id, run.run_id, instance.task_id, instance.map_index, number))


def _has_ended(instance: TaskInstance, number: int) -> bool:
    """Whether nothing more will come: the task is over, or is at a later try than the one asked for."""
    if instance.try_number > number:
        return True
    return instance.state is not None and instance.state.is_finished and instance.state not in HELD


def _explain_missing(run: Run, instance: TaskInstance, number: int, log: Printed) -> str:
    if instance.try_number == 0:
        state = instance.state or "not decided about yet"
        return (
            f"{instance.task_id} of {run.run_id} has no log: it has not been started ({state}). "
            f"`tradewind tasks why {run.dag_id} {instance.task_id} {run.run_id}` tells more."
        )
    tries = instance.try_number
    if number > tries:
        had = "1 try" if tries == 1 else f"{tries} tries"
        return f"{instance.task_id} of {run.run_id} has had {had} so far, and no try {number}."
    return f"{instance.task_id} of {run.run_id} has no log of try {number}: {log.where()}."
