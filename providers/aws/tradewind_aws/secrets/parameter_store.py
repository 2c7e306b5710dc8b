"""`SystemsManagerParameterStoreBackend`: connections and variables from the parameters of AWS Systems Manager."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tradewind_aws.secrets.source import AwsSecretsSource, Shelf


class SystemsManagerParameterStoreBackend(AwsSecretsSource):
    """Parameters as connections (`/airflow/connections/<id>`), variables (`/airflow/variables/<key>`) and
    configuration.

    Encrypted ones are decrypted. See `AwsSecretsSource` for the arguments.
    """

    service = "ssm"
    label = "AWS Parameter Store"
    possible = re.compile(r"[A-Za-z0-9_./-]{1,1011}")

    def __init__(
        self,
        connections_prefix: str | None = "/airflow/connections",
        connections_lookup_pattern: str | None = None,
        variables_prefix: str | None = "/airflow/variables",
        variables_lookup_pattern: str | None = None,
        config_prefix: str | None = "/airflow/config",
        config_lookup_pattern: str | None = None,
        sep: str = "/",
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

    def _path(self, shelf: Shelf, name: str) -> str:
        """Names with a `/` in them begin with one."""
        path = super()._path(shelf, name)
        return f"/{path}" if "/" in path and not path.startswith("/") else path

    def _read(self, path: str) -> str:
        return str(self._hook.get_conn().get_parameter(Name=path, WithDecryption=True)["Parameter"]["Value"])

    def _listed(self, beginning: str) -> Iterator[str]:
        pages = self._hook.get_conn().get_paginator("describe_parameters")
        wanted = [{"Key": "Name", "Option": "BeginsWith", "Values": [beginning]}] if beginning else []
        for page in pages.paginate(ParameterFilters=wanted):
            for row in page["Parameters"]:
                yield row["Name"]
