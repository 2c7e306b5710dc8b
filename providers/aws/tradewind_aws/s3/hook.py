"""`S3Hook`: buckets and objects, at AWS and in every store that speaks S3's protocol.

    hook = S3Hook("lake")            # AIRFLOW_CONN_LAKE=s3://key:secret@minio.example:9000/bucket?tls=false
    hook.load_string("hello", "greetings/today.txt")
    hook.read_key("s3://other-bucket/greetings/today.txt")

A `key` may be a whole address, which then names the bucket too; `bucket_name` defaults to the connection's own bucket.
"""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tradewind.errors import UsageError
from tradewind_aws.s3.writing import NO_ACL, S3Writing

if TYPE_CHECKING:
    from pathlib import Path

#: What a copy in parts must be told, since S3 copies it only in one piece.
_HEADERS = (
    "CacheControl",
    "ContentDisposition",
    "ContentEncoding",
    "ContentLanguage",
    "ContentType",
    "Expires",
    "Metadata",
)

#: Seconds by which the time of a file may miss that of its object, which it is given, as file systems keep times.
SAME_TIME = 0.001


class S3Hook(S3Writing):
    """Works with S3.

    `transfer_config_args` are those of boto3's TransferConfig, and `extra_args` go with each upload and download; both
    may stand in the connection's `service_config.s3`. `requester_pays` says that the caller pays for requests. All else
    is AwsBaseHook's.
    """

    #: Objects above this size, in bytes, are copied in parts: S3 takes no larger ones in one piece.
    largest_copy = 5 * 1024**3

    def copy_object(
        self,
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
        """Copy an object within S3, of any size, with its metadata and tags. An object that is there is replaced.

        `meta_data_directive="REPLACE"` gives the copy the metadata in `kwargs` instead, which are further arguments of
        boto3's copy. `kms_encryption_type` is "aws:kms" or "aws:kms:dsse", given together with `kms_key_id`. No ACL is
        sent unless `acl_policy` names one.
        """
        bucket, key = self._bucket_and_key(dest_bucket_key, dest_bucket_name)
        from_bucket, from_key = self._bucket_and_key(source_bucket_key, source_bucket_name)
        if bool(kms_key_id) != bool(kms_encryption_type):
            raise ValueError("kms_key_id and kms_encryption_type belong together: give both or neither")
        given = {**kwargs, **self._payer()}
        if acl_policy and acl_policy != NO_ACL:
            given["ACL"] = acl_policy
        if meta_data_directive:
            given["MetadataDirective"] = meta_data_directive
        if kms_key_id:
            given |= {"SSEKMSKeyId": kms_key_id, "ServerSideEncryption": kms_encryption_type}
        source = {"Bucket": from_bucket, "Key": from_key}
        if source_version_id:
            source["VersionId"] = source_version_id
        with self.explained(from_bucket, from_key):
            head = self.get_conn().head_object(**source, **self._payer())
        if head["ContentLength"] > self.largest_copy:
            self._copy_in_parts(source, bucket, key, self._carried(source, head, given))
            return
        with self.explained(bucket, key):
            self.get_conn().copy_object(CopySource=source, Bucket=bucket, Key=key, **given)

    def _copy_in_parts(self, source: dict[str, str], bucket: str, key: str, given: dict[str, Any]) -> None:
        config = self.transfer_config
        config.multipart_threshold = min(config.multipart_threshold, self.largest_copy)
        with self.explained(bucket, key):
            self.get_conn().copy(source, bucket, key, ExtraArgs=given, Config=config)

    def _carried(self, source: dict[str, str], head: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
        """Arguments for a copy in parts, with what S3 itself takes along in one piece, and older boto3 does not."""
        found = dict(given)
        if found.get("MetadataDirective") != "REPLACE":
            found |= {name: head[name] for name in _HEADERS if head.get(name)}
        if found.get("TaggingDirective") != "REPLACE":
            from urllib.parse import urlencode

            with self.explained(source["Bucket"], source["Key"]):
                tags = self.get_conn().get_object_tagging(**source, **self._payer())["TagSet"]
            if tags:
                found["Tagging"] = urlencode({tag["Key"]: tag["Value"] for tag in tags})
        return found | {"MetadataDirective": "REPLACE", "TaggingDirective": "REPLACE"}

    # Addresses that work without keys

    def generate_presigned_url(
        self,
        client_method: str,
        params: dict[str, Any] | None = None,
        expires_in: int = 3600,
        http_method: str | None = None,
    ) -> str:
        """A web address that lets anybody do one thing ("get_object", "put_object") for `expires_in` seconds.

        `params` are that method's: `{"Bucket": ..., "Key": ...}`, where the key may be a whole address, and the bucket
        defaults to the connection's. Nothing is asked of S3. Temporary credentials end such an address when they end.
        """
        wanted = dict(params or {})
        if "Key" in wanted:
            wanted["Bucket"], wanted["Key"] = self._bucket_and_key(wanted["Key"], wanted.get("Bucket"))
        with self.explained(wanted.get("Bucket"), wanted.get("Key")):
            return str(
                self._signing_client.generate_presigned_url(
                    ClientMethod=client_method, Params=wanted, ExpiresIn=expires_in, HttpMethod=http_method
                )
            )

    @cached_property
    def _signing_client(self) -> Any:
        """botocore signs such addresses in the old way in some regions, which new buckets and other stores refuse."""
        settings = self.conn_config
        chosen = settings.is_anonymous or "signature_version" in settings.config_kwargs
        return self.get_client_type(config=None if chosen else {"signature_version": "s3v4"})

    # Folders

    def sync_to_local_dir(
        self,
        bucket_name: str | None,
        local_dir: str | os.PathLike[str],
        s3_prefix: str = "",
        delete_stale: bool = True,
    ) -> None:
        """Make a local folder hold what is under `s3_prefix`, a "folder" in the bucket.

        Objects that differ in size or time of change are read; each file is replaced when its successor is complete.
        With `delete_stale` whatever else is in the local folder is deleted. Raises UsageError for a key that would lead
        outside.
        """
        from pathlib import Path

        from tradewind_aws.s3 import local

        bucket = self._bucket(bucket_name)
        root = Path(local_dir)
        prefix = s3_prefix if not s3_prefix or s3_prefix.endswith("/") else f"{s3_prefix}/"
        root.mkdir(parents=True, exist_ok=True)
        kept: set[Path] = set()
        read = 0
        for row in self._iter_objects(bucket, prefix):
            if row["Key"].endswith("/"):
                continue
            path = local.place_in(root, row["Key"][len(prefix) :], row["Key"])
            read += self._bring(bucket, row, path)
            kept.add(path)
        removed = local.remove_others(root, kept) if delete_stale else 0
        self.log.info("%s: %d files read from s3://%s/%s, %d others removed.", root, read, bucket, prefix, removed)

    def _bring(self, bucket: str, row: dict[str, Any], path: Path) -> bool:
        """Write an object to a file unless that has its size and time already; whether it was written."""
        from tradewind_aws.s3 import local

        changed = row["LastModified"].timestamp()
        status = None if path.is_symlink() or not path.is_file() else path.stat()
        if status is not None and status.st_size == row["Size"] and abs(status.st_mtime - changed) < SAME_TIME:
            return False
        try:
            with local.replaced_file(path) as file:
                self._download(bucket, row["Key"], file)
            os.utime(path, (changed, changed))
        except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
            raise UsageError(
                f"The object s3://{bucket}/{row['Key']} cannot be the file {path}: another one is a folder there."
            ) from error
        return True

    def close(self) -> None:
        self.__dict__.pop("_signing_client", None)
        super().close()
