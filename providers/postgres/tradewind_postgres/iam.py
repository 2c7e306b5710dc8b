"""Tokens of AWS IAM in place of a password, for RDS, Aurora and Redshift. boto3 is imported only when one is wanted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tradewind.errors import ConnectionFault
from tradewind.hook import BaseHook
from tradewind.secrets import mask_secret, redact

if TYPE_CHECKING:
    from tradewind.connection import Connection

PORT = 5432
REDSHIFT_PORT = 5439

#: Extras of an aws connection that boto3's session takes.
_SESSION = ("aws_session_token", "region_name", "profile_name")


def token(connection: Connection, extras: Mapping[str, Any], database: str) -> tuple[str, str, int]:
    """Login, token and port. Raises ConnectionFault if boto3 is missing or refuses."""
    boto3 = _boto3(connection)
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        session = _session(boto3, extras)
        if extras.get("redshift-serverless"):
            found = _serverless(session, connection, extras, database)
        elif extras.get("redshift"):
            found = _cluster(session, connection, extras, database)
        else:
            found = _rds(session, connection)
    except (BotoCoreError, ClientError) as error:
        name = connection.conn_id or "postgres"
        raise ConnectionFault(f"Connection {name!r}: AWS gives no token: {redact(str(error))}") from error
    mask_secret(found[1])
    return found


def _rds(session: Any, connection: Connection) -> tuple[str, str, int]:
    login, port = connection.login or "", connection.port or PORT
    client = session.client("rds")
    return login, str(client.generate_db_auth_token(DBHostname=connection.host, Port=port, DBUsername=login)), port


def _cluster(session: Any, connection: Connection, extras: Mapping[str, Any], database: str) -> tuple[str, str, int]:
    found = session.client("redshift").get_cluster_credentials(
        DbUser=connection.login,
        DbName=database,
        ClusterIdentifier=extras.get("cluster-identifier") or _first_part(connection),
        AutoCreate=False,
    )
    return found["DbUser"], found["DbPassword"], connection.port or REDSHIFT_PORT


def _serverless(session: Any, connection: Connection, extras: Mapping[str, Any], database: str) -> tuple[str, str, int]:
    found = session.client("redshift-serverless").get_credentials(
        dbName=database, workgroupName=extras.get("workgroup-name") or _first_part(connection)
    )
    return found["dbUser"], found["dbPassword"], connection.port or REDSHIFT_PORT


def _first_part(connection: Connection) -> str:
    return (connection.host or "").partition(".")[0]


def _session(boto3: Any, extras: Mapping[str, Any]) -> Any:
    """boto3's session, with the credentials of `aws_conn_id` if there is one, else with those that it finds."""
    given: dict[str, Any] = {}
    if extras.get("aws_conn_id"):
        aws = BaseHook.get_connection(extras["aws_conn_id"])
        given = {name: aws.extra_dejson.get(name) for name in _SESSION}
        given |= {"aws_access_key_id": aws.login, "aws_secret_access_key": aws.password}
    if extras.get("region_name"):
        given["region_name"] = extras["region_name"]
    return boto3.Session(**{name: value for name, value in given.items() if value})


def _boto3(connection: Connection) -> Any:
    try:
        import boto3
    except ImportError as error:
        name = connection.conn_id or "postgres"
        raise ConnectionFault(
            f"Connection {name!r} has iam=true, which needs boto3: pip install 'tradewind-postgres[iam]'."
        ) from error
    return boto3
