"""Buckets: which one is meant, whether it is there, making and deleting it, its tags."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

from tradewind.errors import UsageError
from tradewind_aws.errors import AccessDenied, AwsError, NoSuchBucket, S3UriError
from tradewind_aws.hook import AwsBaseHook
from tradewind_aws.s3 import address

#: The most that one call deletes.
DELETE_BATCH = 1000


class S3Buckets(AwsBaseHook):
    """The part of `S3Hook` that is about whole buckets, and about which bucket and key a call means."""

    conn_type = "s3"
    hook_name = "S3"

    def __init__(
        self,
        aws_conn_id: str | None = AwsBaseHook.default_conn_name,
        transfer_config_args: Mapping[str, Any] | None = None,
        extra_args: Mapping[str, Any] | None = None,
        *args: Any,
        requester_pays: bool = False,
        **kwargs: Any,
    ) -> None:
        for name, given in (("transfer_config_args", transfer_config_args), ("extra_args", extra_args)):
            if given is not None and not isinstance(given, Mapping):
                raise TypeError(f"{name} must be a mapping, not {type(given).__name__}")
        super().__init__(aws_conn_id, *args, **{**kwargs, "client_type": "s3"})
        self._transfer_config_args = transfer_config_args
        self._extra_args = extra_args
        self._requester_pays = requester_pays

    # What is meant

    @staticmethod
    def parse_s3_url(s3url: str) -> tuple[str, str]:
        """Bucket and key of an address: `s3://`, `s3a://`, `s3n://`, or a web address. Raises S3UriError."""
        return address.parse(s3url)

    @staticmethod
    def get_s3_bucket_key(bucket: str | None, key: str, bucket_param_name: str, key_param_name: str) -> tuple[str, str]:
        """Bucket and key, from both of them or from an address alone. Raises TypeError for an address and a bucket."""
        if bucket is None:
            return address.parse(key)
        if address.is_s3_url(key):
            raise TypeError(f"{key_param_name} is a whole address: leave {bucket_param_name} out, or give a bare key")
        return bucket, key

    @property
    def bucket_name(self) -> str | None:
        """The connection's own bucket, meant wherever none is named."""
        return self.conn_config.bucket

    def _bucket(self, bucket_name: str | None) -> str:
        """The bucket that a call means."""
        bucket = bucket_name or self.bucket_name
        if not bucket:
            raise UsageError(f"No bucket: give bucket_name=, or {self.conn_config.who} a bucket of its own.")
        return bucket

    def _bucket_and_key(self, key: str, bucket_name: str | None) -> tuple[str, str]:
        """Bucket and key that a call means; the key may be an address that names the bucket as well."""
        is_address = address.is_s3_url(key) if bucket_name else address.is_url(key)
        if not is_address:
            bucket = self._bucket(bucket_name)
        else:
            bucket, key = address.parse(key, self.conn_config.get_service_endpoint_url("s3"))
            if bucket_name and bucket != bucket_name:
                raise S3UriError(f"The key is in the bucket {bucket!r}, and bucket_name is {bucket_name!r}.")
        if not key:
            raise UsageError(f"No key: there is nothing behind the bucket {bucket!r}.")
        return bucket, key

    def _payer(self) -> dict[str, str]:
        """What requests say if the caller pays for them."""
        return {"RequestPayer": "requester"} if self._requester_pays else {}

    # Buckets

    @cached_property
    def resource(self) -> Any:
        """`boto3.resource("s3")` of the connection."""
        return self.get_resource_type()

    def close(self) -> None:
        self.__dict__.pop("resource", None)
        super().close()

    def check_for_bucket(self, bucket_name: str | None = None) -> bool:
        """Whether the bucket is there. Raises AccessDenied where that cannot be told, and never guesses."""
        bucket = self._bucket(bucket_name)
        try:
            with self.explained(bucket):
                self.get_conn().head_bucket(Bucket=bucket)
        except NoSuchBucket:
            return False
        return True

    def get_bucket(self, bucket_name: str | None = None) -> Any:
        """The bucket as `boto3.resource("s3").Bucket`. It is not looked up."""
        return self.resource.Bucket(self._bucket(bucket_name))

    def create_bucket(
        self,
        bucket_name: str | None = None,
        region_name: str | None = None,
        bucket_namespace: str | None = None,
    ) -> None:
        """Make a bucket, in the region of the connection unless another is named. Raises BucketExists."""
        bucket = self._bucket(bucket_name)
        region = region_name or self.conn_region_name
        if region == "aws-global":
            raise UsageError(f"In which region shall {bucket!r} be? Give region_name=, or the connection one.")
        wanted: dict[str, Any] = {"Bucket": bucket}
        if region != "us-east-1":
            wanted["CreateBucketConfiguration"] = {"LocationConstraint": region}
        if bucket_namespace:
            wanted["BucketNamespace"] = bucket_namespace
        with self.explained(bucket):
            self.get_conn().create_bucket(**wanted)

    def delete_bucket(self, bucket_name: str | None = None, force_delete: bool = False, max_retries: int = 5) -> None:
        """Delete a bucket; with `force_delete` all that is in it first: objects, old versions, unfinished uploads.

        Objects that others add meanwhile are deleted too, up to `max_retries` times.
        """
        bucket = self._bucket(bucket_name)
        tries = 1 + max_retries if force_delete else 1
        for left in reversed(range(tries)):
            if force_delete:
                self._empty(bucket)
            try:
                with self.explained(bucket):
                    self.get_conn().delete_bucket(Bucket=bucket)
                return
            except AwsError as error:
                if error.code != "BucketNotEmpty" or not left:
                    raise

    def _empty(self, bucket: str) -> None:
        client = self.get_conn()
        with self.explained(bucket):
            pages = client.get_paginator("list_object_versions").paginate(Bucket=bucket)
            for page in pages:
                found = [*(page.get("Versions") or ()), *(page.get("DeleteMarkers") or ())]
                self._delete(bucket, ({"Key": row["Key"], "VersionId": row["VersionId"]} for row in found))
            for page in client.get_paginator("list_multipart_uploads").paginate(Bucket=bucket):
                for row in page.get("Uploads") or ():
                    client.abort_multipart_upload(Bucket=bucket, Key=row["Key"], UploadId=row["UploadId"])

    def delete_objects(self, bucket: str | None, keys: str | Iterable[str]) -> None:
        """Delete objects, a thousand in a call; keys that are not there are no error. Raises AwsError.

        `keys` is one key or many; an iterator is consumed as it goes.
        """
        wanted = [keys] if isinstance(keys, str) else keys
        self._delete(self._bucket(bucket), ({"Key": key} for key in wanted))

    def _delete(self, bucket: str, objects: Iterable[dict[str, str]]) -> None:
        client = self.get_conn()
        for batch in _batches(objects, DELETE_BATCH):
            with self.explained(bucket):
                answer = client.delete_objects(Bucket=bucket, Delete={"Objects": batch, "Quiet": True}, **self._payer())
            failed = answer.get("Errors") or []
            if failed:
                raise self._not_deleted(bucket, failed)

    def _not_deleted(self, bucket: str, failed: list[dict[str, Any]]) -> AwsError:
        """Some of a batch could not be deleted; the others were."""
        code = str(failed[0].get("Code") or "")
        kind = AccessDenied if code == "AccessDenied" else AwsError
        shown = ", ".join(repr(row.get("Key")) for row in failed[:3]) + (" ..." if len(failed) > 3 else "")
        error = kind(
            f"{self.conn_config.who}: {len(failed)} objects of the bucket {bucket!r} could not be deleted "
            f"({code}): {shown}."
        )
        error.code = code
        return error

    # Tags

    def get_bucket_tagging(self, bucket_name: str | None = None) -> list[dict[str, str]]:
        """The bucket's tags: `[{"Key": ..., "Value": ...}]`; none: an empty list."""
        bucket = self._bucket(bucket_name)
        try:
            with self.explained(bucket):
                found: list[dict[str, str]] = self.get_conn().get_bucket_tagging(Bucket=bucket)["TagSet"]
        except AwsError as error:
            if error.code != "NoSuchTagSet":
                raise
            return []
        return found

    def put_bucket_tagging(
        self,
        tag_set: Mapping[str, str] | list[dict[str, str]] | None = None,
        key: str | None = None,
        value: str | None = None,
        bucket_name: str | None = None,
    ) -> None:
        """Replace all tags of the bucket by `tag_set` (a mapping, or the form of `get_bucket_tagging`) and `key`."""
        if (key is None) != (value is None):
            raise ValueError("put_bucket_tagging takes key and value together")
        tags = list(tag_set) if isinstance(tag_set, list) else []
        if isinstance(tag_set, Mapping):
            tags = [{"Key": name, "Value": str(text)} for name, text in tag_set.items()]
        if key is not None and value is not None:
            tags = [tag for tag in tags if tag["Key"] != key] + [{"Key": key, "Value": value}]
        if not tags:
            raise ValueError("put_bucket_tagging needs tags; delete_bucket_tagging removes them")
        bucket = self._bucket(bucket_name)
        with self.explained(bucket):
            self.get_conn().put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": tags})

    def delete_bucket_tagging(self, bucket_name: str | None = None) -> None:
        """Remove all tags of the bucket."""
        bucket = self._bucket(bucket_name)
        with self.explained(bucket):
            self.get_conn().delete_bucket_tagging(Bucket=bucket)


def _batches(rows: Iterable[dict[str, str]], size: int) -> Iterator[list[dict[str, str]]]:
    batch: list[dict[str, str]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
