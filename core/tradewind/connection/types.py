"""What plugins declare about connection types.

Plugins, and with them every installed provider, are loaded when the first connection is made, so that importing hooks
stays cheap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradewind.errors import PluginError

if TYPE_CHECKING:
    from tradewind.records import ConnectionType

#: A URI scheme that is another name of a type whether or not its provider is installed.
_ALWAYS = {"postgresql": "postgres"}


def normalise(scheme: str) -> str:
    """The connection type that a scheme means: lower case, `-` as `_`, without the driver that SQLAlchemy adds."""
    scheme = scheme.lower().replace("-", "_")
    base, plus, _ = scheme.partition("+")
    if plus and declared(scheme) is None and (base in _ALWAYS or declared(base) is not None):
        scheme = base
    return _ALWAYS.get(scheme, scheme)


def declared(conn_type: str) -> ConnectionType | None:
    """What a provider declares about a type or an alias of one; None if no installed provider knows it."""
    from tradewind import plugins

    return plugins.current().connection_type(conn_type)


def declared_names(scheme: str) -> set[str]:
    """Names of the extras that the type of a URI scheme declares."""
    found = declared(normalise(scheme))
    return {extra.name for extra in found.extras} if found else set()


def key_file(kind: object) -> tuple[str, str] | None:
    """The connection type, and its extra, that a JSON object of this `"type"` is a key file for; None if it is none."""
    from tradewind import plugins

    for found in plugins.current().connection_types.values():
        for known, extra in found.key_files:
            if kind == known:
                return found.name, extra
    return None


def known_types() -> list[str]:
    from tradewind import plugins

    return sorted({found.name for found in plugins.current().connection_types.values()})


def load_hook(found: ConnectionType) -> Any:
    """The hook class of a type. Raises PluginError, naming the provider, if it is not where that says."""
    from tradewind import plugins

    try:
        return plugins.load_object(found.hook or "")
    except PluginError as error:
        owner = plugins.current().owners[f"connection type:{found.name}"]
        raise PluginError(
            f"The connection type {found.name!r} has no hook: {error}. That is a fault of the provider {owner!r}; "
            f"`tradewind providers check {owner}` shows what is wrong with it."
        ) from error
