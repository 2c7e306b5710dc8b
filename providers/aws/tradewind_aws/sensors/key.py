"""S3KeySensor: waits for objects."""

from __future__ import annotations

import fnmatch
import inspect
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tradewind.errors import DagError, UsageError
from tradewind_aws.operators.aws_task import FIELDS, AwsBaseSensor, named
from tradewind_aws.s3.listing import fixed_beginning

#: What `check_fn` gets of each object, unless told otherwise.
METADATA = ("Size", "Key")

#: The beginning of a regular expression in which every character stands for itself.
_PLAIN = re.compile(r"[\w/=,@%:-]*", re.ASCII)


class S3KeySensor(AwsBaseSensor):
    """Waits until objects are there.

        S3KeySensor(task_id="wait", bucket_key="s3://in/{{ ds }}/*.csv", wildcard_match=True, mode="reschedule")

    - `bucket_key`: a key or a list, each of which must be there; or whole addresses.
    - `bucket_name`: the bucket of bare keys, by default the connection's own.
    - `wildcard_match`: `*`, `?` and `[...]` in keys stand for what they do in shells, `*` also for `/`; `use_regex`:
      keys are regular expressions, which must match from the beginning. One object per key is enough.
    - `check_fn`: a function that gets, for each key, a list with a dict per object that was found, and says whether
      they are as they should be. If it takes `**kwargs` it gets the context as well.
    - `metadata_keys`: what is in these dicts: names that S3 has in its lists ("Size", "Key", "LastModified", "ETag") or
      in an object's own metadata; "*" is all of the latter. A name that is not there gives None.
    """

    template_fields: Sequence[str] = ("bucket_key", "bucket_name", *FIELDS)

    def __init__(
        self,
        *,
        bucket_key: str | list[str],
        bucket_name: str | None = None,
        wildcard_match: bool = False,
        check_fn: Callable[..., bool] | None = None,
        use_regex: bool = False,
        metadata_keys: Sequence[str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if wildcard_match and use_regex:
            raise DagError(f"Task {self.task_id!r}: wildcard_match and use_regex exclude each other; choose one.")
        self.bucket_key = bucket_key
        self.bucket_name = bucket_name
        self.wildcard_match = wildcard_match
        self.check_fn = check_fn
        self.use_regex = use_regex
        self.metadata_keys = list(metadata_keys or METADATA)

    def look(self, context: Any) -> bool:
        keys = [self.bucket_key] if isinstance(self.bucket_key, str) else self.bucket_key
        if not keys or not all(isinstance(key, str) and key for key in keys):
            raise UsageError(
                f"Task {self.task_id!r}: bucket_key is {self.bucket_key!r}, so there is nothing to wait for."
            )
        return all(self._is_there(key, context) for key in keys)

    def _is_there(self, bucket_key: str, context: Any) -> bool:
        bucket_name = None if self.bucket_name is None else named(self, "bucket_name")
        bucket, key = self.hook._bucket_and_key(bucket_key, bucket_name)
        self.log.info("Looking for s3://%s/%s", bucket, key)
        found = self._found(bucket, key)
        if self.check_fn is None:
            return next(found, None) is not None
        files = list(found)
        return bool(files) and self._checked(files, context)

    def _found(self, bucket: str, key: str) -> Iterator[dict[str, Any]]:
        """What is known of each object that `key` means."""
        if self.wildcard_match or self.use_regex:
            for row in self._listed(bucket, key):
                yield self._metadata(row, bucket) if self.check_fn is not None else row
            return
        head = self.hook.head_object(key, bucket)
        if head is not None:
            yield self._chosen({"Key": key, "Size": head.get("ContentLength"), **head}, head)

    def _listed(self, bucket: str, key: str) -> Iterator[dict[str, Any]]:
        if self.use_regex:
            pattern = self._pattern(key)
            matches: Callable[[str], Any] = pattern.match
            prefix = plain_beginning(key)
        else:
            matches, prefix = lambda found: fnmatch.fnmatchcase(found, key), fixed_beginning(key)
        return (row for row in self.hook.iter_file_metadata(prefix, bucket) if matches(row["Key"]))

    def _pattern(self, key: str) -> re.Pattern[str]:
        try:
            return re.compile(key)
        except re.error as error:
            raise UsageError(f"Task {self.task_id!r}: {key!r} is no regular expression: {error}.") from None

    def _metadata(self, row: dict[str, Any], bucket: str) -> dict[str, Any]:
        """What was asked for of an object in a list; its own metadata are read only where the list is not enough."""
        if all(name in row for name in self.metadata_keys):
            return self._chosen(row, row)
        head = self.hook.head_object(row["Key"], bucket) or {}  # it may have gone meanwhile
        return self._chosen({**head, **row}, head)

    def _chosen(self, known: dict[str, Any], head: dict[str, Any]) -> dict[str, Any]:
        if "*" in self.metadata_keys:
            return {**head, **{name: known.get(name) for name in METADATA}}
        return {name: known.get(name) for name in self.metadata_keys}

    def _checked(self, files: list[dict[str, Any]], context: Any) -> bool:
        assert self.check_fn is not None
        kinds = [parameter.kind for parameter in inspect.signature(self.check_fn).parameters.values()]
        more = context if inspect.Parameter.VAR_KEYWORD in kinds else {}
        return bool(self.check_fn(files, **more))


def plain_beginning(pattern: str) -> str:
    """What all keys that match a regular expression have at their beginning, as far as that is plain to see."""
    found = _PLAIN.match(pattern)
    plain = found[0] if found is not None else ""
    if "|" in pattern:
        return ""
    return plain[:-1] if pattern[len(plain) : len(plain) + 1] in ("*", "?", "{") else plain
