"""What went wrong with a database server, and what to do next. Never with the password in it."""

from __future__ import annotations

import re
from collections.abc import Callable

from sqlalchemy.exc import StatementError

from tradewind.errors import StoreError
from tradewind.store.engine import Conflict
from tradewind.store.location import Server

_UPGRADE = "run `tradewind db upgrade`"

#: What became of it -> its words. `{0}` is the place, `{1}` the login, `{2}` what the driver said, `{3}` the seconds
#: that were waited.
_WORDS = {
    "password": "The server refuses the login {1!r} for the metadata database {0}: mend login or password in the "
    "setting database_url.",
    "access": "The login {1!r} may not use the metadata database {0}: let the server's administrator allow it ({2}).",
    "database": "The metadata database {0} does not exist: let the server's administrator create it (CREATE DATABASE) "
    "and run `tradewind db upgrade`, or mend the setting database_url.",
    "host": "The host of the metadata database {0} is not known: mend the setting database_url ({2}).",
    "closed": "Nothing listens where the metadata database {0} should be: start the server, or mend host and port in "
    "the setting database_url.",
    "timeout": "The server of the metadata database {0} does not answer: look at its network and firewall, or mend "
    "host and port in the setting database_url.",
    "encryption": "No encrypted connection to the metadata database {0} can be made ({2}): mend the options in the "
    "setting database_url.",
    "many": "The server of the metadata database {0} takes no more connections: raise its limit (max_connections), or "
    "lower the setting parallelism. Each running attempt holds one.",
    "starting": "The server of the metadata database {0} is starting or stopping ({2}).",
    "gone": "The connection to the metadata database {0} broke ({2}). Nothing was half written.",
    "disk": "The disk of the metadata database {0} is full. Nothing was half written: free some space.",
    "read only": "The metadata database {0} cannot be written: the server is a standby, or read-only. Let the setting "
    "database_url name the primary server.",
    "locked": "The metadata database {0} was locked by another process for {3:g} seconds. Look for transactions that "
    "do not end, end them, and try again.",
    "conflict": "A transaction on the metadata database {0} was undone in favour of another one, again and again: "
    "try again.",
    "lacking": f"The metadata database {{0}} lacks a table or column ({{2}}): {_UPGRADE}.",
    "permission": "The login {1!r} has not all the rights that it needs in the metadata database {0} ({2}): let its "
    "owner grant them.",
    "long": "A name or text is too long for the metadata database {0} ({2}).",
    "packet": "A value is larger than the server of the metadata database {0} takes at once ({2}): let it have a "
    "larger max_allowed_packet, or keep large values elsewhere.",
    "other": "The metadata database {0} refused: {2}",
}

#: SQLSTATE of PostgreSQL, or how it begins -> what it means.
_STATES = {
    "28": "password", "3D000": "database", "53300": "many", "53100": "disk", "57P03": "starting", "57P01": "gone",
    "57P02": "gone", "08": "gone", "25006": "read only", "55P03": "locked", "40001": "conflict", "40P01": "conflict",
    "42P01": "lacking", "42703": "lacking", "42501": "permission", "3F000": "permission", "22001": "long",
}  # fmt: skip

#: What libpq or the server says when no connection is made, in the order in which it is looked for.
_SAYINGS = {
    r"password authentication failed|role \".*\" does not exist|no password supplied": "password",
    r"no pg_hba\.conf entry|authentication failed|permission denied for database": "access",
    r"database \".*\" does not exist": "database",
    r"could not translate host name|nodename nor servname|Name or service not known": "host",
    r"Connection refused|No such file or directory": "closed",
    r"timeout expired|timed out|No route to host|unreachable": "timeout",
    r"too many (clients|connections)|remaining connection slots": "many",
    r"starting up|shutting down": "starting",
    r"SSL|certificate": "encryption",
    r"terminating connection|server closed|connection already closed|Connection reset|Broken pipe": "gone",
}

#: What it means -> error numbers of MySQL and MariaDB.
_NUMBERS = {
    "password": (1045, 1698),
    "access": (1044, 1129, 1130),
    "database": (1049,),
    "many": (1040, 1203, 1226),
    "starting": (1053,),
    "gone": (1927, 2006, 2013, 4031),
    "disk": (1021, 1114, 3675),
    "read only": (1290, 1836),
    "locked": (1205,),
    "conflict": (1020, 1213),
    "lacking": (1054, 1146),
    "permission": (1142, 1143, 1227, 1370),
    "long": (1406,),
    "packet": (1153,),
}


def explain(error: Exception, server: Server, waited: float) -> StoreError:
    """The StoreError for an error of the driver or of SQLAlchemy."""
    original = error.orig if isinstance(error, StatementError) and error.orig is not None else error
    if isinstance(original, StoreError):
        return original
    told = _without_password(" ".join(_said(original).split()), server)
    kind = _KINDS[server.dialect](original, told)
    words = _WORDS[kind].format(str(server), server.login or "", told, waited)
    return Conflict(words) if kind == "conflict" else StoreError(words)


def _said(error: BaseException) -> str:
    """What the driver says: of MySQL's number and text, the text."""
    if len(error.args) > 1 and isinstance(error.args[0], int):
        return str(error.args[1])
    return str(error)


def _without_password(told: str, server: Server) -> str:
    return told.replace(server.password, "***") if server.password else told


def _kind_on_postgres(error: BaseException, told: str) -> str:
    state = getattr(error, "pgcode", None) or ""
    for known, kind in _STATES.items():
        if state.startswith(known):
            return kind
    if not state:
        for saying, kind in _SAYINGS.items():
            if re.search(saying, told):
                return kind
    return "other"


def _kind_on_mysql(error: BaseException, told: str) -> str:
    number = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    if number in (2002, 2003):  # no connection: the text tells why
        found = (kind for saying, kind in _SAYINGS.items() if re.search(saying, told))
        return next(found, "host" if "getaddrinfo" in told or "Errno -" in told else "closed")
    return next((kind for kind, numbers in _NUMBERS.items() if number in numbers), "other")


_KINDS: dict[str, Callable[[BaseException, str], str]] = {"postgresql": _kind_on_postgres, "mysql": _kind_on_mysql}
