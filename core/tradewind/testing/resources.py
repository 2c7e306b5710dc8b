"""What this process has open and has started, read from /proc: sockets, files, processes, who listens where.

Where there is no /proc (macOS) the answers are empty, and laws about leaks can then not be broken.
"""

from __future__ import annotations

import os
import socket
import time
from contextlib import suppress
from pathlib import Path

_PROC = Path("/proc")
_WHILE = 3.0  # seconds
_LOOK = 0.02  # seconds


def open_descriptors() -> dict[int, str]:
    """Sockets, pipes and files that this process has open: descriptor -> what it is."""
    found = {}
    with suppress(OSError):
        for entry in os.scandir(_PROC / "self/fd"):
            with suppress(OSError):  # the one that this loop itself reads from is closed by now
                found[int(entry.name)] = str(Path(entry.path).readlink())
    return {number: what for number, what in found.items() if not what.startswith(str(_PROC))}


def opened_since(before: dict[int, str]) -> list[str]:
    """What is open now and was not then. A server in a thread of this process gets a while to close its side."""
    end = time.monotonic() + _WHILE
    while True:
        found = sorted(what for number, what in open_descriptors().items() if before.get(number) != what)
        if not found or time.monotonic() > end:
            return found
        time.sleep(_LOOK)


def descendants(pid: int | None = None) -> set[int]:
    """Processes that this one (or `pid`) started, and what those started, and so on; the dead are left out."""
    children: dict[int, list[int]] = {}
    for entry in _PROC.glob("[0-9]*/stat"):
        with suppress(OSError):
            state, parent = entry.read_text().rpartition(")")[2].split()[:2]
            if state not in "ZX":
                children.setdefault(int(parent), []).append(int(entry.parent.name))
    found: set[int] = set()
    waiting = [os.getpid() if pid is None else pid]
    while waiting:
        for child in children.get(waiting.pop(), ()):
            found.add(child)
            waiting.append(child)
    return found


def is_alive(pid: int) -> bool:
    """Whether there is such a process that is not a zombie."""
    if not _PROC.exists():
        return _answers(pid)
    try:
        return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def _answers(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def listening_addresses(port: int) -> set[str]:
    """Addresses of this machine on which somebody listens at this TCP port."""
    found = set()
    for name, family in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)):
        with suppress(OSError):
            for line in (_PROC / "net" / name).read_text().splitlines()[1:]:
                address, _, number = line.split()[1].partition(":")
                if line.split()[3] == "0A" and int(number, 16) == port:
                    found.add(_address(family, address))
    return found


def _address(family: socket.AddressFamily, written: str) -> str:
    """/proc writes each group of four bytes the wrong way round."""
    raw = bytes.fromhex(written)
    return socket.inet_ntop(family, b"".join(raw[at : at + 4][::-1] for at in range(0, len(raw), 4)))
