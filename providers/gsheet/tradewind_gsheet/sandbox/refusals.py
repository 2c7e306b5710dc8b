"""What Google answers when it does not do what was asked: one exception, and the two shapes of its body."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}

#: The word by which Drive calls an error of this status, unless another is given.
_REASON = {
    400: "badRequest",
    401: "authError",
    403: "forbidden",
    404: "notFound",
    429: "rateLimitExceeded",
    500: "internalError",
    501: "notImplemented",
    502: "badGateway",
    503: "backendError",
    504: "gatewayTimeout",
}

NOT_FOUND = "Requested entity was not found."
NO_PERMISSION = "The caller does not have permission"


class Refused(Exception):
    """A request is not done. `reason` and `location` are told by Drive only."""

    def __init__(
        self,
        message: str,
        code: int = 400,
        *,
        details: Sequence[Mapping[str, Any]] = (),
        reason: str = "",
        domain: str = "global",
        location: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.details = list(details)
        self.reason = reason or _REASON.get(code, "badRequest")
        self.domain = domain
        self.location = location

    def for_sheets(self) -> dict[str, Any]:
        error = {"code": self.code, "message": self.message, "status": _STATUS.get(self.code, "UNKNOWN")}
        return {"error": {**error, **({"details": self.details} if self.details else {})}}

    def for_drive(self) -> dict[str, Any]:
        one = {"message": self.message, "domain": self.domain, "reason": self.reason}
        if self.location:
            one |= {"location": self.location, "locationType": "header" if self.code == 401 else "parameter"}
        error: dict[str, Any] = {"code": self.code, "message": self.message, "errors": [one]}
        if self.details:
            error |= {"status": _STATUS.get(self.code, "UNKNOWN"), "details": self.details}
        return {"error": error}


def violations(problems: Sequence[tuple[str, str]]) -> Refused:
    """A request that does not fit the description of the API. `problems` are pairs of field and description."""
    fields = [{"field": field, "description": told} if field else {"description": told} for field, told in problems]
    details = [{"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": fields}]
    return Refused("\n".join(told for _, told in problems), details=details)


def error_info(reason: str, domain: str = "googleapis.com", **metadata: str) -> dict[str, Any]:
    """An entry of `details` that programs can read."""
    kind = "type.googleapis.com/google.rpc.ErrorInfo"
    return {"@type": kind, "reason": reason, "domain": domain, "metadata": metadata}
