"""Tokens of AWS IAM in place of a password, for RDS, Aurora and Redshift."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tradewind.secrets import mask_secret
from tradewind_sql import iam

if TYPE_CHECKING:
    from tradewind.connection import Connection

PORT = 5432
REDSHIFT_PORT = 5439


def token(connection: Connection, extras: Mapping[str, Any], database: str) -> tuple[str, str, int]:
    """Login, token and port. Raises ConnectionFault if AWS, or what asks it, is not there or refuses."""
    if not (extras.get("redshift") or extras.get("redshift-serverless")):
        port = connection.port or PORT
        return connection.login or "", iam.rds_token(connection, extras, port), port
    found = (_workgroup if extras.get("redshift-serverless") else _cluster)(connection, extras, database)
    mask_secret(found[1])
    return *found, connection.port or REDSHIFT_PORT


def _cluster(connection: Connection, extras: Mapping[str, Any], database: str) -> tuple[str, str]:
    wanted = {
        "DbUser": connection.login,
        "DbName": database,
        "ClusterIdentifier": extras.get("cluster-identifier") or _first_part(connection),
        "AutoCreate": False,
    }
    found = iam.ask("redshift", connection, extras, lambda client: client.get_cluster_credentials(**wanted))
    return found["DbUser"], found["DbPassword"]


def _workgroup(connection: Connection, extras: Mapping[str, Any], database: str) -> tuple[str, str]:
    wanted = {"dbName": database, "workgroupName": extras.get("workgroup-name") or _first_part(connection)}
    found = iam.ask("redshift-serverless", connection, extras, lambda client: client.get_credentials(**wanted))
    return found["dbUser"], found["dbPassword"]


def _first_part(connection: Connection) -> str:
    return (connection.host or "").partition(".")[0]
