"""`S3Object`: an object, or many, as an end of a transfer."""

from __future__ import annotations

import fnmatch
import io
import re
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import KW_ONLY, dataclass, fields, replace
from typing import IO, ClassVar

from tradewind.errors import DagError, TransferError
from tradewind.transfer.compression import compression_of
from tradewind.transfer.contract import Reader, Writer
from tradewind.transfer.files import FileEndpoint, Output
from tradewind.transfer.many_files import FilesReader
from tradewind.transfer.split_files import Limits, SplitWriter
from tradewind_aws.s3.hook import S3Hook
from tradewind_aws.s3.listing import fixed_beginning
from tradewind_aws.s3.streams import READ_AHEAD, ObjectStream
from tradewind_aws.s3.uploads import LEAST_PART_BYTES, ObjectOutput, sweep

_WILDCARD = re.compile(r"[*?\[]")

_CONTENT_TYPES = {
    "gz": "application/gzip",
    "zst": "application/zstd",
    "csv": "text/csv; charset=utf-8",
    "jsonl": "application/x-ndjson",
    "parquet": "application/vnd.apache.parquet",
}


@dataclass(frozen=True, repr=False)
class S3Object(FileEndpoint):
    """Rows in S3: `S3Object("s3://lake/orders/{{ ds }}.csv.gz", conn_id="lake")`. See `FileEndpoint` for the formats.

    As a source, `*`, `?` and `[...]` in the key stand for any characters, and a key that ends with `/` for all objects
    below it whose names do not begin with `_` or `.`: all that are found are read as one, in the order of their keys.
    What breaks off is read on from there; an object that changes meanwhile is an error.

    As a sink it is replaced: who reads it sees the old object or the new one, and a failure leaves nothing behind.

    - `bucket_name`: if the key is no whole address. By default the bucket of the connection.
    - `max_rows_per_file`, `max_file_bytes`: write several objects, `orders-00001.csv.gz` and so on, each with no more
      rows, or bytes before compression. They become visible one behind the other, and those of an earlier time that are
      too many are removed. As a source, these are read.
    - `part_bytes`: size of the parts of an upload, at least 5 MiB. An object can have 10,000.
    """

    template_fields: ClassVar[Sequence[str]] = ("key", "bucket_name")
    conn_type: ClassVar[str] = S3Hook.conn_type

    key: str
    _: KW_ONLY
    conn_id: str | None = S3Hook.default_conn_name
    mode: str = "replace"
    bucket_name: str | None = None
    max_rows_per_file: int | None = None
    max_file_bytes: int | None = None
    part_bytes: int = 8 << 20

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.key, str) or not self.key:
            raise DagError(f"S3Object needs a key, such as s3://bucket/orders.csv; it got {self.key!r}.")
        if self.mode not in self.modes:
            raise DagError(
                f"S3Object({self.key!r}): mode={self.mode!r} is not to be had, for objects are replaced only."
            )
        for name in ("max_rows_per_file", "max_file_bytes"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise DagError(f"S3Object({self.key!r}): {name}={value!r} must be above 0.")
        if self.part_bytes < LEAST_PART_BYTES:
            raise DagError(f"S3Object({self.key!r}): part_bytes={self.part_bytes!r} must be 5 MiB or more.")

    @property
    def name(self) -> str:
        return f"s3://{self.bucket_name}/{self.key}" if self.bucket_name and "://" not in self.key else self.key

    @property
    def limits(self) -> Limits | None:
        """What one object may have; None if there is to be but one."""
        found = Limits(self.max_rows_per_file, self.max_file_bytes)
        return None if found == Limits() else found

    def reader(self) -> Reader:
        return _ObjectsReader(self)

    def writer(self) -> Writer:
        self._check_name()
        return super().writer() if self.limits is None else _PartsWriter(self)

    def check_sink(self) -> None:
        if "{{" not in self.key and "{%" not in self.key:
            self._check_name()

    def open_input(self) -> IO[bytes]:
        hook = S3Hook(self.conn_id)
        return io.BufferedReader(ObjectStream(hook, *self.find_place(hook), owns_hook=True), READ_AHEAD)

    def open_output(self) -> Output:
        hook = S3Hook(self.conn_id)
        try:
            bucket, key = self.find_place(hook)
            sweep(hook, bucket, key, lambda found: found == key)
            return self.one(hook, bucket, key).new_output(owns_hook=True)
        except BaseException:
            hook.close()
            raise

    def find_place(self, hook: S3Hook) -> tuple[str, str]:
        """Bucket and key. Raises UsageError if there is no bucket, S3UriError for an address that is none."""
        return hook._bucket_and_key(self.key, self.bucket_name)

    def one(self, hook: S3Hook, bucket: str, key: str, etag: str | None = None) -> _OneObject:
        """An object that has this very key, in the format that is said here."""
        shared = {one.name: getattr(self, one.name) for one in fields(FileEndpoint)}
        return _OneObject(bucket, key, hook, etag, self.part_bytes, **shared)

    def _check_name(self) -> None:
        if _WILDCARD.search(self.key) or self.key.endswith("/"):
            raise TransferError(
                f"{self.name} stands for many objects, which can be read; to be written one must be named."
            )


@dataclass(frozen=True, repr=False)
class _OneObject(FileEndpoint):
    """An object with this very key, whatever characters it has, through a hook that is open."""

    bucket: str
    key: str
    hook: S3Hook
    etag: str | None
    part_bytes: int
    _: KW_ONLY
    lets_go: bool = False

    @property
    def name(self) -> str:
        return f"s3://{self.bucket}/{self.key}"

    def open_input(self) -> IO[bytes]:
        return io.BufferedReader(ObjectStream(self.hook, self.bucket, self.key, self.etag), READ_AHEAD)

    def open_output(self) -> Output:
        return self.new_output()

    def new_output(self, *, owns_hook: bool = False) -> ObjectOutput:
        kind = compression_of(self.name) or self._format()
        return ObjectOutput(
            self.hook,
            self.bucket,
            self.key,
            part_bytes=self.part_bytes,
            content_type=_CONTENT_TYPES[kind],
            lets_go=self.lets_go,
            owns_hook=owns_hook,
        )


class _ObjectsReader(FilesReader):
    """Reads the objects that an `S3Object` stands for."""

    def __init__(self, endpoint: S3Object) -> None:
        super().__init__()
        self._endpoint = endpoint

    def find(self, stack: ExitStack) -> Sequence[FileEndpoint]:
        endpoint = self._endpoint
        hook = stack.enter_context(S3Hook(endpoint.conn_id))
        bucket, key = endpoint.find_place(hook)
        belongs = _chooser(key, endpoint.limits is not None)
        if belongs is None:
            return [endpoint.one(hook, bucket, key)]
        prefix, fits = belongs
        found = [
            endpoint.one(hook, bucket, row["Key"], row.get("ETag"))
            for row in hook.iter_file_metadata(prefix, bucket)
            if fits(row["Key"])
        ]
        if not found:
            raise TransferError(
                f"There is no object in S3 that {endpoint.name} stands for (connection {endpoint.conn_id!r})."
            )
        return found


def _chooser(key: str, is_split: bool) -> tuple[str, Callable[[str], bool]] | None:
    """What many keys have at their beginning, and which of those are meant; None if the key is but one."""
    if is_split:
        return _stem(key)[0] + "-", lambda found: _part_number(key, found) is not None
    if _WILDCARD.search(key):
        return fixed_beginning(key), lambda found: not found.endswith("/") and fnmatch.fnmatchcase(found, key)
    if key.endswith("/"):
        return key, lambda found: not found.endswith("/") and found.rpartition("/")[2][0] not in "_."
    return None


class _PartsWriter(SplitWriter):
    """Writes `orders-00001.csv.gz`, `orders-00002.csv.gz` and so on."""

    def __init__(self, endpoint: S3Object) -> None:
        super().__init__(endpoint.limits or Limits())
        self._endpoint = endpoint

    def part(self, number: int, stack: ExitStack) -> FileEndpoint:
        if number == 1:
            self._hook = stack.enter_context(S3Hook(self._endpoint.conn_id))
            self._bucket, self._key = self._endpoint.find_place(self._hook)
            sweep(self._hook, self._bucket, _stem(self._key)[0], self._belongs)
        stem, suffix = _stem(self._key)
        return replace(self._endpoint.one(self._hook, self._bucket, f"{stem}-{number:05}{suffix}"), lets_go=True)

    def settle(self, count: int) -> None:
        """Remove what an earlier transfer wrote beyond these parts, or as one object."""
        stale = (
            row["Key"]
            for row in self._hook.iter_file_metadata(_stem(self._key)[0], self._bucket)
            if row["Key"] == self._key or (_part_number(self._key, row["Key"]) or 0) > count
        )
        self._hook.delete_objects(self._bucket, stale)

    def _belongs(self, key: str) -> bool:
        return key == self._key or _part_number(self._key, key) is not None


def _stem(key: str) -> tuple[str, str]:
    """A key in two: `a/orders`, `.csv.gz`."""
    folder, slash, name = key.rpartition("/")
    stem, dot, suffix = name.partition(".")
    return folder + slash + stem, dot + suffix


def _part_number(key: str, found: str) -> int | None:
    """The number of a part of this key."""
    stem, suffix = _stem(key)
    number = found.removeprefix(stem + "-").removesuffix(suffix)
    if found != f"{stem}-{number}{suffix}" or not number.isdecimal() or len(number) < 5:
        return None
    return int(number)
