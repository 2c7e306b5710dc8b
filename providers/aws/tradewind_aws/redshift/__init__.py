"""Loads from S3 into Amazon Redshift, and back. Names are loaded when they are used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.lazy import lazy_names

if TYPE_CHECKING:
    from tradewind_aws.redshift.load import S3ToRedshiftOperator as S3ToRedshiftOperator
    from tradewind_aws.redshift.unload import RedshiftToS3Operator as RedshiftToS3Operator

_HOME = {"RedshiftToS3Operator": "unload", "S3ToRedshiftOperator": "load"}

__all__ = list(_HOME)

__getattr__, __dir__ = lazy_names(__name__, _HOME)
