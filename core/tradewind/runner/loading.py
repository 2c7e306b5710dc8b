"""What attempts need, loaded once per process: the store and DAG files. Warm processes do it before they fork."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import Any

from tradewind import settings
from tradewind.errors import NotFound, TradewindError
from tradewind.parser import file_hash, load_dags
from tradewind.runner import arguments
from tradewind.store import Store, open_store

#: (path, hash of the content) -> DAGs by id.
_dags: dict[tuple[str, str], dict[str, Any]] = {}

#: Files that were loaded, with what tells whether they have changed since.
_files: dict[str, tuple[int, int] | None] = {}

_store: Store | None = None


def preload(argv: Sequence[str]) -> None:
    """Load what the attempt with this command line needs. What fails here fails again, and is told, in the attempt."""
    wanted = arguments.read(argv)
    with Path(os.devnull).open("w") as nothing, redirect_stdout(nothing), redirect_stderr(nothing):
        for step in (lambda: store().warm_up(), lambda: load(wanted.path, wanted.file_hash)):
            with suppress(Exception, SystemExit):
                step()


def out_of_date() -> bool:
    """Whether a file that this process has loaded has changed: the DAG file, or what it imports from beside it."""
    return any(_stamp(path) != stamp for path, stamp in _files.items())


def store() -> Store:
    """The metadata database, opened and checked once."""
    global _store
    if _store is None:
        _store = open_store(settings.read())
    return _store


def load(path: str, wanted_hash: str) -> dict[str, Any]:
    """The DAGs of a file as it was when its content had this hash, even if the file has changed or gone since."""
    known = _dags.get((path, wanted_hash))
    if known is not None:
        return known
    before = set(sys.modules)
    found = load_dags(path, _source(path, wanted_hash))
    for one in found.values():
        one.settle_groups()
    _dags[path, wanted_hash] = found
    _remember_files(path, set(sys.modules) - before)
    return found


def dag(dag_id: str, path: str, wanted_hash: str) -> Any:
    """One DAG of a file."""
    found = load(path, wanted_hash)
    if dag_id not in found:
        known = ", ".join(sorted(found)) or "none at all"
        raise NotFound(f"{path} has no DAG {dag_id!r} when it is loaded to run a task; it has: {known}.")
    return found[dag_id]


def _source(path: str, wanted_hash: str) -> str | None:
    """The kept content, or None if the file itself still has it."""
    try:
        if file_hash(Path(path).read_bytes()) == wanted_hash:
            return None
    except OSError:
        pass
    source = store().source(wanted_hash)
    if source is None:
        raise TradewindError(
            f"The DAG file {path} has changed or gone, and its content {wanted_hash}, which the run was created with, "
            "is not in the metadata database. Clear the run, so that it takes the newest version."
        )
    return source


def _remember_files(path: str, modules: set[str]) -> None:
    """Note the DAG file, and the modules that came with it from its folder or below."""
    folder = Path(path).resolve().parent
    files = [getattr(sys.modules.get(name), "__file__", None) for name in modules]
    for file in (path, *(file for file in files if file and folder in Path(file).resolve().parents)):
        _files[file] = _stamp(file)


def _stamp(path: str) -> tuple[int, int] | None:
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
