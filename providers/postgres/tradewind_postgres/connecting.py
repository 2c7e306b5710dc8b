"""What libpq is told to reach a database: one set of settings for `get_conn` and for SQLAlchemy.

Whatever a connection says is in the set or refused; nothing is dropped on one of the two ways.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tradewind.errors import BrokenConnection, ConnectionFault
from tradewind.secrets import redact
from tradewind_postgres import extras

if TYPE_CHECKING:
    from tradewind.connection import Connection

#: Settings that a connection need not name, and the variable by which libpq's users choose their own.
DEFAULTS = {
    "connect_timeout": (10, "PGCONNECT_TIMEOUT"),
    "client_encoding": ("UTF8", "PGCLIENTENCODING"),
    "fallback_application_name": ("tradewind", ""),
}

#: Beginning of a SQLAlchemy scheme whose driver takes libpq's settings.
LIBPQ_DRIVERS = ("postgresql+psycopg2", "postgresql+psycopg")

_IN_URL = [extra.name for extra in extras.LIBPQ if not extra.secret]

#: What libpq or the server says -> what to do about it.
_HINTS = (
    ("password authentication failed", "Check login and password; special characters in a URI are written %XX."),
    ("no password supplied", "The server wants a password: add one to the connection."),
    ("could not translate host name", "Check the host's name, and that this machine can look it up."),
    ("timeout expired", "Nothing answers there: check host, port and firewall; connect_timeout= gives it more time."),
    ("Connection refused", "Nothing listens there: check the port, and that the server runs and accepts TCP."),
    ("No such file or directory", "Check the folder of the socket, and that the server runs."),
    ("server does not support SSL", "Choose another sslmode=, or set up TLS on the server."),
    ("certificate verify failed", "Check sslrootcert=, or choose another sslmode=."),
    ("root certificate file", "Check sslrootcert=, or choose another sslmode=."),
    ("no pg_hba.conf entry", "The server's pg_hba.conf does not let this login in from this machine."),
    ("too many clients", "The server has no connection left; try again later."),
    ("is not permitted to log in", "Use another login, or grant it LOGIN."),
)


def settings(connection: Connection, given: Mapping[str, Any], conn_id: str, *, database: str | None) -> dict[str, Any]:
    """Keywords for `psycopg2.connect`. `given` are the extras, checked."""
    found: dict[str, Any] = {
        name: default
        for name, (default, variable) in DEFAULTS.items()
        if name not in given and not (variable and os.environ.get(variable))
    }
    found |= {extra.name: given[extra.name] for extra in extras.LIBPQ if given.get(extra.name) is not None}
    found |= _address(connection)
    words = {"user": connection.login, "password": connection.password, "dbname": database or connection.schema}
    found |= {word: value for word, value in words.items() if value}
    for word, value in found.items():
        if "\0" in str(value):
            raise BrokenConnection(f"Connection {conn_id!r}: its {word} has the character NUL (0x00), which cannot be.")
    return found


def _address(connection: Connection) -> dict[str, Any]:
    hosts = connection.hosts
    if len(hosts) < 2:
        one = {"host": hosts[0][0] if hosts else None, "port": hosts[0][1] if hosts else connection.port}
        return {name: value for name, value in one.items() if value}
    ports = ["" if port is None else str(port) for _, port in hosts]
    found = {"host": ",".join(host for host, _ in hosts)}
    return found | ({"port": ",".join(ports)} if any(ports) else {})


def sqlalchemy_url(found: Mapping[str, Any], given: Mapping[str, Any], scheme: str | None) -> Any:
    """The `sqlalchemy.URL` with these settings, but for defaults, and for passwords that such a URL cannot hide."""
    from sqlalchemy.engine import URL

    driver = sqlalchemy_driver(given, scheme)
    host, port = found.get("host", ""), found.get("port")
    query = {}
    if driver in LIBPQ_DRIVERS:
        query = {name: str(found[name]) for name in _IN_URL if name in found and (name in given or name == "options")}
    if "," in host or "/" in host:
        query |= {"host": host} | ({"port": str(port)} if port else {})
        host, port = None, None
    query |= {name: str(value) for name, value in (given.get("sqlalchemy_query") or {}).items()}
    return URL.create(
        driver,
        username=found.get("user"),
        password=found.get("password"),
        host=host or None,
        port=port,
        database=found.get("dbname"),
        query=query,
    )


def sqlalchemy_driver(given: Mapping[str, Any], scheme: str | None) -> str:
    """Dialect and driver of the SQLAlchemy engine."""
    driver = scheme or given.get("sqlalchemy_scheme") or LIBPQ_DRIVERS[0]
    # Of the bare name SQLAlchemy 2.1 makes another driver than 2.0 did.
    return LIBPQ_DRIVERS[0] if driver in ("postgresql", "postgres") else str(driver)


def explained(error: Exception, conn_id: str, used: Mapping[str, Any]) -> ConnectionFault:
    """What a failure to connect means: where to, what was said, and what to do; never with a password."""
    said = " ".join(line.strip() for line in str(error).splitlines() if "Is the server running" not in line)
    hint = next((hint for sign, hint in _HINTS if sign in said), "")
    if 'database "' in said and "does not exist" in said:
        hint = "Check the database's name: in a URI it follows the host, /name."
    if "invalid connection option" in said:
        hint = "The installed libpq is too old for this extra: leave it out, or install a newer psycopg2-binary."
    message = f"Connection {conn_id!r} cannot connect to {_place(used)}: {said.rstrip('.')}. {hint}".rstrip()
    return ConnectionFault(redact(message))


def _place(used: Mapping[str, Any]) -> str:
    host = str(used.get("host") or used.get("hostaddr") or "the default host")
    port = f", port {used['port']}" if used.get("port") else ""
    database = f", database {used['dbname']!r}" if used.get("dbname") else ""
    login = f", as {used['user']!r}" if used.get("user") else ""
    return host + port + database + login
