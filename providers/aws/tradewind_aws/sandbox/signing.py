"""Who signed a request, and whether the signature is right.

Signature Version 4 in headers and in presigned URLs, and Version 2 in presigned URLs, which boto3 still makes by
default. Everything is computed anew from what was received, as AWS does it.
"""

from __future__ import annotations

import base64
import datetime
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from tradewind.sandbox import Request
from tradewind_aws.sandbox.answers import Refused

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED = "UNSIGNED-PAYLOAD"

#: Seconds that the clocks of client and server may differ.
SKEW = 15 * 60

_TIME = "%Y%m%dT%H%M%SZ"
_AUTHORIZATION = re.compile(
    rf"{ALGORITHM}\s+Credential=(?P<credential>[^,\s]+),\s*SignedHeaders=(?P<headers>[^,\s]+),"
    r"\s*Signature=(?P<signature>\w+)\s*\Z"
)

#: Parameters that are part of what Version 2 signs, beside those that begin with `response-`.
_SIGNED_BY_V2 = frozenset(
    {"acl", "cors", "delete", "lifecycle", "location", "logging", "notification", "partNumber", "policy", "tagging"}
    | {"requestPayment", "restore", "torrent", "uploadId", "uploads", "versionId", "versioning", "versions", "website"}
)


@dataclass(frozen=True)
class Claim:
    """What a request says of its signer."""

    access_key: str
    signature: str
    token: str = ""  #: of temporary credentials
    service: str = "s3"
    region: str = ""
    time: str = ""  #: of the signature; for Version 2 the second at which the URL ends
    headers: tuple[str, ...] = ()  #: names of those that are signed
    lasts: int | None = None  #: seconds, of a presigned URL
    version: int = 4

    @property
    def scope(self) -> str:
        return f"{self.time[:8]}/{self.region}/{self.service}/aws4_request"


def claim_of(request: Request) -> Claim | None:
    """What the request says; None if it is not signed at all. Raises Refused if that cannot be made out."""
    authorization = request.headers.get("authorization", "")
    query = request.query
    if authorization:
        found = _AUTHORIZATION.match(authorization)
        if found is None:
            raise Refused("malformed")
        return _claim(
            found["credential"],
            signature=found["signature"],
            headers=tuple(found["headers"].split(";")),
            time=request.headers.get("x-amz-date", ""),
            token=request.headers.get("x-amz-security-token", ""),
        )
    if query.get("X-Amz-Algorithm") == ALGORITHM:
        return _claim(
            query.get("X-Amz-Credential", ""),
            signature=query.get("X-Amz-Signature", ""),
            headers=tuple(query.get("X-Amz-SignedHeaders", "").split(";")),
            time=query.get("X-Amz-Date", ""),
            token=query.get("X-Amz-Security-Token", ""),
            lasts=_seconds(query.get("X-Amz-Expires", "")),
        )
    if "AWSAccessKeyId" in query:
        return Claim(
            query["AWSAccessKeyId"],
            signature=query.get("Signature", ""),
            token=query.get("x-amz-security-token", ""),
            time=query.get("Expires", ""),
            version=2,
        )
    return None


def _claim(credential: str, **more: object) -> Claim:
    parts = credential.split("/")
    if len(parts) != 5 or parts[4] != "aws4_request":
        raise Refused("malformed")
    claim = Claim(parts[0], service=parts[3], region=parts[2], **more)  # type: ignore[arg-type]
    if claim.time[:8] != parts[1]:
        raise Refused("malformed")
    return claim


def _seconds(text: str) -> int:
    if not text.isdigit():
        raise Refused("malformed")
    return int(text)


def verify(request: Request, claim: Claim, secret: str, now: datetime.datetime) -> None:
    """Raise Refused if the claim is not signed with this secret, is too old, or is of another time."""
    wanted = _signature_2(request, claim, secret) if claim.version == 2 else _signature_4(request, claim, secret)
    if not hmac.compare_digest(wanted, claim.signature):
        raise Refused("signature")
    _check_time(claim, now)


def _check_time(claim: Claim, now: datetime.datetime) -> None:
    if claim.version == 2:
        if now.timestamp() > _seconds(claim.time):
            raise Refused("url ended")
        return
    try:
        signed = datetime.datetime.strptime(claim.time, _TIME).replace(tzinfo=datetime.UTC)
    except ValueError:
        raise Refused("malformed") from None
    age = (now - signed).total_seconds()
    if claim.lasts is not None:
        if age > claim.lasts:
            raise Refused("url ended")
    elif abs(age) > SKEW:
        raise Refused("clock")


def signing_key(secret: str, claim: Claim) -> bytes:
    """The key for one day, region and service."""
    key = f"AWS4{secret}".encode()
    for part in claim.scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def _signature_4(request: Request, claim: Claim, secret: str) -> str:
    digest = hashlib.sha256(_canonical(request, claim).encode()).hexdigest()
    text = "\n".join((ALGORITHM, claim.time, claim.scope, digest))
    return hmac.digest(signing_key(secret, claim), text.encode(), "sha256").hex()


def _canonical(request: Request, claim: Claim) -> str:
    path = urlsplit(request.target).path or "/"
    if claim.service != "s3":
        path = quote(path, safe="/~")  # every service but S3 quotes once more
    names = sorted(claim.headers)
    headers = [f"{name}:{' '.join(request.headers.get(name, '').split())}\n" for name in names]
    return "\n".join(
        (request.method, path, _canonical_query(request), "".join(headers), ";".join(names), _body_hash(request, claim))
    )


def _canonical_query(request: Request) -> str:
    pairs = [
        (quote(name, safe="-_.~"), quote(value, safe="-_.~"))
        for name, value in parse_qsl(urlsplit(request.target).query.replace("+", "%20"), keep_blank_values=True)
        if name != "X-Amz-Signature"
    ]
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def _body_hash(request: Request, claim: Claim) -> str:
    told = request.headers.get("x-amz-content-sha256")
    if told and (claim.lasts is None or "x-amz-content-sha256" in claim.headers):
        return told
    if claim.lasts is not None and claim.service == "s3":
        return UNSIGNED
    return hashlib.sha256(request.body).hexdigest()


def _signature_2(request: Request, claim: Claim, secret: str) -> str:
    lines = [
        request.method,
        request.headers.get("content-md5", ""),
        request.headers.get("content-type", ""),
        claim.time,
    ]
    lines += [f"{name}:{value.strip()}" for name, value in sorted(_amazons(request).items())]
    split = urlsplit(request.target)
    signed = sorted(
        (name, value)
        for name, value in (unquote(pair).partition("=")[::2] for pair in split.query.split("&"))
        if name in _SIGNED_BY_V2 or name.startswith("response-")
    )
    told = "&".join(f"{name}={value}" if value else name for name, value in signed)
    lines.append(split.path + ("?" + told if told else ""))
    return base64.b64encode(hmac.digest(secret.encode(), "\n".join(lines).encode(), "sha1")).decode()


def _amazons(request: Request) -> Mapping[str, str]:
    """The headers of Amazon's own; presigned, they stand in the query."""
    told = {name: value for name, value in request.headers.items() if name.startswith("x-amz-")}
    return told | {name: value for name, value in request.query_list if name.startswith("x-amz-")}
