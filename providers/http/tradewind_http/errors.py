"""What goes wrong between this machine and a service that is asked over HTTP."""

from __future__ import annotations

from tradewind.errors import TradewindError


class HttpError(TradewindError):
    """A request got no answer, or one that cannot be used. The message names the connection, never the query."""


class HttpStatusError(HttpError):
    """The service answered with an error. `status` is its number."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status

    def __reduce__(self) -> tuple[type[HttpStatusError], tuple[str, int]]:
        return type(self), (str(self), self.status)
