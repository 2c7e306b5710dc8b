"""Writing objects: from files, text, bytes and streams, whole or not at all."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from functools import cached_property
from typing import IO, TYPE_CHECKING, Any

from tradewind.errors import UsageError
from tradewind_aws.errors import AccessDenied, KeyExists
from tradewind_aws.s3.reading import S3Reading

if TYPE_CHECKING:
    import os

#: As `acl_policy`: no ACL. It is what is done without any, too.
NO_ACL = "no-acl"

#: Operations of S3 that make an object appear.
_CREATING = ("PutObject", "CompleteMultipartUpload")

#: How much of a file is held in memory at a time, in bytes.
_BLOCK = 1024 * 1024


class S3Writing(S3Reading):
    """The part of `S3Hook` that writes objects.

    All of its methods take `replace`, False unless given: then an object that is there is an error (KeyExists), also if
    it comes while this one is on its way. `encrypt` has S3 encrypt the object with a key of its own (AES256). No ACL is
    sent unless `acl_policy` names one ("public-read"): buckets refuse them by default. Large contents are sent in
    parts, side by side.
    """

    def load_file(
        self,
        filename: str | os.PathLike[str],
        key: str,
        bucket_name: str | None = None,
        replace: bool = False,
        encrypt: bool = False,
        gzip: bool = False,
        acl_policy: str | None = None,
    ) -> None:
        """Write a local file; with `gzip` compressed, for which nothing is left beside it."""
        from pathlib import Path

        path = Path(filename)
        with path.open("rb") as file:
            if gzip:
                with _compressed(file) as packed:
                    self._upload(packed, key, bucket_name, replace, encrypt, acl_policy)
                return
            # boto3 reads a regular file in parts itself, and holds parts of other streams in memory.
            whole = str(path) if path.is_file() else file
            self._upload(whole, key, bucket_name, replace, encrypt, acl_policy)

    def load_string(
        self,
        string_data: str,
        key: str,
        bucket_name: str | None = None,
        replace: bool = False,
        encrypt: bool = False,
        encoding: str | None = None,
        acl_policy: str | None = None,
        compression: str | None = None,
    ) -> None:
        """Write text, in UTF-8 unless another `encoding` is named; `compression` is "gzip" or None."""
        data = string_data.encode(encoding or "utf-8")
        if compression == "gzip":
            import gzip

            data = gzip.compress(data, mtime=0)
        elif compression is not None:
            raise UsageError(f"load_string knows the compression 'gzip', and no {compression!r}.")
        self.load_bytes(data, key, bucket_name, replace, encrypt, acl_policy)

    def load_bytes(
        self,
        bytes_data: bytes,
        key: str,
        bucket_name: str | None = None,
        replace: bool = False,
        encrypt: bool = False,
        acl_policy: str | None = None,
    ) -> None:
        """Write bytes."""
        import io

        self._upload(io.BytesIO(bytes_data), key, bucket_name, replace, encrypt, acl_policy)

    def load_file_obj(
        self,
        file_obj: Any,
        key: str,
        bucket_name: str | None = None,
        replace: bool = False,
        encrypt: bool = False,
        acl_policy: str | None = None,
    ) -> None:
        """Write what is left to read in a binary stream, which need not be seekable. It is not closed."""
        if not hasattr(file_obj, "read"):
            raise UsageError(f"A binary file or stream is wanted, not {type(file_obj).__name__}.")
        self._upload(file_obj, key, bucket_name, replace, encrypt, acl_policy)

    # How

    def _upload(
        self, file: Any, key: str, bucket_name: str | None, replace: bool, encrypt: bool, acl_policy: str | None
    ) -> None:
        """`file` is the path of a regular file, or a binary stream."""
        bucket, key = self._bucket_and_key(key, bucket_name)
        if not replace:
            self._refuse_existing(bucket, key)
        client = self.get_conn() if replace else self._creating_client
        start = _position(file)
        given = self._upload_args(encrypt, acl_policy)
        try:
            with self.explained(bucket, key):
                if isinstance(file, str):
                    client.upload_file(file, bucket, key, ExtraArgs=given, Config=self.transfer_config)
                else:
                    client.upload_fileobj(_Unclosed(file), bucket, key, ExtraArgs=given, Config=self.transfer_config)
        except KeyExists as error:
            if not (_tried_again(error) and self._is_ours(bucket, key, file, start)):
                raise

    def _is_ours(self, bucket: str, key: str, file: Any, start: int | None) -> bool:
        """Whether the object that is there is what was just sent, and the answer to the first try was lost."""
        from pathlib import Path

        head = self.head_object(key, bucket)
        if head is None or (start is None and not isinstance(file, str)):
            return False
        if isinstance(file, str):
            with Path(file).open("rb") as content:
                digest = _md5(content)
        else:
            file.seek(start)
            digest = _md5(file)
        return bool(head["ETag"].strip('"') == digest)

    def _upload_args(self, encrypt: bool, acl_policy: str | None) -> dict[str, Any]:
        given = self._extra(upload=True)
        if encrypt:
            given["ServerSideEncryption"] = "AES256"
        if acl_policy and acl_policy != NO_ACL:
            given["ACL"] = acl_policy
        return given

    def _refuse_existing(self, bucket: str, key: str) -> None:
        """Spares the sending of what will be refused, and keeps promises for stores that do not know If-None-Match."""
        try:
            found = self.check_for_key(key, bucket)
        except AccessDenied:  # one may be let write and not look: the writing itself will tell
            return
        if found:
            raise KeyExists(
                f"{self.conn_config.who}: s3://{bucket}/{key} is there already. Give replace=True to replace it."
            )

    @cached_property
    def _creating_client(self) -> Any:
        """A client that makes objects and replaces none: S3 itself sees to it, whoever else writes."""
        client = self.get_client_type()
        for operation in _CREATING:
            client.meta.events.register(f"provide-client-params.s3.{operation}", _only_if_new)
        return client

    def close(self) -> None:
        self.__dict__.pop("_creating_client", None)
        super().close()


def _position(file: Any) -> int | None:
    """Where a stream stands; None if it cannot go back there."""
    seekable = getattr(file, "seekable", None)
    return file.tell() if seekable is not None and seekable() else None


def _md5(file: Any) -> str:
    """The MD5, in hex digits, of what is left to read; a block at a time, for it may be large."""
    import hashlib

    digest = hashlib.md5(usedforsecurity=False)  # it is compared with an ETag, and may be forbidden for anything else
    while block := file.read(_BLOCK):
        digest.update(block)
    return digest.hexdigest()


def _tried_again(error: KeyExists) -> bool:
    return bool(((error.response or {}).get("ResponseMetadata") or {}).get("RetryAttempts"))


def _only_if_new(params: dict[str, Any], **_: Any) -> dict[str, Any]:
    return {**params, "IfNoneMatch": "*"}


class _Unclosed:
    """A file without its `close`: boto3 closes what it has sent, and this one is the caller's."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def close(self) -> None:
        """Nothing."""


@contextmanager
def _compressed(file: IO[bytes]) -> Generator[IO[bytes], None, None]:
    """The content of a file, compressed, as a temporary file that has no name."""
    import gzip
    import shutil
    import tempfile

    with tempfile.TemporaryFile() as packed:
        with gzip.GzipFile(filename="", mode="wb", fileobj=packed, mtime=0) as writer:
            shutil.copyfileobj(file, writer, _BLOCK)
        packed.seek(0)
        yield packed
