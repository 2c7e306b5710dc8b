"""How AWS refuses, in the three forms that its services speak: S3's XML, the JSON of most, the XML of STS."""

from __future__ import annotations

import json
import secrets
from typing import Literal
from xml.sax.saxutils import escape

from tradewind.sandbox import Request, Response

Protocol = Literal["s3", "json", "query"]

#: What may be wrong with a request, whatever the service.
Trouble = Literal["anonymous", "malformed", "key", "signature", "token", "token ended", "clock", "url ended"]

_UNKNOWN_KEY = "The AWS Access Key Id you provided does not exist in our records."
_WRONG = (
    "The request signature we calculated does not match the signature you provided. Check your key and signing method."
)
_INVALID = "The security token included in the request is invalid."
_ENDED = "The security token included in the request is expired"
_SKEWED = "The difference between the request time and the current time is too large."

#: Trouble -> code, message and status, for each protocol.
_REFUSALS: dict[Trouble, dict[Protocol, tuple[str, str, int]]] = {
    "anonymous": {
        "s3": ("AccessDenied", "Access Denied", 403),
        "json": ("MissingAuthenticationTokenException", "Missing Authentication Token", 400),
        "query": ("MissingAuthenticationToken", "Request is missing Authentication Token", 403),
    },
    "malformed": {
        "s3": ("AuthorizationHeaderMalformed", "The authorization header that you provided is not valid.", 400),
        "json": ("IncompleteSignatureException", "The Authorization header is not complete.", 400),
        "query": ("IncompleteSignature", "The Authorization header is not complete.", 400),
    },
    "key": {
        "s3": ("InvalidAccessKeyId", _UNKNOWN_KEY, 403),
        "json": ("UnrecognizedClientException", _INVALID, 400),
        "query": ("InvalidClientTokenId", _INVALID, 403),
    },
    "signature": {
        "s3": ("SignatureDoesNotMatch", _WRONG, 403),
        "json": ("InvalidSignatureException", _WRONG, 400),
        "query": ("SignatureDoesNotMatch", _WRONG, 403),
    },
    "token": {
        "s3": ("InvalidToken", "The provided token is malformed or otherwise invalid.", 400),
        "json": ("UnrecognizedClientException", _INVALID, 400),
        "query": ("InvalidClientTokenId", _INVALID, 403),
    },
    "token ended": {
        "s3": ("ExpiredToken", "The provided token has expired.", 400),
        "json": ("ExpiredTokenException", _ENDED, 400),
        "query": ("ExpiredToken", _ENDED, 403),
    },
    "clock": {
        "s3": ("RequestTimeTooSkewed", _SKEWED, 403),
        "json": ("InvalidSignatureException", "Signature expired", 400),
        "query": ("SignatureDoesNotMatch", "Signature expired", 403),
    },
    "url ended": {
        "s3": ("AccessDenied", "Request has expired", 403),
        "json": ("InvalidSignatureException", "Signature expired", 400),
        "query": ("SignatureDoesNotMatch", "Signature expired", 403),
    },
}

#: Status -> what a service says that answers with it for reasons of its own.
_BY_STATUS: dict[int, tuple[str, str]] = {
    400: ("RequestTimeout", "Your socket connection to the server was not read from or written to in time."),
    403: ("AccessDenied", "Access Denied"),
    404: ("NotFound", "Not Found"),
    429: ("ThrottlingException", "Rate exceeded"),
    500: ("InternalError", "We encountered an internal error. Please try again."),
    503: ("SlowDown", "Please reduce your request rate."),
}


class Refused(Exception):
    """A request is not answered, for a reason that each service tells in its own words."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble)
        self.trouble: Trouble = trouble


class BadRequest(Exception):
    """A request of S3 is refused with one certain code."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


def protocol_of(request: Request) -> Protocol:
    """What the client speaks, told from what every client sends, signed or not."""
    if "x-amz-target" in request.headers:
        return "json"
    form = request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    return "query" if request.method == "POST" and form and request.path == "/" else "s3"


def refusal(request: Request, trouble: Trouble) -> Response:
    protocol = protocol_of(request)
    return error(protocol, *_REFUSALS[trouble][protocol])


def refusal_with(request: Request, status: int) -> Response:
    """The answer of a service that is out of order, or limits its clients, with this status."""
    code, message = _BY_STATUS.get(status, ("ServiceFailure", f"Refused with {status}."))
    return error(protocol_of(request), code, message, status)


def error(protocol: Protocol, code: str, message: str, status: int) -> Response:
    request_id = secrets.token_hex(8).upper()
    headers = {"x-amz-request-id": request_id, "x-amzn-RequestId": request_id}
    if protocol == "json":
        body = json.dumps({"__type": code, "message": message})
        return Response(body.encode(), status, {**headers, "Content-Type": "application/x-amz-json-1.1"})
    inner = f"<Code>{code}</Code><Message>{escape(message)}</Message>"
    if protocol == "query":
        found = f"<Error><Type>Sender</Type>{inner}</Error><RequestId>{request_id}</RequestId>"
        told = f"<ErrorResponse>{found}</ErrorResponse>"
    else:
        told = f"<Error>{inner}<RequestId>{request_id}</RequestId></Error>"
    xml = f'<?xml version="1.0" encoding="UTF-8"?>\n{told}'
    return Response(xml.encode(), status, {**headers, "Content-Type": "application/xml"})
