"""Messages over a stream socket: four bytes of length, then JSON; file descriptors may ride along."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Sequence
from typing import Any

import msgspec

_HEADER = struct.Struct("!I")

#: Most file descriptors that one message carries.
_MOST_FDS = 4


def send(sock: socket.socket, message: Any, fds: Sequence[int] = ()) -> None:
    """Send one message, anything that msgspec can write as JSON. Raises OSError if the other end is gone."""
    payload = msgspec.json.encode(message)
    data = _HEADER.pack(len(payload)) + payload
    if fds:
        sent = socket.send_fds(sock, [data], fds)
        data = data[sent:]
    sock.sendall(data)


def receive(sock: socket.socket, type: Any = Any) -> Any:
    """The next message, read as `type`; None if the other end is closed, also in the middle of a message."""
    header = _exactly(sock, _HEADER.size)
    payload = header and _exactly(sock, _HEADER.unpack(header)[0])
    return None if payload is None else msgspec.json.decode(payload, type=type)


def receive_with_fds(sock: socket.socket) -> tuple[Any, list[int]]:
    """As `receive`, with the file descriptors that came along; they are closed on exec."""
    header, fds, _, _ = socket.recv_fds(sock, _HEADER.size, _MOST_FDS)
    for fd in fds:
        os.set_inheritable(fd, False)
    rest = _exactly(sock, _HEADER.size - len(header)) if header else None
    payload = None if rest is None else _exactly(sock, _HEADER.unpack(header + rest)[0])
    return (None if payload is None else msgspec.json.decode(payload)), fds


def _exactly(sock: socket.socket, size: int) -> bytes | None:
    parts = []
    while size:
        try:
            part = sock.recv(min(size, 1 << 20))
        except ConnectionResetError:  # the other end died with something of ours unread
            return None
        if not part:
            return None
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
