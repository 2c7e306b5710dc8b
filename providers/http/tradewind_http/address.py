"""Where a connection leads, in the forms that people write it; and what may be shown of an URL."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit, urlunsplit

from tradewind.connection import Connection
from tradewind.errors import BrokenConnection

SCHEMES = ("http", "https")


def base_url(connection: Connection) -> str:
    """`https://api.example.com/v2`, without a slash at its end, of any of these connections:

        https://api.example.com/v2
        http://api.example.com/https          (Airflow's form: the schema is the scheme)
        http://https%3A%2F%2Fapi.example.com  (Airflow's other form: the host is an URL)

    Raises BrokenConnection if it names no host.
    """
    host, schema = connection.host or "", connection.schema or ""
    if not host:
        raise BrokenConnection(
            f"The connection {connection.conn_id!r} names no host. Write it as "
            "https://login:password@api.example.com/path."
        )
    scheme, separator, rest = host.partition("://")  # the host of an https connection has the scheme before it
    if not separator:
        scheme, rest = (schema.lower() if schema.lower() in SCHEMES else "http"), host
    name, _, before = rest.partition("/")
    if name.count(":") > 1 and not name.startswith("["):
        name = f"[{name}]"  # an address of IPv6
    port = f":{connection.port}" if connection.port else ""
    behind = "" if schema.lower() in SCHEMES else schema
    path = "/".join(part for part in (before.strip("/"), behind.strip("/")) if part)
    return urlunsplit((scheme.lower(), name + port, f"/{path}" if path else "", "", ""))


def endpoint_url(base: str, endpoint: str | None) -> str:
    """An endpoint below the base address; one that is an URL stays as it is."""
    if not endpoint:
        return base
    if endpoint.lower().startswith(tuple(f"{scheme}://" for scheme in SCHEMES)):
        return endpoint
    return f"{base.rstrip('/')}/{endpoint.lstrip('/')}"


def next_url(current: str, told: str) -> str:
    """The address that an answer from `current` names as the next one."""
    return urljoin(current, told)


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port: credentials for one of them are not for another."""
    found = urlsplit(url)
    scheme = found.scheme.lower()
    return scheme, (found.hostname or "").lower(), found.port or (443 if scheme == "https" else 80)


def shown(url: str) -> str:
    """What may be shown of an URL: no login, no query, for either may hold a secret."""
    try:
        found = urlsplit(url)
        port = f":{found.port}" if found.port else ""
    except ValueError:
        return "what is no address"
    host = found.hostname or ""
    host = f"[{host}]" if ":" in host else host
    return urlunsplit((found.scheme, host + port, found.path, "", ""))
