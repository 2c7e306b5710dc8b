"""Addresses of buckets and objects: `s3://bucket/key`, and the web addresses of AWS and of other stores.

In `s3://` addresses everything behind the bucket's `/` is the key as it is: `?`, `#` and `%` too. In web addresses the
key is percent-encoded and `?` begins a query, as always there.
"""

from __future__ import annotations

import re

from tradewind_aws import hosts
from tradewind_aws.errors import S3UriError

_S3 = re.compile(r"s3[an]?://", re.IGNORECASE)
_WEB = re.compile(r"https?://", re.IGNORECASE)

FORMS = "s3://bucket/key, https://bucket.s3.region.amazonaws.com/key or http://host:port/bucket/key"


def is_url(text: str) -> bool:
    """Whether this is an address with a bucket in it, and not a bare key."""
    return bool(_S3.match(text) or _WEB.match(text))


def is_s3_url(text: str) -> bool:
    """Whether it begins with `s3://`, `s3a://` or `s3n://`."""
    return bool(_S3.match(text))


def parse(text: str, endpoint: str | None = None) -> tuple[str, str]:
    """Bucket and key; the key is empty where there is none. Raises S3UriError.

    Of a web address of a host that is not AWS's the first part of the path is the bucket. With `endpoint`, the server
    of a connection, such an address must lead to it, and may have the bucket in front of its name instead.
    """
    found = _S3.match(text)
    if found is not None:
        bucket, _, key = text[found.end() :].partition("/")
    elif _WEB.match(text):
        bucket, key = _from_web(text, endpoint)
    else:
        raise S3UriError(f"{_shown(text)} is no address of an object; these are: {FORMS}.")
    if not bucket:
        raise S3UriError(f"{_shown(text)} names no bucket; write {FORMS}.")
    return bucket, key


def _from_web(text: str, endpoint: str | None) -> tuple[str, str]:
    from urllib.parse import unquote, urlsplit

    parts = urlsplit(text, allow_fragments=False)
    host, path = (parts.hostname or "").lower(), unquote(parts.path).removeprefix("/")
    bucket = hosts.bucket_in(host)
    if bucket is not None:
        return (bucket, path) if bucket else _first(path)
    if hosts.is_aws(host):
        raise S3UriError(f"{_shown(text)} is a web address of AWS, and not one of S3; write {FORMS}.")
    if endpoint is not None:
        own = urlsplit(endpoint)
        own_host = (own.hostname or "").lower()
        if host.endswith(f".{own_host}"):
            return host.removesuffix(f".{own_host}"), path
        if host != own_host or parts.port != own.port:
            raise S3UriError(f"{_shown(text)} is on another host than the connection, {endpoint}.")
    return _first(path)


def _first(path: str) -> tuple[str, str]:
    bucket, _, key = path.partition("/")
    return bucket, key


def _shown(text: str) -> str:
    """The address without its query, which may be a signature, and without login and password."""
    return repr(re.sub(r"//[^/@]*@", "//***@", text if _S3.match(text) else text.partition("?")[0]))
