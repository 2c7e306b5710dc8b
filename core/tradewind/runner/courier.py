"""The courier: a process beside a scheduler that carries things out of this machine, so that no attempt has to.

It uploads logs, chunk by chunk, while attempts write them and after they ended, however they ended; and it deletes what
an XCom store keeps of runs that were deleted. What is left to do lies in files (`remote.unsent`, `remote.unwanted`), so
it may be killed at any moment. When its scheduler is gone it sees the logs of running attempts to their end, and exits.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import ParamSpec, TypeVar

from tradewind import settings as settings_module
from tradewind.errors import LogStoreError
from tradewind.remote import LogStore, open_log_store, open_xcom_store, unsent, unwanted
from tradewind.remote.chunks import LONGEST_HEAD, Chunk, cut, stream_of
from tradewind.remote.reading import end_of
from tradewind.remote.unsent import UNKNOWN, Note, Writer
from tradewind.runner.identity import host, is_alive
from tradewind.runner.output import LogFile
from tradewind.secrets import redact
from tradewind.settings import Settings

log = logging.getLogger("tradewind.courier")

P = ParamSpec("P")
R = TypeVar("R")

#: The largest chunk, in bytes.
LARGEST = 4 << 20

#: So many chunks of one log are uploaded before it is another log's turn.
CHUNKS_AT_ONCE = 16

#: So many logs are worked on at once.
THREADS = 8

#: The longest pause after a store did not serve, in seconds.
LONGEST_PAUSE = 60.0

#: So many failures, and no success, tell that it is the store that does not serve, and not single logs that it refuses.
FAILURES = 3


class LogCourier:
    """Uploads the logs that the notes in the log folder speak of. `turn` looks at each of them once."""

    def __init__(self, settings: Settings, store: LogStore) -> None:
        self._settings = settings
        self._store = store
        self._refused: dict[Path, tuple[int, float]] = {}  #: note -> how often it failed in a row, when to try it again
        self._failures = 0  #: turns in a row in which the store did not serve
        self._next = 0.0  #: on time.monotonic(): when to try again
        self._lock = threading.Lock()
        self._failed = 0  #: logs that could not be uploaded in this turn
        self._served = False  #: something could

    def turn(self, *, force: bool = False) -> bool:
        """Upload what is new. Answers whether a process on this machine still writes a log.

        After a failure the store is left alone for a while, unless `force`.
        """
        files = unsent.notes(self._settings.logs_folder)
        if time.monotonic() < self._next and not force:
            return True
        self._failed, self._served = 0, False
        self._refused = {file: self._refused[file] for file in files if file in self._refused}
        files.sort(key=lambda file: self._refused.get(file, (0, 0.0))[0])  # first those that may tell that it serves
        with ThreadPoolExecutor(THREADS, "log-upload") as pool:
            at_work = list(pool.map(self._look, files))
        if self._served and self._failures:
            log.warning("The log store %s serves again.", self._store.url)
            self._failures, self._next = 0, 0.0
            self._refused = {path: (count, 0.0) for path, (count, _) in self._refused.items()}
        elif self._failed and not self._served:
            self._failures += 1
            self._next = time.monotonic() + self._pause(self._failures)
        return any(at_work)

    def _pause(self, failures: int) -> float:
        return min(self._settings.logs_upload_interval * 2.0 ** min(failures, 20), LONGEST_PAUSE)

    def _look(self, file: Path) -> bool:
        try:
            with unsent.hold(file) as note:
                return note is not None and self._see_to(note)
        except (OSError, ValueError, KeyError) as error:  # the others go on
            log.warning("The note %s cannot be read, so that a log may not be uploaded: %r", file, error)
            return False

    def _see_to(self, note: Note) -> bool:
        over = self._is_over(note.writer, note.log)  # asked before the log is read: nothing comes after it
        if over is None:
            return False
        if self._served or self._failed < FAILURES:
            self._try_upload(note, over)
        return not over

    def _is_over(self, writer: Writer, path: Path) -> bool | None:
        """Whether nobody writes the log any more. None: somebody does on another machine, whose courier sees to it."""
        if writer.pid == 0:
            return True
        if writer.host == host():
            return not is_alive(writer.pid, writer.process)
        try:
            silent = time.time() - path.stat().st_mtime
        except FileNotFoundError:
            return None
        return True if silent > self._settings.lost_after else None

    def _try_upload(self, note: Note, over: bool) -> None:
        failures, due = self._refused.get(note.file, (0, 0.0))
        if due > time.monotonic() and not self._failures:  # the store serves, but for this log
            return
        try:
            ended = self._upload(note, over)
        except OSError as error:  # the local disk
            log.warning("The log %s cannot be read: %s", note.log, error.strerror or error)
        except LogStoreError as error:
            with self._lock:
                # A log that was refused before, while the store served others, tells nothing about the store.
                self._failed += not failures or bool(self._failures)
                first = self._failed == 1 and not self._failures
            self._refused[note.file] = failures + 1, time.monotonic() + self._pause(failures + 1)
            if not failures:
                self._tell(note, error, on_terminal=first)
        else:
            self._refused.pop(note.file, None)
            if ended:
                self._finish(note)

    def _upload(self, note: Note, over: bool) -> bool:
        """Upload what is new of one log. True: that was all of it, and nothing more comes."""
        try:
            with note.log.open("rb") as file:
                stream = stream_of(file.read(LONGEST_HEAD), over=over)
                if stream is None:
                    return False
                if note.sent == UNKNOWN:
                    note.advance(self._ask(end_of, self._store, note.name, stream))
                for _ in range(CHUNKS_AT_ONCE):
                    file.seek(note.sent)
                    read = file.read(LARGEST)
                    ends = over and len(read) < LARGEST
                    data = cut(read, whole=ends or len(read) == LARGEST)
                    if data or ends:
                        chunk = Chunk(stream, note.sent, note.sent + len(data), last=ends)
                        self._ask(self._store.put, note.name, chunk.name, data)
                        note.advance(chunk.end)
                    if len(data) < LARGEST:
                        return ends
        except FileNotFoundError:  # it was deleted, or never written
            return over
        return False

    def _ask(self, verb: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Ask the store. Whatever it raises, a LogStoreError is what comes of it: it is a stranger's."""
        try:
            found = verb(*args, **kwargs)
        except LogStoreError:
            raise
        except Exception as error:
            raise LogStoreError(f"{type(error).__name__}: {error}") from error
        self._served = True
        return found

    def _finish(self, note: Note) -> None:
        if self._settings.logs_delete_local and unsent.is_last(note):
            with suppress(FileNotFoundError):
                if note.log.stat().st_size == note.sent:
                    note.log.unlink()
        note.drop()

    def _tell(self, note: Note, error: LogStoreError, *, on_terminal: bool) -> None:
        """Say it in the log that it is about and on the scheduler's terminal, once for each stretch of failures."""
        why = redact(str(error))
        file = LogFile(note.log)
        file.line("WARNING", f"This log cannot be uploaded to {self._store.url} now: {why}")
        file.close()
        if on_terminal:
            told = "Logs cannot be uploaded to %s; they stay on this machine, and are uploaded when it serves: %s"
            log.warning(told, self._store.url, why)


class ValueCourier:
    """Deletes what an XCom store keeps of deleted runs."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._next = 0.0
        self._pause = 1.0
        self._told = ""

    def turn(self, *, force: bool = False) -> bool:
        """Delete what is to be deleted. Answers whether all of it is; failures are told, and tried again later."""
        if not unwanted.notes(self._settings.home):
            return True
        if time.monotonic() < self._next and not force:
            return False
        try:
            delete_unwanted(self._settings)
        except Exception as error:
            if str(error) != self._told:
                self._told = str(error)
                log.warning("Values of deleted runs cannot be deleted now: %s", redact(str(error)))
            self._pause = min(self._pause * 2, LONGEST_PAUSE)
            self._next = time.monotonic() + self._pause
            return False
        self._told, self._pause, self._next = "", 1.0, 0.0
        return True


def delete_unwanted(settings: Settings) -> int:
    """Delete the values of runs that were deleted; returns how many. Raises XComError, SettingError, StoreError."""
    xcoms = open_xcom_store(settings)
    if xcoms is None or not unwanted.notes(settings.home):
        return 0
    from tradewind.store import open_store  # a courier of logs alone needs no metadata database

    with open_store(settings) as store:

        def is_there(run: unwanted.Unwanted) -> bool:
            found = store.run_by_id(run.id)
            return found is not None and (found.dag_id, found.run_id) == (run.dag_id, run.run_id)

        return unwanted.carry_out(settings.home, xcoms, is_there)


def serve(settings: Settings) -> None:
    """Work until standard input ends, and then till the running attempts have ended too."""
    store = open_log_store(settings)
    logs = LogCourier(settings, store) if store is not None else None
    values = ValueCourier(settings) if settings.xcom_store_url else None
    with_scheduler = True
    while True:
        at_work = logs is not None and logs.turn(force=not with_scheduler)
        if values is not None:
            values.turn(force=not with_scheduler)
        if not with_scheduler and not at_work:
            return
        if with_scheduler:
            ready, _, _ = select.select([sys.stdin], [], [], settings.logs_upload_interval)
            with_scheduler = not ready or bool(os.read(sys.stdin.fileno(), 1))
        else:
            time.sleep(settings.logs_upload_interval)


def main() -> None:
    """What the scheduler starts: `python -m tradewind.runner.courier`."""
    from tradewind.secrets import MaskingFilter

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # meant for the scheduler, which decides
        signal.signal(number, signal.SIG_IGN)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%H:%M:%S"))
    handler.addFilter(MaskingFilter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    with suppress(BrokenPipeError):
        serve(settings_module.read())


if __name__ == "__main__":
    main()
