"""Keeps an eye on the DAG folder: says which files changed, and reads them in processes of their own.

It works in a thread, since a DAG file may take seconds to load and no run should wait for that. Results are fetched
with `take`; the thread touches neither the store nor the scheduler.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tradewind.parser import PRELOAD, DagFolder, parse_file
from tradewind.records import ParsedFile
from tradewind.settings import Settings
from tradewind.zygote import Zygote

log = logging.getLogger("tradewind.scheduler")

#: A file that is gone.
Removed = str
Found = ParsedFile | Removed

#: A file that could not be read is read again after this long, for what it lacks may have been installed meanwhile;
#: one that takes long to fail waits ten times as long as it took.
FAILED_AGAIN = 30.0  # seconds


#: What is remembered of a file that was read by an earlier watch: it is read again.
_LONG_AGO = (-1, -1)


class DagWatch:
    """Looks at the DAG folder every `dags_refresh_interval` seconds until it is stopped."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._folder = DagFolder(Path(settings.dags_folder))
        self._seen: dict[str, tuple[int, int]] = {}
        self._found: queue.SimpleQueue[Found] = queue.SimpleQueue()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._work, name="dag-watch", daemon=True)
        self._zygote = Zygote(PRELOAD)
        self._again: queue.SimpleQueue[str] = queue.SimpleQueue()  #: paths to be read again
        self._lock = threading.Lock()  #: held while what is known of files is used: several threads read them
        self._failed: dict[str, float] = {}  #: path -> when to read it again, on time.monotonic()
        self._versions: dict[str, int] = {}  #: path -> how often it was seen to change
        self._told: dict[str, str] = {}  #: path -> why it cannot be read, as it was told last
        self._trouble = ""  #: what last kept it from looking, so that it is told once

    def start(self, known: Iterable[str] = ()) -> None:
        """Begin to watch. `known` are the files that were there last time: those that went since are reported."""
        self._seen = dict.fromkeys(known, _LONG_AGO)
        self._thread.start()

    def take(self) -> list[Found]:
        """What was found since the last call, oldest first."""
        found = []
        while not self._found.empty():
            found.append(self._found.get())
        return found

    def read_again(self, path: str) -> None:
        """Read a file again although it has not changed."""
        self._again.put(path)

    def stop(self) -> None:
        self._stopped.set()
        self._zygote.close()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def _work(self) -> None:
        with ThreadPoolExecutor(self._settings.parse_processes, "dag-file") as pool:
            while not self._stopped.is_set():
                try:
                    self._look(pool)
                    self._trouble = ""
                except Exception as error:  # an unreadable folder, say; whatever it is, the next look may go well
                    self._tell(error)
                self._stopped.wait(self._settings.dags_refresh_interval)

    def _tell(self, error: Exception) -> None:
        if str(error) != self._trouble and not self._stopped.is_set():
            self._trouble = str(error)
            log.error("The DAG folder cannot be looked at; trying again: %s", error)

    def _look(self, pool: ThreadPoolExecutor) -> None:
        with self._lock:
            self._due_again()
            changed, removed = self._folder.scan(self._seen)
            for path in removed:
                self._seen.pop(path, None)
                self._told.pop(path, None)
                self._versions[path] = self._versions.get(path, 0) + 1
                self._found.put(path)
            for path, stamp in changed.items():
                self._seen[path] = stamp
                self._versions[path] = version = self._versions.get(path, 0) + 1
                pool.submit(self._read, path, version)

    def _due_again(self) -> None:
        """Forget that files were read which are to be read again: failed ones now and then, others when asked."""
        while not self._again.empty():
            self._seen.pop(self._again.get(), None)
        for path in [path for path, due in self._failed.items() if due <= time.monotonic()]:
            self._failed.pop(path, None)
            self._seen.pop(path, None)

    def _read(self, path: str, version: int) -> None:
        """Read one file, and report it unless it has changed again meanwhile: a slow old version says nothing."""
        try:
            parsed = parse_file(
                path,
                timeout=self._settings.parse_timeout,
                memory_mb=self._settings.parse_memory,
                zygote=self._zygote,
            )
        except Exception as error:  # nobody looks at the future: say it here, and read the file again
            self._again.put(path)
            self._tell(error)
            return
        with self._lock:  # at once: what it read may change again any moment
            if self._versions[path] != version or (parsed.failure is not None and not Path(path).exists()):
                return  # a file that is gone is no failure: the next look tells
            self._folder.learn(parsed)
            self._failed.pop(path, None)
            if parsed.failure is not None:
                self._failed[path] = time.monotonic() + max(FAILED_AGAIN, 10 * parsed.seconds)
            self._found.put(parsed)
            self._report(parsed)

    def _report(self, parsed: ParsedFile) -> None:
        """Tell whoever looks at the scheduler's terminal, each thing once: a broken file is read again and again."""
        failure, before = parsed.failure, self._told.pop(parsed.path, None)
        if failure is None:
            if before is not None:
                log.info("%s can be read again.", parsed.path)
            return
        self._told[parsed.path] = failure.error
        if failure.error != before:
            line = f", line {failure.line}" if failure.line else ""
            log.warning("%s%s cannot be read: %s", parsed.path, line, failure.error)
