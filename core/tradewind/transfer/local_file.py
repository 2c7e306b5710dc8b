"""`LocalFile`: a file on this machine as an end of a transfer. It is replaced in one moment, or not at all."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import IO, ClassVar

from tradewind import atomic
from tradewind.errors import TransferError
from tradewind.transfer.files import FileEndpoint, Output

if os.name == "posix":
    import fcntl


@dataclass(frozen=True, repr=False)
class LocalFile(FileEndpoint):
    """A file of rows on this machine: `LocalFile("orders/{{ ds }}.csv.gz")`. See `FileEndpoint` for the options.

    As a sink it makes missing folders, writes beside the file, and renames in the end: who reads it sees the old rows
    or the new ones. What a killed process left beside it is removed by the next transfer.
    """

    template_fields: ClassVar[Sequence[str]] = ("path",)

    path: str | os.PathLike[str]
    _: KW_ONLY

    @property
    def name(self) -> str:
        return os.fspath(self.path)

    def open_input(self) -> IO[bytes]:
        try:
            return Path(self.path).open("rb")
        except OSError as error:
            raise TransferError(f"The file {self.name} cannot be read: {error.strerror or error}.") from error

    def open_output(self) -> Output:
        target = Path(os.path.realpath(self.path))  # a link stays, and what it leads to is replaced
        if target.exists() and not target.is_file():
            raise TransferError(f"{self.name} is a folder or a device, which cannot be replaced: name a file.")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            _sweep(target)
            return _Replacement(target)
        except OSError as error:
            raise TransferError(f"The file {self.name} cannot be written: {error.strerror or error}.") from error


class _Replacement(Output):
    """A file beside the one that it will replace."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._partial = atomic.Partial(target)
        if os.name == "posix":
            fcntl.flock(self._partial.file, fcntl.LOCK_EX)  # it goes with this process: see `_sweep`

    def write(self, data: bytes, /) -> int:
        return self._partial.file.write(data)

    def commit(self) -> None:
        with suppress(FileNotFoundError):
            self._partial.path.chmod(self._target.stat().st_mode & 0o7777)
        self._partial.commit(durable=True)

    def discard(self) -> None:
        self._partial.discard()


def _sweep(target: Path) -> None:
    """Remove what transfers to this file left that were killed: nobody holds a lock on it."""
    if os.name != "posix":
        return
    for path in atomic.partials(target):
        with suppress(OSError), path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
