"""Operators between S3 and SQL databases. Names are loaded when they are used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.lazy import lazy_names

if TYPE_CHECKING:
    from tradewind_aws.transfers.s3_to_sql import S3ToSqlOperator as S3ToSqlOperator
    from tradewind_aws.transfers.sql_to_s3 import SqlToS3Operator as SqlToS3Operator

_HOME = {"S3ToSqlOperator": "s3_to_sql", "SqlToS3Operator": "sql_to_s3"}

__all__ = list(_HOME)

__getattr__, __dir__ = lazy_names(__name__, _HOME)
