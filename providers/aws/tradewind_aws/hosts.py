"""Which host names are those of AWS. All other ones belong to stores that speak S3's protocol."""

from __future__ import annotations

import re

#: Host names of AWS itself, in all its partitions.
_AWS = re.compile(r"(?:^|\.)(?:amazonaws\.com(?:\.cn)?|api\.aws|c2s\.ic\.gov|sc2s\.sgov\.gov)$", re.IGNORECASE)
_S3_REGION = re.compile(r"(?:^|\.)s3[.-](?:dualstack\.|fips\.)?([a-z]{2}(?:-[a-z]+)+-\d+)\.", re.IGNORECASE)

#: Host of S3 itself, with the bucket in front or not: s3.eu-west-1..., bucket.s3-us-west-2..., s3.dualstack...
_S3 = re.compile(
    r"(?:(?P<bucket>.+)\.)?(?:s3(?:[.-](?:dualstack\.|fips\.)?[a-z0-9-]+)?)\.amazonaws\.com(?:\.cn)?", re.IGNORECASE
)


def is_aws(host: str) -> bool:
    """Whether the host is one of AWS's."""
    return bool(_AWS.search(host))


def region_of(host: str) -> str | None:
    """The region in the name of a host of S3: s3.eu-west-1.amazonaws.com."""
    found = _S3_REGION.search(host)
    return found[1].lower() if found else None


def bucket_in(host: str) -> str | None:
    """The bucket in the name of a host of S3, empty if there is none; None if it is no host of S3."""
    found = _S3.fullmatch(host)
    return None if found is None else found["bucket"] or ""
