"""What a log store and an XCom store are: a few verbs on objects that are written whole and never changed.

A store is registered under the scheme of its URL with `register_log_stores` or `register_xcom_stores`. Its class is
called with a `StoreUrl`, which costs nothing: whatever must be reached or loaded is reached by the first verb. Names
are made of parts with `/` between them; a part may hold any character that `tradewind.logs.safe` lets through,
letters of all scripts, `%`, `+`, `=`, `:`, `@`, `[` and `]` among them. Several threads may use one store at once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from tradewind.remote.url import StoreUrl


class LogStore(ABC):
    """Keeps logs in chunks. Every verb raises LogStoreError, within a minute or so, when the store does not serve."""

    def __init__(self, url: StoreUrl) -> None:
        self.url = url

    @abstractmethod
    def put(self, log: str, chunk: str, data: bytes) -> None:
        """Keep a chunk of a log, whole or not at all. `data` may be empty. The same chunk again takes its place."""

    @abstractmethod
    def chunks(self, log: str, after: str = "") -> list[str]:
        """The names of a log's chunks that come after the name `after`, in the order of their characters' codes.

        A log that nothing is kept of has none.
        """

    @abstractmethod
    def get(self, log: str, chunk: str) -> bytes:
        """One chunk. Raises LogStoreError if it is not there."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.url)!r})"


class XComStore(ABC):
    """Keeps large values. Every verb raises XComError when the store does not serve."""

    def __init__(self, url: StoreUrl) -> None:
        self.url = url

    @abstractmethod
    def put(self, name: str, data: bytes) -> None:
        """Keep a value, whole or not at all: who reads meanwhile gets the one before, or none."""

    @abstractmethod
    def get(self, name: str) -> bytes | None:
        """One value, or None if there is none."""

    @abstractmethod
    def delete(self, name: str) -> None:
        """Delete one value; none of that name is fine."""

    @abstractmethod
    def delete_all(self, prefix: str) -> int:
        """Delete every value whose name begins with `prefix`, which ends with `/`. Returns how many there were."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.url)!r})"
