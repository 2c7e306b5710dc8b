"""Runs a scheduler as a process: wires store, executor, DAG folder and loop together, beats, and stops in order."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from tradewind import plugins
from tradewind.errors import StoreError, UsageError
from tradewind.executor.contract import Executor
from tradewind.runner import identity
from tradewind.scheduler.courier import CourierProcess
from tradewind.scheduler.loop import Loop, utc_now
from tradewind.scheduler.watch import DagWatch
from tradewind.scheduler.why import is_at_work, scheduler_is_at_work
from tradewind.settings import Settings
from tradewind.store import Store

log = logging.getLogger("tradewind.scheduler")

#: After an error of the metadata database as a whole, the loop tries again after this many seconds.
STORE_PAUSE = 1.0


class Service:
    """One scheduler process. `run` returns when `stop` was called, or `until` says so."""

    def __init__(self, store: Store, settings: Settings, *, watch: bool = True) -> None:
        self.store = store
        self.settings = settings
        self.name = f"{identity.host()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self.executor: Executor = plugins.current().resolve("register_executors", settings.executor)(settings)
        self.watch = DagWatch(settings) if watch else None
        self.courier = CourierProcess(settings)
        self.loop = Loop(store, self.executor, settings, name=self.name, watch=self.watch)
        self.loop.contained = (Exception,)  # a fault that one run brings to light must not stop the others
        self._stopping = threading.Event()
        self._leaving = False
        self._next_beat = 0.0

    def run(self, until: Callable[[], bool] = lambda: False) -> None:
        """Schedule until told to stop. What runs then is waited for, unless `stop` is called a second time.

        Raises UsageError if another scheduler works on the same SQLite file.
        """
        dead = self._take_the_place()
        self.executor.start()
        self.courier.start()
        if self.watch:
            self.watch.start(self.store.files())
        try:
            with self.store.listening(self.executor.wake):
                self.loop.desk.take_in_changes()
                self._take_over(dead)
                while not self._stopping.is_set() and not until():
                    self._turn()
        finally:
            self._wind_up()

    def carry_out_requests(self) -> None:
        """Carry out what people asked of runs, start nothing, and leave."""
        dead = self._take_the_place()
        self.loop.dispatcher.close()  # the executor is not started either: it only watches and stops what still runs
        try:
            self._take_over(dead)
            self.loop.desk.take_in_changes()
            patience = time.monotonic() + self.settings.kill_grace + STORE_PAUSE
            # Callbacks of attempts that were found lost, which nobody else will call, and runs to be deleted when over.
            while self.loop.dispatcher.callbacks or (self.loop.desk.waiting and time.monotonic() < patience):
                for ended in self.executor.poll(STORE_PAUSE):
                    self.loop.on_ended_safely(ended)
                self.loop.desk.take_in_changes()
        finally:
            self._leaving = True
            self._wind_up()

    def stop(self) -> None:
        """Stop: first time when the running tasks have ended, second time at once (they go on by themselves)."""
        if self._stopping.is_set():
            self._leaving = True
        self._stopping.set()
        self.executor.wake()

    @property
    def stopping(self) -> bool:
        return self._stopping.is_set()

    def _turn(self) -> None:
        try:
            self._beat()
            self.loop.step(self.settings.poll_interval)
        except StoreError as error:
            log.error("The metadata database does not answer; trying again: %s", error)
            time.sleep(STORE_PAUSE)

    def _beat(self) -> None:
        if time.monotonic() < self._next_beat:
            return
        self._next_beat = time.monotonic() + self.settings.heartbeat_interval
        self.courier.look()
        if not self.store.scheduler_heartbeat(self.name, utc_now()):
            self._leaving = True  # what runs is watched by whoever came after
            raise UsageError(f"The scheduler {self.name} was silent for too long and was replaced; start it again.")
        others = [info for info in self.store.schedulers() if info.id != self.name]
        dead = [info.id for info in others if not is_at_work(info, self.settings)]
        if dead:
            self._take_over(dead)

    def _take_over(self, dead: list[str]) -> None:
        """Go on with the runs that dead schedulers held, and with those that nobody holds."""
        self.loop.claim(dead)
        for name in dead:
            self.store.forget_scheduler(name)

    def _take_the_place(self) -> list[str]:
        """Register; returns the ids of the schedulers that are dead."""
        host, pid, process = identity.host(), os.getpid(), identity.identity() or ""
        while True:
            others = self.store.schedulers()
            dead = [info.id for info in others if not is_at_work(info, self.settings)]
            alive = [info for info in others if info.id not in dead]
            if alive and self.store.takes_one_scheduler:
                one = alive[0]
                raise UsageError(
                    f"A scheduler (process {one.pid} on {one.host}) works on this database already, and SQLite takes "
                    "only one. Stop that one first, or let a server keep the metadata (the setting database_url)."
                )
            only = dead if self.store.takes_one_scheduler else None
            if self.store.register_scheduler(self.name, host, pid, process, utc_now(), beside=only):
                return dead  # else one came between: look who it is

    def _wind_up(self) -> None:
        """Let running tasks end, give the leases back, leave."""
        if self.watch:
            self.watch.stop()
        self.loop.dispatcher.close()
        try:
            while (self.loop.dispatcher.in_flight or self.loop.dispatcher.callbacks) and not self._leaving:
                self._turn()
        finally:
            self._leave()

    def _leave(self) -> None:
        for ended in self.executor.stop(None):
            self.loop.on_ended_safely(ended)
        self.courier.stop(wait=not self.loop.dispatcher.in_flight)
        try:
            self.store.release(self.name)
            self.store.forget_scheduler(self.name)
        except StoreError as error:
            log.error("The leases could not be given back; the next scheduler will take them: %s", error)


def carry_out(store: Store, settings: Settings) -> bool:
    """Carry out the requests in the store; False if a scheduler is at work that will. Starts nothing."""
    if scheduler_is_at_work(store, settings):
        return False
    Service(store, settings, watch=False).carry_out_requests()
    return True


@contextmanager
def stop_on_signals(service: Service, tell: Callable[[str], None]) -> Iterator[None]:
    """SIGINT and SIGTERM stop the service instead of killing it. Only in the main thread."""

    def handle(number: int, frame: FrameType | None) -> None:
        waiting = len(service.loop.dispatcher.in_flight) + len(service.loop.dispatcher.callbacks)
        if not service.stopping and waiting:
            tell(f"Stopping: waiting for {waiting} running task(s). Once more to leave them running and exit.")
        service.stop()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def ensure_folders(settings: Settings) -> None:
    """Make the folders that a scheduler needs."""
    for folder in (settings.home, settings.dags_folder, settings.logs_folder):
        Path(folder).mkdir(parents=True, exist_ok=True)
