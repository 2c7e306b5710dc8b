"""What every executor does, whatever it runs attempts on.

An executor is handed the command line of an attempt and a key, and tells when the attempt is over. It knows nothing
of DAGs or of the metadata database: how the attempt ended is recorded there by the attempt itself. One thread uses
an executor; only `wake` may be called from others.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

import msgspec

from tradewind.records import TaskKey
from tradewind.settings import Settings


class Ended(msgspec.Struct, frozen=True):
    """An attempt is over: no process of it is left, so it can do and record nothing any more."""

    key: TaskKey
    exit_code: int | None = 0  #: 0: it recorded how it ended; below 0: killed by that signal; None: not known
    reason: str = ""  #: what the executor knows beyond the exit code, in words

    @property
    def was_killed(self) -> bool:
        return self.exit_code is not None and self.exit_code < 0


class Executor(ABC):
    """Runs attempts. `submit` may be called as often as `slots` says; more is allowed, and may wait."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @abstractmethod
    def start(self) -> None:
        """Get ready. Called once, before anything else."""

    @property
    @abstractmethod
    def slots(self) -> int:
        """How many more attempts it can take in now."""

    @abstractmethod
    def submit(self, key: TaskKey, argv: Sequence[str], log_path: Path, affinity: str = "") -> None:
        """Start an attempt; each key once. Whatever goes wrong comes back as an `Ended`, nothing is raised.

        Attempts with the same non-empty `affinity` may share what is costly to load. It has the form
        `<what>\\0<version of it>`: what was kept for older versions is let go of when it is no longer asked for.
        """

    @abstractmethod
    def poll(self, timeout: float) -> list[Ended]:
        """The attempts that are over since the last call; waits up to `timeout` seconds for the first."""

    @abstractmethod
    def wake(self) -> None:
        """Make a waiting `poll` return at once. Safe from any thread and from signal handlers."""

    @abstractmethod
    def cancel(self, key: TaskKey) -> None:
        """Ask an attempt to stop, and kill all of it when the setting `kill_grace` is over. Its `Ended` follows.

        Does nothing for a key that it does not hold.
        """

    @abstractmethod
    def adopt(self, key: TaskKey, host: str, pid: int, process: str | None) -> bool:
        """Take over an attempt that an executor before this one started. Its `Ended` follows when it is over.

        False if it cannot be watched from here: it runs elsewhere, or nothing of it is left.
        """

    @abstractmethod
    def stop(self, grace: float | None) -> list[Ended]:
        """Take in nothing more, and return what ended meanwhile and was not polled.

        With a number: ask attempts to stop after `grace` seconds, kill them after `kill_grace` more, return when
        all are over. With None: leave them running; the next executor adopts them.
        """
