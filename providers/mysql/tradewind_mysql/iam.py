"""Logging in to Amazon RDS and Aurora with a token of AWS IAM. boto3 is asked for it: `tradewind-mysql[iam]`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradewind.errors import BrokenConnection, ConnectionFault, TradewindError
from tradewind.secrets import mask_secret

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tradewind.connection import Connection


def token(
    connection: Connection, extras: Mapping[str, Any], conn_id: str, find: Callable[[str], Connection]
) -> tuple[str, int]:
    """A token that serves as password for a quarter of an hour, and the port. `find` looks a connection up."""
    if not connection.host or not connection.login:
        raise BrokenConnection(f"Connection {conn_id!r}: iam needs a host and a login, for which the token is made.")
    try:
        import boto3
    except ImportError as error:
        raise ConnectionFault(
            f"Connection {conn_id!r}: iam needs boto3: pip install 'tradewind-mysql[iam]'."
        ) from error
    port = connection.port or 3306
    try:
        session = boto3.Session(**_credentials(extras, find))
        client = session.client("rds")
        made = client.generate_db_auth_token(DBHostname=connection.host, Port=port, DBUsername=connection.login)
    except TradewindError:
        raise
    except Exception as error:  # botocore has a class for each way to lack a region or credentials
        raise ConnectionFault(
            f"Connection {conn_id!r}: AWS gives no token: {error}. Name region_name= and aws_conn_id=, or set up boto3."
        ) from error
    mask_secret(made)
    return str(made), port


def _credentials(extras: Mapping[str, Any], find: Callable[[str], Connection]) -> dict[str, Any]:
    """Keywords for `boto3.Session`: from the connection `aws_conn_id` if there is one."""
    found: dict[str, Any] = {}
    if extras.get("aws_conn_id"):
        aws = find(extras["aws_conn_id"])
        given = aws.extra_dejson
        found = {
            "aws_access_key_id": aws.login or given.get("aws_access_key_id"),
            "aws_secret_access_key": aws.password or given.get("aws_secret_access_key"),
            "aws_session_token": given.get("aws_session_token"),
            "region_name": given.get("region_name"),
            "profile_name": given.get("profile_name"),
        }
    if extras.get("region_name"):
        found["region_name"] = extras["region_name"]
    return {name: value for name, value in found.items() if value}
