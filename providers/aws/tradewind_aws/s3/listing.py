"""What is in a bucket: lists and iterators of keys, prefixes and metadata; wildcards."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from tradewind_aws.s3.buckets import S3Buckets

if TYPE_CHECKING:
    import datetime

#: Where the fixed beginning of a wildcard key ends.
_WILDCARD = re.compile(r"[\[*?]")


class S3Listing(S3Buckets):
    """The part of `S3Hook` that lists."""

    def list_keys(
        self,
        bucket_name: str | None = None,
        prefix: str | None = None,
        delimiter: str | None = None,
        page_size: int | None = None,
        max_items: int | None = None,
        start_after_key: str | None = None,
        from_datetime: datetime.datetime | None = None,
        to_datetime: datetime.datetime | None = None,
        object_filter: Callable[..., list[Any]] | None = None,
        apply_wildcard: bool = False,
    ) -> list[Any]:
        """Keys under `prefix`, in their order. For many of them `iter_keys` takes no memory.

        With a `delimiter` ("/") only those without it behind the prefix. `from_datetime` is exclusive and `to_datetime`
        inclusive; both are aware. `apply_wildcard` lets `*` in the prefix stand for anything. `object_filter(objects,
        from_datetime, to_datetime)` gets the metadata of all objects and answers what is returned in place of keys.
        """
        given = (bucket_name, prefix, delimiter, page_size, max_items, start_after_key)
        if object_filter is not None:
            rows = list(self._iter_objects(*given, apply_wildcard=apply_wildcard))
            return object_filter(rows, from_datetime, to_datetime)
        return list(self.iter_keys(*given, from_datetime, to_datetime, apply_wildcard=apply_wildcard))

    def iter_keys(
        self,
        bucket_name: str | None = None,
        prefix: str | None = None,
        delimiter: str | None = None,
        page_size: int | None = None,
        max_items: int | None = None,
        start_after_key: str | None = None,
        from_datetime: datetime.datetime | None = None,
        to_datetime: datetime.datetime | None = None,
        apply_wildcard: bool = False,
    ) -> Iterator[str]:
        """The keys that `list_keys` lists, one by one: a page is asked for when it is needed.

        `max_items` counts what is looked at, before wildcard and times.
        """
        rows = self._iter_objects(
            bucket_name, prefix, delimiter, page_size, max_items, start_after_key, apply_wildcard=apply_wildcard
        )
        for row in rows:
            changed = row["LastModified"]
            if (from_datetime is None or changed > from_datetime) and (to_datetime is None or changed <= to_datetime):
                yield row["Key"]

    def iter_file_metadata(
        self,
        prefix: str = "",
        bucket_name: str | None = None,
        page_size: int | None = None,
        max_items: int | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Metadata of the objects under `prefix`, as S3 lists it: `Key`, `Size`, `LastModified`, `ETag` ..."""
        return self._iter_objects(bucket_name, prefix, None, page_size, max_items)

    def get_file_metadata(
        self,
        prefix: str = "",
        bucket_name: str | None = None,
        page_size: int | None = None,
        max_items: int | None = None,
    ) -> list[dict[str, Any]]:
        """All that `iter_file_metadata` gives, as a list."""
        return list(self.iter_file_metadata(prefix, bucket_name, page_size, max_items))

    def list_prefixes(
        self,
        bucket_name: str | None = None,
        prefix: str | None = None,
        delimiter: str | None = None,
        page_size: int | None = None,
        max_items: int | None = None,
    ) -> list[str]:
        """What keys under `prefix` have up to the next `delimiter`, each once: the "folders" there."""
        bucket = self._bucket(bucket_name)
        pages = self._pages(bucket, prefix, delimiter, page_size, max_items)
        return [row["Prefix"] for page in pages for row in page.get("CommonPrefixes") or ()]

    def check_for_prefix(self, prefix: str, delimiter: str = "/", bucket_name: str | None = None) -> bool:
        """Whether there is any object in the "folder" `prefix`. One call, however many there are."""
        if delimiter and not prefix.endswith(delimiter):
            prefix += delimiter
        return next(self._iter_objects(bucket_name, prefix, None, 1, 1), None) is not None

    def check_for_wildcard_key(self, wildcard_key: str, bucket_name: str | None = None, delimiter: str = "") -> bool:
        """Whether there is an object whose key matches `*`, `?` and `[...]`."""
        bucket, pattern = self._bucket_and_key(wildcard_key, bucket_name)
        return next(self.iter_wildcard_keys(pattern, bucket, delimiter), None) is not None

    def iter_wildcard_keys(
        self, wildcard_key: str, bucket_name: str | None = None, delimiter: str = ""
    ) -> Iterator[str]:
        """Keys that match `*` (also across `/`), `?` and `[...]`, in their order; upper and lower case differ."""
        bucket, pattern = self._bucket_and_key(wildcard_key, bucket_name)
        for row in self._iter_objects(bucket, fixed_beginning(pattern), delimiter):
            if fnmatch.fnmatchcase(row["Key"], pattern):
                yield row["Key"]

    # How

    def _iter_objects(
        self,
        bucket_name: str | None,
        prefix: str | None,
        delimiter: str | None = None,
        page_size: int | None = None,
        max_items: int | None = None,
        start_after_key: str | None = None,
        *,
        apply_wildcard: bool = False,
    ) -> Iterator[dict[str, Any]]:
        bucket = self._bucket(bucket_name)
        prefix, pattern = prefix or "", None
        if apply_wildcard and "*" in prefix:
            prefix, pattern = prefix.partition("*")[0], only_stars(prefix)
        for page in self._pages(bucket, prefix, delimiter, page_size, max_items, start_after_key):
            for row in page.get("Contents") or ():
                if pattern is None or pattern.fullmatch(row["Key"]):
                    yield row

    def _pages(
        self,
        bucket: str,
        prefix: str | None,
        delimiter: str | None = None,
        page_size: int | None = None,
        max_items: int | None = None,
        start_after_key: str | None = None,
    ) -> Iterator[dict[str, Any]]:
        wanted = {"Prefix": prefix, "Delimiter": delimiter, "StartAfter": start_after_key}
        pages = (
            self.get_conn()
            .get_paginator("list_objects_v2")
            .paginate(
                Bucket=bucket,
                PaginationConfig={"PageSize": page_size, "MaxItems": max_items},
                **{name: value for name, value in wanted.items() if value},
                **self._payer(),
            )
        )
        with self.explained(bucket):
            yield from pages


def fixed_beginning(wildcard_key: str) -> str:
    """What all keys that match have at their beginning: `a/b` of `a/b*.csv`."""
    return _WILDCARD.split(wildcard_key, maxsplit=1)[0]


def only_stars(pattern: str) -> re.Pattern[str]:
    """A pattern in which nothing but `*` is special."""
    return re.compile(".*".join(map(re.escape, pattern.split("*"))), re.DOTALL)
