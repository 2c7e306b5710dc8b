"""Google as the sandbox has it: tokens, the Sheets and the Drive API, and pages to look at, all at one address."""

from __future__ import annotations

import datetime
import json
import re
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

from tradewind.errors import SandboxError
from tradewind.sandbox.web import Application, Request, Response
from tradewind_gsheet.sandbox import discovery, drive_api, pages, sheets_api, update_api, values_api
from tradewind_gsheet.sandbox.actions import ACTIONS
from tradewind_gsheet.sandbox.calls import Call, Handler
from tradewind_gsheet.sandbox.discovery import Api, Method
from tradewind_gsheet.sandbox.fields import select
from tradewind_gsheet.sandbox.project import Project
from tradewind_gsheet.sandbox.quotas import READS_PER_USER, exceeded
from tradewind_gsheet.sandbox.refusals import Refused, violations
from tradewind_gsheet.sandbox.saving import Folder
from tradewind_gsheet.sandbox.tokens import Caller, GrantRefused, Keys, Tokens, check_scopes, claims_of, key_file

#: Id of a method -> what does it.
HANDLERS: Mapping[str, Handler] = {
    **sheets_api.HANDLERS,
    **values_api.HANDLERS,
    **update_api.HANDLERS,
    **drive_api.HANDLERS,
}

#: The service account of a sandbox's connection.
ACCOUNT = "tradewind"

_IMPERSONATE = re.compile(r"/v1/projects/-/serviceAccounts/(?P<email>[^/:]+):generateAccessToken")
_PAGE = re.compile(r"/spreadsheets/d/(?P<id>[\w-]+)(?:/(?:edit|view|htmlview)?)?")


class GoogleService(Application):
    """The application behind `GSheetSandbox`."""

    version: ClassVar[str] = "Google Sheets stand-in (Sheets v4, Drive v3)"

    def __init__(self, url: str, folder: Path) -> None:
        super().__init__(url, folder)
        self._lock = threading.RLock()
        self._ahead = 0.0  #: seconds that the clock of this service is ahead of the machine's
        self._saved = Folder(folder)
        self.keys = Keys(self._saved.key() or self._saved.keep_key(Keys.make().pem))
        self.tokens = Tokens(self.keys, url, self.clock)
        self.projects: dict[str, Project] = {project.name: project for project in self._saved.projects()}

    def clock(self) -> float:
        """Seconds since 1970."""
        return time.time() + self._ahead

    def now(self) -> datetime.datetime:
        """In UTC, with no time zone noted."""
        return datetime.datetime.fromtimestamp(self.clock(), datetime.UTC).replace(tzinfo=None)

    # -- tenants ------------------------------------------------------------------------------------------------------

    def create_tenant(self, name: str, conn_type: str) -> Mapping[str, Any]:
        with self._lock:
            project = self.projects.get(name)
            if project is None:
                project = self.projects[name] = Project(name)
                project.add_account(ACCOUNT)
                self._saved.save(project)
        key = key_file(project, project.add_account(ACCOUNT), self.keys, self.url)
        return {"extra": {"project": project.id, "keyfile_dict": json.dumps(key), "api_endpoint": self.url}}

    def drop_tenant(self, name: str) -> None:
        with self._lock:
            self.tokens.forget(name)
            project = self.projects.pop(name, None)
            if project is not None:
                self._saved.drop(project)

    def tenant_of(self, request: Request) -> str | None:
        if request.bearer:
            return self.tokens.project_of(request.bearer)
        if request.path == "/token":
            form = request.form()
            issuer, refresh = (claims_of(form.get("assertion", "")) or {}).get("iss"), form.get("refresh_token")
            known = (one.name for one in self._all_projects() if issuer in one.accounts or refresh in one.people)
            return next(known, None)
        key = request.query.get("key")
        return next((one.name for one in self._all_projects() if key and one.api_key == key), None)

    def _all_projects(self) -> list[Project]:
        with self._lock:
            return list(self.projects.values())

    def act(self, tenant: str, action: str, arguments: Mapping[str, Any]) -> Any:
        if action not in ACTIONS:
            raise SandboxError(f"{self.version} has no action {action!r}. It has: {', '.join(sorted(ACTIONS))}.")
        project = self.projects[tenant]
        with project.lock:
            done = ACTIONS[action](self, project, **arguments)
            self._saved.save(project)
        return done

    def move_clock(self, seconds: float) -> None:
        """Let the clock of the service go ahead."""
        self._ahead += seconds

    # -- requests -----------------------------------------------------------------------------------------------------

    def handle(self, request: Request) -> Response:
        if request.method == "POST" and request.headers.get("x-http-method-override", "").upper() == "GET":
            # Google's client sends a query that is too long for an URL like this.
            target = f"{urlsplit(request.target).path}?{request.body.decode('ascii', 'replace')}"
            request = Request("GET", target, request.headers)
        path = urlsplit(request.target).path
        if request.path == "/token" and request.method == "POST":
            return self._token(request)
        for api in (discovery.sheets(), discovery.drive()):
            found = api.find(request.method, path)
            if found:
                return self._answered(api, partial(self._call, api, *found, request))
        impersonated = _IMPERSONATE.fullmatch(request.path)
        if impersonated and request.method == "POST":
            return self._answered(discovery.sheets(), lambda: self._impersonated(impersonated["email"], request))
        if path.startswith("/upload/drive/"):
            return self._answered(discovery.drive(), partial(self._upload, request))
        if request.method == "GET":
            return self._page(request)
        return _not_here()

    def _token(self, request: Request) -> Response:
        try:
            with self._lock:
                return Response.json(self.tokens.exchange(request.form(), self.projects))
        except GrantRefused as refused:
            return Response.json(refused.body, 401 if refused.body["error"] == "unauthorized_client" else 400)

    def _answered(self, api: Api, work: Callable[[], Response]) -> Response:
        try:
            return work()
        except Refused as error:
            refused = error
        except Exception as error:
            traceback.print_exc()  # into the log of the server
            kind = "type.googleapis.com/google.rpc.DebugInfo"
            told = {"@type": kind, "detail": f"The sandbox failed: {type(error).__name__}: {error}"}
            refused = Refused(_FAILURES[500], 500, details=[told])
        return Response.json(refused.for_sheets() if api.is_strict else refused.for_drive(), refused.code)

    def refusal(self, request: Request, status: int) -> Response:
        if request.path == "/token":
            return Response.json({"error": "internal_failure"}, status)
        refused = Refused(_FAILURES.get(status, "Unknown Error."), status)
        if status == 429:
            name = self.tenant_of(request)
            number = self.projects[name].number if name else "0"
            refused = exceeded("read" if request.method == "GET" else "write", READS_PER_USER, number)
        is_drive = "/drive/" in request.path
        return Response.json(refused.for_drive() if is_drive else refused.for_sheets(), status)

    def _call(self, api: Api, method: Method, in_path: dict[str, str], request: Request) -> Response:
        caller = self._caller(request)
        check_scopes(caller, method.scopes, _full_name(method), f"{api.name}.googleapis.com")
        handler = HANDLERS.get(method.id)
        if handler is None:
            raise Refused(f"The sandbox has no {method.id}; see what it does not do in the documentation.", 501)
        parameters = {**api.parameters(method, request.query_list), **in_path}
        body = api.body(method, _json(request)) if method.request else {}
        wanted = parameters.get("fields", "")
        mask = api.response_mask(method, wanted) if wanted and method.response else {}
        with caller.project.lock:
            if api.is_strict:
                kind = "read" if method.reads else "write"
                caller.project.quotas.take(kind, caller.email, caller.project.number)
            answer = handler(Call(caller, method, parameters, body, mask, self.now(), self.url))
            if not method.reads:
                self._saved.save(caller.project)
        if isinstance(answer, Response):
            return answer
        if answer is None:
            return Response(status=204)
        return Response.json(select(answer, mask))

    def _caller(self, request: Request) -> Caller:
        token = request.bearer or request.query.get("access_token", "")
        with self._lock:
            return self.tokens.caller(token, request.query.get("key", ""), self.projects)

    def _impersonated(self, email: str, request: Request) -> Response:
        caller = self._caller(request)
        with self._lock:
            return Response.json(self.tokens.impersonate(caller, email, _json(request) or {}))

    def _upload(self, request: Request) -> Response:
        caller = self._caller(request)
        found = drive_api.upload_method(request)
        if found is None:
            return _not_here()
        method, in_path = found
        check_scopes(caller, method.scopes, _full_name(method), "drive.googleapis.com")
        with caller.project.lock:
            call = Call(caller, method, {**request.query, **in_path}, {}, {}, self.now(), self.url)
            answer = drive_api.upload(call, request)
            self._saved.save(caller.project)
        return Response.json(answer)

    # -- pages --------------------------------------------------------------------------------------------------------

    def _page(self, request: Request) -> Response:
        if request.path == "/":
            return Response.html(pages.overview(self._all_projects()))
        found = _PAGE.fullmatch(request.path)
        for project in self._all_projects() if found else ():
            assert found
            with project.lock:
                file = project.files.get(found["id"])
                if file is not None and file.spreadsheet is not None:
                    return Response.html(pages.spreadsheet_page(project, file, request.query, self.now()))
        if found:
            return Response.html(pages.missing(), 404)
        return _not_here()


def _full_name(method: Method) -> str:
    """As Google calls a method in its details: `google.apps.sheets.v4.SpreadsheetsService.GetSpreadsheet`."""
    return f"google.apps.{method.api}.{method.id}"


def _json(request: Request) -> Any:
    if not request.body.strip():
        return None
    try:
        return json.loads(request.body, parse_constant=_no_number)
    except ValueError:
        told = request.body.decode("utf-8", "replace")[:80]
        raise violations([("", f"Invalid JSON payload received. Unexpected token.\n{told}\n^")]) from None


def _no_number(name: str) -> Any:
    raise ValueError(f"JSON has no {name}")


def _not_here() -> Response:
    return Response.json({"error": {"code": 404, "message": "Not Found", "status": "NOT_FOUND"}}, 404)


#: What Google says when it fails.
_FAILURES = {
    400: "Request contains an invalid argument.",
    401: "Request had invalid authentication credentials.",
    403: "The caller does not have permission",
    404: "Requested entity was not found.",
    408: "The request timed out.",
    409: "The operation was aborted.",
    500: "Internal error encountered.",
    502: "Bad Gateway",
    503: "The service is currently unavailable.",
    504: "Deadline exceeded",
}
