"""Operators that write, read and list objects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tradewind.errors import UsageError
from tradewind_aws.operators.aws_task import FIELDS, AwsBaseOperator, named, place


class S3CreateObjectOperator(AwsBaseOperator):
    """Writes `data`, text or bytes, to an object.

        S3CreateObjectOperator(task_id="mark", s3_key="s3://lake/{{ ds }}/_DONE", data="", replace=True)

    - `s3_key`: the key, or a whole address; `s3_bucket`: its bucket, by default the connection's own.
    - `replace`: False: an object that is there is an error, also if it comes meanwhile.
    - `encrypt`: S3 encrypts it with a key of its own. `acl_policy`: an ACL; none is sent by default.
    - `encoding` (UTF-8) and `compression` ("gzip") of text.
    """

    template_fields: Sequence[str] = ("s3_bucket", "s3_key", "data", *FIELDS)

    def __init__(
        self,
        *,
        s3_bucket: str | None = None,
        s3_key: str,
        data: str | bytes,
        replace: bool = False,
        encrypt: bool = False,
        acl_policy: str | None = None,
        encoding: str | None = None,
        compression: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.s3_bucket = s3_bucket
        self.s3_key = s3_key
        self.data = data
        self.replace = replace
        self.encrypt = encrypt
        self.acl_policy = acl_policy
        self.encoding = encoding
        self.compression = compression

    def work(self, context: Any) -> None:
        bucket, key = place(self, self.hook, "s3_bucket", "s3_key")
        given: dict[str, Any] = {"replace": self.replace, "encrypt": self.encrypt, "acl_policy": self.acl_policy}
        if isinstance(self.data, str):
            self.hook.load_string(self.data, key, bucket, encoding=self.encoding, compression=self.compression, **given)
        else:
            if self.encoding or self.compression:
                raise UsageError(f"Task {self.task_id!r}: encoding and compression are for text, and data is bytes.")
            self.hook.load_bytes(self.data, key, bucket, **given)
        self.log.info("Wrote s3://%s/%s", bucket, key)


class LocalFilesystemToS3Operator(AwsBaseOperator):
    """Writes the file `filename` of this machine to an object.

        LocalFilesystemToS3Operator(task_id="up", filename="/out/{{ ds }}.csv", dest_key="s3://lake/{{ ds }}.csv")

    - `dest_key`: the key, or a whole address; `dest_bucket`: its bucket, by default the connection's own.
    - `replace`: False: an object that is there is an error, also if it comes meanwhile.
    - `gzip`: compress it on the way; the key stays as it is. `encrypt`, `acl_policy`: as in `S3CreateObjectOperator`.
    """

    template_fields: Sequence[str] = ("filename", "dest_key", "dest_bucket", *FIELDS)

    def __init__(
        self,
        *,
        filename: str,
        dest_key: str,
        dest_bucket: str | None = None,
        replace: bool = False,
        encrypt: bool = False,
        gzip: bool = False,
        acl_policy: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.filename = filename
        self.dest_key = dest_key
        self.dest_bucket = dest_bucket
        self.replace = replace
        self.encrypt = encrypt
        self.gzip = gzip
        self.acl_policy = acl_policy

    def work(self, context: Any) -> None:
        bucket, key = place(self, self.hook, "dest_bucket", "dest_key")
        filename = named(self, "filename")
        try:
            self.hook.load_file(filename, key, bucket, self.replace, self.encrypt, self.gzip, self.acl_policy)
        except OSError as error:
            raise UsageError(
                f"Task {self.task_id!r}: the file {filename} cannot be read: {error.strerror or error}."
            ) from error
        self.log.info("Wrote %s to s3://%s/%s", filename, bucket, key)


class S3ReadObjectOperator(AwsBaseOperator):
    """Gives the content of an object as text, for small ones: XComs have a limit.

    - `s3_key`: the key, or a whole address; `s3_bucket`: its bucket, by default the connection's own.
    """

    template_fields: Sequence[str] = ("s3_bucket", "s3_key", *FIELDS)

    def __init__(self, *, s3_bucket: str | None = None, s3_key: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.s3_bucket = s3_bucket
        self.s3_key = s3_key

    def work(self, context: Any) -> str:
        bucket, key = place(self, self.hook, "s3_bucket", "s3_key")
        return str(self.hook.read_key(key, bucket))


class S3ListOperator(AwsBaseOperator):
    """Gives the keys in `bucket` under `prefix`; with a `delimiter` ("/") only those without it behind the prefix.

    `apply_wildcard` lets `*` in the prefix stand for anything.
    """

    template_fields: Sequence[str] = ("bucket", "prefix", "delimiter", *FIELDS)

    def __init__(
        self, *, bucket: str, prefix: str = "", delimiter: str = "", apply_wildcard: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.bucket = bucket
        self.prefix = prefix
        self.delimiter = delimiter
        self.apply_wildcard = apply_wildcard

    def work(self, context: Any) -> list[str]:
        found: list[str] = self.hook.list_keys(
            named(self, "bucket"), self.prefix, self.delimiter, apply_wildcard=self.apply_wildcard
        )
        self.log.info("Found %d objects under s3://%s/%s", len(found), self.bucket, self.prefix)
        return found


class S3ListPrefixesOperator(AwsBaseOperator):
    """Gives the "folders" in `bucket` under `prefix`: what keys have up to the next `delimiter`, each once."""

    template_fields: Sequence[str] = ("bucket", "prefix", "delimiter", *FIELDS)

    def __init__(self, *, bucket: str, prefix: str, delimiter: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.bucket = bucket
        self.prefix = prefix
        self.delimiter = delimiter

    def work(self, context: Any) -> list[str]:
        found: list[str] = self.hook.list_prefixes(named(self, "bucket"), self.prefix, named(self, "delimiter"))
        self.log.info("Found %d prefixes under s3://%s/%s", len(found), self.bucket, self.prefix)
        return found
