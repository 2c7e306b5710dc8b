"""Connections that sandboxes stand in for, in a process that was started with `--sandbox` and in its children.

The environment says which: `TRADEWIND_SANDBOX_CONNECTIONS` lists the variables `AIRFLOW_CONN_<ID>` that lead to
sandboxes. They count before every source of connections. Of other connections, those whose type has a sandbox are
refused: a pipeline that is only tried must not reach the real thing through an id that nobody foresaw.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tradewind.errors import BrokenConnection, ConnectionNotFound
from tradewind.secrets import variable_name

if TYPE_CHECKING:
    from tradewind.connection.model import Connection

#: Set, even if empty, where sandboxes are in force: names of variables, separated by spaces.
VARIABLE = "TRADEWIND_SANDBOX_CONNECTIONS"


def in_force() -> bool:
    """Whether this process was started with `--sandbox`."""
    return VARIABLE in os.environ


def stand_in(conn_id: str) -> str | None:
    """The URI of the sandbox that stands in for this connection, if one does."""
    listed = os.environ.get(VARIABLE, "").split()
    return os.environ.get(variable_name(conn_id)) if listed and variable_name(conn_id) in listed else None


def refuse_real_one(connection: Connection) -> None:
    """Raise BrokenConnection if a sandbox could have stood in for this connection, and none does."""
    from tradewind import plugins

    if in_force() and connection.conn_type in plugins.current().named["register_sandboxes"]:
        raise BrokenConnection(
            f"The connection {connection.conn_id!r} in {connection.where} is a real one, and is not used with "
            f"--sandbox. The DAG files do not show that it is needed, so no sandbox stands in for it: say so with "
            f"--sandbox-type {connection.conn_id}={connection.conn_type}."
        )


def explain_missing_one(conn_id: str) -> None:
    """Raise ConnectionNotFound that says how a sandbox is made to stand in, where sandboxes are in force."""
    if in_force():
        raise ConnectionNotFound(
            f"No sandbox stands in for the connection {conn_id!r}, since the DAG files do not show that it is needed: "
            f"say so with --sandbox-type {conn_id}=TYPE; `tradewind sandbox list` shows the types."
        ) from None
