"""AWS and S3-compatible stores for tradewind. Names are loaded when they are used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.lazy import lazy_names

if TYPE_CHECKING:
    from tradewind_aws.hook import AwsBaseHook as AwsBaseHook
    from tradewind_aws.hook import AwsGenericHook as AwsGenericHook
    from tradewind_aws.operators import AwsBaseOperator as AwsBaseOperator
    from tradewind_aws.operators import LocalFilesystemToS3Operator as LocalFilesystemToS3Operator
    from tradewind_aws.operators import S3CopyObjectOperator as S3CopyObjectOperator
    from tradewind_aws.operators import S3CopyPrefixOperator as S3CopyPrefixOperator
    from tradewind_aws.operators import S3CreateBucketOperator as S3CreateBucketOperator
    from tradewind_aws.operators import S3CreateObjectOperator as S3CreateObjectOperator
    from tradewind_aws.operators import S3DeleteBucketOperator as S3DeleteBucketOperator
    from tradewind_aws.operators import S3DeleteBucketTaggingOperator as S3DeleteBucketTaggingOperator
    from tradewind_aws.operators import S3DeleteObjectsOperator as S3DeleteObjectsOperator
    from tradewind_aws.operators import S3FileTransformOperator as S3FileTransformOperator
    from tradewind_aws.operators import S3GetBucketTaggingOperator as S3GetBucketTaggingOperator
    from tradewind_aws.operators import S3ListOperator as S3ListOperator
    from tradewind_aws.operators import S3ListPrefixesOperator as S3ListPrefixesOperator
    from tradewind_aws.operators import S3PutBucketTaggingOperator as S3PutBucketTaggingOperator
    from tradewind_aws.operators import S3ReadObjectOperator as S3ReadObjectOperator
    from tradewind_aws.redshift import RedshiftToS3Operator as RedshiftToS3Operator
    from tradewind_aws.redshift import S3ToRedshiftOperator as S3ToRedshiftOperator
    from tradewind_aws.s3.endpoint import S3Object as S3Object
    from tradewind_aws.s3.hook import S3Hook as S3Hook
    from tradewind_aws.sandbox.stand_ins import AwsSandbox as AwsSandbox
    from tradewind_aws.sandbox.stand_ins import S3Sandbox as S3Sandbox
    from tradewind_aws.secrets.hooks import SecretsManagerHook as SecretsManagerHook
    from tradewind_aws.secrets.hooks import SsmHook as SsmHook
    from tradewind_aws.secrets.parameter_store import (
        SystemsManagerParameterStoreBackend as SystemsManagerParameterStoreBackend,
    )
    from tradewind_aws.secrets.secrets_manager import SecretsManagerBackend as SecretsManagerBackend
    from tradewind_aws.sensors import S3KeySensor as S3KeySensor
    from tradewind_aws.sensors import S3KeysUnchangedSensor as S3KeysUnchangedSensor
    from tradewind_aws.transfers import S3ToSqlOperator as S3ToSqlOperator
    from tradewind_aws.transfers import SqlToS3Operator as SqlToS3Operator

_HOME = {
    "AwsBaseHook": "hook",
    "AwsBaseOperator": "operators",
    "AwsGenericHook": "hook",
    "AwsSandbox": "sandbox.stand_ins",
    "LocalFilesystemToS3Operator": "operators",
    "RedshiftToS3Operator": "redshift",
    "S3CopyObjectOperator": "operators",
    "S3CopyPrefixOperator": "operators",
    "S3CreateBucketOperator": "operators",
    "S3CreateObjectOperator": "operators",
    "S3DeleteBucketOperator": "operators",
    "S3DeleteBucketTaggingOperator": "operators",
    "S3DeleteObjectsOperator": "operators",
    "S3FileTransformOperator": "operators",
    "S3GetBucketTaggingOperator": "operators",
    "S3Hook": "s3.hook",
    "S3KeySensor": "sensors",
    "S3KeysUnchangedSensor": "sensors",
    "S3ListOperator": "operators",
    "S3ListPrefixesOperator": "operators",
    "S3Object": "s3.endpoint",
    "S3PutBucketTaggingOperator": "operators",
    "S3ReadObjectOperator": "operators",
    "S3Sandbox": "sandbox.stand_ins",
    "S3ToRedshiftOperator": "redshift",
    "S3ToSqlOperator": "transfers",
    "SecretsManagerBackend": "secrets.secrets_manager",
    "SecretsManagerHook": "secrets.hooks",
    "SqlToS3Operator": "transfers",
    "SsmHook": "secrets.hooks",
    "SystemsManagerParameterStoreBackend": "secrets.parameter_store",
}

__all__ = list(_HOME)

__getattr__, __dir__ = lazy_names(__name__, _HOME)
