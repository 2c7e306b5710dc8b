"""What a local executor and its warm processes tell each other: JSON lines over a socket."""

from __future__ import annotations

import socket
from collections.abc import Sequence

import msgspec


class Start(msgspec.Struct, frozen=True, tag=True):
    """To the warm process: start an attempt."""

    id: int  #: the executor's own number of the attempt
    argv: list[str]
    log: str


class Cancel(msgspec.Struct, frozen=True, tag=True):
    """To the warm process: ask an attempt to stop, and kill it after `grace` seconds."""

    id: int
    grace: float


class Ready(msgspec.Struct, frozen=True, tag=True):
    """From the warm process: it has loaded what it can, and starts attempts now."""


class Started(msgspec.Struct, frozen=True, tag=True):
    """From the warm process: the attempt has this process. It runs nothing before this message is on its way."""

    id: int
    pid: int
    process: str


class Over(msgspec.Struct, frozen=True, tag=True):
    """From the warm process: the attempt is over, and nothing of its session is left."""

    id: int
    exit_code: int | None
    reason: str


class Refused(msgspec.Struct, frozen=True, tag=True):
    """From the warm process: it did not start the attempt, for what it has loaded is out of date."""

    id: int


ToWarm = Start | Cancel
FromWarm = Ready | Started | Over | Refused
Message = ToWarm | FromWarm

_decoder: msgspec.json.Decoder[Message] = msgspec.json.Decoder(Message)
_encoder = msgspec.json.Encoder()


class Channel:
    """One end. The executor's never blocks: what the socket does not take at once waits in `pending`."""

    def __init__(self, sock: socket.socket, *, blocking: bool) -> None:
        sock.setblocking(blocking)
        self.closed = False  #: the other side is gone; everything that it sent has been received
        self.broken = False  #: something could not be sent, for the other side is gone
        self._sock = sock
        self._incoming = b""
        self._outgoing = b""

    def fileno(self) -> int:
        return self._sock.fileno()

    @property
    def pending(self) -> bool:
        """Whether something waits to be sent."""
        return bool(self._outgoing) and not self.closed

    def send(self, message: Message) -> None:
        """Send, or keep for `flush`. To a side that is gone, nothing is sent: see `closed` after `receive`."""
        if self.closed:
            self.broken = True
            return
        self._outgoing += _encoder.encode(message) + b"\n"
        self.flush()

    def flush(self) -> None:
        try:
            while self._outgoing:
                self._outgoing = self._outgoing[self._sock.send(self._outgoing) :]
        except BlockingIOError:
            pass
        except OSError:
            self._outgoing = b""
            self.broken = True

    def receive(self) -> Sequence[Message]:
        """What has arrived; call it when the socket is readable. Sets `closed` at the end."""
        try:
            data = self._sock.recv(65536)
        except BlockingIOError:
            return ()
        except OSError:
            data = b""
        if not data:
            self.closed = True
            return ()
        *lines, self._incoming = (self._incoming + data).split(b"\n")
        return [_decoder.decode(line) for line in lines]

    def close(self) -> None:
        self.closed = True
        self._sock.close()
