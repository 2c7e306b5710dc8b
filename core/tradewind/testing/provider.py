"""`ProviderContract`: what is true of every installed provider, whatever it brings."""

from __future__ import annotations

import importlib.metadata
import inspect
import re
import warnings
from collections.abc import Iterator
from typing import Any, ClassVar

from tradewind import plugins
from tradewind.connection import Connection
from tradewind.errors import BrokenConnection, PluginError, TradewindError
from tradewind.executor.contract import Executor
from tradewind.hook import BaseHook
from tradewind.hookspecs import PROJECT
from tradewind.operator import BaseOperator
from tradewind.records import ConnectionType, Extra
from tradewind.remote import LogStore, XComStore
from tradewind.sandbox import Sandbox
from tradewind.secrets import SecretsSource, is_secret_name
from tradewind.testing import examples
from tradewind.testing.laws import Contract, require
from tradewind.testing.probe import Report, probe

#: What the things that are registered by name must be, where that is a class.
KINDS: dict[str, type] = {
    "register_executors": Executor,
    "register_secrets_backends": SecretsSource,
    "register_log_stores": LogStore,
    "register_xcom_stores": XComStore,
    "register_task_decorators": BaseOperator,
    "register_sandboxes": Sandbox,
}

#: A plugin module may take so many times what BaseHook and BaseOperator take.
MOST_IMPORT_COST = 1.0

_LOOKS = 4  # times that the import is measured before it is called slow


class ProviderContract(Contract, contract=True):
    """Laws of a provider as a whole: how it is found, what it registers, what its import costs.

        class TestProvider(ProviderContract):
            name = "weather"

    `tradewind providers check` tries the same laws on whatever is installed.
    """

    #: Name of its entry point.
    name: ClassVar[str]
    #: Import names of libraries that must be loaded only when a client opens, beside those that its package requires.
    vendor_libraries: ClassVar[tuple[str, ...]] = ()

    # -- it is found ---------------------------------------------------------------------------------------------------

    def test_it_is_found_by_its_entry_point(self) -> None:
        """One installed package has an entry point of its name in the group `tradewind`."""
        points = list(importlib.metadata.entry_points(group=PROJECT, name=self.name))
        line = f'[project.entry-points.{PROJECT}] {self.name} = "your_package.plugin"'
        require(points, f"No installed package has it: write {line} in pyproject.toml, and install it again.")
        owners = sorted({str(point.dist and point.dist.name) for point in points})
        require(len(points) == 1, f"{', '.join(owners)} have an entry point of that name; rename or uninstall one.")

    def test_it_loads(self) -> None:
        """It loads beside everything else that is installed."""
        self._load()

    def test_its_package_says_what_it_is(self) -> None:
        """Its package has a summary, and requires tradewind."""
        metadata = self._distribution().metadata
        require(metadata["Summary"], 'pyproject.toml has no summary: add description = "...".')
        required = {_requirement_name(text) for text in self._distribution().requires or ()}
        require(
            PROJECT in required, f'pyproject.toml does not require {PROJECT}: add "{PROJECT}>=0.1" to dependencies.'
        )

    # -- what it registers ---------------------------------------------------------------------------------------------

    def test_connection_types_have_their_hooks(self) -> None:
        """The hook of each connection type is there and fits it."""
        for declared in self._connection_types():
            if declared.hook is not None:
                _check_hook(declared, _resolve(f"The connection type {declared.name!r}", declared.hook))

    def test_connection_types_are_described(self) -> None:
        """Connection types and their extras are described for people."""
        for declared in self._connection_types():
            who = f"The connection type {declared.name!r}"
            require(declared.label, f'{who} has no label; add label="...".')
            names = [extra.name for extra in declared.extras]
            twice = sorted({name for name in names if names.count(name) > 1})
            require(not twice, f"{who} declares the extra {', '.join(twice)} twice; leave one out.")
            for extra in declared.extras:
                require(extra.help.strip(), f"{who}: the extra {extra.name!r} has no help; say in a line what it does.")
                require("\n" not in extra.help, f"{who}: the help of {extra.name!r} has several lines; make it one.")
                plain = not extra.choices or extra.type in (str, int)
                require(plain, f"{who}: {extra.name!r} has choices; make its type str or int, or leave them out.")
            if declared.sqlalchemy_url is not None:
                _resolve(f"sqlalchemy_url of {declared.name!r}", declared.sqlalchemy_url)

    def test_registered_names_are_there(self) -> None:
        """Everything that it registers by name can be imported and is of the right kind."""
        found = self._load()
        for hook, name in self._registered(found):
            thing = _resolve(f"{hook}: {name!r}", found.named[hook][name])
            kind = KINDS.get(hook)
            if kind is not None:
                fits = inspect.isclass(thing) and issubclass(thing, kind)
                require(fits, f"{hook}: {name!r} is {thing!r}, which is no {kind.__name__}; derive it from that class.")
            if hook == "register_sandboxes":
                own = getattr(thing, "conn_type", None)
                require(
                    own == name, f"{hook}: {name!r} is registered for {thing.__name__}, whose conn_type is {own!r}."
                )
                known = found.connection_type(name)
                require(known, f"{hook}: there is no connection type {name!r}; register it as well.")

    # -- its connections -----------------------------------------------------------------------------------------------

    def test_connections_survive_their_forms(self) -> None:
        """Connections of its types, with their extras, read back from URI and JSON as they were, and typed."""
        for declared in self._connection_types():
            for given in examples.connections(declared):
                told = (
                    f"Connections of the type {declared.name!r} are taken for {given.conn_type!r}; choose another name."
                )
                require(given.conn_type == declared.name, told)
                for form, text in (("URI", given.get_uri()), ("JSON", given.as_json())):
                    again = Connection.from_value(text, "example")
                    wrong = examples.differences(given, again)
                    require(not wrong, f"The connection type {declared.name!r} loses by its {form}: {wrong}.")

    def test_extras_are_typed(self) -> None:
        """Extras that come as text, as in `?flag=false`, become what the connection type declares."""
        for declared in self._connection_types():
            for extra in declared.extras:
                for text, meant in examples.texts(extra):
                    got = _read_extra(declared, extra, text)
                    same = got == meant and type(got) is type(meant)
                    told = f"{declared.name!r} reads the extra {extra.name}={text} as {got!r} and not as {meant!r}."
                    require(same, told)

    def test_secrets_are_masked(self) -> None:
        """Password and secret extras do not show where a connection is shown."""
        for declared in self._connection_types():
            for extra in declared.extras:
                told = f"The extra {extra.name!r} of {declared.name!r} is secret by name; declare it with secret=True."
                require(extra.secret or not is_secret_name(extra.name), told)
            for given, hidden in examples.secret_connections(declared):
                for form in (repr(given), given.masked_uri(), str(given.masked_dict())):
                    told = f"The connection type {declared.name!r} shows {hidden}; declare it with secret=True."
                    require(examples.SECRET not in form, told)

    # -- its import ----------------------------------------------------------------------------------------------------

    def test_its_import_does_nothing(self) -> None:
        """Importing it prints nothing, warns of nothing, starts nothing, writes nothing, and asks no server."""
        seen = self._look()
        require(
            not seen.printed.strip(), f"Its import prints {seen.printed.strip()[:100]!r}; use logging, in functions."
        )
        require(
            not seen.threads, f"Its import starts threads ({', '.join(seen.threads)}); start them when they are used."
        )
        require(not seen.network, f"Its import uses the network ({seen.network[:1]}); do so when a client is opened.")
        require(
            not seen.written, f"Its import writes {', '.join(seen.written)}; write when there is something to write."
        )

    def test_its_import_loads_no_vendor_library(self) -> None:
        """Importing it, listing providers and making its hooks load none of the libraries that its package requires."""
        loaded = self._look().loaded
        told = "; ".join(f"{library} by {step}" for library, step in loaded.items())
        require(not loaded, f"Loaded too early: {told}. Import it inside the method that opens the client.")

    def test_its_import_is_cheap(self) -> None:
        """Importing its plugin module takes no longer than importing BaseHook and BaseOperator."""
        ours, theirs = [], []
        for _ in range(_LOOKS):
            seen = self._look()
            ours.append(seen.tradewind_seconds)
            theirs.append(seen.provider_seconds)
            if min(theirs) <= MOST_IMPORT_COST * min(ours):
                return
        told = f"{min(theirs) * 1000:.0f} ms, against {min(ours) * 1000:.0f} ms for BaseHook and BaseOperator"
        require(False, f"Its plugin module takes {told}; register dotted strings, and import nothing else in it.")

    def test_hooks_are_made_without_a_connection(self) -> None:
        """A hook can be made before its connection is defined, as DAG files do it, and asks no server."""
        told = "; ".join(f"{kind}: {wrong}" for kind, wrong in self._look().hooks.items())
        require(not told, f"Its hook cannot be made ({told}); look the connection up when it is used, not in __init__.")

    # -- looking -------------------------------------------------------------------------------------------------------

    def _look(self) -> Report:
        self.test_it_is_found_by_its_entry_point()
        seen = probe(self.name, sorted(self._libraries()))
        require(not seen.problem, f"It cannot be imported: {seen.problem}")
        return seen

    def _distribution(self) -> importlib.metadata.Distribution:
        self.test_it_is_found_by_its_entry_point()
        (point,) = importlib.metadata.entry_points(group=PROJECT, name=self.name)
        assert point.dist is not None
        return point.dist

    def _libraries(self) -> Iterator[str]:
        """Import names of the libraries that its package requires, extras included, but for tradewind's own."""
        yield from self.vendor_libraries
        required = {_requirement_name(text) for text in self._distribution().requires or ()}
        for library, owners in importlib.metadata.packages_distributions().items():
            for owner in map(_normal, owners):
                if owner in required and not owner.startswith(PROJECT) and not library.startswith("_"):
                    yield library

    def _load(self) -> plugins.Plugins:
        """All plugins, of which this one is none that is left out."""
        self.test_it_is_found_by_its_entry_point()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", plugins.PluginWarning)
            found = plugins.load(strict=False)
        told = next((failure.error for failure in found.failures if failure.name == self.name), None)
        require(told is None, f"It is left out: {told}")
        loaded = any(plugin.name == self.name for plugin in found.plugins)
        require(loaded, f"It is left out: TRADEWIND_PLUGINS does not name {self.name!r}.")
        return found

    def _connection_types(self) -> list[ConnectionType]:
        found = self._load()
        own = [
            kind
            for kind in found.connection_types.values()
            if found.owners[f"connection type:{kind.name}"] == self.name
        ]
        return list({kind.name: kind for kind in own}.values())

    def _registered(self, found: plugins.Plugins) -> Iterator[tuple[str, str]]:
        for key, owner in found.owners.items():
            hook, _, name = key.partition(":")
            if owner == self.name and hook in found.named:
                yield hook, name


def _resolve(who: str, path: str) -> Any:
    try:
        return plugins.load_object(path)
    except PluginError as error:
        require(False, f"{who}: {error}. Correct the dotted path, or add what it names.")


def _read_extra(declared: ConnectionType, extra: Extra, text: str) -> Any:
    query = f"{examples.quoted(extra.name)}={examples.quoted(text)}"
    try:
        connection = Connection.from_uri(f"{declared.name.replace('_', '-')}://host/?{query}", "example")
    except BrokenConnection as error:
        require(False, f"{declared.name!r} does not take its own extra {extra.name}={text}: {error}")
    return connection.extra_dejson.get(extra.name)


def _check_hook(declared: ConnectionType, hook: Any) -> None:
    who = f"The hook of the connection type {declared.name!r}"
    require(inspect.isclass(hook) and issubclass(hook, BaseHook), f"{who} is {hook!r}; derive it from BaseHook.")
    own = {plugins.normalise(name) for name in (declared.name, *declared.aliases)}
    told = f"{who}, {hook.__name__}, says conn_type = {hook.conn_type!r}; write conn_type = {declared.name!r}."
    require(plugins.normalise(hook.conn_type) in own, told)
    takes = inspect.signature(hook.__init__).parameters
    any_name = any(parameter.kind is parameter.VAR_KEYWORD for parameter in takes.values())
    told = f"{who}, {hook.__name__}, takes no argument {hook.conn_name_attr!r}, its conn_name_attr; make them one."
    require(hook.conn_name_attr in takes or any_name, told)
    require(hook.hook_name, f"{who}, {hook.__name__}, has no hook_name; say how people call it.")
    try:
        made = hook(**{hook.conn_name_attr: "example"})
    except TradewindError as error:
        require(False, f"{who} cannot be made: {error}")
    require(
        getattr(made, hook.conn_name_attr, None) == "example",
        f"{who}, {hook.__name__}, does not keep the id as self.{hook.conn_name_attr}.",
    )


def _requirement_name(text: str) -> str:
    return _normal(re.split(r"[^A-Za-z0-9._-]", text, maxsplit=1)[0])


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
