"""Passes what one thread makes on to another one, never more than a little at a time."""

from __future__ import annotations

import io
import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Generic, TypeVar

from tradewind.errors import TransferError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

T = TypeVar("T")

#: Bytes handed over at once.
BLOCK = 1 << 18

#: Things that may lie in a channel.
ROOM = 4


class ChannelBroken(TransferError):
    """The other side of a transfer has failed, so this one stops too."""


class Channel(Generic[T]):
    """A queue between two threads with little room, which either may break."""

    def __init__(self, room: int = ROOM) -> None:
        self._room = room
        self._items: deque[T] = deque()
        self._changed = threading.Condition()
        self._ended = False
        self._broken = False

    def put(self, item: T) -> None:
        """Add one thing; waits for room. Raises ChannelBroken."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._items) < self._room or self._broken)
            self._check()
            self._items.append(item)
            self._changed.notify_all()

    def end(self) -> None:
        """Nothing more comes."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def fail(self) -> None:
        """Stop both sides: whatever they do with the channel next raises ChannelBroken."""
        with self._changed:
            self._broken = True
            self._items.clear()
            self._changed.notify_all()

    def __iter__(self) -> Iterator[T]:
        """What was put in, till the end. Raises ChannelBroken."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._items) or self._ended or self._broken)
                self._check()
                if not self._items:
                    return
                item = self._items.popleft()
                self._changed.notify_all()
            yield item

    def _check(self) -> None:
        if self._broken:
            raise ChannelBroken("the other side of the transfer has failed")


class Outlet(io.RawIOBase):
    """Turns what is written into blocks for `put`. Wrap it into a BufferedWriter, for rows come one by one."""

    def __init__(self, put: Callable[[bytes], None]) -> None:
        super().__init__()
        self._put = put
        self.discards = False  #: after a failure: what a buffer still holds goes nowhere

    def writable(self) -> bool:
        return True

    def write(self, data: ReadableBuffer, /) -> int:
        block = bytes(data)
        if block and not self.discards:
            self._put(block)
        return len(block)


class Inlet(io.RawIOBase):
    """Reads blocks as one stream: `read` gives them as they are, if they are not too large, and copies nothing."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        super().__init__()
        self._blocks = blocks
        self._left = memoryview(b"")

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or size < 0:
            return self.readall()
        if not self._left:
            block = next(self._blocks, b"")
            if len(block) <= size:
                return block
            self._left = memoryview(block)
        found, self._left = bytes(self._left[:size]), self._left[size:]
        return found

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        while not self._left:
            block = next(self._blocks, None)
            if block is None:
                return 0
            self._left = memoryview(block)
        room = memoryview(buffer)
        count = min(len(room), len(self._left))
        room[:count] = self._left[:count]
        self._left = self._left[count:]
        return count
