"""S3DeleteObjectsOperator: deletes some of a bucket's objects, and never all of them by mistake."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from typing import Any

from tradewind.errors import DagError, UsageError
from tradewind_aws.operators.aws_task import FIELDS, AwsBaseOperator, named
from tradewind_aws.s3 import address

_CHOICE = "say which objects: keys=, or at least one of prefix=, from_datetime=, to_datetime="


class S3DeleteObjectsOperator(AwsBaseOperator):
    """Deletes objects of a bucket. Gives how many keys that were.

        S3DeleteObjectsOperator(task_id="clean", bucket="staging", prefix="runs/{{ ds }}/")

    - `bucket`: it must be named; the connection's own bucket does not take its place.
    - `keys`: one key or a list, which may be whole addresses in that bucket. Keys that are not there are no error, and
      an empty list is nothing to do.
    - `prefix`, `from_datetime` (exclusive), `to_datetime` (inclusive): in place of keys, all objects under the prefix
      that were changed in that time: moments, or text in ISO form; without a zone they are in UTC.

    What comes out of a template as nothing is an error: it does not stand for everything.
    """

    template_fields: Sequence[str] = ("keys", "bucket", "prefix", "from_datetime", "to_datetime", *FIELDS)

    def __init__(
        self,
        *,
        bucket: str,
        keys: str | list[str] | None = None,
        prefix: str | None = None,
        from_datetime: datetime.datetime | str | None = None,
        to_datetime: datetime.datetime | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.bucket = bucket
        self.keys = keys
        self.prefix = prefix
        self.from_datetime = from_datetime
        self.to_datetime = to_datetime
        self._by_keys = keys is not None
        self._fields = [name for name in ("prefix", "from_datetime", "to_datetime") if getattr(self, name) is not None]
        if self._by_keys == bool(self._fields):
            raise DagError(f"Task {self.task_id!r}: {_CHOICE}.")

    def work(self, context: Any) -> int:
        bucket = named(self, "bucket")
        keys = self._given_keys(bucket) if self._by_keys else self._found_keys(bucket)
        deleted = 0

        def counted() -> Iterator[str]:
            nonlocal deleted
            for key in keys:
                yield key
                deleted += 1

        self.hook.delete_objects(bucket, counted())
        self.log.info("Deleted %d objects of s3://%s", deleted, bucket)
        return deleted

    def _given_keys(self, bucket: str) -> Iterator[str]:
        keys = [self.keys] if isinstance(self.keys, str) else self.keys
        if keys is None or not all(isinstance(key, str) and key for key in keys):
            raise UsageError(f"Task {self.task_id!r}: keys is {self.keys!r}; it must be a key or a list of keys.")
        return iter([self._bare(key, bucket) for key in keys])

    def _bare(self, key: str, bucket: str) -> str:
        if not address.is_s3_url(key):
            return key
        found, bare = address.parse(key)
        if found != bucket or not bare:
            raise UsageError(f"Task {self.task_id!r}: {key!r} is no object of the bucket {bucket!r}.")
        return bare

    def _found_keys(self, bucket: str) -> Iterator[str]:
        for name in self._fields:
            if getattr(self, name) in (None, ""):
                raise UsageError(f"Task {self.task_id!r}: {name} came out as nothing, which would be any object.")
        found: Iterator[str] = self.hook.iter_keys(
            bucket,
            self.prefix,
            from_datetime=self._moment("from_datetime"),
            to_datetime=self._moment("to_datetime"),
        )
        return found

    def _moment(self, name: str) -> datetime.datetime | None:
        value = getattr(self, name)
        if isinstance(value, str):
            try:
                value = datetime.datetime.fromisoformat(value)
            except ValueError:
                raise UsageError(f"Task {self.task_id!r}: {name} is {value!r}, and no moment in ISO form.") from None
        if value is None or value.tzinfo is not None:
            return value  # type: ignore[no-any-return]  # a template field is Any
        return value.replace(tzinfo=datetime.UTC)  # type: ignore[no-any-return]
