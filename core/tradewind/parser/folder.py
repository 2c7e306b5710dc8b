"""The DAG folder: which files in it may make DAGs, and which of them changed since the last look.

A look costs one `scandir` for each folder and one `stat` for each file. A file's content is read again only when its
stamp on the disk changed, and it is reported as changed only when its content did, or something that it read while
it was loaded: a module beside it, a table of settings, the list of files in a folder.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tradewind import settings
from tradewind.errors import SettingError
from tradewind.parser.ignore import AIRFLOW_NAME, Rule, is_ignored, rules_in
from tradewind.parser.source import MOST_BYTES, absolute
from tradewind.records import ParsedFile

#: What a caller remembers of a file: content and dependencies, in numbers that mean nothing but "the same" or "not".
Stamp = tuple[int, int]

#: A file that was written so shortly before it was read may be written again without a new time on the disk.
_RACY = 2_000_000_000  # nanoseconds


@dataclass
class _Known:
    """What was found out about one file, and the stamp on the disk for which that holds."""

    disk: tuple[int, ...]
    content: int
    may_have_dags: bool
    read_at: int  # nanoseconds

    def holds_for(self, disk: tuple[int, ...]) -> bool:
        return self.disk == disk and self.read_at - max(disk[:2]) > _RACY


@dataclass
class _Look:
    """What one walk through the folder met."""

    files: list[tuple[str, os.stat_result]] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)  #: folders, each with a separator at its end


class DagFolder:
    """A folder of DAG files. It may be missing: then it holds none. One thread uses `scan`."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(absolute(folder))
        self._known: dict[str, _Known] = {}
        self._reads: dict[str, dict[str, object]] = {}  #: DAG file -> what it read -> its state then
        self._rereads: dict[str, int] = {}  #: DAG file -> how often something that it read has changed
        self._regexp: bool | None = None

    def files(self) -> list[str]:
        """Absolute paths of the files that may make DAGs, sorted."""
        return sorted(path for path, found in self._walk().files if self._look_into(path, found).may_have_dags)

    def holds(self, path: Path) -> bool:
        """Whether `files` lists this file, without looking at all the others."""
        if self.folder not in path.parents or path.suffix != ".py":
            return False
        rules: tuple[Rule, ...] = ()
        at = self.folder
        for part in path.relative_to(self.folder).parts:
            rules += rules_in(at, self._relative(at), regexp=self._is_regexp(at))
            at = at / part
            if _is_hidden(part) or is_ignored(rules, self._relative(at).rstrip("/"), folder=at != path):
                return False
        try:
            return self._look_into(str(path), path.stat()).may_have_dags
        except OSError:
            return False

    def scan(self, seen: dict[str, Stamp]) -> tuple[dict[str, Stamp], list[str]]:
        """The files that are new or changed, with what to remember of them, and the paths in `seen` that are gone.

        A file that fails to load is not reported again before something changes.
        """
        look = self._walk()
        states: dict[str, object] = {}
        changed: dict[str, Stamp] = {}
        present: set[str] = set()
        for path, found in sorted(look.files):
            known = self._look_into(path, found)
            if not known.may_have_dags:
                continue
            present.add(path)
            stamp = (known.content, self._count_rereads(path, states))
            if seen.get(path) != stamp:
                changed[path] = stamp
        met = {path for path, _ in look.files}
        self._known = {path: known for path, known in self._known.items() if path in met}
        self._reads = {path: states for path, states in self._reads.items() if path in met}
        hidden = tuple(look.unreadable)
        return changed, sorted(path for path in seen if path not in present and not path.startswith(hidden))

    def learn(self, parsed: ParsedFile) -> None:
        """Remember what a file read while it was loaded, so that `scan` reports it when any of that changes."""
        inside = str(self.folder) + os.sep
        began = time.time_ns() - int(parsed.seconds * 1e9)
        states: dict[str, object] = {}
        for path in parsed.reads:
            if (path + os.sep).startswith(inside) and path != parsed.path:
                states[path] = _state(path)
                with suppress(OSError):
                    changed = Path(path).stat()
                    if stat.S_ISREG(changed.st_mode) and changed.st_mtime_ns > began:
                        states[path] = None  # it may have been changed after it was read: look again
        self._reads[parsed.path] = states

    def _count_rereads(self, path: str, states: dict[str, object]) -> int:
        for name, before in self._reads.get(path, {}).items():
            if name not in states:
                states[name] = _state(name)
            if states[name] != before:
                self._rereads[path] = self._rereads.get(path, 0) + 1
                del self._reads[path]
                break
        return self._rereads.get(path, 0)

    def _look_into(self, path: str, found: os.stat_result) -> _Known:
        disk = (found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino)
        known = self._known.get(path)
        if known is None or not known.holds_for(disk):
            read_at = time.time_ns()
            try:
                data = Path(path).read_bytes() if found.st_size <= MOST_BYTES else b"dag tradewind %d" % found.st_size
            except OSError as error:  # for the reader of the file to complain about
                data = b"dag tradewind %d" % (error.errno or 0)
            words = data.lower()
            may = b"dag" in words and (b"tradewind" in words or b"airflow" in words)
            content = int.from_bytes(hashlib.sha256(data).digest()[:7])
            known = self._known[path] = _Known(disk, content, may, read_at)
        return known

    def _walk(self) -> _Look:
        look = _Look()
        self._regexp = None
        self._walk_into(self.folder, (), (), look)
        return look

    def _walk_into(
        self, folder: Path, rules: tuple[Rule, ...], above: tuple[tuple[int, int], ...], look: _Look
    ) -> None:
        try:
            identity = folder.stat()
            place = (identity.st_dev, identity.st_ino)
            if place in above:  # a symbolic link that leads back up
                return
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENOTDIR):
                # Its files may well be there: they must not count as gone.
                look.unreadable.append(str(folder) + os.sep)
            return
        rules += rules_in(folder, self._relative(folder), regexp=self._is_regexp(folder))
        for entry in entries:
            if _is_hidden(entry.name):
                continue
            with suppress(OSError):  # a dangling link, or gone since the folder was listed
                found = entry.stat()
                is_folder = stat.S_ISDIR(found.st_mode)
                if not is_folder and not (entry.name.endswith(".py") and stat.S_ISREG(found.st_mode)):
                    continue
                if is_ignored(rules, self._relative(Path(entry.path)).rstrip("/"), folder=is_folder):
                    continue
                if is_folder:
                    self._walk_into(Path(entry.path), rules, (*above, place), look)
                else:
                    look.files.append((entry.path, found))

    def _relative(self, path: Path) -> str:
        """Path below the DAG folder, with `/` between and after its parts; "" for the DAG folder itself."""
        return "".join(f"{part}/" for part in path.relative_to(self.folder).parts)

    def _is_regexp(self, folder: Path) -> bool:
        """Whether `.airflowignore` holds regular expressions. The setting is asked for once in a walk, if at all."""
        if self._regexp is None:
            if not (folder / AIRFLOW_NAME).exists():
                return False
            syntax = settings.read().dag_ignore_file_syntax
            if syntax not in ("glob", "regexp"):
                raise SettingError(f"The setting dag_ignore_file_syntax cannot be {syntax!r}: it is glob or regexp")
            self._regexp = syntax == "regexp"
        return self._regexp


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name == "__pycache__"


def _state(path: str) -> object:
    """What can be told of a file or folder at a glance; of a folder, what its files are called."""
    try:
        found = Path(path).stat()
        if stat.S_ISDIR(found.st_mode):
            return sorted(entry.name for entry in Path(path).iterdir() if not _is_hidden(entry.name))
        return (found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino)
    except OSError as error:
        return error.errno
