"""Finds out whether a connection works, with the least that tells: `tradewind connections test`.

A server that stands in for S3 is asked for S3 and never for STS, which such servers do not have.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

from tradewind_aws.errors import AccessDenied

if TYPE_CHECKING:
    from tradewind_aws.hook import AwsBaseHook

#: Unless the connection says otherwise: a test is wanted soon, and tried once.
_SOON = {"connect_timeout": 10, "read_timeout": 10, "retries": {"total_max_attempts": 1}}


def probe(hook: AwsBaseHook) -> str:
    """What to tell about a connection that works. Raises AwsError for one that does not."""
    settings = hook.conn_config
    config = {name: value for name, value in _SOON.items() if name not in settings.config_kwargs}
    own_sts = settings.get_service_endpoint_url("sts") is not None
    if settings.is_store or settings.bucket or not (settings.speaks_to_aws("s3") or own_sts):
        return _probe_s3(hook, config)
    found = hook._identity(**config)
    return f"The credentials are those of {found['Arn']}, in the account {found['Account']}."


def _probe_s3(hook: AwsBaseHook, config: dict[str, Any]) -> str:
    settings, bucket = hook.conn_config, hook.conn_config.bucket
    place = hook.place("s3")
    with hook.explained(bucket, service="s3"), closing(hook.make_client("s3", config=config)) as client:
        if bucket:
            client.list_objects_v2(Bucket=bucket, MaxKeys=1)
            return f"{place} answers, and has the bucket {bucket!r}."
        try:
            with hook.explained(service="s3"):
                found = len(client.list_buckets().get("Buckets") or ())
        except AccessDenied:
            known = "" if settings.is_anonymous else " and knows the key"
            return f"{place} answers{known}; which buckets it has it does not tell."
    return f"{place} answers, and has {found} bucket{'' if found == 1 else 's'}."
