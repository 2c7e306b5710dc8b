"""`var` and `conn` in the context: variables and connections by name, looked up when a template uses them.

What is secret among them is masked in logs from the moment that it is read: `Variable.get` and `Connection.get` see to
that.

    {{ var.value.bucket }}   {{ var.value.get("bucket", "none") }}   {{ var.json.limits.rows }}
    {{ conn.warehouse.host }}   {{ conn.get("warehouse").host }}
"""

from __future__ import annotations

from typing import Any

from tradewind.connection import Connection
from tradewind.errors import ConnectionNotFound, VariableNotFound
from tradewind.variable import Variable


class VariableAccessor:
    """`var.value` (text) and `var.json` (read as JSON)."""

    def __init__(self, *, deserialize_json: bool = False) -> None:
        self._deserialize_json = deserialize_json

    def __getattr__(self, key: str) -> Any:
        if key.startswith("__"):  # Python and Jinja look for protocols this way
            raise AttributeError(key)
        return self[key]

    def __getitem__(self, key: str) -> Any:
        return Variable.get(key, deserialize_json=self._deserialize_json)

    def get(self, key: str, default: Any = None) -> Any:
        """The variable `key`, or `default` if no source knows it."""
        try:
            return self[key]
        except VariableNotFound:
            return default

    def __repr__(self) -> str:
        return "<variables as JSON>" if self._deserialize_json else "<variables>"


class Variables:
    """`var`."""

    def __init__(self) -> None:
        self.value = VariableAccessor()
        self.json = VariableAccessor(deserialize_json=True)


class ConnectionAccessor:
    """`conn`: `{{ conn.warehouse.host }}`."""

    def __getattr__(self, conn_id: str) -> Connection:
        if conn_id.startswith("__"):
            raise AttributeError(conn_id)
        return self[conn_id]

    def __getitem__(self, conn_id: str) -> Connection:
        return Connection.get(conn_id)

    def get(self, conn_id: str, default: Any = None) -> Any:
        """The connection `conn_id`, or `default` if no source knows it; a broken one is still an error."""
        try:
            return self[conn_id]
        except ConnectionNotFound:
            return default

    def __repr__(self) -> str:
        return "<connections>"
