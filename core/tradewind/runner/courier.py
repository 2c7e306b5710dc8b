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
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from tradewind import settings as settings_module
from tradewind.errors import TradewindError
from tradewind.remote import LogStore, open_log_store, open_xcom_store, unsent, unwanted
from tradewind.remote.chunks import LONGEST_HEAD, Chunk, cut, stream_of
from tradewind.remote.reading import end_of
from tradewind.remote.unsent import UNKNOWN, Note, Writer
from tradewind.runner.identity import host, is_alive
from tradewind.runner.output import LogFile
from tradewind.secrets import redact
from tradewind.settings import Settings

log = logging.getLogger("tradewind.courier")

#: The largest chunk, in bytes.
LARGEST = 4 << 20

#: So many chunks of one log are uploaded before it is another log's turn.
CHUNKS_AT_ONCE = 16

#: So many logs are worked on at once.
THREADS = 8

#: The longest pause after a store did not serve, in seconds.
LONGEST_PAUSE = 60.0


class LogCourier:
    """Uploads the logs that the notes in the log folder speak of. `turn` looks at each of them once."""

    def __init__(self, settings: Settings, store: LogStore) -> None:
        self._settings = settings
        self._store = store
        self._told: set[Path] = set()  #: logs that say that they cannot be uploaded
        self._failures = 0  #: turns in a row in which the store did not serve
        self._next = 0.0  #: on time.monotonic(): when to try again
        self._lock = threading.Lock()
        self._down = False  #: the store did not serve in this turn
        self._served = False  #: it did

    @property
    def is_down(self) -> bool:
        """Whether the store did not serve when it was asked last."""
        return self._failures > 0

    def turn(self, *, force: bool = False) -> bool:
        """Upload what is new. Answers whether a process on this machine still writes a log.

        After a failure the store is left alone for a while, unless `force`.
        """
        files = unsent.notes(self._settings.logs_folder)
        if time.monotonic() < self._next and not force:
            return True
        self._down = self._served = False
        with ThreadPoolExecutor(THREADS, "log-upload") as pool:
            at_work = list(pool.map(self._look, files))
        if self._down:
            self._failures += 1
            pause = min(self._settings.logs_upload_interval * 2**self._failures, LONGEST_PAUSE)
            self._next = time.monotonic() + pause
        elif self._served and self._failures:
            log.warning("The log store %s serves again.", self._store.url)
            self._failures, self._next = 0, 0.0
            self._told.clear()
        return any(at_work)

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
        if not self._down:  # else one failure is enough to know
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
        try:
            if self._upload(note, over):
                self._finish(note)
        except OSError as error:  # the local disk
            log.warning("The log %s cannot be read: %s", note.log, error.strerror or error)
        except Exception as error:  # of a store: whatever it raises, the other logs and the next turn go on
            with self._lock:
                first, self._down = not self._down and not self._failures, True
            self._tell(note, error, on_terminal=first)

    def _upload(self, note: Note, over: bool) -> bool:
        """Upload what is new of one log. True: that was all of it, and nothing more comes."""
        try:
            with note.log.open("rb") as file:
                stream = stream_of(file.read(LONGEST_HEAD), over=over)
                if stream is None:
                    return False
                if note.sent == UNKNOWN:
                    note.advance(end_of(self._store, note.name, stream))
                    self._served = True
                for _ in range(CHUNKS_AT_ONCE):
                    file.seek(note.sent)
                    read = file.read(LARGEST)
                    ends = over and len(read) < LARGEST
                    data = cut(read, whole=ends or len(read) == LARGEST)
                    if data or ends:
                        chunk = Chunk(stream, note.sent, note.sent + len(data), last=ends)
                        self._store.put(note.name, chunk.name, data)
                        note.advance(chunk.end)
                        self._served = True
                    if len(data) < LARGEST:
                        return ends
        except FileNotFoundError:  # it was deleted, or never written
            return over
        return False

    def _finish(self, note: Note) -> None:
        if self._settings.logs_delete_local and unsent.is_last(note):
            with suppress(FileNotFoundError):
                if note.log.stat().st_size == note.sent:
                    note.log.unlink()
        self._told.discard(note.log)
        note.drop()

    def _tell(self, note: Note, error: Exception, *, on_terminal: bool) -> None:
        """Say it in the log that it is about and on the scheduler's terminal, once for each stretch of failures."""
        why = str(error) if isinstance(error, TradewindError) else f"{type(error).__name__}: {error}"
        if note.log not in self._told:
            self._told.add(note.log)
            file = LogFile(note.log)
            file.line("WARNING", redact(f"This log cannot be uploaded to {self._store.url} now: {why}"))
            file.close()
        if on_terminal:
            told = "Logs cannot be uploaded to %s; they stay on this machine, and are uploaded when it serves: %s"
            log.warning(told, self._store.url, redact(why))


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
