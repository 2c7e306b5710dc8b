"""`SecretsManagerBackend`: connections and variables from AWS Secrets Manager, as the one of Airflow."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tradewind.connection.model import FIELD_ALIASES, FIELDS
from tradewind.errors import SecretsError
from tradewind_aws.secrets.source import AwsSecretsSource

#: Words that keys of a secret have for the fields of a connection, the most telling first.
WORDS: dict[str, tuple[str, ...]] = {
    "login": ("login", "user", "username", "user_name"),
    "password": ("password", "pass", "key"),
    "host": ("host", "hostname", "remote_host", "server"),
    "port": ("port",),
    "schema": ("schema", "database", "dbname"),
    "conn_type": ("conn_type", "connection_type", "type", "engine"),
    "extra": ("extra", "extra_dejson"),
    "description": ("description",),
}

#: What RDS adds to the secrets that it keeps, and a connection has no use for.
_OF_RDS = ("dbInstanceIdentifier", "dbClusterIdentifier", "dbClusterId", "masterarn", "masterArn")


class SecretsManagerBackend(AwsSecretsSource):
    """Secrets as connections (`airflow/connections/<id>`), variables (`airflow/variables/<key>`) and configuration.

    A connection is a URI or JSON, with the names of Airflow, of RDS or of `extra_conn_words`: `{"login": ["usuario"]}`.
    See `AwsSecretsSource` for the arguments.
    """

    service = "secretsmanager"
    label = "AWS Secrets Manager"
    possible = re.compile(r"[A-Za-z0-9/_+=.@-]{1,512}")

    def __init__(
        self,
        connections_prefix: str | None = "airflow/connections",
        connections_lookup_pattern: str | None = None,
        variables_prefix: str | None = "airflow/variables",
        variables_lookup_pattern: str | None = None,
        config_prefix: str | None = "airflow/config",
        config_lookup_pattern: str | None = None,
        sep: str = "/",
        extra_conn_words: Mapping[str, Sequence[str]] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            connections_prefix,
            connections_lookup_pattern,
            variables_prefix,
            variables_lookup_pattern,
            config_prefix,
            config_lookup_pattern,
            sep,
            **kwargs,
        )
        more = {"login": (extra_conn_words or {}).get("user", ()), **(extra_conn_words or {})}
        self._words = {field: (*words, *more.get(field, ())) for field, words in WORDS.items()}

    def get_conn_value(self, conn_id: str) -> str | None:
        value = super().get_conn_value(conn_id)
        return value if value is None else self._with_our_words(value)

    def _read(self, path: str) -> str:
        answer = self._hook.get_conn().get_secret_value(SecretId=path)
        if "SecretString" in answer:
            return str(answer["SecretString"])
        try:
            return bytes(answer["SecretBinary"]).decode("utf-8")
        except UnicodeDecodeError:
            raise SecretsError("it is binary, and no text") from None

    def _listed(self, beginning: str) -> Iterator[str]:
        pages = self._hook.get_conn().get_paginator("list_secrets")
        for page in pages.paginate(Filters=[{"Key": "name", "Values": [beginning]}] if beginning else []):
            for row in page["SecretList"]:
                if row["Name"].startswith(beginning):
                    yield row["Name"]

    def _with_our_words(self, value: str) -> str:
        """JSON that has other words for the fields, in ours; what needs no change is returned as it was written."""
        try:
            secret = json.loads(value) if value.lstrip().startswith("{") else None
        except ValueError:
            return value  # told by who reads the connection
        if not isinstance(secret, dict) or all(name in FIELDS or name in FIELD_ALIASES for name in secret):
            return value
        found = {name: part for name, part in secret.items() if name not in _OF_RDS}
        for field, words in self._words.items():
            named = [word for word in words if word in found]
            if named:
                found[field] = found.pop(named[0])
        return json.dumps(found)
