"""What every source of connections and variables is: raw text by id, nothing parsed.

A source answers None for what it does not have, raises for what it has and cannot read, and says exactly where a
value lies. It is registered under a name with `register_secrets_backends` and put in order by the setting
`secrets_sources`.
"""

from __future__ import annotations

from tradewind.errors import SecretsError, TradewindError


class SecretsSource:
    """One place that connections and variables come from. Subclasses override what they can do."""

    #: The name it was registered under; filled in when the source is made.
    name: str = ""
    #: True: asking costs money or a network round trip, so answers are kept for `secrets_cache_seconds`.
    slow: bool = False

    def get_conn_value(self, conn_id: str) -> str | None:
        """The connection as it was written, URI or JSON; None if this source has none of that id."""
        return None

    def get_variable(self, key: str) -> str | None:
        return None

    def get_config(self, key: str) -> str | None:
        return None

    def conn_ids(self) -> list[str] | None:
        """Ids of all connections, or None if this source cannot list them."""
        return None

    def variable_keys(self) -> list[str] | None:
        """Keys of all variables, or None if this source cannot list them."""
        return None

    def describe_conn(self, conn_id: str) -> str:
        """Where exactly the connection lies or would lie, for messages: "AIRFLOW_CONN_X", a file and line, a row."""
        return f"{self.name}: {conn_id}"

    def describe_variable(self, key: str) -> str:
        return f"{self.name}: {key}"

    def conn_places(self, conn_id: str) -> dict[str, str | TradewindError]:
        """Every place within this source that defines the connection, the one in use first, and what it holds."""
        value = self.get_conn_value(conn_id)
        return {} if value is None else {self.describe_conn(conn_id): value}

    def variable_places(self, key: str) -> dict[str, str | TradewindError]:
        value = self.get_variable(key)
        return {} if value is None else {self.describe_variable(key): value}

    def explain_missing_conn(self, conn_id: str) -> str:
        """What this source says when it does not have the connection; part of the "not defined" message."""
        return "has none of that id"

    def explain_missing_variable(self, key: str) -> str:
        return "has none of that key"

    def set_connection(self, conn_id: str, value: str) -> None:
        """Store a connection, given as URI or JSON. Raises SecretsError if this source is read-only."""
        raise self._read_only()

    def delete_connection(self, conn_id: str) -> bool:
        """True if it was there."""
        raise self._read_only()

    def set_variable(self, key: str, value: str, description: str | None = None) -> None:
        raise self._read_only()

    def delete_variable(self, key: str) -> bool:
        """True if it was there."""
        raise self._read_only()

    def _read_only(self) -> SecretsError:
        return SecretsError(f"The secrets source {self.name!r} can only be read; change the value where it lies.")
