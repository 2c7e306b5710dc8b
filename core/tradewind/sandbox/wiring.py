"""Lets sandboxes stand in for the connections that DAG files use: finds their types, starts them, tells the processes.

What stands in is written into the environment of this process, which its children inherit, and nowhere else.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from tradewind import plugins
from tradewind.connection import Connection
from tradewind.connection.stand_ins import VARIABLE
from tradewind.errors import ConnectionFault, SandboxError, SecretsError
from tradewind.sandbox.contract import Sandbox
from tradewind.sandbox.uses import Use, uses_of
from tradewind.secrets import variable_name, variable_names


@dataclass
class Plan:
    """What is to be started, and what cannot be."""

    types: dict[str, str] = field(default_factory=dict)  #: connection id -> type, which has a sandbox
    real: dict[str, str] = field(default_factory=dict)  #: those that exist and whose type has none: used as they are


def sandboxes() -> dict[str, str]:
    """Connection type -> dotted path of its sandbox, of every installed provider."""
    return dict(plugins.current().named["register_sandboxes"])


def sandbox_type(name: str) -> str:
    """The connection type that a name or an alias stands for. Raises SandboxError if that has no sandbox."""
    declared = plugins.current().connection_type(name)
    found = declared.name if declared is not None else name
    if found not in sandboxes():
        if declared is None and (command := plugins.how_to_install(name)):
            raise SandboxError(f"The provider of the connection type {name!r} is not installed: {command}")
        known = ", ".join(sorted(sandboxes())) or "none; install a provider that brings one"
        raise SandboxError(f"There is no sandbox for the connection type {name!r}. There are: {known}.")
    return found


def default_id(conn_type: str) -> str:
    """The id of the connection that the hook of this type has by default: `slack_api_default`."""
    declared = plugins.current().connection_type(conn_type)
    hook = None if declared is None or declared.hook is None else plugins.load_object(declared.hook)
    return getattr(hook, "default_conn_name", f"{conn_type}_default")


def plan(uses: Sequence[Use], given: Mapping[str, str]) -> Plan:
    """What to start for these uses. `given` are types that the user says, by connection id.

    Raises SandboxError if the type of an id cannot be told, or is told in two ways.
    """
    made = Plan({conn_id: sandbox_type(name) for conn_id, name in given.items()})
    by_id: dict[str, list[Use]] = {}
    for use in uses:
        by_id.setdefault(use.conn_id, []).append(use)
    for conn_id, found in sorted(by_id.items()):
        if conn_id in given:
            continue
        existing = _existing_type(conn_id)
        conn_type = existing or _type_of(conn_id, found)
        if conn_type in sandboxes():
            made.types[conn_id] = conn_type
        elif existing:
            made.real[conn_id] = existing
    return made


def _existing_type(conn_id: str) -> str:
    """Type of the connection as it is defined by now; empty if it is not, or cannot be read."""
    try:
        return Connection.get(conn_id).conn_type
    except (ConnectionFault, SecretsError):
        return ""


def _type_of(conn_id: str, uses: Sequence[Use]) -> str:
    known = plugins.current()
    by_hook = {one.hook.rpartition(":")[2]: one.name for one in known.connection_types.values() if one.hook is not None}
    names = {
        "hook": [by_hook[use.hook] for use in uses if use.hook in by_hook],
        "class": [use.conn_type for use in uses],
        "field": [use.field.removesuffix("conn_id").rstrip("_") for use in uses],
        "default": [use.default.removesuffix("_default") for use in uses if use.default.endswith("_default")],
        "id": [conn_id.removesuffix("_default")] if conn_id.endswith("_default") else [],
    }
    for told in names.values():
        declared = (known.connection_type(name) for name in told if name)
        types = sorted({one.name for one in declared if one is not None})
        if len(types) > 1:
            raise SandboxError(_unclear(conn_id, uses, f"is used as {' and as '.join(types)}"))
        if types:
            return types[0]
    raise SandboxError(_unclear(conn_id, uses, "is not defined, and its use does not show its type"))


def _unclear(conn_id: str, uses: Sequence[Use], what: str) -> str:
    places = "; ".join(dict.fromkeys(use.where for use in uses))
    return (
        f"No sandbox can stand in for the connection {conn_id!r}: it {what} ({places}). "
        f"Say it: --sandbox-type {conn_id}=TYPE, where TYPE is one of {', '.join(sorted(sandboxes()))}."
    )


@contextmanager
def started(types: Mapping[str, str], tell: Callable[[str], None]) -> Iterator[dict[str, Connection]]:
    """A sandbox for each connection id, all started at the same time and stopped at the end of the block."""
    opened = {conn_id: _make(conn_type) for conn_id, conn_type in types.items()}
    with ExitStack() as stack:
        for sandbox in opened.values():
            stack.callback(sandbox.stop)
        with ThreadPoolExecutor(max_workers=max(1, len(opened))) as pool:
            waiting = {conn_id: pool.submit(sandbox.start) for conn_id, sandbox in opened.items()}
        connections = {}
        for conn_id, start in waiting.items():
            connections[conn_id] = connection = start.result()
            version = getattr(opened[conn_id], "version", None) or types[conn_id]
            place = f" on {connection.host}:{connection.port}" if connection.host else ""
            tell(f"sandbox  {conn_id}  {version}{place}")
        yield connections


def _make(conn_type: str) -> Sandbox:
    kind: type[Sandbox] = plugins.current().resolve("register_sandboxes", conn_type)
    return kind()


@contextmanager
def standing_in(connections: Mapping[str, Connection]) -> Iterator[None]:
    """Within the block this process, and what it starts, find these connections and no real one of their types."""
    leading = variables(connections)
    values = {**dict.fromkeys(hiding_variables(connections)), **leading, VARIABLE: " ".join(leading)}
    before = {name: os.environ.get(name) for name in values}
    _set(values)
    try:
        yield
    finally:
        _set(before)


def variables(connections: Mapping[str, Connection]) -> dict[str, str]:
    """The environment variables by which a process finds these connections."""
    return {variable_name(conn_id): connection.get_uri() for conn_id, connection in connections.items()}


def hiding_variables(connections: Iterable[str]) -> list[str]:
    """Other variables by which a process would find real connections of these ids."""
    return [name for conn_id in connections for name in variable_names(conn_id) if name != variable_name(conn_id)]


def _set(values: Mapping[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


@contextmanager
def sandboxed(files: Iterable[str], given: Mapping[str, str], tell: Callable[[str], None]) -> Iterator[None]:
    """Within the block sandboxes stand in for what these DAG files use.

    `tell` gets a line for each, and for each connection that remains a real one. Raises SandboxError.
    """
    made = plan(uses_of(files), given)
    for conn_id, conn_type in made.real.items():
        tell(f"real     {conn_id}  {conn_type}: there is no sandbox for this type, so the real connection is used")
    with started(made.types, tell) as connections, standing_in(connections):
        yield
