"""Where the metadata database lies, told from its URL without loading SQLAlchemy."""

from __future__ import annotations

import re
from pathlib import Path

from tradewind.errors import StoreError

_URL = re.compile(r"(?P<kind>\w+)(\+\w+)?://(?P<rest>.*)", re.DOTALL)
_OPTIONS = re.compile(r"\?\w+=[^/]*$")


def is_missing(path: Path) -> bool:
    """Whether there surely is no such file. One that this user may not see counts as there: opening it tells why."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def sqlite_file(url: str) -> Path:
    """The file that a `sqlite:///` URL names: what follows is the path as it stands, nothing in it is escaped.

    Raises StoreError for any other URL. Of that, only the kind is shown: there may be a password in it.
    """
    found = _URL.fullmatch(url)
    if found is None:
        raise StoreError("The setting database_url is not a URL like sqlite:////home/me/tradewind.db.")
    if found["kind"] != "sqlite":
        raise StoreError(
            f"The setting database_url names a {found['kind']} database; "
            "this version of tradewind keeps its metadata in SQLite only: use sqlite:////path/to/tradewind.db."
        )
    path = found["rest"].removeprefix("/")
    if path in ("", ":memory:"):
        raise StoreError("The setting database_url names no file: several processes share it, so memory will not do.")
    if _OPTIONS.search(path):
        raise StoreError("The setting database_url has options after a `?`: leave them out, it takes none.")
    return Path(path).expanduser().absolute()
