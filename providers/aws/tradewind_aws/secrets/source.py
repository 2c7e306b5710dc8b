"""What both sources of connections and variables have in common: where they look, and how they fail.

What is not there is None, so that the next source is asked. Everything else that goes wrong (no network, no permission,
wrong keys, a secret that is being deleted) is a SecretsError, and never "not defined".
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from tradewind.connection import Connection
from tradewind.errors import SecretsError, SettingError, TradewindError
from tradewind.secrets import SecretsSource
from tradewind_aws.errors import AccessDenied, NoSuchResource
from tradewind_aws.hook import AwsBaseHook

#: Unless the arguments say otherwise: an outage is told within seconds, and limits are waited for.
_OPTIONS = {"connect_timeout": 5, "read_timeout": 10, "retries": {"mode": "standard", "total_max_attempts": 4}}


@dataclass(frozen=True)
class Shelf:
    """Where things of one kind lie: names that begin with `prefix`, for ids that match `pattern`."""

    prefix: str | None  #: None: nowhere, this kind is not looked up
    pattern: re.Pattern[str] | None

    def has_place_for(self, name: str) -> bool:
        return self.prefix is not None and (self.pattern is None or self.pattern.match(name) is not None)


class AwsSecretsSource(SecretsSource, ABC):
    """A source in AWS. Its arguments have Airflow's names.

    A connection `x` lies under `<connections_prefix><sep>x`, a variable under `variables_prefix`, a configuration value
    under `config_prefix`; a prefix of None means that these are not looked up, and an empty one that the id is the
    whole name. Ids that do not match a `*_lookup_pattern` (a regular expression for their beginning) are not asked for,
    which saves calls. All other arguments are extras of an aws connection: `region_name`, `profile_name`, `role_arn`,
    `endpoint_url` ...; without keys among them boto3 finds its own.
    """

    slow = True
    #: Name of the service: "ssm".
    service: ClassVar[str]
    #: How people call it.
    label: ClassVar[str]
    #: Names that the service can have; an id that makes another one is not there.
    possible: ClassVar[re.Pattern[str]]

    def __init__(
        self,
        connections_prefix: str | None,
        connections_lookup_pattern: str | None,
        variables_prefix: str | None,
        variables_lookup_pattern: str | None,
        config_prefix: str | None,
        config_lookup_pattern: str | None,
        sep: str,
        **kwargs: Any,
    ) -> None:
        self._sep = sep
        self._connections = _shelf("connections", connections_prefix, connections_lookup_pattern)
        self._variables = _shelf("variables", variables_prefix, variables_lookup_pattern)
        self._configs = _shelf("config", config_prefix, config_lookup_pattern)
        self._hook = _hook(self.service, self.label, kwargs)

    # What a source answers

    def get_conn_value(self, conn_id: str) -> str | None:
        return self._value(self._connections, conn_id)

    def get_variable(self, key: str) -> str | None:
        return self._value(self._variables, key)

    def get_config(self, key: str) -> str | None:
        return self._value(self._configs, key)

    def conn_ids(self) -> list[str] | None:
        return self._names(self._connections)

    def variable_keys(self) -> list[str] | None:
        return self._names(self._variables)

    def describe_conn(self, conn_id: str) -> str:
        return self._describe(self._connections, conn_id)

    def describe_variable(self, key: str) -> str:
        return self._describe(self._variables, key)

    def explain_missing_conn(self, conn_id: str) -> str:
        return self._explain(self._connections, conn_id, "connections")

    def explain_missing_variable(self, key: str) -> str:
        return self._explain(self._variables, key, "variables")

    # What a service has to tell

    @abstractmethod
    def _read(self, path: str) -> str:
        """The text under a name. Raises NoSuchResource, or any other error."""

    @abstractmethod
    def _listed(self, beginning: str) -> Iterator[str]:
        """All names that begin so."""

    def _path(self, shelf: Shelf, name: str) -> str:
        """The whole name in the service."""
        return f"{shelf.prefix.removesuffix(self._sep)}{self._sep}{name}" if shelf.prefix else name

    # How

    def _value(self, shelf: Shelf, name: str) -> str | None:
        if not shelf.has_place_for(name):
            return None
        path = self._path(shelf, name)
        if not self.possible.fullmatch(path):
            return None
        try:
            with self._hook.explained(thing=repr(path)):
                return self._read(path)
        except NoSuchResource:
            return None
        except TradewindError as error:
            raise self._failed(repr(path), error) from error

    def _names(self, shelf: Shelf) -> list[str] | None:
        if shelf.prefix is None:
            return []
        beginning = self._path(shelf, "")
        try:
            with self._hook.explained(thing="a list"):
                found = [path.removeprefix(beginning) for path in self._listed(beginning)]
        except AccessDenied:  # listing is a permission of its own, which reading does not need
            return None
        except TradewindError as error:
            raise self._failed("a list", error) from error
        return sorted(name for name in found if name and shelf.has_place_for(name))

    def _failed(self, what: str, error: TradewindError) -> SecretsError:
        return SecretsError(f"The secrets source {self.name or self.label!r} failed when asked for {what}: {error}")

    def _describe(self, shelf: Shelf, name: str) -> str:
        return f"{self.label}: {self._path(shelf, name)}"

    def _explain(self, shelf: Shelf, name: str, what: str) -> str:
        if shelf.prefix is None:
            return f"{what}_prefix is None, so that it has none"
        if not shelf.has_place_for(name):
            return f"{what}_lookup_pattern leaves it out"
        return f"there is no {self._path(shelf, name)}"


def _shelf(what: str, prefix: str | None, pattern: str | None) -> Shelf:
    try:
        return Shelf(prefix, re.compile(pattern) if pattern else None)
    except re.error as error:
        raise SettingError(f"{what}_lookup_pattern, {pattern!r}, is no regular expression: {error}.") from error


def _hook(service: str, label: str, given: dict[str, Any]) -> AwsBaseHook:
    """A hook for the arguments of a source, which are extras of a connection. Raises SettingError for others."""
    options = {**_OPTIONS, **(given.get("config_kwargs") or {})}
    try:
        hook = AwsBaseHook(
            client_type=service, connection=Connection(None, "aws", extra={**given, "config_kwargs": options})
        )
        _ = hook.conn_config  # a mistake is told at once
    except TradewindError as error:
        raise SettingError(f"{label} cannot use its arguments (secrets_options): {error}") from error
    return hook
