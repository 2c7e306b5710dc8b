"""The process of a stand-in: HTTP around an application, with faults that are asked for, and a list of calls.

What the sandbox and its control ask for goes to paths below `/_sandbox`, everything else to the application.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
import traceback
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from tradewind.errors import SandboxError
from tradewind.plugins import load_object
from tradewind.sandbox.faults import Call, Fault, Ledger
from tradewind.sandbox.web import Application, Request, Response

#: File in the sandbox's folder with the key that makes and drops tenants.
KEY_FILE = "stand-in.key"

#: Where the control is.
CONTROL = "/_sandbox/"


class Server(ThreadingHTTPServer):
    """Answers for an application, a thread for each connection."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, kind: type[Application], port: int, folder: Path, data: Path) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.key = (folder / KEY_FILE).read_text(encoding="ascii").strip()
        self.application = kind(f"http://127.0.0.1:{port}", data)
        self.ledger = Ledger()
        self.tenants: dict[str, dict[str, Any]] = {}  #: what the connection of each consists of

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is nobody's trouble; the rest belongs into the log."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    # -- control ------------------------------------------------------------------------------------------------------

    def control(self, request: Request) -> Response:
        """Answer what the sandbox or a `Control` asks."""
        verb, _, name = request.path.removeprefix(CONTROL).partition("/")
        data = request.json() if request.body else {}
        try:
            if verb in ("version", "tenants"):
                if request.bearer != self.key:
                    return Response.json({"error": "this needs the key of the server"}, 401)
                return Response.json(self._administer(request.method, verb, unquote(name), data))
            return Response.json(self._attend(verb, data))
        except SandboxError as error:
            return Response.json({"error": str(error)}, 400)

    def _administer(self, method: str, verb: str, name: str, data: Any) -> Any:
        if verb == "version":
            return self.application.version
        if method == "DELETE":
            self.application.drop_tenant(name)
            self.tenants.pop(name, None)
            self.ledger.clear(name)
            return None
        self.tenants[name] = dict(self.application.create_tenant(name, data["conn_type"]))
        return self.tenants[name]

    def _attend(self, verb: str, data: Any) -> Any:
        """What a client may do that has a tenant's connection."""
        tenant = self._owner(data["connection"])
        if verb == "fault":
            self.ledger.add(tenant, Fault(**data["fault"]))
        elif verb == "clear":
            self.ledger.clear(tenant)
        elif verb == "calls":
            return self.ledger.calls(tenant)
        elif verb == "act":
            return self.application.act(tenant, data["action"], data["arguments"])
        else:
            raise SandboxError(f"A stand-in knows no {verb!r}.")
        return None

    def _owner(self, connection: dict[str, Any]) -> str:
        """The tenant that was given such a connection."""
        for name, given in self.tenants.items():
            if all(_same(value, connection.get(part)) for part, value in given.items() if part not in ("host", "port")):
                return name
        raise SandboxError("This connection is of no sandbox on this server.")


def _same(given: Any, found: Any) -> bool:
    """Whether a field of a connection is as it was given out, though it may have been through an URI since."""
    if isinstance(given, dict):
        return isinstance(found, dict) and all(_same(value, found.get(name)) for name, value in given.items())
    return _plain(given) == _plain(found)


def _plain(value: Any) -> str:
    if isinstance(value, str):
        with contextlib.suppress(ValueError):
            value = json.loads(value)
    return json.dumps(value, sort_keys=True)


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    wbufsize = 64 * 1024  # head and body in one packet: two cost a client 40 ms
    disable_nagle_algorithm = True

    def answer(self) -> None:
        request = Request(self.command, self.path, _headers(self), _body(self))
        if request.path.startswith(CONTROL):
            self._send(self.server.control(request))
            return
        tenant = self.server.application.tenant_of(request)
        fault = self.server.ledger.take(tenant, request) if tenant else None
        try:
            response = self._handle(request, fault)
        except Exception:  # a fault of the application's own
            traceback.print_exc()  # into the log of the sandbox
            response = self.server.application.refusal(request, 500)
        kind = fault.kind if fault else ""
        if tenant:  # before the answer: who has it finds the call in the list
            status = 0 if kind in ("drop", "lost", "cut") else response.status
            self.server.ledger.note(tenant, Call(request.method, request.target, status, kind))
        self.close_connection = self.close_connection or kind in ("drop", "lost", "cut")
        if kind == "cut":
            self._send(response, _half)
        elif fault is not None and kind == "slow":
            self._send(response, _slowly(fault.bytes_per_second))
        elif kind not in ("drop", "lost"):
            self._send(response)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = answer  # noqa: N815 - http.server's names

    def handle_expect_100(self) -> bool:
        """At once: boto3 sends no body before it hears of this, or a second has passed."""
        goes_on = super().handle_expect_100()
        self.wfile.flush()
        return goes_on

    def _handle(self, request: Request, fault: Fault | None) -> Response:
        """What there is to answer."""
        application = self.server.application
        if fault is None:
            return application.handle(request)
        if fault.kind == "drop":
            return Response()
        if fault.kind == "status":
            refused = application.refusal(request, fault.status)
            return Response(refused.body, refused.status, {**refused.headers, **fault.headers})
        if fault.kind == "twice":
            application.handle(request)
        return application.handle(request)

    def _send(self, response: Response, how: Callable[[BufferedIOBase, bytes], None] | None = None) -> None:
        body = response.body
        self.send_response(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        told = {name.lower() for name in response.headers}
        if isinstance(body, bytes) and "content-length" not in told and response.status not in (204, 304):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            if how is not None:
                self.wfile.flush()
                how(self.wfile, body if isinstance(body, bytes) else b"".join(body))
            else:
                for piece in _pieces(body):
                    self.wfile.write(piece)
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        """The ledger has the calls."""


def _headers(handler: BaseHTTPRequestHandler) -> dict[str, str]:
    return {name.lower(): value for name, value in handler.headers.items()}


def _body(handler: BaseHTTPRequestHandler) -> bytes:
    """The body of a request, of a length that was told, or in chunks."""
    if "chunked" not in handler.headers.get("Transfer-Encoding", "").lower():
        return handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
    pieces = []
    while size := int(handler.rfile.readline().partition(b";")[0], 16):
        pieces.append(handler.rfile.read(size))
        handler.rfile.readline()
    while handler.rfile.readline().strip():
        pass  # trailers
    return b"".join(pieces)


def _pieces(body: bytes | Iterable[bytes]) -> Iterable[bytes]:
    return [body] if isinstance(body, bytes) else body


def _half(stream: BufferedIOBase, body: bytes) -> None:
    stream.write(body[: len(body) // 2])


def _slowly(bytes_per_second: int) -> Callable[[BufferedIOBase, bytes], None]:
    step = max(1, bytes_per_second // 10)

    def write(stream: BufferedIOBase, body: bytes) -> None:
        for start in range(0, len(body), step):
            stream.write(body[start : start + step])
            stream.flush()
            time.sleep(step / bytes_per_second)

    return write


def main() -> None:
    """`APPLICATION PORT FOLDER DATA`: serve until the process is ended."""
    path, port, folder, data = sys.argv[1:]
    with Server(load_object(path), int(port), Path(folder), Path(data)) as server:
        server.serve_forever()
