"""Signs of life of a running attempt, and the news that it is not wanted any more."""

from __future__ import annotations

import datetime
import logging
import os
import threading
from collections.abc import Callable

from tradewind.errors import StoreError
from tradewind.records import TaskKey
from tradewind.runner.identity import kill_session
from tradewind.runner.interrupts import Interrupts
from tradewind.store import Store

log = logging.getLogger("tradewind.runner")


class Heartbeat:
    """A thread that tells the store every `interval` seconds that the attempt lives, and stops it if told to."""

    def __init__(
        self,
        store: Store,
        key: TaskKey,
        interrupts: Interrupts,
        interval: float,
        give_up: Callable[[], None],
    ) -> None:
        self._store = store
        self._key = key
        self._interrupts = interrupts
        self._interval = interval
        self._give_up = give_up
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """No more signs of life, and no more orders. Called before the end is recorded, for after that all is over."""
        self._over.set()

    def _run(self) -> None:
        while not self._over.wait(self._interval):
            try:
                wanted = self._store.heartbeat(self._key, datetime.datetime.now(datetime.UTC))
            except StoreError as error:
                log.warning("No sign of life could be given, the attempt goes on: %s", error)
                continue
            if not wanted and not self._over.is_set():
                self._stop_attempt()
                return

    def _stop_attempt(self) -> None:
        self._interrupts.stop("it was cleared, ended by hand, or given up for lost")
        if not self._over.wait(self._interrupts.grace):
            log.error("The attempt did not stop within %g s, and is killed.", self._interrupts.grace)
            kill_session(os.getpid(), spare=os.getpid())
            self._give_up()
