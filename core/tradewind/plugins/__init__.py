"""Loads plugins one by one, keeps what fails, and resolves the names that they register.

A plugin that cannot be loaded, or registers what `checks` refuses, never stops the others: it becomes a
`PluginFailure`, shown by `tradewind providers list`. One that is slow is used, and named. Names resolve to dotted
strings, and a dotted string to an object only when asked, so this package imports nothing above itself.

Environment: `TRADEWIND_PLUGINS=a,b` loads these only (empty: none), `TRADEWIND_STRICT_PLUGINS=1` raises the first
failure, `TRADEWIND_TRACE_PLUGINS=1` prints every hook call to standard error.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import inspect
import os
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import pluggy

from tradewind import builtin, hookspecs
from tradewind.errors import PluginError
from tradewind.plugins import checks
from tradewind.records import ConnectionType

#: Registries of "name -> dotted path", by the hook that fills them.
NAMED = (
    "register_executors",
    "register_secrets_backends",
    "register_log_stores",
    "register_xcom_stores",
    "register_dag_runners",
    "register_task_decorators",
    "register_sandboxes",
)


#: A plugin that takes longer to load is used, with a warning. In seconds; ours take a few milliseconds.
SLOW = 1.0


class PluginWarning(UserWarning):
    """A plugin was left out, or is slow. `tradewind providers list` shows why."""


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
    seconds: float = 0.0  #: that it took to load

    @property
    def is_slow(self) -> bool:
        return self.seconds > SLOW


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
        checks.check_connection_type(declared)
        for name in (declared.name, *declared.aliases):
            taken = self.connection_types.get(normalise(name))
            if taken is not None:
                owner = self._owner(plugin, f"connection type:{taken.name}")
                raise PluginError(f"registers the connection type {name!r}, which {owner} has already; choose another")
        self.owners[f"connection type:{declared.name}"] = plugin
        for name in (declared.name, *declared.aliases):
            self.connection_types[normalise(name)] = declared

    def _register_named(self, plugin: str, hook: str, name: str, path: str) -> None:
        checks.check_named(hook, name, path)
        if name in self.named[hook]:
            owner = self._owner(plugin, f"{hook}:{name}")
            raise PluginError(f"{hook} registers {name!r}, which {owner} has already; choose another name")
        self.owners[f"{hook}:{name}"] = plugin
        self.named[hook][name] = path

    def _owner(self, plugin: str, key: str) -> str:
        owner = self.owners[key]
        return "it itself" if owner == plugin else owner

    def add(
        self,
        module: Any,
        name: str,
        distribution: importlib.metadata.Distribution | None = None,
        *,
        value: str = "",
        started: float | None = None,
    ) -> None:
        """Register one plugin module, check it, and take in what it registers; all or nothing.

        `value` is that of its entry point, `started` the monotonic time when its loading began. Raises PluginError
        saying what its author should change.
        """
        checks.check_module(module, value)
        if self.manager.has_plugin(name):
            raise PluginError(f"another package has an entry point of the name {name!r} already; choose another name")
        named = {hook: dict(known) for hook, known in self.named.items()}
        before = (dict(self.connection_types), named, dict(self.owners))
        try:
            self.manager.register(module, name=name)
            callers = self.manager.get_hookcallers(module) or []
            checks.check_implementations(module, iter(callers))
            self._collect(module, name)
        except Exception:
            self.connection_types, self.named, self.owners = before
            if self.manager.has_plugin(name):
                self.manager.unregister(name=name)
            raise
        seconds = 0.0 if started is None else time.monotonic() - started
        hooks = tuple(sorted(caller.name for caller in callers))
        self.plugins.append(_describe(name, hooks, distribution, seconds))

    def _collect(self, module: Any, plugin: str) -> None:
        for hook in ("register_connection_types", *NAMED):
            declare = vars(module).get(hook)
            if getattr(declare, "tradewind_impl", None) is not None:
                declare(register=self._registrar(hook, plugin))

    def _registrar(self, hook: str, plugin: str) -> Callable[..., None]:
        """What the plugin gets as `register`; called with anything else than it takes, it says how it is called."""

        def take_type(connection_type: ConnectionType) -> None:
            self._register_connection_type(plugin, connection_type)

        def take_named(name: str, path: str) -> None:
            self._register_named(plugin, hook, name, path)

        take: Callable[..., None] = take_type if hook == "register_connection_types" else take_named

        def register(*given: Any, **named: Any) -> None:
            try:
                arguments = inspect.signature(take).bind(*given, **named)
            except TypeError:
                raise checks.not_a_call(hook) from None
            take(*arguments.args)

        return register


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
    except Exception as error:  # the module is a stranger's, and may raise anything
        told = str(error) if isinstance(error, (ImportError, AttributeError)) else f"{type(error).__name__}: {error}"
        raise PluginError(f"{path!r} cannot be imported: {told}") from error
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
    found = _installed(plugins.failures) if entry_points is None else entry_points
    wanted = os.environ.get("TRADEWIND_PLUGINS")
    names = None if wanted is None else {name.strip() for name in wanted.split(",")}
    for entry_point in sorted(found, key=lambda point: point.name):
        if names is None or entry_point.name in names:
            _load_one(plugins, entry_point, strict)
    return plugins


def _installed(failures: list[PluginFailure]) -> list[importlib.metadata.EntryPoint]:
    """Every entry point of the group. A package whose list of them cannot be read is noted, and left out."""
    with suppress(Exception):
        return list(importlib.metadata.entry_points(group=hookspecs.PROJECT))
    found: list[importlib.metadata.EntryPoint] = []
    for distribution in importlib.metadata.distributions():
        try:
            found += distribution.entry_points.select(group=hookspecs.PROJECT)
        except Exception as error:
            told = f"its entry_points.txt cannot be read ({type(error).__name__}: {error}); install it again"
            failure = PluginFailure(distribution.name, distribution.name, distribution.version, told)
            _leave_out(failures, failure)
    return found


def _load_one(plugins: Plugins, entry_point: importlib.metadata.EntryPoint, strict: bool) -> None:
    distribution, started = entry_point.dist, time.monotonic()
    label = distribution.name if distribution else entry_point.value
    try:
        plugins.add(entry_point.load(), entry_point.name, distribution, value=entry_point.value, started=started)
    except (Exception, SystemExit) as error:  # a stranger's module may raise anything: it is kept and shown
        version = distribution.version if distribution else ""
        told = checks.explain(error, entry_point.value)
        if strict:
            raise PluginError(f"The plugin {entry_point.name!r} of {label} {version}: {told}") from error
        _leave_out(plugins.failures, PluginFailure(entry_point.name, label, version, told, traceback.format_exc()))
        return
    loaded = plugins.plugins[-1]
    if loaded.is_slow:
        told = f"took {loaded.seconds:.1f} s to load; import what is slow in the functions that use it"
        warnings.warn(f"The plugin {entry_point.name!r} of {label} {told}.", PluginWarning, stacklevel=2)


def _leave_out(failures: list[PluginFailure], failure: PluginFailure) -> None:
    failures.append(failure)
    told = f"The plugin {failure.name!r} of {failure.distribution} is left out: {failure.error}"
    warnings.warn(told, PluginWarning, stacklevel=3)


def _describe(
    name: str, hooks: tuple[str, ...], distribution: importlib.metadata.Distribution | None, seconds: float
) -> Plugin:
    if distribution is None:
        return Plugin(name, "", "", "", "", hooks, seconds)
    metadata = distribution.metadata.json
    urls = [str(url).partition(",")[2].strip() for url in metadata.get("project_url", ())]
    url = str(metadata.get("home_page") or (urls[0] if urls else ""))
    summary = str(metadata.get("summary", ""))
    return Plugin(name, distribution.name, distribution.version, summary, url, hooks, seconds)


def how_to_install(name: str) -> str:
    """What to type for the provider called `name`, if `tradewind[NAME]` installs one that is missing; else nothing."""
    extras = importlib.metadata.metadata("tradewind").get_all("Provides-Extra") or []
    if name not in extras or any(importlib.metadata.distributions(name=f"tradewind-{name}")):
        return ""
    return f"pip install 'tradewind[{name}]'"


def about_missing_module(error: ModuleNotFoundError) -> str:
    """What to add to the error of an import, if the module is that of a provider; else nothing."""
    command = how_to_install((error.name or "").partition(".")[0].removeprefix("tradewind_"))
    return f"; it comes with a provider: {command}" if command else ""


@lru_cache(maxsize=1)
def current() -> Plugins:
    """The plugins of this process, loaded once, on the first call."""
    return load()
