"""Clients of AWS for hooks that log in with a token of AWS IAM, and not with a password.

Credentials are a connection's, through the hook that the provider of its type brings: so roles, profiles and regions
count here as they do there. No provider of AWS and no boto3 is imported before a token is wanted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from tradewind.errors import BrokenConnection, ConnectionFault, ConnectionNotFound, TradewindError
from tradewind.hook import BaseHook
from tradewind.secrets import mask_secret, redact

if TYPE_CHECKING:
    from tradewind.connection import Connection

T = TypeVar("T")

#: The aws connection that is meant when none is named. Only this one may be missing: boto3 then looks for credentials.
DEFAULT = "aws_default"


def rds_token(connection: Connection, extras: Mapping[str, Any], port: int) -> str:
    """A token that is the login's password for a quarter of an hour, for RDS and Aurora.

    Raises BrokenConnection for a connection without a host or login, and what `ask` raises.
    """
    if not connection.host or not connection.login:
        raise BrokenConnection(f"{_who(connection)}: iam needs a host and a login, for which the token is made.")
    address = {"DBHostname": connection.host, "Port": port, "DBUsername": connection.login}
    made = ask("rds", connection, extras, lambda client: client.generate_db_auth_token(**address))
    mask_secret(made)
    return str(made)


def ask(service: str, connection: Connection, extras: Mapping[str, Any], question: Callable[[Any], T]) -> T:
    """What `question` gets from boto3's client of an AWS service, with the credentials that the extras name.

    Raises ConnectionFault if there are none, if AWS refuses, or if what makes the client is not installed.
    """
    region = extras.get("region_name")
    aws = _aws_connection(connection, extras.get("aws_conn_id") or DEFAULT)
    try:
        if aws is None:
            return question(_boto3(connection).Session(region_name=region).client(service))
        with aws.get_hook(hook_params={"client_type": service, "region_name": region}) as hook:
            return question(hook.get_conn())
    except TradewindError:
        raise
    except Exception as error:  # botocore has a class for each way to lack a region or credentials
        raise ConnectionFault(
            f"{_who(connection)}: AWS gives no token: {redact(str(error)).rstrip('.')}. "
            "Name region_name= and aws_conn_id=, or set up boto3."
        ) from error


def _who(connection: Connection) -> str:
    return f"Connection {connection.conn_id or connection.conn_type!r}"


def _aws_connection(connection: Connection, conn_id: str) -> Connection | None:
    try:
        found = BaseHook.get_connection(conn_id)
    except ConnectionNotFound:
        if conn_id != DEFAULT:
            raise
        return None
    if found.conn_type != "aws":
        raise BrokenConnection(
            f"{_who(connection)}: its token is to come from {conn_id!r}, which is of type {found.conn_type!r}, "
            "not 'aws'."
        )
    if found.type is None:
        raise ConnectionFault(f"{_who(connection)}: its token comes from {conn_id!r}: pip install tradewind-aws.")
    return found


def _boto3(connection: Connection) -> Any:
    try:
        import boto3
    except ImportError as error:
        package = f"tradewind-{connection.conn_type}[iam]"
        raise ConnectionFault(f"{_who(connection)}: iam needs boto3: pip install {package!r}.") from error
    return boto3
