"""Where the metadata database lies, told from its URL without loading SQLAlchemy."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl

from tradewind.connection.uri import Parts, UriError, split_hosts, split_uri
from tradewind.errors import StoreError

_URL = re.compile(r"(?P<kind>\w+)(\+(?P<driver>\w+))?://(?P<rest>.*)", re.DOTALL)
_OPTIONS = re.compile(r"\?\w+=[^/]*$")

#: Kind of a URL -> dialect.
_SERVERS = {"postgresql": "postgresql", "postgres": "postgresql", "mysql": "mysql", "mariadb": "mysql"}

#: Dialect -> its driver, its default port, and the extra of `tradewind` that brings the driver.
DRIVERS = {"postgresql": "psycopg2", "mysql": "pymysql"}
PORTS = {"postgresql": 5432, "mysql": 3306}
EXTRAS = {"postgresql": "postgres", "mysql": "mysql"}


@dataclass(frozen=True)
class Server:
    """A database on a PostgreSQL, MySQL or MariaDB server."""

    dialect: str  #: "postgresql" or "mysql"
    database: str
    hosts: tuple[tuple[str, int | None], ...]  #: in the order in which they are tried; none: where the driver looks
    login: str | None
    password: str | None = field(repr=False)
    options: tuple[tuple[str, str], ...] = field(repr=False, default=())  #: for the driver

    def __str__(self) -> str:
        """`tradewind on db.example.org:5432`, without login and password."""
        port = PORTS[self.dialect]
        return f"{self.database} on " + (", ".join(f"{host}:{own or port}" for host, own in self.hosts) or "this host")


def is_missing(path: Path) -> bool:
    """Whether there surely is no such file. One that this user may not see counts as there: opening it tells why."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def locate(url: str) -> Path | Server:
    """The SQLite file or the server that a URL names.

    Raises StoreError for any other URL. Of that, only the kind is shown: there may be a password in it.
    """
    found = _URL.fullmatch(url)
    if found is None:
        raise StoreError(
            "The setting database_url is not a URL like sqlite:////home/me/tradewind.db "
            "or postgresql://login:password@host/database."
        )
    if found["kind"] == "sqlite":
        return _file(found["rest"])
    if found["kind"] not in _SERVERS:
        raise StoreError(
            f"The setting database_url names a {found['kind']} database; tradewind keeps its metadata in SQLite, "
            "PostgreSQL, MySQL or MariaDB: use sqlite:///, postgresql:// or mysql://."
        )
    dialect = _SERVERS[found["kind"]]
    if found["driver"] not in (None, DRIVERS[dialect]):
        raise StoreError(
            f"The setting database_url asks for the driver {found['driver']}; for {dialect}, tradewind uses "
            f"{DRIVERS[dialect]}: let it begin with {dialect}://."
        )
    return _server(dialect, f"{dialect}://{found['rest']}")


def _file(rest: str) -> Path:
    """What follows `sqlite://` is a slash and the path as it stands: nothing in it is escaped."""
    path = rest.removeprefix("/")
    if path in ("", ":memory:"):
        raise StoreError("The setting database_url names no file: several processes share it, so memory will not do.")
    if _OPTIONS.search(path):
        raise StoreError("The setting database_url has options after a `?`: leave them out, it takes none.")
    return Path(path).expanduser().absolute()


def _server(dialect: str, url: str) -> Server:
    try:
        parts = split_uri(url)
        hosts = split_hosts(parts.host) if parts.host else []
    except UriError as error:
        where = f" at character {error.position + 1} of {dialect}://…" if error.position is not None else ""
        form = f" It should look like {error.line}." if error.line else ""
        raise StoreError(f"The setting database_url cannot be read{where}: {error.problem}.{form}") from None
    if not parts.schema:
        raise StoreError(
            f"The setting database_url names no database on the server: {dialect}://login:password@host/database."
        )
    options = dict(parse_qsl(parts.query or "", keep_blank_values=True))
    password = options.pop("password", None) or parts.password
    return Server(dialect, parts.schema, _ports(hosts, parts), parts.login, password, tuple(options.items()))


def _ports(hosts: list[tuple[str, int | None]], parts: Parts) -> tuple[tuple[str, int | None], ...]:
    """A single port without a host of its own counts for all of them."""
    return tuple((host, parts.port if port is None else port) for host, port in hosts)
