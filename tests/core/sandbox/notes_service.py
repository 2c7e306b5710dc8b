"""A small service for the tests of stand-ins: a list of notes for each token."""

import json
import secrets
import threading

from tradewind.errors import SandboxError
from tradewind.sandbox import Application, Request, Response, StandIn


class Notes(Application):
    version = "Notes stand-in"

    def __init__(self, url, folder):
        super().__init__(url, folder)
        self._file = folder / "notes.json"
        self._lock = threading.Lock()
        self._all = json.loads(self._file.read_text()) if self._file.exists() else {}

    def create_tenant(self, name, conn_type):
        with self._lock:
            mine = self._all.setdefault(name, {"token": secrets.token_hex(8), "notes": []})
            return {"password": mine["token"], "extra": {"base_url": self.url + "/v1", "limits": {"notes": 5}}}

    def drop_tenant(self, name):
        with self._lock:
            self._all.pop(name, None)

    def tenant_of(self, request: Request):
        return next((name for name, one in self._all.items() if one["token"] == request.bearer), None)

    def handle(self, request: Request):
        tenant = self.tenant_of(request)
        if tenant is None:
            return Response.json({"error": "who are you?"}, 401)
        if request.path == "/v1/broken":
            raise ValueError("a fault of the service's own")
        if request.path == "/v1/large":
            return Response([b"x" * 1000] * 50, headers={"Content-Length": "50000"})
        if request.path == "/v1/echo":
            return Response.json(
                {"query": request.query, "body": request.body.decode(), "type": request.headers["x-what"]}
            )
        notes = self._all[tenant]["notes"]
        with self._lock:
            if request.method == "POST":
                notes.append(request.json())
                self._file.write_text(json.dumps(self._all))
        return Response.json(notes)

    def act(self, tenant, action, arguments):
        if action != "fill":
            raise SandboxError(f"{self.version} has no action {action!r}.")
        self._all[tenant]["notes"] = ["full"] * arguments["count"]
        return len(self._all[tenant]["notes"])


class NotesSandbox(StandIn):
    conn_type = "generic"
    label = "Notes"
    application = f"{__name__}:Notes"
