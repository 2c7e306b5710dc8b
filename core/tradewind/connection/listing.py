"""Connections as a whole: listed with their origin, stored, deleted, exported."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable
from dataclasses import dataclass

from tradewind.connection.model import Connection
from tradewind.errors import BrokenConnection, SecretsError, UsageError
from tradewind.secrets import CONNECTIONS, survey, variable_name

#: Forms that `dump_connections` writes.
EXPORT_FORMATS = ("env", "uri", "json", "yaml")


@dataclass(frozen=True)
class ConnectionRow:
    """One place that defines a connection."""

    conn_id: str  #: "" for a source that cannot be asked at all
    conn_type: str
    uri: str  #: masked
    source: str  #: name of the source
    where: str  #: exactly: the variable, file and line, or row
    shadows: tuple[str, ...] = ()  #: places that this one hides
    shadowed_by: str | None = None  #: the place that is used instead
    error: str | None = None  #: why it cannot be read
    connection: Connection | None = None  #: unless it cannot be read


def list_connections() -> list[ConnectionRow]:
    """Every connection of every source that can list, broken and shadowed ones too, sorted by id."""
    rows = []
    for found in survey(CONNECTIONS):
        connection, error = None, found.error
        if found.value is not None:
            try:
                connection = Connection.from_value(found.value, found.name, where=found.where)
            except BrokenConnection as broken:
                error = str(broken)
        rows.append(
            ConnectionRow(
                found.name,
                connection.conn_type if connection else "",
                connection.masked_uri() if connection else "",
                found.source,
                found.where,
                found.shadows,
                found.shadowed_by,
                error,
                connection,
            )
        )
    return rows


def dump_connections(connections: Iterable[Connection], form: str) -> str:
    """Connections as text, secrets in clear: `env` (for a shell or a `.env`), `uri` (`id=uri` lines), `json`, `yaml`.

    Each form can be read again by `parse_connections_file`.
    """
    rows = sorted(connections, key=lambda connection: connection.conn_id or "")
    if form == "env":
        return "".join(f"{name}={shlex.quote(uri)}\n" for name, uri in _env_names(rows).items())
    if form == "uri":
        return "".join(f"{row.conn_id}={row.get_uri()}\n" for row in rows)
    fields = {row.conn_id: json.loads(row.as_json()) for row in rows}
    if form == "json":
        return json.dumps(fields, indent=2, ensure_ascii=False) + "\n"
    if form == "yaml":
        try:
            import yaml
        except ImportError:
            raise SecretsError("YAML needs PyYAML: `pip install pyyaml`, or choose the form json.") from None
        return str(yaml.safe_dump(fields, allow_unicode=True, sort_keys=False))
    raise UsageError(f"There is no form {form!r}; choose one of {', '.join(EXPORT_FORMATS)}.")


def _env_names(rows: list[Connection]) -> dict[str, str]:
    names: dict[str, str] = {}
    owners: dict[str, str | None] = {}
    for row in rows:
        name = variable_name(row.conn_id or "", prefix="AIRFLOW_")
        if name in names:
            raise UsageError(
                f"The connections {owners[name]!r} and {row.conn_id!r} would both be {name}. Choose another form, or "
                "rename one of them."
            )
        names[name], owners[name] = row.get_uri(), row.conn_id
    return names
