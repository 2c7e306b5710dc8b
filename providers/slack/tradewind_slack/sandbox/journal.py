"""How a workspace is kept on disk: a line for each change, read again from the beginning."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec

from tradewind_slack.sandbox.model import Gone, Kept, Thing

_FILE = "journal.jsonl"


class Journal:
    """The changes of a workspace, in a folder of its own. Any thread may write."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)

    def things(self) -> Iterator[Thing]:
        """What there is, in the order in which it came."""
        path = self._folder / _FILE
        found: dict[tuple[str, str], Thing] = {}
        decoder = msgspec.json.Decoder(Kept)
        for line in path.read_bytes().splitlines() if path.exists() else ():
            thing = decoder.decode(line)
            if isinstance(thing, Gone):
                found.pop((thing.kind, thing.of), None)
            else:
                found[type(thing).__name__, thing.key] = thing
        yield from found.values()

    def note(self, *things: Thing) -> None:
        lines = b"".join(msgspec.json.encode(thing) + b"\n" for thing in things)
        with self._lock, (self._folder / _FILE).open("ab") as file:
            file.write(lines)

    def forget(self, thing: Thing) -> None:
        self.note(Gone(type(thing).__name__, thing.key))

    # -- the bytes of files

    def write_file(self, file_id: str, data: bytes) -> None:
        self._path_of(file_id).write_bytes(data)

    def read_file(self, file_id: str) -> bytes:
        return self._path_of(file_id).read_bytes()

    def drop_file(self, file_id: str) -> None:
        self._path_of(file_id).unlink(missing_ok=True)

    def _path_of(self, file_id: str) -> Path:
        return self._folder / f"{file_id}.bin"
