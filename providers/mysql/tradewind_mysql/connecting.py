"""What PyMySQL is told to reach a database: one set of settings for `get_conn` and for SQLAlchemy.

Whatever a connection says is in the set or refused; nothing is dropped on one of the two ways.
"""

from __future__ import annotations

import math
import socket
import ssl
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tradewind.connection import Connection
from tradewind.connection.extras import checked
from tradewind.errors import BrokenConnection, ConnectionFault, TradewindError
from tradewind.secrets import redact
from tradewind_mysql import extras
from tradewind_mysql.tls import Tls, TlsError

if TYPE_CHECKING:
    from pymysql.connections import Connection as Driver

    from tradewind_mysql.hook import MySqlHook

DRIVER = "mysql+pymysql"

#: Seconds till a connection must be ready, where nothing else is said.
CONNECT_TIMEOUT = 10.0

#: Settings that a SQLAlchemy URL for PyMySQL can carry.
_IN_URL = ("charset", "connect_timeout", "read_timeout", "write_timeout", "init_command", "sql_mode", "collation")

#: Code of an error, from the server or from PyMySQL -> what to do about it.
_HINTS = {
    1040: "The server has no connection left; try again later.",
    1044: "The login may not use that database: grant it, or name another one.",
    1045: "Check login and password; special characters in a URI are written %XX.",
    1049: "Check the database's name: in a URI it follows the host, /name.",
    1130: "The server lets nobody in from this machine: create the login for its address.",
    1698: "The server knows this login by its system user only: use another login, or its socket.",
    2026: "Choose another ssl_mode=, or set up TLS on the server.",
    3159: "The server wants TLS: set ssl_mode=REQUIRED or stricter.",
}


def known_extras(connection: Connection, conn_id: str) -> dict[str, Any]:
    """The extras of a connection that have a value, typed."""
    if connection.conn_type not in (extras.CONNECTION_TYPE.name, "generic"):
        raise BrokenConnection(
            f"Connection {conn_id!r} is of type {connection.conn_type!r}: MySqlHook opens 'mysql' connections only."
        )
    given = checked(connection.extra_dejson, extras.CONNECTION_TYPE, f"Connection {conn_id!r}")
    client = given.get("client") or "pymysql"
    if client != "pymysql":
        raise BrokenConnection(
            f"Connection {conn_id!r}: client={client!r} is not supported; tradewind-mysql works with PyMySQL, which "
            "speaks to the same servers. Leave the extra out."
        )
    return {name: value for name, value in given.items() if value is not None}


def settings(connection: Connection, *, conn_id: str, schema: str | None = None) -> dict[str, Any]:
    """Keywords for `pymysql.connect`, without those for the cursor. Raises BrokenConnection."""
    given = known_extras(connection, conn_id)
    found = _unencrypted(connection, given, conn_id, schema)
    try:
        return found | _tls(given, found).arguments()
    except TlsError as error:
        raise BrokenConnection(f"Connection {conn_id!r}: {error}.") from None


def _unencrypted(connection: Connection, given: Mapping[str, Any], conn_id: str, schema: str | None) -> dict[str, Any]:
    found = {extra.name: given[extra.name] for extra in extras.DRIVER if extra.name in given}
    found = {"charset": "utf8mb4", "connect_timeout": CONNECT_TIMEOUT, **found}
    for name in ("connect_timeout", "read_timeout", "write_timeout"):
        if name in found and found[name] <= 0:
            raise BrokenConnection(f"Connection {conn_id!r}: {name}={found[name]:g} must be more than 0 seconds.")
    if "server_public_key" in found:
        found["server_public_key"] = found["server_public_key"].encode()
    found |= _address(connection, found.get("unix_socket"))
    words = {
        "user": connection.login,
        "password": (connection.password or "").encode(),  # as a text PyMySQL would take it for Latin-1
        "database": schema or connection.schema,
    }
    return found | {word: value for word, value in words.items() if value}


def _tls(given: Mapping[str, Any], found: Mapping[str, Any]) -> Tls:
    return Tls.from_extras(given, socket="unix_socket" in found, secret_needed=bool(given.get("iam")))


def _address(connection: Connection, unix_socket: str | None) -> dict[str, Any]:
    host = connection.host or ""
    if unix_socket or host.startswith("/"):
        return {"unix_socket": unix_socket or host}
    found = {"host": host, "port": connection.port}
    return {name: value for name, value in found.items() if value}


def sqlalchemy_url(connection: Connection, schema: str | None = None, conn_id: str | None = None) -> str:
    """The URL for SQLAlchemy with the same settings, but for passwords of keys, which such a URL cannot hide."""
    name = conn_id or connection.conn_id or connection.conn_type
    given = known_extras(connection, name)
    found = _unencrypted(connection, given, name, schema)
    query = {key: _in_url(found[key]) for key in _IN_URL if key in found and (key in given or key == "charset")}
    if "unix_socket" in found:
        query["unix_socket"] = found["unix_socket"]
    try:
        query |= _tls(given, found).query()
    except TlsError as error:
        raise BrokenConnection(f"Connection {name!r}: {error}.") from None
    scheme = given.get("sqlalchemy_scheme") or DRIVER
    own = Connection(
        login=connection.login,
        password=connection.password,
        host=found.get("host"),
        port=found.get("port"),
        schema=found.get("database"),
        extra={"sqlalchemy_scheme": scheme, "sqlalchemy_query": query | (given.get("sqlalchemy_query") or {})},
    )
    return own.sqlalchemy_url


def _in_url(value: Any) -> str:
    """SQLAlchemy reads timeouts as whole numbers."""
    return str(math.ceil(value)) if isinstance(value, float) else str(value)


def open_for(hook: MySqlHook) -> Driver:
    """A new connection with everything that the hook and its connection say."""
    from pymysql import cursors
    from pymysql.constants import CLIENT

    extras = hook.connection_extra
    found = settings(hook.connection, conn_id=hook.get_conn_id(), schema=hook.schema)
    if extras.get("iam"):
        found["password"], found["port"] = hook.get_iam_token(hook.connection)
    if hook.init_command:
        found["init_command"] = hook.init_command
    found["local_infile"] = bool(hook.local_infile)
    if hook.local_infile is not False:  # the server may ask for a file; only the module `load` answers
        found["client_flag"] = found.get("client_flag", 0) | CLIENT.LOCAL_FILES
    kinds = {"dictcursor": cursors.DictCursor, "sscursor": cursors.SSCursor, "ssdictcursor": cursors.SSDictCursor}
    found["cursorclass"] = kinds.get(extras.get("cursor", ""), cursors.Cursor)
    return connect(found, hook.get_conn_id())


def connect(found: dict[str, Any], conn_id: str) -> Driver:
    """A new PyMySQL connection. Raises ConnectionFault, which says what to do."""
    import pymysql
    from pymysql.constants import CLIENT

    tls_optional = found.pop("ssl_optional", False)
    # PyMySQL's connect_timeout ends when the socket is open. A server that is stuck says nothing from there on.
    patience = min(found["connect_timeout"], found.get("read_timeout") or math.inf)
    try:
        conn: Driver = pymysql.connect(**{**found, "read_timeout": patience, "defer_connect": True})
    except (AttributeError, LookupError):
        raise BrokenConnection(f"Connection {conn_id!r}: PyMySQL knows no charset={found['charset']!r}.") from None
    except (TypeError, ValueError) as error:
        raise BrokenConnection(f"Connection {conn_id!r}: PyMySQL does not take its settings: {error}.") from error
    if tls_optional:
        conn._ssl_required = False
        conn.client_flag &= ~CLIENT.SSL  # it is added again if the server has TLS
    try:
        conn.connect(_open_socket(conn, found))
    except TradewindError:  # the task's time is up
        raise
    except Exception as error:  # a stranger at that port makes PyMySQL stumble in many ways
        raise explained(error, conn_id, found) from error
    conn._read_timeout = found.get("read_timeout")
    return conn


def _open_socket(conn: Driver, found: Mapping[str, Any]) -> socket.socket | None:
    """A connection to the server's socket file; None for TCP. PyMySQL would leave it open where it leads nowhere."""
    path = found.get("unix_socket")
    if path is None:
        return None
    opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        opened.settimeout(found["connect_timeout"])
        opened.connect(path)
    except BaseException:
        opened.close()
        raise
    conn._secure = True  # nobody listens in: MySQL's logins may send the password as it is
    return opened


def explained(error: Exception, conn_id: str, used: Mapping[str, Any]) -> ConnectionFault:
    """What a failure to connect means: where to, what was said, and what to do; never with a password."""
    code, said = _code_and_text(error)
    hint = _HINTS.get(code) or _network_hint(getattr(error, "original_exception", error), said, used)
    if isinstance(error, RuntimeError) and "cryptography" in said:
        hint = "Set ssl_mode=REQUIRED, or pip install cryptography."
    elif not code:
        said = f"what answers there is no MySQL server ({type(error).__name__})"
        hint = "Check host and port."
    message = f"Connection {conn_id!r} cannot connect to {_place(used)}: {said.rstrip('.')}. {hint}".rstrip()
    return ConnectionFault(redact(message))


def _code_and_text(error: Exception) -> tuple[int, str]:
    if isinstance(error, OSError):
        return 2002, error.strerror or str(error)  # CR_CONNECTION_ERROR: a socket file
    if len(error.args) >= 2 and isinstance(error.args[0], int):
        cause = getattr(error, "original_exception", None)
        return error.args[0], " ".join(str(cause or error.args[1]).split())
    return 0, " ".join(str(error).split())


def _network_hint(cause: BaseException | None, said: str, used: Mapping[str, Any]) -> str:
    if isinstance(cause, socket.gaierror):
        return "Check the host's name, and that this machine can look it up."
    if isinstance(cause, ssl.SSLCertVerificationError):
        return "Check ssl_ca= and the host's name, or choose another ssl_mode=."
    if isinstance(cause, ssl.SSLError):
        return "Check what the server and ssl_cipher= allow, or choose another ssl_mode=."
    if isinstance(cause, TimeoutError) or "timed out" in said:
        return (
            f"Nothing answers there within {used['connect_timeout']:g} s: check host, port and firewall; "
            "connect_timeout= gives it more time."
        )
    if isinstance(cause, FileNotFoundError):
        return "Check the path of the socket, and that the server runs."
    if isinstance(cause, ConnectionRefusedError):
        return "Nothing listens there: check the port, and that the server runs and accepts TCP."
    if "Lost connection" in said:
        return "Check host and port, and that a MySQL server runs there."
    return "Check init_command= and sql_mode=." if used.keys() & {"init_command", "sql_mode"} else ""


def _place(used: Mapping[str, Any]) -> str:
    place = used.get("unix_socket") or f"{used.get('host', 'localhost')}, port {used.get('port', 3306)}"
    database = f", database {used['database']!r}" if used.get("database") else ""
    login = f", as {used['user']!r}" if used.get("user") else ""
    return f"{place}{database}{login}"
