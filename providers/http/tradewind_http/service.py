"""The service behind `HttpSandbox`: documents of JSON at any path.

`PUT /a/b` keeps a document there, `POST` adds to the list that is there, `GET` gives it, `DELETE` removes it. A list is
given in pages if the query asks for it: `?limit=10` with `page=` (from 1), `offset=`, or `cursor=`; the header `Link`
has the next page, and with `?envelope=1` the answer itself: `{"items": [...], "next": url, "next_cursor": text}`.
"""

from __future__ import annotations

import base64
import json
import secrets
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlencode

from tradewind.sandbox import Application, Request, Response

_LOGIN = "sandbox"
_LIMIT = 100  # records on a page, where the query says nothing else


class JsonStore(Application):
    """Documents of each tenant, in memory and, after each change, in the folder."""

    version: ClassVar[str] = "HTTP stand-in"

    def __init__(self, url: str, folder: Path) -> None:
        super().__init__(url, folder)
        self._lock = threading.Lock()
        self._file = folder / "documents.json"
        kept = self._file.read_text(encoding="utf-8") if self._file.exists() else "{}"
        self._tenants: dict[str, dict[str, Any]] = json.loads(kept)

    def create_tenant(self, name: str, conn_type: str) -> Mapping[str, Any]:
        with self._lock:
            mine = self._tenants.setdefault(name, {"password": secrets.token_hex(16), "documents": {}})
            self._save()
            return {"login": _LOGIN, "password": mine["password"]}

    def drop_tenant(self, name: str) -> None:
        with self._lock:
            self._tenants.pop(name, None)
            self._save()

    def tenant_of(self, request: Request) -> str | None:
        kind, _, told = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "basic":
            return None
        for name, one in list(self._tenants.items()):
            if secrets.compare_digest(told, base64.b64encode(f"{_LOGIN}:{one['password']}".encode()).decode()):
                return name
        return None

    def handle(self, request: Request) -> Response:
        tenant = self.tenant_of(request)
        if tenant is None:
            told = {"WWW-Authenticate": 'Basic realm="sandbox"'}
            return Response.json({"error": "login or password is wrong"}, 401, told)
        documents = self._tenants[tenant]["documents"]
        if request.method in ("PUT", "POST"):
            return self._write(documents, request)
        with self._lock:
            if request.path == "/" and "/" not in documents:
                return Response.json(sorted(documents))
            if request.path not in documents:
                return Response.json({"error": f"there is no {request.path}"}, 404)
            if request.method == "DELETE":
                del documents[request.path]
                self._save()
                return Response(status=204)
            found = documents[request.path]
        paged = isinstance(found, list) and {"limit", "page", "offset", "cursor", "envelope"} & request.query.keys()
        return self._page(found, request) if paged else Response.json(found)

    def _write(self, documents: dict[str, Any], request: Request) -> Response:
        try:
            data = request.json()
        except ValueError as error:
            return Response.json({"error": f"this is no JSON: {error}"}, 400)
        with self._lock:
            if request.method == "PUT":
                documents[request.path] = data
            else:
                there = documents.setdefault(request.path, [])
                if not isinstance(there, list):
                    return Response.json({"error": f"{request.path} is no list"}, 409)
                there.extend(data if isinstance(data, list) else [data])
            self._save()
        return Response.json(data, 201)

    def _page(self, found: list[Any], request: Request) -> Response:
        query = request.query
        try:
            limit = int(query.get("limit", _LIMIT))
            start = int(query["page"]) * limit - limit if "page" in query else int(query.get("offset", 0))
            start = int(bytes.fromhex(query["cursor"])) if "cursor" in query else start
        except ValueError:
            return Response.json({"error": "limit, page, offset and cursor must be as they were given out"}, 400)
        items, end = found[start : start + limit], start + limit
        headers, url, cursor = {}, None, None
        if end < len(found):
            cursor = str(end).encode().hex()
            kept = {name: value for name, value in query.items() if name not in ("page", "offset", "cursor")}
            url = f"{self.url}{request.path}?{urlencode({**kept, 'cursor': cursor})}"
            headers["Link"] = f'<{url}>; rel="next"'
        if query.get("envelope"):
            return Response.json({"items": items, "next": url, "next_cursor": cursor}, headers=headers)
        return Response.json(items, headers=headers)

    def _save(self) -> None:
        self._file.write_text(json.dumps(self._tenants), encoding="utf-8")
