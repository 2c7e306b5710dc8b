"""Tries the laws on an installed provider, without pytest: what `tradewind providers check` prints."""

from __future__ import annotations

from collections.abc import Iterator

from tradewind import plugins
from tradewind.connection import Connection
from tradewind.errors import SandboxError
from tradewind.hook import BaseHook
from tradewind.testing.hook import HookContract
from tradewind.testing.laws import Verdict, try_laws
from tradewind.testing.provider import ProviderContract
from tradewind.testing.resources import open_descriptors, opened_since
from tradewind.testing.sandbox import SandboxContract


def check_provider(name: str) -> Iterator[Verdict]:
    """Whether a provider, named by its entry point, keeps the laws that need no server."""
    return try_laws(type("Provider", (ProviderContract,), {"name": name}))


def check_sandboxes(name: str) -> Iterator[Verdict]:
    """Whether the provider's sandboxes, and the hooks of their connection types, keep their laws."""
    found = plugins.current()
    for key, owner in found.owners.items():
        hook, _, conn_type = key.partition(":")
        if hook == "register_sandboxes" and owner == name:
            yield from _check_sandbox(found, conn_type)


def _check_sandbox(found: plugins.Plugins, conn_type: str) -> Iterator[Verdict]:
    try:
        sandbox = found.resolve("register_sandboxes", conn_type)()
        server: Connection = sandbox.start()
    except Exception as error:
        yield Verdict(f"The sandbox of {conn_type!r} starts", False, _told(error))
        return
    with sandbox:
        capable = {"conn_type": conn_type, "has_network": server.port is not None}
        yield from try_laws(type("Sandbox", (SandboxContract,), capable))
        if isinstance(server.get_hook(), BaseHook):
            # What only its own tests know is taken as leniently as can be: who closes a client, how patient it is.
            lenient = {"checks_password": bool(server.password), "caller_closes": _caller_closes(server)}
            contract = type("Hook", (HookContract,), {**capable, **lenient, "patience": 60.0})
            yield from try_laws(contract, server=server)


def _caller_closes(server: Connection) -> bool:
    """Whether a client is still open when its hook is closed."""
    hook = server.get_hook()
    before = open_descriptors()
    try:
        client = hook.get_conn()
        hook.close()
    except Exception:  # a law tells it
        return False
    left = bool(opened_since(before))
    if left and hasattr(client, "close"):
        client.close()
    return left


def _told(error: Exception) -> str:
    return str(error) if isinstance(error, SandboxError) else f"{type(error).__name__}: {error}"
