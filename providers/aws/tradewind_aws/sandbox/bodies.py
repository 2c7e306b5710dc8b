"""Bodies of requests to S3: taken out of `aws-chunked`, and compared with the hashes and checksums that were told."""

from __future__ import annotations

import base64
import hashlib
import hmac
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace

from tradewind.sandbox import Request
from tradewind_aws.sandbox.answers import BadRequest, Refused
from tradewind_aws.sandbox.signing import UNSIGNED, Claim, signing_key

_STREAMING = "STREAMING-"
_SIGNED_CHUNKS = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
_NOTHING = hashlib.sha256(b"").hexdigest()

#: Those that Python can compute by itself; crc32c and crc64nvme are taken as they are told.
_CHECKSUMS: dict[str, Callable[[bytes], bytes]] = {
    "crc32": lambda data: zlib.crc32(data).to_bytes(4, "big"),
    "sha1": lambda data: hashlib.sha1(data).digest(),
    "sha256": lambda data: hashlib.sha256(data).digest(),
}


def plain(request: Request, claim: Claim, secret: str) -> Request:
    """The request with the body that was meant. Raises BadRequest if it is not what hashes and checksums say."""
    told = request.headers.get("x-amz-content-sha256", UNSIGNED)
    if told.startswith(_STREAMING):
        key = signing_key(secret, claim) if told.startswith(_SIGNED_CHUNKS) else None
        request = _without_chunks(request, claim, key)
    elif told != UNSIGNED and hashlib.sha256(request.body).hexdigest() != told:
        raise BadRequest(
            "XAmzContentSHA256Mismatch",
            "The provided 'x-amz-content-sha256' header does not match what was computed.",
        )
    _check_md5(request)
    _check_sums(request)
    return request


def _without_chunks(request: Request, claim: Claim, key: bytes | None) -> Request:
    body, trailers = Chunks(request.body, claim, key).read()
    if len(body) != int(request.headers.get("x-amz-decoded-content-length", len(body))):
        raise BadRequest("IncompleteBody", "The request body terminated unexpectedly.")
    left_out = ("x-amz-decoded-content-length", "x-amz-trailer", "x-amz-content-sha256", "content-encoding")
    headers = {name: value for name, value in request.headers.items() if name not in left_out}
    encodings = [one.strip() for one in request.headers.get("content-encoding", "").split(",")]
    if kept := ",".join(one for one in encodings if one not in ("", "aws-chunked")):
        headers["content-encoding"] = kept
    headers["content-length"] = str(len(body))
    return replace(request, body=body, headers={**headers, **trailers})


class Chunks:
    """The pieces of an `aws-chunked` body, each with a signature that continues that of the one before."""

    def __init__(self, body: bytes, claim: Claim, key: bytes | None) -> None:
        """Without a `key` the pieces are not signed."""
        self._body = body
        self._claim = claim
        self._key = key
        self._before = claim.signature
        self._at = 0

    def read(self) -> tuple[bytes, dict[str, str]]:
        """The body, and the headers that stand behind it. Raises Refused, BadRequest."""
        data = b"".join(self._pieces())
        trailers: dict[str, str] = {}
        signature = None
        while (line := self._line()) is not None:
            name, _, value = line.partition(":")
            if name.lower() == "x-amz-trailer-signature":
                signature = value.strip()
            elif name:
                trailers[name.lower()] = value.strip()
        if self._key is not None and trailers:
            text = "".join(f"{name}:{value}\n" for name, value in sorted(trailers.items()))
            self._check("AWS4-HMAC-SHA256-TRAILER", (hashlib.sha256(text.encode()).hexdigest(),), signature)
        return data, trailers

    def _pieces(self) -> Iterator[bytes]:
        while True:
            line = self._line()
            if line is None:
                raise BadRequest("IncompleteBody", "The request body terminated unexpectedly.")
            size, _, more = line.partition(";")
            try:
                count = int(size, 16)
            except ValueError:
                raise BadRequest("InvalidRequest", "The size of a chunk is no number.") from None
            piece = self._body[self._at : self._at + count]
            self._at += count
            if self._key is not None:
                told = more.partition("chunk-signature=")[2]
                self._check("AWS4-HMAC-SHA256-PAYLOAD", (_NOTHING, hashlib.sha256(piece).hexdigest()), told)
            if not count:
                return
            yield piece
            self._at += 2  # the line end behind it

    def _check(self, kind: str, hashes: tuple[str, ...], told: str | None) -> None:
        text = "\n".join((kind, self._claim.time, self._claim.scope, self._before, *hashes))
        wanted = hmac.digest(self._key or b"", text.encode(), "sha256").hex()
        if not hmac.compare_digest(wanted, told or ""):
            raise Refused("signature")
        self._before = wanted

    def _line(self) -> str | None:
        end = self._body.find(b"\r\n", self._at)
        if end < 0:
            rest, self._at = self._body[self._at :], len(self._body)
            return rest.decode("latin-1") or None
        line = self._body[self._at : end].decode("latin-1")
        self._at = end + 2
        return line


def _check_md5(request: Request) -> None:
    told = request.headers.get("content-md5")
    digest = hashlib.md5(request.body, usedforsecurity=False).digest()
    if told is not None and base64.b64encode(digest).decode() != told:
        raise BadRequest("BadDigest", "The Content-MD5 you specified did not match what we received.")


def _check_sums(request: Request) -> None:
    if request.method == "POST" and "uploadId" in request.query:
        return  # what completes an upload tells the checksum of the object
    for name, compute in _CHECKSUMS.items():
        told = request.headers.get(f"x-amz-checksum-{name}")
        if told is not None and base64.b64encode(compute(request.body)).decode() != told:
            raise BadRequest("BadDigest", f"The {name.upper()} you specified did not match the calculated checksum.")
