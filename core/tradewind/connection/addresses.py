"""The address of a connection in the forms that others read: SQLAlchemy, libpq, the web."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from tradewind.connection.uri import UriError, split_hosts
from tradewind.errors import BrokenConnection

if TYPE_CHECKING:
    from tradewind.connection.model import Connection

#: Connection type -> name of the SQLAlchemy dialect, where they differ.
DIALECTS = {"postgres": "postgresql"}


def hosts(connection: Connection) -> list[tuple[str, int | None]]:
    """Every host with its port; a single port without a host of its own counts for all of them."""
    host = connection.host or ""
    if not host or "/" in host or ("," not in host and ":" in host):  # a socket, a web address, IPv6
        return [(host, connection.port)] if host else []
    try:
        return [(name, connection.port if port is None else port) for name, port in split_hosts(host)]
    except UriError:
        return [(host, connection.port)]


def sqlalchemy_url(connection: Connection) -> str:
    """Built by hand, so that SQLAlchemy need not be loaded to show it, unless the type declares a function for it.

    The extras `sqlalchemy_scheme` (dialect and driver) and `sqlalchemy_query` (a mapping) are Airflow's.
    """
    declared = connection.type
    if declared is not None and declared.sqlalchemy_url is not None:
        from tradewind.plugins import load_object  # here, since hooks load without pluggy

        return str(load_object(declared.sqlalchemy_url)(connection))
    extras = connection.extra_dejson
    scheme = extras.get("sqlalchemy_scheme") or DIALECTS.get(connection.conn_type, connection.conn_type)
    query = extras.get("sqlalchemy_query") or {}
    if not isinstance(scheme, str) or not isinstance(query, dict):
        name = connection.conn_id or connection.conn_type
        raise BrokenConnection(f"The connection {name!r}: sqlalchemy_scheme must be text, sqlalchemy_query a mapping.")
    pairs = [(name, str(value)) for name, value in query.items()]
    host, more = _sqlalchemy_host(connection)
    pairs = more + pairs
    # SQLAlchemy 2.0 takes the database's name as it stands, 2.1 decodes it: so only what must be is encoded.
    schema = (connection.schema or "").replace("%", "%25").replace("?", "%3F")
    database = f"/{schema}" if schema or pairs else ""
    query_text = f"?{urlencode(pairs, quote_via=quote)}" if pairs else ""
    return f"{scheme}://{_userinfo(connection)}{host}{database}{query_text}"


def libpq_dsn(connection: Connection) -> str:
    """`host=h1,h2 port=5432,5433 user=u password='p w' dbname=d`; extras are left to the hook."""
    found = hosts(connection)
    ports = ["" if port is None else str(port) for _, port in found] or [str(connection.port or "")]
    words = {
        "host": ",".join(host for host, _ in found),
        "port": ",".join(ports) if any(ports) else "",
        "user": connection.login,
        "password": connection.password,
        "dbname": connection.schema,
    }
    return " ".join(f"{word}={_libpq_quoted(value)}" for word, value in words.items() if value)


def base_url(connection: Connection) -> str:
    """`https://host:port/base`, from any of the ways to write it.

    A path of `http` or `https` is the protocol, as Airflow has it (`http://host/https`); any other path belongs to
    the address.
    """
    protocol, separator, host = (connection.host or "").rpartition("://")
    path = connection.schema or ""
    if not separator:
        protocol = path if path in ("http", "https") else "http"
        path = "" if path in ("http", "https") else path
        host = f"[{host}]" if ":" in host else host
    host, slash, start = host.partition("/")
    port = "" if connection.port is None else f":{connection.port}"
    whole = "/".join(part for part in (slash and start.strip("/"), quote(path.strip("/"), safe="/%:@+,;=~")) if part)
    return f"{protocol}://{host}{port}" + (f"/{whole}" if whole else "")


def _userinfo(connection: Connection) -> str:
    if connection.login is None and connection.password is None:
        return ""
    password = "" if connection.password is None else ":" + quote(connection.password, safe="")
    return quote(connection.login or "", safe="") + password + "@"


def _sqlalchemy_host(connection: Connection) -> tuple[str, list[tuple[str, str]]]:
    """The host as it stands in the URL, and what must go into the query instead."""
    host, port = connection.host or "", "" if connection.port is None else f":{connection.port}"
    found = hosts(connection)
    if host.startswith("/"):
        return port, [("unix_socket" if connection.conn_type == "mysql" else "host", host)]
    if len(found) > 1:
        names = [(f"[{name}]" if ":" in name else name, number) for name, number in found]
        return "", [("host", name + ("" if number is None else f":{number}")) for name, number in names]
    return (f"[{host}]" if ":" in host and "/" not in host else quote(host, safe="%-._~")) + port, []


def _libpq_quoted(value: str) -> str:
    if value and not any(char in value for char in " '\\\t\r\n"):
        return value
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
