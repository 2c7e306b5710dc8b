"""What can go wrong with AWS and with stores that speak S3's protocol.

    ConnectionFault
    └── AwsError                 a call failed; `code` and `response` are what the service said
        ├── AwsUnreachable       no answer from there
        ├── BadCredentials       there are none, or the service does not know them
        ├── AccessDenied         it knows them, and they may not
        ├── WrongRegion          the bucket is in another region
        ├── NoSuchBucket
        ├── BucketExists
        ├── NoSuchKey
        ├── NoSuchResource       a secret, parameter or role
        └── KeyExists            and was not to be replaced
    UsageError
    └── S3UriError               text that is no address of an object
    RedshiftError                Redshift refused, or what it loaded cannot be right

An AwsError has the error of botocore as its `__cause__`.
"""

from __future__ import annotations

from typing import Any

from tradewind.errors import ConnectionFault, TradewindError, UsageError


class AwsError(ConnectionFault):
    """A call through an AWS connection failed. The message names connection, place and what to do."""

    code: str | None = None  #: as the service has it: "NoSuchBucket", "SlowDown"; None if it did not answer
    response: dict[str, Any] | None = None  #: the answer as botocore has it


class AwsUnreachable(AwsError):
    """Nobody answered: wrong host or port, no network, or too slow."""


class BadCredentials(AwsError):
    """There are no credentials, they have expired, or the service does not know them."""


class AccessDenied(AwsError):
    """The credentials may not do this."""


class WrongRegion(AwsError):
    """The bucket is in another region than the connection says."""


class NoSuchBucket(AwsError):
    """There is no such bucket."""


class BucketExists(AwsError):
    """The bucket is there already, here or in another account."""


class NoSuchKey(AwsError):
    """There is no such object."""


class NoSuchResource(AwsError):
    """There is no secret, parameter, role or other thing of that name."""


class KeyExists(AwsError, ValueError):
    """The object is there already, and was not to be replaced."""


class S3UriError(UsageError, ValueError):
    """The text is no address of a bucket or object."""


class RedshiftError(TradewindError):
    """Redshift refused a statement, or what it loaded cannot be right. The message shows no credentials."""
