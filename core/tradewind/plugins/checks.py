"""Looks at what a plugin is and registers, and refuses what cannot work. Each message tells its author what to do."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pluggy

from tradewind import hookspecs
from tradewind.errors import PluginError, nearest
from tradewind.records import ConnectionType, Extra

_EXTRA_TYPES = (str, bool, int, float, dict, list)
_TYPE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*")
_PATH = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")


def hook_names() -> set[str]:
    """Names of the hooks that there are."""
    return {name for name, hook in vars(hookspecs).items() if getattr(hook, "tradewind_spec", None)}


def check_module(module: Any, value: str) -> None:
    """Raise PluginError unless the object of the entry point `value` is a module whose hooks are marked."""
    if not isinstance(module, ModuleType):
        right = value.partition(":")[0]
        raise PluginError(
            f"its entry point {value!r} names a {type(module).__name__}; it must name a module: write {right!r}"
        )
    for name in sorted(hook_names()):
        function = vars(module).get(name)
        if inspect.isfunction(function) and not hasattr(function, "tradewind_impl"):
            raise PluginError(f"defines {name} without @hookimpl, so that it would never be called; mark it")


def check_implementations(module: ModuleType, implemented: Iterator[Any]) -> None:
    """Raise PluginError for a hook that there is none of, and for one that does not take what it is called with."""
    for caller in implemented:
        if not caller.has_spec():
            hint = nearest(caller.name, hook_names(), f"there are: {', '.join(sorted(hook_names()))}")
            raise PluginError(f"implements {caller.name!r}, which is not a hook; {hint}")
        wanted = next(iter(inspect.signature(getattr(hookspecs, caller.name)).parameters))
        if wanted not in inspect.signature(getattr(module, caller.name)).parameters:
            raise PluginError(f"{caller.name} takes no argument {wanted!r}; write def {caller.name}({wanted}):")


def check_connection_type(declared: Any) -> None:
    """Raise PluginError for what cannot be a connection type."""
    hook = "register_connection_types"
    if not isinstance(declared, ConnectionType):
        raise PluginError(f"{hook} registers {declared!r}; it must be a ConnectionType: register(ConnectionType(...))")
    who = f"the connection type {declared.name!r}"
    for what in ("aliases", "extras"):
        if not isinstance(getattr(declared, what), (tuple, list)):
            raise PluginError(f"{who} has {what} that are no tuple; write {what}=(one,), with the comma")
    for name in (declared.name, *declared.aliases):
        if not isinstance(name, str) or not _TYPE_NAME.fullmatch(name):
            raise PluginError(f"{who} has the name {name!r}; a name consists of letters, digits, '_' and '-'")
    for what, path in (("hook", declared.hook), ("sqlalchemy_url", declared.sqlalchemy_url)):
        if path is not None:
            _check_path(f"{who} has the {what}", path)
    for extra in declared.extras:
        if not isinstance(extra, Extra):
            raise PluginError(f"{who} has the extra {extra!r}; it must be an Extra: Extra('name', str, 'what it is')")
        if extra.type not in _EXTRA_TYPES:
            kinds = ", ".join(kind.__name__ for kind in _EXTRA_TYPES)
            raise PluginError(f"{who} has the extra {extra.name!r} of type {extra.type!r}; the types are {kinds}")


def check_named(hook: str, name: Any, path: Any) -> None:
    """Raise PluginError for what cannot be registered by name."""
    if not isinstance(name, str) or not name:
        raise PluginError(f"{hook} registers {name!r}, which is no name; write register('name', 'package.module:Name')")
    _check_path(f"{hook} registers {name!r} as", path)


def explain(error: BaseException, value: str) -> str:
    """What the author of a plugin is told when loading it ended with `error`; `value` is that of its entry point."""
    if isinstance(error, PluginError):
        return str(error)
    if isinstance(error, pluggy.PluginValidationError):
        return _signature(error)
    told = f"{type(error).__name__}: {error}"
    if isinstance(error, SystemExit):
        return f"importing {value!r} ends the process ({told}); take that out of the module"
    if isinstance(error, ModuleNotFoundError) and error.name and not value.startswith(error.name):
        return f"importing {value!r} needs what is not installed ({told}); import it in the function that uses it"
    return f"{value!r} cannot be loaded ({told}); `tradewind providers show` tells where"


def not_a_call(hook: str) -> PluginError:
    """The error for a `register` that was called with other arguments than it takes."""
    right = "ConnectionType(...)" if hook == "register_connection_types" else "'name', 'package.module:Name'"
    return PluginError(f"{hook} calls register with the wrong arguments; write register({right})")


def _check_path(who: str, path: Any) -> None:
    if not isinstance(path, str) or not _PATH.fullmatch(path):
        raise PluginError(f"{who} {path!r}, which is not of the form 'package.module:Name'")


def _signature(error: pluggy.PluginValidationError) -> str:
    """pluggy's own message has several lines and no advice."""
    name = re.search(r"hook '(\w+)'", str(error))
    if name is None or name[1] not in hook_names():
        return " ".join(str(error).split())
    takes = ", ".join(inspect.signature(getattr(hookspecs, name[1])).parameters)
    strange = re.search(r"Argument\(s\) \{(.*?)\}", str(error))
    what = f" ({strange[1]})" if strange else ""
    return f"{name[1]} has arguments that the hook does not give{what}; write def {name[1]}({takes}):"
