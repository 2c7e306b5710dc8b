"""What a stand-in for a web service is written with: a request, a response, and the application between them."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qsl, unquote, urlsplit

from tradewind.errors import SandboxError


@dataclass(frozen=True)
class Request:
    """What a client asks. Names of headers are in lower case; a body that came in chunks is put together again."""

    method: str
    target: str  #: path and query as they were sent, quoted
    headers: Mapping[str, str]
    body: bytes = b""

    @cached_property
    def path(self) -> str:
        """The path, unquoted: `/api/chat.postMessage`."""
        return unquote(urlsplit(self.target).path)

    @cached_property
    def query(self) -> dict[str, str]:
        """The last value of each parameter; `query_list` has all of them."""
        return dict(self.query_list)

    @cached_property
    def query_list(self) -> list[tuple[str, str]]:
        return parse_qsl(urlsplit(self.target).query, keep_blank_values=True)

    @property
    def bearer(self) -> str:
        """The token of `Authorization: Bearer ...`; empty if there is none."""
        kind, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip() if kind.lower() == "bearer" else ""

    def json(self) -> Any:
        """The body as JSON. Raises ValueError."""
        return json.loads(self.body)

    def form(self) -> dict[str, str]:
        """The body as `application/x-www-form-urlencoded`."""
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))


@dataclass(frozen=True)
class Response:
    """What it gets. A body in pieces needs a `Content-Length` among the headers."""

    body: bytes | Iterable[bytes] = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def json(cls, data: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
        told = {"Content-Type": "application/json; charset=utf-8", **(headers or {})}
        return cls(json.dumps(data, ensure_ascii=False).encode(), status, told)

    @classmethod
    def html(cls, page: str, status: int = 200) -> Response:
        # What is shown came from a client: no script of it may run.
        policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data: 'self'; base-uri 'none'"
        told = {"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": policy}
        return cls(page.encode(), status, told)

    @classmethod
    def text(cls, text: str, status: int = 200) -> Response:
        return cls(text.encode(), status, {"Content-Type": "text/plain; charset=utf-8"})


class Application(ABC):
    """A service that stands in for a real one, in a process of its own. Several threads ask it at once.

    One server serves any number of *tenants*: accounts, workspaces, projects, each with its own login, that see nothing
    of each other. Every sandbox is a tenant, so that tests share a server and not their data.
    """

    #: Name and version, as the end of a test session tells it: "Slack stand-in".
    version: ClassVar[str]

    def __init__(self, url: str, folder: Path) -> None:
        """`url` is `http://127.0.0.1:<port>`, where it will be asked; `folder` is there for its data."""
        self.url = url
        self.folder = folder

    @abstractmethod
    def create_tenant(self, name: str, conn_type: str) -> Mapping[str, Any]:
        """Make a tenant, unless there is one of this name; answer what its connection consists of.

        These are fields of `Connection`: `login`, `password`, `schema`, `extra` (a dictionary), and `host` and `port`
        if they are to be others than the server's.
        """

    @abstractmethod
    def drop_tenant(self, name: str) -> None:
        """Forget a tenant and all that it has. No error if there is none."""

    @abstractmethod
    def tenant_of(self, request: Request) -> str | None:
        """Whose request this is; None if nothing in it tells. It says whose faults and list of calls it concerns."""

    @abstractmethod
    def handle(self, request: Request) -> Response:
        """Answer a request."""

    def refusal(self, request: Request, status: int) -> Response:
        """The answer of the real service when it fails with this status, or limits its clients (429)."""
        return Response.json({"error": f"refused with {status}, as was asked for"}, status)

    def act(self, tenant: str, action: str, arguments: Mapping[str, Any]) -> Any:
        """Something that only the service itself can do: `expire_tokens`. Answers what JSON can hold.

        Raises SandboxError for an action that there is not.
        """
        raise SandboxError(f"{self.version} has no action {action!r}.")
