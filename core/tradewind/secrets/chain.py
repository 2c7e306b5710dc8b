"""The sources in the configured order, and what is asked of all of them.

Each source is made when it is asked for the first time, so a connection from the environment never loads the metadata
database. A source that fails is an error that names it: nothing falls through to the next one.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from tradewind import settings as settings_module
from tradewind.errors import PluginError, SecretsError, SettingError, TradewindError
from tradewind.secrets.masking import mask_text
from tradewind.secrets.source import SecretsSource
from tradewind.settings import Settings

T = TypeVar("T")

#: "Not there" is remembered for a shorter time than a value, so that what was just added is soon found.
MISS_SECONDS = 30.0

_made: dict[tuple[Any, ...], SecretsSource] = {}


def sources() -> list[SecretsSource]:
    """Every source, in the order in which they are asked."""
    return list(iterate_sources())


def iterate_sources() -> Iterator[SecretsSource]:
    """The sources in order, each made only when it is reached. One process makes each only once."""
    settings = settings_module.read()
    options = _options(settings)
    for name in settings.secrets_sources:
        yield _source(name, options, settings)


def source_named(name: str) -> SecretsSource:
    """The source registered as `name`, whether or not it is in the order."""
    settings = settings_module.read()
    return _source(name, _options(settings), settings)


def asked(source: SecretsSource, question: str, action: Callable[[], T]) -> T:
    """The result of `action`; whatever it raises becomes an error that names the source and the question."""
    try:
        return action()
    except TradewindError:
        raise
    except Exception as error:
        raise SecretsError(
            f"The secrets source {source.name!r} failed when asked for {question}: "
            f"{mask_text(f'{type(error).__name__}: {error}')}"
        ) from error


def forget_sources() -> None:
    """Make all sources afresh when they are asked next, and drop what was kept of their answers."""
    _made.clear()


def _source(name: str, options: dict[str, dict[str, Any]], settings: Settings) -> SecretsSource:
    arguments = options.get(name) or (options.get("*", {}) if "." in name else {})
    # The process is part of the key: a client that a forked process inherits must not be shared with its parent.
    key = (name, json.dumps(arguments, sort_keys=True), settings.secrets_cache_seconds, settings.home, os.getpid())
    known = _made.get(key)
    if known is None:
        _made[key] = known = _make(name, arguments, settings)
    return known


def _make(name: str, arguments: dict[str, Any], settings: Settings) -> SecretsSource:
    from tradewind import plugins

    try:
        kind = plugins.current().resolve("register_secrets_backends", name)
    except PluginError as error:
        raise SecretsError(f"The setting secrets_sources names {name!r}: {error}") from error
    try:
        made = kind(**arguments)
    except TradewindError:
        raise
    except Exception as error:
        reason = mask_text(f"{type(error).__name__}: {error}")
        raise SecretsError(f"The secrets source {name!r} cannot be made: {reason}") from error
    source = made if isinstance(made, SecretsSource) else AirflowBackend(made)
    source.name = name
    return CachedSource(source, settings.secrets_cache_seconds) if source.slow else source


def _options(settings: Settings) -> dict[str, dict[str, Any]]:
    if not settings.secrets_options:
        return {}
    try:
        options = json.loads(settings.secrets_options)
    except ValueError:
        options = None
    if not isinstance(options, dict) or not all(isinstance(value, dict) for value in options.values()):
        raise SettingError(
            "The setting secrets_options (AIRFLOW__SECRETS__BACKEND_KWARGS) cannot be read. It is JSON: "
            '{"source": {"keyword": "value"}}; in the Airflow form only the inner braces.'
        )
    return options


class AirflowBackend(SecretsSource):
    """Makes a source of an object with the methods of an Airflow secrets backend."""

    slow = True

    def __init__(self, backend: Any) -> None:
        self._backend = backend

    def get_conn_value(self, conn_id: str) -> str | None:
        for method in ("get_conn_value", "get_connection", "get_conn_uri"):
            function = getattr(self._backend, method, None)
            if function is None:
                continue
            try:
                found = function(conn_id)
            except NotImplementedError:  # Airflow's base class has all of them; subclasses fill in one
                continue
            return _as_value(found)
        return None

    def get_variable(self, key: str) -> str | None:
        return self._text("get_variable", key)

    def get_config(self, key: str) -> str | None:
        return self._text("get_config", key)

    def describe_conn(self, conn_id: str) -> str:
        return f"{type(self._backend).__name__}: {conn_id}"

    def describe_variable(self, key: str) -> str:
        return f"{type(self._backend).__name__}: {key}"

    def _text(self, method: str, key: str) -> str | None:
        function = getattr(self._backend, method, None)
        try:
            found = function(key) if function else None
        except NotImplementedError:
            return None
        return found if found is None or isinstance(found, str) else str(found)


def _as_value(found: Any) -> str | None:
    """Text, or an object with the URI of a connection."""
    if found is None or isinstance(found, str):
        return found
    get_uri = getattr(found, "get_uri", None)
    if get_uri is None:
        raise TypeError(f"it answered with a {type(found).__name__} instead of a URI, JSON or connection")
    return str(get_uri())


class CachedSource(SecretsSource):
    """Keeps the answers of a slow source in memory."""

    slow = True

    def __init__(self, source: SecretsSource, seconds: float) -> None:
        self.source, self.name, self._seconds = source, source.name, seconds
        self._answers: dict[tuple[str, str], tuple[float, str | None]] = {}

    def get_conn_value(self, conn_id: str) -> str | None:
        return self._kept("get_conn_value", conn_id)

    def get_variable(self, key: str) -> str | None:
        return self._kept("get_variable", key)

    def get_config(self, key: str) -> str | None:
        return self._kept("get_config", key)

    def _kept(self, method: str, name: str) -> str | None:
        now = time.monotonic()
        until, answer = self._answers.get((method, name), (now, None))
        if until <= now:
            answer = getattr(self.source, method)(name)
            keep = self._seconds if answer is not None else min(self._seconds, MISS_SECONDS)
            self._answers[method, name] = (now + keep, answer)
        return answer

    def conn_ids(self) -> list[str] | None:
        return self.source.conn_ids()

    def variable_keys(self) -> list[str] | None:
        return self.source.variable_keys()

    def describe_conn(self, conn_id: str) -> str:
        return self.source.describe_conn(conn_id)

    def describe_variable(self, key: str) -> str:
        return self.source.describe_variable(key)

    def explain_missing_conn(self, conn_id: str) -> str:
        return self.source.explain_missing_conn(conn_id)

    def explain_missing_variable(self, key: str) -> str:
        return self.source.explain_missing_variable(key)

    def set_connection(self, conn_id: str, value: str) -> None:
        self._answers.clear()
        self.source.set_connection(conn_id, value)

    def delete_connection(self, conn_id: str) -> bool:
        self._answers.clear()
        return self.source.delete_connection(conn_id)

    def set_variable(self, key: str, value: str, description: str | None = None) -> None:
        self._answers.clear()
        self.source.set_variable(key, value, description)

    def delete_variable(self, key: str) -> bool:
        self._answers.clear()
        return self.source.delete_variable(key)
