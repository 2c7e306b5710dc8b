"""What a connection says, typed and checked: extras of the old names too, and none that nobody knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tradewind.connection.extras import checked
from tradewind.errors import BrokenConnection
from tradewind_gsheet import extras

if TYPE_CHECKING:
    from tradewind.connection import Connection

#: What a login is asked for: to read and write spreadsheets, and to find, make, share and export them.
SCOPES = ("https://www.googleapis.com/auth/spreadsheets", "https://www.googleapis.com/auth/drive")

#: Of Airflow, and not here.
_ELSEWHERE = {
    "key_secret_name": "a key from Google's Secret Manager; give the connection key_path or keyfile_dict",
    "key_secret_project_id": "a key from Google's Secret Manager; give the connection key_path or keyfile_dict",
    "is_anonymous": "a login without a key, to which no spreadsheet is open",
}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How to reach Google, from one connection."""

    conn_id: str
    keys: dict[str, Any]  #: name of the extra -> what it says: no more than one
    scopes: tuple[str, ...]
    impersonation_chain: tuple[str, ...]
    quota_project: str | None
    token_uri: str | None
    endpoint: str | None  #: address in the place of Google's, without a slash at the end
    num_retries: int
    retry_delay: float
    reads_per_minute: int
    writes_per_minute: int
    connect_timeout: float
    timeout: float


def read(
    connection: Connection,
    conn_id: str,
    *,
    impersonation_chain: str | Sequence[str] | None = None,
    api_endpoint: str | None = None,
) -> Settings:
    """The settings of a connection; the arguments take the place of what it says. Raises BrokenConnection."""
    given = _extras(connection, conn_id)
    keys = {one.name: given[one.name] for one in extras.KEYS if given.get(one.name)}
    if len(keys) > 1:
        raise BrokenConnection(
            f"Connection {conn_id!r} has {' and '.join(keys)}, and only one of them can be the key: leave others out."
        )
    found = Settings(
        conn_id=conn_id,
        keys=keys,
        scopes=_listed(_one(given, "scopes", "scope", conn_id)) or SCOPES,
        impersonation_chain=_listed(impersonation_chain or given.get("impersonation_chain")),
        quota_project=given.get("quota_project_id") or None,
        token_uri=given.get("token_uri") or None,
        endpoint=_endpoint(connection, api_endpoint or None, given),
        num_retries=_number(given, "num_retries", 6),
        retry_delay=_number(given, "retry_delay", 1.0),
        reads_per_minute=_number(given, "reads_per_minute", 60),
        writes_per_minute=_number(given, "writes_per_minute", 60),
        connect_timeout=_number(given, "connect_timeout", 10.0),
        timeout=_number(given, "timeout", 180.0),
    )
    negative = [name for name in _NUMBERS if getattr(found, name) < 0]
    if negative:
        raise BrokenConnection(f"Connection {conn_id!r}: the extra {negative[0]!r} must not be below 0.")
    return found


_NUMBERS = ("num_retries", "retry_delay", "reads_per_minute", "writes_per_minute", "connect_timeout", "timeout")


def _extras(connection: Connection, conn_id: str) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for written, value in connection.extra_dejson.items():
        name = written.removeprefix(extras.OLD_PREFIX)
        if written != name and value in (None, ""):
            continue  # Airflow's forms left the empty ones behind
        if name in _ELSEWHERE and value not in (None, "", False, "false", "False"):
            raise BrokenConnection(f"Connection {conn_id!r} has the extra {written!r}: that is {_ELSEWHERE[name]}.")
        if name in _ELSEWHERE:
            continue
        if given.get(name, value) != value:
            raise BrokenConnection(f"Connection {conn_id!r} has the extra {name!r} twice, by its old and its new name.")
        given[name] = value
    return checked(given, extras.CONNECTION_TYPE, f"Connection {conn_id!r}")


def _one(given: dict[str, Any], name: str, other: str, conn_id: str) -> Any:
    values = [given[one] for one in (name, other) if given.get(one)]
    if len(values) == 2 and values[0] != values[1]:
        raise BrokenConnection(f"Connection {conn_id!r} has {name} and {other}, which mean the same: leave one out.")
    return values[0] if values else None


def _number(given: dict[str, Any], name: str, default: Any) -> Any:
    value = given.get(name)
    return default if value is None else value


def _listed(value: Any) -> tuple[str, ...]:
    parts = value.split(",") if isinstance(value, str) else value or ()
    return tuple(part.strip() for part in parts if part.strip())


def _endpoint(connection: Connection, argument: str | None, given: dict[str, Any]) -> str | None:
    """Where the server is. The host of the connection is one; without a scheme it is asked without TLS."""
    host = connection.host
    if host and connection.port:
        host = f"{host}:{connection.port}"
    found = argument or host or given.get("api_endpoint") or None
    if found is None:
        return None
    return (found if "://" in found else f"http://{found}").rstrip("/")
