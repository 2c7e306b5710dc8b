"""The whole provider contract: what a plugin may implement.

A provider is a package with an entry point in the group `tradewind`. It marks functions with `hookimpl`; each gets a
callback `register` and calls it once for every thing that it brings. Things are named by dotted strings
("package.module:Name"), which are imported only when somebody asks for that thing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import pluggy

if TYPE_CHECKING:
    from tradewind.records import ConnectionType

#: Name of the pluggy project and of the entry-point group.
PROJECT = "tradewind"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class Register(Protocol):
    """Callback handed to most `register_*` hooks."""

    def __call__(self, name: str, path: str) -> None: ...


class RegisterConnectionType(Protocol):
    """Callback handed to `register_connection_types`."""

    def __call__(self, connection_type: ConnectionType) -> None: ...


@hookspec
def register_connection_types(register: RegisterConnectionType) -> None:
    """Declare connection types: their hook, aliases, default port and typed extras."""


@hookspec
def register_executors(register: Register) -> None:
    """Executor name -> dotted path of an `Executor` class."""


@hookspec
def register_secrets_backends(register: Register) -> None:
    """Secrets source name -> dotted path of a `SecretsSource` class."""


@hookspec
def register_log_stores(register: Register) -> None:
    """URL scheme of `logs_url` -> dotted path of a `LogStore` class: where the logs of attempts are uploaded to."""


@hookspec
def register_xcom_stores(register: Register) -> None:
    """URL scheme of `xcom_store_url` -> dotted path of an `XComStore` class: where large XComs are kept."""


@hookspec
def register_dag_runners(register: Register) -> None:
    """Name -> dotted path of a function that runs a whole DAG in the current process (`dag.test()`)."""


@hookspec
def register_task_decorators(register: Register) -> None:
    """`@task.<name>` -> dotted path of the operator class that the decorated function becomes."""


@hookspec
def register_sandboxes(register: Register) -> None:
    """Connection type -> dotted path of the `Sandbox` class that stands in for such a server."""


@hookspec
def register_commands(cli: Any) -> None:
    """Add click commands to the command line; `cli` is the root `click.Group`."""
