"""Operators that copy objects within S3."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tradewind.errors import UsageError
from tradewind_aws.errors import AwsError
from tradewind_aws.operators.aws_task import FIELDS, AwsBaseOperator, named, place
from tradewind_aws.s3 import address


class S3CopyObjectOperator(AwsBaseOperator):
    """Copies an object, of any size, with its metadata and tags. An object that is there is replaced.

        S3CopyObjectOperator(task_id="keep", source_bucket_key="s3://in/{{ ds }}.csv", dest_bucket_key="s3://kept/x.csv")

    - `source_bucket_key`, `dest_bucket_key`: keys, or whole addresses.
    - `source_bucket_name`, `dest_bucket_name`: their buckets; by default the connection's own.
    - `source_version_id`: copy that version. `meta_data_directive`: "COPY" or "REPLACE".
    - `acl_policy`: an ACL ("public-read"); none is sent by default, for buckets refuse them.
    - `kms_key_id` with `kms_encryption_type` ("aws:kms" or "aws:kms:dsse"): how the copy is encrypted.
    """

    template_fields: Sequence[str] = (
        "source_bucket_key",
        "dest_bucket_key",
        "source_bucket_name",
        "dest_bucket_name",
        *FIELDS,
    )

    def __init__(
        self,
        *,
        source_bucket_key: str,
        dest_bucket_key: str,
        source_bucket_name: str | None = None,
        dest_bucket_name: str | None = None,
        source_version_id: str | None = None,
        acl_policy: str | None = None,
        meta_data_directive: str | None = None,
        kms_key_id: str | None = None,
        kms_encryption_type: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.source_bucket_key = source_bucket_key
        self.dest_bucket_key = dest_bucket_key
        self.source_bucket_name = source_bucket_name
        self.dest_bucket_name = dest_bucket_name
        self.source_version_id = source_version_id
        self.acl_policy = acl_policy
        self.meta_data_directive = meta_data_directive
        self.kms_key_id = kms_key_id
        self.kms_encryption_type = kms_encryption_type

    def work(self, context: Any) -> None:
        from_bucket, from_key = place(self, self.hook, "source_bucket_name", "source_bucket_key")
        bucket, key = place(self, self.hook, "dest_bucket_name", "dest_bucket_key")
        self.hook.copy_object(
            from_key,
            key,
            from_bucket,
            bucket,
            self.source_version_id,
            self.acl_policy,
            self.meta_data_directive,
            self.kms_key_id,
            self.kms_encryption_type,
        )
        self.log.info("Copied s3://%s/%s to s3://%s/%s", from_bucket, from_key, bucket, key)


class S3CopyPrefixOperator(AwsBaseOperator):
    """Copies all objects under a prefix; the beginning of their keys becomes another one. Gives how many.

        S3CopyPrefixOperator(task_id="keep", source_bucket_prefix="s3://in/{{ ds }}/", dest_bucket_prefix="s3://kept/")

    Prefixes are prefixes or whole addresses. With `continue_on_failure` an object that cannot be copied does not keep
    the others from it; the task fails in the end. Everything else is as in `S3CopyObjectOperator`.
    """

    template_fields: Sequence[str] = (
        "source_bucket_prefix",
        "dest_bucket_prefix",
        "source_bucket_name",
        "dest_bucket_name",
        "kms_key_id",
        *FIELDS,
    )

    def __init__(
        self,
        *,
        source_bucket_prefix: str,
        dest_bucket_prefix: str,
        source_bucket_name: str | None = None,
        dest_bucket_name: str | None = None,
        kms_key_id: str | None = None,
        kms_encryption_type: str | None = None,
        continue_on_failure: bool = False,
        acl_policy: str | None = None,
        meta_data_directive: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.source_bucket_prefix = source_bucket_prefix
        self.dest_bucket_prefix = dest_bucket_prefix
        self.source_bucket_name = source_bucket_name
        self.dest_bucket_name = dest_bucket_name
        self.kms_key_id = kms_key_id
        self.kms_encryption_type = kms_encryption_type
        self.continue_on_failure = continue_on_failure
        self.acl_policy = acl_policy
        self.meta_data_directive = meta_data_directive

    def work(self, context: Any) -> int:
        from_bucket, from_prefix = self._place("source_bucket_name", "source_bucket_prefix")
        bucket, prefix = self._place("dest_bucket_name", "dest_bucket_prefix")
        if from_bucket == bucket and prefix.startswith(from_prefix):
            raise UsageError(
                f"Task {self.task_id!r}: s3://{bucket}/{prefix} lies within s3://{from_bucket}/{from_prefix}, so that "
                "copies would be copied again; choose another place."
            )
        copied, failed = 0, []
        for key in self.hook.iter_keys(from_bucket, from_prefix):
            try:
                self._copy(from_bucket, key, bucket, prefix + key[len(from_prefix) :])
            except AwsError as error:
                if not self.continue_on_failure:
                    raise
                self.log.error("%s", error)
                failed.append(key)
            else:
                copied += 1
        self.log.info("Copied %d objects to s3://%s/%s", copied, bucket, prefix)
        if failed:
            raise AwsError(
                f"Task {self.task_id!r}: {len(failed)} objects could not be copied, {copied} were; the first of them "
                f"is {failed[0]!r}. The log tells why."
            )
        return copied

    def _copy(self, from_bucket: str, from_key: str, bucket: str, key: str) -> None:
        self.hook.copy_object(
            from_key,
            key,
            from_bucket,
            bucket,
            acl_policy=self.acl_policy,
            meta_data_directive=self.meta_data_directive,
            kms_key_id=self.kms_key_id,
            kms_encryption_type=self.kms_encryption_type,
        )

    def _place(self, bucket_field: str, prefix_field: str) -> tuple[str, str]:
        """Bucket and prefix; unlike a key, a prefix may be empty where its bucket is named."""
        prefix = getattr(self, prefix_field)
        if address.is_url(prefix) and getattr(self, bucket_field) is None:
            return address.parse(prefix, self.hook.conn_config.get_service_endpoint_url("s3"))
        if prefix == "" and getattr(self, bucket_field) is not None:
            return named(self, bucket_field), prefix
        return place(self, self.hook, bucket_field, prefix_field)
