"""What went wrong with the database file, who may be the cause, and what to do next."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from sqlalchemy.exc import StatementError

from tradewind.errors import StoreError
from tradewind.store.location import is_missing

_UPGRADE = "run `tradewind db upgrade`"


def missing(path: Path) -> StoreError:
    """There is no database yet."""
    return StoreError(f"There is no metadata database at {path}: {_UPGRADE} to create it, or mend database_url.")


def no_folder(error: OSError, path: Path) -> StoreError:
    """The folder for the database cannot be made."""
    return StoreError(
        f"The folder {path.parent} of the metadata database cannot be made: {error.strerror} ({error.filename}). "
        "Make it writable for this user, or mend TRADEWIND_HOME or the setting database_url."
    )


def explain(error: Exception, path: Path, waited: float) -> StoreError:
    """The StoreError for an error of the driver, of SQLAlchemy, or of the operating system."""
    original = error.orig if isinstance(error, StatementError) else error
    name = getattr(original, "sqlite_errorname", "") or ""
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return StoreError(
            f"The metadata database {path} was locked by another process for {waited:g} seconds. "
            f"{_holders(path)} Stop what keeps it locked and try again."
        )
    if name.startswith("SQLITE_READONLY"):
        return StoreError(
            f"The metadata database {path} cannot be written: make the file and its folder writable for this user."
        )
    if name.startswith(("SQLITE_FULL", "SQLITE_IOERR_SHMSIZE")):  # the latter: no room for the file of its locks
        return StoreError(
            f"The disk of the metadata database {path} is full. Nothing was half written: free some space."
        )
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return StoreError(
            f"The metadata database {path} is damaged, or not a SQLite file ({original}). "
            f"Put a backup in its place, or move it away and {_UPGRADE} to start anew."
        )
    if name.startswith("SQLITE_IOERR"):
        return StoreError(f"The metadata database {path} cannot be read or written ({name}): look at its disk.")
    if name.startswith("SQLITE_CANTOPEN") or isinstance(original, OSError):
        return _cannot_open(path, original)
    if isinstance(original, sqlite3.OperationalError) and str(original).startswith("no such"):
        return StoreError(f"The metadata database {path} lacks a table or column ({original}): {_UPGRADE}.")
    return StoreError(f"The metadata database {path} refused: {original}")


def _cannot_open(path: Path, original: BaseException | None) -> StoreError:
    if is_missing(path.parent):
        return StoreError(f"The folder {path.parent} of the metadata database does not exist: {_UPGRADE} to create it.")
    if not is_missing(path) and path.is_dir():
        return StoreError(f"The metadata database {path} is a folder: mend the setting database_url.")
    return StoreError(
        f"The metadata database {path} cannot be opened ({original}): "
        "see that this user may read and write the file and its folder."
    )


def _holders(path: Path) -> str:
    """The processes of this machine that have the file open, in words, as far as this user may know."""
    found = []
    for process in sorted(Path("/proc").glob("[0-9]*")):
        if process.name == str(os.getpid()):
            continue
        try:
            links = [link.readlink() for link in (process / "fd").iterdir()]
            if path in links:
                found.append(f"{process.name} ({(process / 'comm').read_text(errors='replace').strip()})")
        except OSError:
            continue  # it ended meanwhile, or belongs to somebody else
    return f"Processes that have it open: {', '.join(found[:8])}." if found else ""
