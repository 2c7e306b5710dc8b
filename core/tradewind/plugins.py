"""Loads plugins one by one, keeps what fails, and resolves the names that they register.

A plugin that cannot be loaded never stops the others: it becomes a `PluginFailure`, shown by `tradewind providers
list`. Names resolve to dotted strings, and a dotted string to an object only when asked, so this module imports
nothing above itself.

Environment: `TRADEWIND_PLUGINS=a,b` loads these only (empty: none), `TRADEWIND_STRICT_PLUGINS=1` raises the first
failure, `TRADEWIND_TRACE_PLUGINS=1` prints every hook call to standard error.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import sys
import traceback
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import pluggy

from tradewind import builtin, hookspecs
from tradewind.errors import PluginError
from tradewind.records import ConnectionType

#: Registries of "name -> dotted path", by the hook that fills them.
NAMED = (
    "register_executors",
    "register_secrets_backends",
    "register_dag_runners",
    "register_task_decorators",
    "register_sandboxes",
)


class PluginWarning(UserWarning):
    """A plugin was left out. `tradewind providers list` shows why."""


@dataclass(frozen=True)
class PluginFailure:
    """Why a plugin was left out."""

    name: str  #: of the entry point
    distribution: str
    version: str
    error: str  #: one line, addressed to the plugin's author
    traceback: str = ""


@dataclass(frozen=True)
class Plugin:
    """A plugin that is in use."""

    name: str
    distribution: str
    version: str
    summary: str
    url: str
    hooks: tuple[str, ...]  #: names of the hooks that it implements


@dataclass
class Plugins:
    """All plugins of one process. Make one with `load`; `current()` is the one in use."""

    manager: pluggy.PluginManager
    plugins: list[Plugin] = field(default_factory=list)
    failures: list[PluginFailure] = field(default_factory=list)
    connection_types: dict[str, ConnectionType] = field(default_factory=dict)  #: by name and by alias
    named: dict[str, dict[str, str]] = field(default_factory=lambda: {hook: {} for hook in NAMED})
    owners: dict[str, str] = field(default_factory=dict)  #: "hook:name" -> plugin that registered it

    def connection_type(self, name: str) -> ConnectionType | None:
        """The connection type called `name`, or that has it as an alias; `-` and `_` are the same."""
        return self.connection_types.get(normalise(name))

    def resolve(self, hook: str, name: str) -> Any:
        """The object registered as `name` through `hook`. A dotted path works in place of a name.

        Raises PluginError if there is none, or it cannot be imported.
        """
        registry = self.named[hook]
        path = registry.get(name)
        if path is None and not {".", ":"} & set(name):
            kind = hook.removeprefix("register_").replace("_", " ")
            known = ", ".join(sorted(registry)) or "none"
            raise PluginError(f"No plugin registers {name!r} among {kind}. Known: {known}.")
        return load_object(path or name)

    def _register_connection_type(self, plugin: str, declared: ConnectionType) -> None:
        for name in (declared.name, *declared.aliases):
            taken = self.connection_types.get(normalise(name))
            if taken is not None:
                owner = self.owners[f"connection type:{taken.name}"]
                raise PluginError(f"registers the connection type {name!r}, which {owner} has already; choose another")
        self.owners[f"connection type:{declared.name}"] = plugin
        for name in (declared.name, *declared.aliases):
            self.connection_types[normalise(name)] = declared

    def _register_named(self, plugin: str, hook: str, name: str, path: str) -> None:
        if name in self.named[hook]:
            owner = self.owners[f"{hook}:{name}"]
            raise PluginError(f"{hook} registers {name!r}, which {owner} has already; choose another name")
        if ":" not in path:
            raise PluginError(f"{hook} registers {name!r} as {path!r}, which is not of the form 'package.module:Name'")
        self.owners[f"{hook}:{name}"] = plugin
        self.named[hook][name] = path

    def add(self, module: Any, name: str, distribution: importlib.metadata.Distribution | None = None) -> None:
        """Register one plugin module, check it, and take in what it registers; all or nothing.

        Raises PluginError saying what its author should change.
        """
        named = {hook: dict(known) for hook, known in self.named.items()}
        before = (dict(self.connection_types), named, dict(self.owners))
        try:
            self.manager.register(module, name=name)
            callers = self.manager.get_hookcallers(module) or []
            self._check(callers, name)
            self._collect(module, name)
        except Exception:
            self.connection_types, self.named, self.owners = before
            if self.manager.has_plugin(name):
                self.manager.unregister(name=name)
            raise
        self.plugins.append(_describe(name, tuple(sorted(caller.name for caller in callers)), distribution))

    def _check(self, callers: Iterable[Any], name: str) -> None:
        known = {caller for caller in vars(hookspecs) if getattr(getattr(hookspecs, caller), "tradewind_spec", None)}
        for caller in callers:
            if not caller.has_spec():
                import difflib

                close = difflib.get_close_matches(caller.name, known, n=1)
                hint = f"; did you mean {close[0]!r}?" if close else f"; there are: {', '.join(sorted(known))}"
                raise PluginError(f"implements {caller.name!r}, which is not a hook{hint}")

    def _collect(self, module: Any, name: str) -> None:
        def implementation(hook: str) -> Callable[..., Any] | None:
            function = getattr(module, hook, None)
            return function if function is not None and getattr(function, "tradewind_impl", None) is not None else None

        declare = implementation("register_connection_types")
        if declare:
            declare(register=lambda declared: self._register_connection_type(name, declared))
        for hook in NAMED:
            declare = implementation(hook)
            if declare:
                declare(register=lambda key, path, hook=hook: self._register_named(name, hook, key, path))


def normalise(conn_type: str) -> str:
    """Connection types are compared in lower case, with `-` as `_`."""
    return conn_type.lower().replace("-", "_")


def load_object(path: str) -> Any:
    """Import "package.module:Name" (or "package.module.Name"). Raises PluginError, naming the path."""
    module, separator, name = path.partition(":")
    if not separator:
        module, _, name = path.rpartition(".")
    try:
        found: Any = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError, ValueError) as error:
        raise PluginError(f"{path!r} cannot be imported: {error}") from error
    return found


def load(entry_points: Iterable[importlib.metadata.EntryPoint] | None = None, *, strict: bool | None = None) -> Plugins:
    """A fresh set of plugins: the core's own, then every entry point of the group `tradewind`."""
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    if os.environ.get("TRADEWIND_TRACE_PLUGINS") == "1":
        manager.trace.root.setwriter(lambda line: sys.stderr.write(line))
        manager.enable_tracing()
    strict = os.environ.get("TRADEWIND_STRICT_PLUGINS") == "1" if strict is None else strict
    plugins = Plugins(manager)
    plugins.add(builtin, "core", importlib.metadata.distribution("tradewind"))
    found = importlib.metadata.entry_points(group=hookspecs.PROJECT) if entry_points is None else entry_points
    wanted = os.environ.get("TRADEWIND_PLUGINS")
    names = None if wanted is None else {name.strip() for name in wanted.split(",")}
    for entry_point in sorted(found, key=lambda point: point.name):
        if names is None or entry_point.name in names:
            _load_one(plugins, entry_point, strict)
    return plugins


def _load_one(plugins: Plugins, entry_point: importlib.metadata.EntryPoint, strict: bool) -> None:
    distribution = entry_point.dist
    try:
        plugins.add(entry_point.load(), entry_point.name, distribution)
    except (Exception, SystemExit) as error:  # a stranger's module may raise anything: it is kept and shown
        label = distribution.name if distribution else entry_point.value
        version = distribution.version if distribution else ""
        told = str(error) if isinstance(error, PluginError) else f"{type(error).__name__}: {error}"
        if isinstance(error, pluggy.PluginValidationError):
            told = " ".join(told.split())
        if strict:
            raise PluginError(f"The plugin {entry_point.name!r} of {label} {version} {told}") from error
        plugins.failures.append(PluginFailure(entry_point.name, label, version, told, traceback.format_exc()))
        warnings.warn(f"The plugin {entry_point.name!r} of {label} is left out: {told}", PluginWarning, stacklevel=2)


def _describe(name: str, hooks: tuple[str, ...], distribution: importlib.metadata.Distribution | None) -> Plugin:
    if distribution is None:
        return Plugin(name, "", "", "", "", hooks)
    metadata = distribution.metadata.json
    urls = [str(url).partition(",")[2].strip() for url in metadata.get("project_url", ())]
    url = str(metadata.get("home_page") or (urls[0] if urls else ""))
    return Plugin(name, distribution.name, distribution.version, str(metadata.get("summary", "")), url, hooks)


@lru_cache(maxsize=1)
def current() -> Plugins:
    """The plugins of this process, loaded once, on the first call."""
    return load()
