"""Operators for whole buckets: making them, deleting them, their tags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from tradewind_aws.errors import NoSuchBucket
from tradewind_aws.operators.aws_task import FIELDS, AwsBaseOperator, named


class _BucketOperator(AwsBaseOperator):
    """About one bucket, which must be named."""

    template_fields: Sequence[str] = ("bucket_name", *FIELDS)

    def __init__(self, *, bucket_name: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.bucket_name = bucket_name


class S3CreateBucketOperator(_BucketOperator):
    """Makes the bucket `bucket_name`, in `region_name` or that of the connection, unless it is there already."""

    template_fields: Sequence[str] = ("bucket_name", "bucket_namespace", *FIELDS)

    def __init__(self, *, bucket_name: str, bucket_namespace: str | None = None, **kwargs: Any) -> None:
        super().__init__(bucket_name=bucket_name, **kwargs)
        self.bucket_namespace = bucket_namespace

    def work(self, context: Any) -> None:
        bucket = named(self, "bucket_name")
        if self.hook.check_for_bucket(bucket):
            self.log.info("The bucket %s is there already", bucket)
            return
        self.hook.create_bucket(bucket, self.region_name, self.bucket_namespace)
        self.log.info("Made the bucket %s", bucket)


class S3DeleteBucketOperator(_BucketOperator):
    """Deletes the bucket `bucket_name` if it is there; with `force_delete` all that is in it, too."""

    def __init__(self, *, bucket_name: str, force_delete: bool = False, **kwargs: Any) -> None:
        super().__init__(bucket_name=bucket_name, **kwargs)
        self.force_delete = force_delete

    def work(self, context: Any) -> None:
        bucket = named(self, "bucket_name")
        try:
            self.hook.delete_bucket(bucket, force_delete=self.force_delete)
        except NoSuchBucket:
            self.log.info("There is no bucket %s", bucket)
        else:
            self.log.info("Deleted the bucket %s", bucket)


class S3GetBucketTaggingOperator(_BucketOperator):
    """Gives the tags of the bucket `bucket_name`: `[{"Key": ..., "Value": ...}]`."""

    def work(self, context: Any) -> list[dict[str, str]]:
        tags: list[dict[str, str]] = self.hook.get_bucket_tagging(named(self, "bucket_name"))
        return tags


class S3PutBucketTaggingOperator(_BucketOperator):
    """Replaces all tags of the bucket `bucket_name` by `tag_set` (a mapping, or what S3GetBucketTaggingOperator gives),
    or by one tag, `key` and `value`.
    """

    template_fields: Sequence[str] = ("bucket_name", "key", "value", "tag_set", *FIELDS)
    template_fields_renderers: ClassVar[dict[str, str]] = {"tag_set": "json"}

    def __init__(
        self,
        *,
        bucket_name: str,
        key: str | None = None,
        value: str | None = None,
        tag_set: Mapping[str, str] | list[dict[str, str]] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(bucket_name=bucket_name, **kwargs)
        self.key = key
        self.value = value
        self.tag_set = tag_set

    def work(self, context: Any) -> None:
        self.hook.put_bucket_tagging(self.tag_set, self.key, self.value, named(self, "bucket_name"))


class S3DeleteBucketTaggingOperator(_BucketOperator):
    """Removes all tags of the bucket `bucket_name`."""

    def work(self, context: Any) -> None:
        self.hook.delete_bucket_tagging(named(self, "bucket_name"))
