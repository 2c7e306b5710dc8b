"""Files on this machine that objects are written to: complete or not there, and never outside the folder named."""

from __future__ import annotations

import os
import secrets
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import IO

from tradewind import atomic
from tradewind.errors import UsageError


def folder(path: str | os.PathLike[str] | None, *, own: bool) -> Path:
    """The folder to write to, made if it is not there; by default that for temporary files; `own`: a new one within."""
    import tempfile

    found = Path(path or tempfile.gettempdir())
    found.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix="tradewind_", dir=found)) if own else found


def file_name(key: str) -> str:
    """The last part of a key. Raises UsageError if no file can be called so."""
    name = key.rpartition("/")[2]
    if name in ("", ".", "..") or "\0" in name or (os.sep != "/" and os.sep in name):
        raise UsageError(f"No file can be called as the last part of the key {key!r}; leave preserve_file_name out.")
    return name


@contextmanager
def new_file(where: Path, name: str | None) -> Generator[tuple[IO[bytes], Path], None, None]:
    """An open file and the path that it will have when the block ends well; no trace of it otherwise.

    Without a name it gets one of its own. Raises FileExistsError for a name that is taken.
    """
    path = where / (name or f"tradewind_{secrets.token_hex(8)}")
    _refuse_taken(path)
    try:
        with atomic.written(path, new=True) as file:
            yield file, path
    except FileExistsError:
        _refuse_taken(path)
        raise


@contextmanager
def replaced_file(path: Path) -> Generator[IO[bytes], None, None]:
    """An open file that takes the place of `path` when the block ends well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic.written(path) as file:
        yield file


def place_in(root: Path, relative: str, key: str) -> Path:
    """The file within `root` that stands for a key. Raises UsageError for one that would be outside, as `../x`."""
    parts = PurePosixPath(relative).parts
    pieces = relative.split("/")
    bad = any(piece in ("", ".", "..") for piece in pieces) or "\0" in relative
    if bad or (os.sep != "/" and (os.sep in relative or ":" in relative)):
        raise UsageError(f"The key {key!r} has no place in {root}: no part of it may be empty, '.' or '..'.")
    path = root.joinpath(*parts)
    if not path.parent.resolve().is_relative_to(root.resolve()):
        raise UsageError(f"The key {key!r} would be written outside {root}, through a link.")
    return path


def remove_others(root: Path, kept: set[Path]) -> int:
    """Delete all other files in `root`, and folders that are empty then; how many files. Links are not followed."""
    removed = 0
    for at, folders, files in os.walk(root, topdown=False):
        for name in [*files, *(name for name in folders if Path(at, name).is_symlink())]:
            path = Path(at, name)
            if path not in kept:
                path.unlink()
                removed += 1
        for name in folders:
            with suppress(OSError):
                Path(at, name).rmdir()
    return removed


def _refuse_taken(path: Path) -> None:
    if os.path.lexists(path):
        raise FileExistsError(f"{path} is there already, and is not replaced: remove it, or choose another local_path.")
