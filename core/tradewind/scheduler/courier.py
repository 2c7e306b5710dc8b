"""Starts the courier beside a scheduler, and starts it again if it dies."""

from __future__ import annotations

import logging
import subprocess
import sys
from contextlib import suppress

from tradewind.remote import open_log_store, open_xcom_store
from tradewind.settings import Settings

log = logging.getLogger("tradewind.scheduler")

#: How long a scheduler that stops waits for the last logs to be uploaded, in seconds.
PATIENCE = 10.0


class CourierProcess:
    """The process of `tradewind.runner.courier`, if the settings give it something to do."""

    def __init__(self, settings: Settings) -> None:
        """Raises SettingError if a store that the settings name cannot be right."""
        stores = [open_log_store(settings), open_xcom_store(settings)]
        self._wanted = any(store is not None for store in stores)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        if self._wanted:
            command = [sys.executable, "-P", "-m", "tradewind.runner.courier"]
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE)

    def look(self) -> None:
        """Start it again if it is gone."""
        if self._process is not None and self._process.poll() is not None:
            log.warning("The courier ended with exit code %s, and is started again.", self._process.returncode)
            self._let_go()
            self.start()

    def stop(self, *, wait: bool) -> None:
        """Tell it that the scheduler goes; wait a while for what it still has to do. Attempts may outlive it."""
        if self._process is None:
            return
        self._let_go()
        if wait:
            try:
                self._process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                log.warning("Logs are still being uploaded; the next scheduler uploads what is left.")

    def _let_go(self) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        with suppress(OSError):
            self._process.stdin.close()
