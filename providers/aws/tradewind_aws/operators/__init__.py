"""Operators that work on buckets and objects of S3. Names are loaded when they are used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.lazy import lazy_names

if TYPE_CHECKING:
    from tradewind_aws.operators.aws_task import AwsBaseOperator as AwsBaseOperator
    from tradewind_aws.operators.buckets import S3CreateBucketOperator as S3CreateBucketOperator
    from tradewind_aws.operators.buckets import S3DeleteBucketOperator as S3DeleteBucketOperator
    from tradewind_aws.operators.buckets import S3DeleteBucketTaggingOperator as S3DeleteBucketTaggingOperator
    from tradewind_aws.operators.buckets import S3GetBucketTaggingOperator as S3GetBucketTaggingOperator
    from tradewind_aws.operators.buckets import S3PutBucketTaggingOperator as S3PutBucketTaggingOperator
    from tradewind_aws.operators.copying import S3CopyObjectOperator as S3CopyObjectOperator
    from tradewind_aws.operators.copying import S3CopyPrefixOperator as S3CopyPrefixOperator
    from tradewind_aws.operators.deleting import S3DeleteObjectsOperator as S3DeleteObjectsOperator
    from tradewind_aws.operators.objects import LocalFilesystemToS3Operator as LocalFilesystemToS3Operator
    from tradewind_aws.operators.objects import S3CreateObjectOperator as S3CreateObjectOperator
    from tradewind_aws.operators.objects import S3ListOperator as S3ListOperator
    from tradewind_aws.operators.objects import S3ListPrefixesOperator as S3ListPrefixesOperator
    from tradewind_aws.operators.objects import S3ReadObjectOperator as S3ReadObjectOperator
    from tradewind_aws.operators.transform import S3FileTransformOperator as S3FileTransformOperator

_HOME = {
    "AwsBaseOperator": "aws_task",
    "LocalFilesystemToS3Operator": "objects",
    "S3CopyObjectOperator": "copying",
    "S3CopyPrefixOperator": "copying",
    "S3CreateBucketOperator": "buckets",
    "S3CreateObjectOperator": "objects",
    "S3DeleteBucketOperator": "buckets",
    "S3DeleteBucketTaggingOperator": "buckets",
    "S3DeleteObjectsOperator": "deleting",
    "S3FileTransformOperator": "transform",
    "S3GetBucketTaggingOperator": "buckets",
    "S3ListOperator": "objects",
    "S3ListPrefixesOperator": "objects",
    "S3PutBucketTaggingOperator": "buckets",
    "S3ReadObjectOperator": "objects",
}

__all__ = list(_HOME)

__getattr__, __dir__ = lazy_names(__name__, _HOME)
