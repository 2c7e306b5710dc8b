"""An object as a file that is written: in parts that S3 keeps to itself until all of them are there."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from tradewind.errors import TransferError
from tradewind.transfer.files import Output
from tradewind_aws.errors import AccessDenied, AwsError

if TYPE_CHECKING:
    from tradewind_aws.s3.hook import S3Hook

#: Parts that are sent side by side. So many, and two more, are in memory.
AT_ONCE = 4

#: S3's own limits.
MOST_PARTS = 10_000
LEAST_PART_BYTES = 5 << 20

#: Arguments of an upload that each of its requests takes, and those that its end takes.
_FOR_PARTS = ("SSECustomerAlgorithm", "SSECustomerKey", "SSECustomerKeyMD5", "RequestPayer", "ExpectedBucketOwner")

#: Metadata of an object that was uploaded in parts: which upload it was.
_MARK = "tradewind-transfer"

#: Codes of stores that cannot list unfinished uploads.
_CANNOT_LIST = ("NotImplemented", "MethodNotAllowed", "InvalidRequest", "501", "405")

log = logging.getLogger(__name__)


class ObjectOutput(Output):
    """Sends what is written, in parts of `part_bytes`, and makes an object of it on `commit`.

    Less than a part is sent as an object in one piece, on `commit`; with `lets_go` already on `finish`, as the only
    part of an upload, so that many that wait for their commit take no memory. With `owns_hook` the hook is closed at
    the end.
    """

    def __init__(
        self,
        hook: S3Hook,
        bucket: str,
        key: str,
        *,
        part_bytes: int,
        content_type: str,
        lets_go: bool = False,
        owns_hook: bool = False,
    ) -> None:
        self._hook = hook
        self._place = {"Bucket": bucket, "Key": key}
        self._part_bytes = part_bytes
        self._lets_go = lets_go
        self._owns_hook = owns_hook
        self._arguments: dict[str, Any] = {"ContentType": content_type, **hook._upload_args(False, None)}
        self._blocks: list[bytes] = []
        self._held = 0  #: bytes in these blocks
        self._mark = secrets.token_hex(8)
        self._upload: str | None = None  #: its id, once there is one
        self._pool: ThreadPoolExecutor | None = None
        self._under_way: set[Future[None]] = set()
        self._parts: dict[int, dict[str, Any]] = {}
        self._sent = 0
        self._done = False

    @property
    def name(self) -> str:
        return f"s3://{self._place['Bucket']}/{self._place['Key']}"

    def write(self, data: bytes, /) -> int:
        at = 0
        while self._held + len(data) - at >= self._part_bytes:
            end = at + self._part_bytes - self._held
            self._blocks.append(data[at:end])
            self._send(self._take())
            at = end
        if at < len(data):
            self._blocks.append(data[at:])
            self._held += len(data) - at
        return len(data)

    def finish(self) -> None:
        if self._upload is None and not self._lets_go:
            return
        if self._held or not self._sent:
            self._send(self._take())
        self._await(0)
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None

    def commit(self) -> None:
        if self._upload is None:
            self._call("put_object", Body=self._take(), **self._arguments)
        else:
            self._complete()
        self._done = True

    def discard(self) -> None:
        for future in self._under_way:
            future.cancel()
        if self._pool is not None:
            self._pool.shutdown()
        self._blocks.clear()
        if self._upload is not None and not self._done:
            abort(self._hook, self._upload, **self._place)
        self._upload = None
        if self._owns_hook:
            self._hook.close()

    def _take(self) -> bytes:
        """The bytes that are held, which are so no more."""
        blocks, self._blocks, self._held = self._blocks, [], 0
        return b"".join(blocks)

    def _send(self, data: bytes) -> None:
        """Send a part, once there is room beside those that are under way."""
        if self._upload is None:
            marked = {**self._arguments.get("Metadata", {}), _MARK: self._mark}
            self._upload = self._call("create_multipart_upload", **{**self._arguments, "Metadata": marked})["UploadId"]
        self._pool = self._pool or ThreadPoolExecutor(AT_ONCE, thread_name_prefix="upload")
        self._await(AT_ONCE - 1)
        self._sent += 1
        if self._sent > MOST_PARTS:
            raise TransferError(
                f"{self.name} would have more than {MOST_PARTS:,} parts of {self._part_bytes:,} bytes, which S3 "
                "does not take. Give a larger part_bytes=, or split it with max_file_bytes=."
            )
        self._under_way.add(self._pool.submit(self._send_part, self._sent, data))

    def _send_part(self, number: int, data: bytes) -> None:
        checksum = {name: self._arguments[name] for name in ("ChecksumAlgorithm",) if name in self._arguments}
        found = self._part_call("upload_part", PartNumber=number, Body=data, **checksum)
        told = {name: value for name, value in found.items() if name.startswith("Checksum") and name != "ChecksumType"}
        self._parts[number] = {"PartNumber": number, "ETag": found["ETag"], **told}

    def _await(self, most: int) -> None:
        """Wait until no more than `most` parts are under way. Raises what went wrong with one."""
        while len(self._under_way) > most:
            done, self._under_way = wait(self._under_way, return_when=FIRST_COMPLETED)
            for future in done:
                future.result()

    def _complete(self) -> None:
        parts = [self._parts[number] for number in sorted(self._parts)]
        try:
            self._part_call("complete_multipart_upload", MultipartUpload={"Parts": parts})
        except (AwsError, TransferError):
            if not self._is_there():  # an answer that was lost: the next request finds no upload any more
                raise
            log.info("%s is complete, though S3 did not say so", self.name)

    def _is_there(self) -> bool:
        with suppress(AwsError):
            found = self._hook.head_object(self._place["Key"], self._place["Bucket"])
            return found is not None and found.get("Metadata", {}).get(_MARK) == self._mark
        return False

    def _part_call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        given = {name: value for name, value in self._arguments.items() if name in _FOR_PARTS}
        try:
            return self._call(operation, UploadId=self._upload, **given, **arguments)
        except AwsError as error:
            if error.code == "NoSuchUpload":
                raise TransferError(
                    f"{self.name}: S3 does not know this upload any more. Another transfer into the same object has "
                    "begun meanwhile, or somebody has cleaned up."
                ) from error
            raise

    def _call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        call: Callable[..., dict[str, Any]] = getattr(self._hook.get_conn(), operation)
        with self._hook.explained(self._place["Bucket"], self._place["Key"]):
            return call(**self._place, **arguments)


def sweep(hook: S3Hook, bucket: str, prefix: str, belongs: Callable[[str], bool]) -> None:
    """Abort unfinished uploads of keys that belong here: a transfer that was killed has left them.

    One that is still alive, because its task was taken for lost, cannot complete its upload any more, and so puts no
    old rows in the place of new ones.
    """
    try:
        with hook.explained(bucket):
            pages = hook.get_conn().get_paginator("list_multipart_uploads").paginate(Bucket=bucket, Prefix=prefix)
            found = [(row["Key"], row["UploadId"]) for page in pages for row in page.get("Uploads") or ()]
    except AwsError as error:
        if not isinstance(error, AccessDenied) and error.code not in _CANNOT_LIST:
            raise
        log.info("Unfinished uploads to s3://%s/%s cannot be looked for: %s", bucket, prefix, error)
        return
    for key, upload in found:
        if belongs(key):
            abort(hook, upload, Bucket=bucket, Key=key)
            log.info("An unfinished upload of s3://%s/%s was removed", bucket, key)


def abort(hook: S3Hook, upload: str, **place: str) -> None:
    """Remove an upload and its parts. What goes wrong is told to the log only: the next transfer tries it again."""
    try:
        with hook.explained(place["Bucket"], place["Key"]):
            hook.get_conn().abort_multipart_upload(UploadId=upload, **place)
    except AwsError as error:
        if error.code != "NoSuchUpload":
            log.warning("An unfinished upload of s3://%s/%s is left: %s", place["Bucket"], place["Key"], error)
