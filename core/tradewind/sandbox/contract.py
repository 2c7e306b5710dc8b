"""What every sandbox does, whatever it starts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType
from typing import ClassVar

from tradewind.connection import Connection


class Sandbox(ABC):
    """A throw-away server, or a faithful stand-in for one, that a connection of its type leads to.

    with PostgresSandbox() as connection:
        PostgresHook(connection=connection).get_records("select 1")

    It listens on the loopback interface only, keeps everything in a temporary folder, and leaves nothing behind.
    """

    #: Connection type that it serves.
    conn_type: ClassVar[str]

    @abstractmethod
    def start(self) -> Connection:
        """Start it and wait until it answers.

        Raises SandboxMissing, saying what to install, where there is nothing to start, SandboxError if it fails.
        """

    @abstractmethod
    def stop(self) -> None:
        """Stop it and remove what it kept. May be called more than once, and without `start`."""

    def check(self) -> None:  # noqa: B027 - most stand-ins need nothing that could be missing
        """Raise SandboxMissing, saying what to install, if there is nothing on this machine that could be started."""

    def __enter__(self) -> Connection:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
