"""What a connection says about AWS, read once and typed: keys, region, role, servers, options.

A connection that is there and cannot be right is an error. Only where there is none to look at are the machine's own
credentials (environment, profile, instance role) used.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tradewind.connection.extras import checked
from tradewind.errors import BrokenConnection
from tradewind.settings import parse_bool
from tradewind_aws import extras, hosts

if TYPE_CHECKING:
    from tradewind.connection import Connection
    from tradewind.records import ConnectionType

#: What such stores call the region of everything.
STORE_REGION = "us-east-1"

#: Types of connections that are read here; `generic` is one whose JSON names none.
TYPES = ("aws", "s3", "generic")


@dataclass(frozen=True)
class AwsSettings:
    """What a connection says. The default: nothing, so that boto3 looks for credentials as it always does."""

    who: str = "AWS without a connection"  #: how messages call it
    conn_id: str | None = None
    aws_access_key_id: str | None = None
    aws_secret_access_key: str | None = field(default=None, repr=False)
    aws_session_token: str | None = field(default=None, repr=False)
    region_name: str | None = None
    profile_name: str | None = None
    verify: bool | str | None = None  #: None: as botocore has it
    config_kwargs: Mapping[str, Any] = field(default_factory=dict)
    endpoint_url: str | None = None  #: server for all services
    service_config: Mapping[str, Any] = field(default_factory=dict)
    role_arn: str | None = None
    assume_role_method: str = extras.ASSUME_ROLE
    assume_role_kwargs: Mapping[str, Any] = field(default_factory=dict, repr=False)
    web_identity_token_file: str | None = None
    bucket: str | None = None  #: meant where none is named
    is_store: bool = False  #: it has nothing but S3, and is not AWS
    is_anonymous: bool = False  #: requests are not signed

    def get_service_config(self, service: str) -> dict[str, Any]:
        """The part of `service_config` for one service. Raises BrokenConnection if it is not a mapping."""
        found = self.service_config.get(service) or {}
        if not isinstance(found, Mapping):
            raise BrokenConnection(f"{self.who}: service_config.{service} must be a JSON object.")
        return dict(found)

    def get_service_endpoint_url(self, service: str) -> str | None:
        """Server for a service; None: that of AWS. Roles are AWS's own business: `sts` only has one of its own."""
        own = self.get_service_config(service).get("endpoint_url")
        return own or (None if service == "sts" else self.endpoint_url)

    def speaks_to_aws(self, service: str) -> bool:
        """Whether the service is reached at AWS itself, and not at a server that stands in for it."""
        endpoint = self.get_service_endpoint_url(service)
        return endpoint is None or hosts.is_aws(urlsplit(endpoint).hostname or "")


def read(connection: Connection, conn_id: str | None) -> AwsSettings:
    """What the connection says. Raises BrokenConnection, naming it, for what cannot be right."""
    who = f"Connection {conn_id!r}" if conn_id else "The AWS connection"
    if connection.conn_type not in TYPES:
        raise BrokenConnection(
            f"{who} is of type {connection.conn_type!r}; AWS hooks open 'aws' and 's3' connections only."
        )
    given = _known_extras(connection, who)
    found: dict[str, Any] = {
        "service_config": given.get("service_config") or {},
        "config_kwargs": _config_kwargs(given.get("config_kwargs") or {}),
        "profile_name": given.get("profile_name") or None,
        "verify": _verify(given.get("verify")),
        "endpoint_url": _checked_url(given.get("endpoint_url"), who),
        **_keys(connection, given, who),
        **_role(given, who),
    }
    _put_host(found, _host_url(connection, given, who), connection.conn_type, who)
    found["region_name"] = given.get("region_name") or found.get("region_name")
    settings = AwsSettings(
        **{name: value for name, value in found.items() if value is not None}, who=who, conn_id=conn_id
    )
    return replace(settings, bucket=_bucket(connection, settings))


def _put_host(found: dict[str, Any], url: str | None, conn_type: str, who: str) -> None:
    """What the connection's host means: the server for S3, or, of an `aws` connection, for every service."""
    if url is None:
        return
    if conn_type != "s3":
        if found["endpoint_url"] not in (None, url):
            raise BrokenConnection(f"{who} has a host and endpoint_url, which mean the same; leave one out.")
        found["endpoint_url"] = url
        return
    host = urlsplit(url).hostname or ""
    services = found["service_config"]
    found["service_config"] = {**services, "s3": {"endpoint_url": url, **(services.get("s3") or {})}}
    found["is_store"] = not hosts.is_aws(host)
    found["is_anonymous"] = found["is_store"] and not found.get("aws_access_key_id")
    found["region_name"] = STORE_REGION if found["is_store"] else hosts.region_of(host)


def _known_extras(connection: Connection, who: str) -> dict[str, Any]:
    declared: ConnectionType = extras.S3_TYPE if connection.conn_type == "s3" else extras.AWS_TYPE
    found = checked(connection.extra_dejson, declared, who)
    for extra in declared.extras:
        value = found.get(extra.name)
        if extra.type is dict and value is not None and not isinstance(value, dict):
            raise BrokenConnection(f"{who}: the extra {extra.name!r} must be a JSON object.")
    return found


def _host_url(connection: Connection, given: Mapping[str, Any], who: str) -> str | None:
    """`http://host:port` of a connection that has a host."""
    if not connection.host:
        return None
    if len(connection.hosts) > 1:
        raise BrokenConnection(f"{who} has several hosts; AWS connections have one.")
    protocol, separator, host = connection.host.rpartition("://")
    if not separator:
        protocol = "http" if given.get("tls") is False else "https"
        host = f"[{host}]" if ":" in host and not host.startswith("[") else host
    port = f":{connection.port}" if connection.port else ""
    return _checked_url(f"{protocol}://{host.rstrip('/')}{port}", who)


def _checked_url(url: str | None, who: str) -> str | None:
    if not url:
        return None
    try:
        parts = urlsplit(url)
        is_url = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_url = False
    if not is_url:
        raise BrokenConnection(f"{who}: the address of its server must be http://host:port or https://host:port.")
    return url


def _keys(connection: Connection, given: Mapping[str, Any], who: str) -> dict[str, Any]:
    """The keys: login and password, else extras, else the old `session_kwargs`. Half a pair is an error."""
    old = given.get("session_kwargs") or {}
    pairs = (
        (connection.login, connection.password, "a login", "a password"),
        *(
            (place.get("aws_access_key_id"), place.get("aws_secret_access_key"), "an access key", "a secret key")
            for place in (given, old)
        ),
    )
    token = given.get("aws_session_token") or old.get("aws_session_token")
    for key, secret, key_word, secret_word in pairs:
        if bool(key) != bool(secret):
            has, lacks = (key_word, secret_word) if key else (secret_word, key_word)
            raise BrokenConnection(f"{who} has {has} and not {lacks}; it needs both, or neither for boto3's own.")
        if key:
            return {"aws_access_key_id": key, "aws_secret_access_key": secret, "aws_session_token": token or None}
    if token:
        raise BrokenConnection(f"{who} has a session token, and not the keys that it belongs to.")
    return {}


def _role(given: Mapping[str, Any], who: str) -> dict[str, Any]:
    role = given.get("role_arn") or None
    method = given.get("assume_role_method") or extras.ASSUME_ROLE
    token_file = given.get("assume_role_with_web_identity_token_file") or None
    if role is None:
        if "assume_role_method" in given or given.get("assume_role_kwargs") or token_file:
            raise BrokenConnection(f"{who} says how to take on a role, and not which; add role_arn.")
        return {}
    if method == extras.WEB_IDENTITY and token_file is None:
        raise BrokenConnection(
            f"{who} takes on a role by web identity; name its file in assume_role_with_web_identity_token_file."
        )
    return {
        "role_arn": role,
        "assume_role_method": method,
        "assume_role_kwargs": given.get("assume_role_kwargs") or {},
        "web_identity_token_file": token_file,
    }


def _verify(value: Any) -> bool | str | None:
    """Text from a URI is a word for true or false, or a file."""
    if value is None or isinstance(value, bool):
        return value
    try:
        return parse_bool(str(value))
    except ValueError:
        return str(value) or None


def _config_kwargs(given: Mapping[str, Any]) -> dict[str, Any]:
    """Options of botocore's Config; numbers and truth values that came as text (`config_kwargs.read_timeout=5`)."""
    return {name: _plain(value) for name, value in given.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return _config_kwargs(value)
    if isinstance(value, str):
        if re.fullmatch(r"-?\d+", value):
            return int(value)
        if re.fullmatch(r"-?\d+\.\d+", value):
            return float(value)
        if value.lower() in ("true", "false"):
            return value.lower() == "true"
    return value


def _bucket(connection: Connection, settings: AwsSettings) -> str | None:
    bucket = settings.get_service_config("s3").get("bucket_name") or connection.schema
    if bucket and "/" in bucket.strip("/"):
        raise BrokenConnection(f"{settings.who}: what follows its host is a bucket, and no path in one: {bucket!r}.")
    return bucket.strip("/") if bucket else None
