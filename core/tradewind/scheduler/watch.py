"""Keeps an eye on the DAG folder: says which files changed, and reads them in processes of their own.

It works in a thread, since a DAG file may take seconds to load and no run should wait for that. Results are fetched
with `take`; the thread touches neither the store nor the scheduler.
"""

from __future__ import annotations

import queue
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tradewind.parser import DagFolder, parse_file
from tradewind.records import ParsedFile
from tradewind.settings import Settings
from tradewind.zygote import Zygote

#: A file that is gone.
Removed = str
Found = ParsedFile | Removed

#: What a DAG file usually needs; loaded once, before the processes that read the files are forked.
PRELOAD = ("tradewind.parser", "tradewind.dag", "tradewind.taskflow", "tradewind.operators.python")


class DagWatch:
    """Looks at the DAG folder every `dags_refresh_interval` seconds until it is stopped."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._folder = DagFolder(Path(settings.dags_folder))
        self._seen: dict[str, tuple[int, int]] = {}
        self._found: queue.SimpleQueue[Found] = queue.SimpleQueue()
        self._stopped = threading.Event()
        self._looked = threading.Event()
        self._thread = threading.Thread(target=self._work, name="dag-watch", daemon=True)
        self._zygote = Zygote(PRELOAD)
        self.error: Exception | None = None  #: why the thread ended by itself

    def start(self) -> None:
        self._thread.start()

    def take(self) -> list[Found]:
        """What was found since the last call, oldest first. Raises what ended the thread, if anything did."""
        if self.error is not None:
            raise self.error
        found = []
        while not self._found.empty():
            found.append(self._found.get())
        return found

    def wait_for_first_look(self, timeout: float) -> bool:
        """Wait till every file was read once; False if that takes longer than `timeout` seconds."""
        return self._looked.wait(timeout)

    def stop(self) -> None:
        self._stopped.set()
        self._zygote.close()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def _work(self) -> None:
        try:
            with ThreadPoolExecutor(self._settings.parse_processes, "dag-file") as pool:
                while not self._stopped.is_set():
                    self._look(pool)
                    self._looked.set()
                    self._stopped.wait(self._settings.dags_refresh_interval)
        except Exception as error:
            if not self._stopped.is_set():
                self.error = error

    def _look(self, pool: ThreadPoolExecutor) -> None:
        changed, removed = self._folder.scan(self._seen)
        for path in removed:
            self._seen.pop(path, None)
            self._found.put(path)
        for parsed in pool.map(self._parse, changed):
            self._found.put(parsed)
        self._seen.update(changed)

    def _parse(self, path: str) -> ParsedFile:
        return parse_file(
            path,
            timeout=self._settings.parse_timeout,
            memory_mb=self._settings.parse_memory,
            zygote=self._zygote,
        )
