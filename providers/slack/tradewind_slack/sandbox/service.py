"""`SlackService`: finds out whose call it is, whether it may be made, and hands it to its method."""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

from tradewind.errors import SandboxError
from tradewind.sandbox import Application, Request, Response
from tradewind_slack.sandbox import chat, conversations, files, people, webhooks
from tradewind_slack.sandbox.actions import Actions
from tradewind_slack.sandbox.calls import METHODS, Call, Method, Refused
from tradewind_slack.sandbox.limits import POSTING, Limits
from tradewind_slack.sandbox.model import Token
from tradewind_slack.sandbox.pages import Pages
from tradewind_slack.sandbox.shapes import media_type
from tradewind_slack.sandbox.workspace import Workspace

API = "/api/"
_DOWNLOADS = "/files-pri/"

#: The modules whose methods are served: importing them registers them.
_MODULES = (chat, conversations, files, people)


class SlackService(Application):
    """Any number of workspaces on one local Slack."""

    version: ClassVar[str] = "Slack stand-in"

    def __init__(self, url: str, folder: Path) -> None:
        super().__init__(url, folder)
        self._workspaces: dict[str, Workspace] = {}
        self._limits: dict[str, Limits] = {}
        self._pages = Pages(self._workspaces)

    # -- tenants

    def create_tenant(self, name: str, conn_type: str) -> Mapping[str, Any]:
        workspace = self._workspaces.get(name)
        if workspace is None:
            workspace = Workspace(name, self._folder_of(name), self.url)
            self._workspaces[name] = workspace
            self._limits[name] = Limits()
        secret = workspace.webhook.path if conn_type == "slackwebhook" else workspace.token.token
        return {"password": secret, "schema": "http"}

    def drop_tenant(self, name: str) -> None:
        self._workspaces.pop(name, None)
        self._limits.pop(name, None)
        shutil.rmtree(self._folder_of(name), ignore_errors=True)

    def _folder_of(self, name: str) -> Path:
        return self.folder / "workspaces" / quote(name, safe="")

    def tenant_of(self, request: Request) -> str | None:
        if request.path.startswith(API):
            token = _token(request)
            return next((name for name, one in self._workspaces.items() if token in one.tokens), None)
        for start in (webhooks.SERVICES, files.UPLOAD, _DOWNLOADS):
            if request.path.startswith(start):
                team = request.path.removeprefix(start).replace("-", "/").partition("/")[0]
                return next((name for name, one in self._workspaces.items() if one.team == team), None)
        return None

    def act(self, tenant: str, action: str, arguments: Mapping[str, Any]) -> Any:
        if tenant not in self._workspaces:
            raise SandboxError(f"There is no workspace {tenant!r}.")
        return Actions(self._workspaces[tenant], self._limits[tenant]).act(action, arguments)

    # -- requests

    def handle(self, request: Request) -> Response:
        path = request.path
        tenant = self.tenant_of(request) or ""
        workspace = self._workspaces.get(tenant)
        if path.startswith(API):
            return self._call(request, tenant, workspace)
        if path.startswith(webhooks.SERVICES):
            return self._webhook(request, tenant, workspace)
        if path.startswith(files.UPLOAD) and workspace is not None:
            return files.take_bytes(workspace, request)
        if path.startswith(_DOWNLOADS) and workspace is not None:
            return _download(workspace, request)
        return self._pages.answer(request)

    def refusal(self, request: Request, status: int) -> Response:
        """As Slack does: plain words for webhooks and servers that fail, JSON for limits."""
        if request.path.startswith(API) and status == 429:
            return Response.json({"ok": False, "error": "ratelimited"}, status, {"Retry-After": "1"})
        if status == 429:
            limited = Response.text("rate_limited", status)
            return Response(limited.body, status, {**limited.headers, "Retry-After": "1"})
        return Response.text({500: "server error", 503: "upstream connect error"}.get(status, "rollup_error"), status)

    def _webhook(self, request: Request, tenant: str, workspace: Workspace | None) -> Response:
        if workspace is None:
            return Response.text("no_team", 404)
        webhook = webhooks.webhook_of(workspace, request)
        if webhook is None:
            return Response.text("no_service", 404)
        wait = self._limits[tenant].take(f"webhook {webhook.path}", POSTING)
        if wait is not None:
            return Response(b"rate_limited", 429, {"Content-Type": "text/plain", "Retry-After": str(wait)})
        return webhooks.post(workspace, webhook, request)

    # -- the Web API

    def _call(self, request: Request, tenant: str, workspace: Workspace | None) -> Response:
        name = request.path.removeprefix(API).strip("/")
        headers = {"X-Slack-Req-Id": secrets.token_hex(16)}
        try:
            arguments = _arguments(request)
            if name == "api.test":
                return Response.json(_api_test(arguments), headers=headers)
            found = METHODS.get(name)
            if found is None:
                raise Refused("unknown_method", req_method=name)
            token = _checked(workspace, _token(request))
            assert workspace is not None
            headers["X-OAuth-Scopes"] = ",".join(token.scopes)
            headers["X-Accepted-OAuth-Scopes"] = ",".join(found.scopes)
            limited = self._limited(tenant, found, arguments)
            if limited is not None:
                headers["Retry-After"] = str(limited)
                return Response.json({"ok": False, "error": "ratelimited"}, 429, headers)
            return Response.json(_answer(found, Call(workspace, token, arguments)), headers=headers)
        except Refused as refused:
            return Response.json({"ok": False, "error": refused.error, **refused.more}, headers=headers)

    def _limited(self, tenant: str, method: Method, arguments: Mapping[str, Any]) -> int | None:
        """Seconds to wait, if there are too many calls of this method, or too many messages to one channel."""
        name = method.name
        if method.tier is POSTING:
            wanted = str(arguments.get("channel", ""))
            channel = self._workspaces[tenant].channel_named(wanted)
            name += f" {channel.id if channel else wanted}"
        return self._limits[tenant].take(name, method.tier)


def _answer(method: Method, call: Call) -> dict[str, Any]:
    with call.workspace.lock:
        if any("{}" in scope for scope in method.scopes):
            prefix = call.seen_channel().scope_prefix
            call.require_scope(*(scope.format(prefix) for scope in method.scopes))
        elif method.scopes:
            call.require_scope(*method.scopes)
        answer = {"ok": True, **method.function(call)}
    if call.warnings:
        answer["warning"] = ",".join(call.warnings)
        answer["response_metadata"] = {**answer.get("response_metadata", {}), "warnings": call.warnings}
    return answer


def _checked(workspace: Workspace | None, token: str) -> Token:
    if not token:
        raise Refused("not_authed")
    if workspace is None:
        raise Refused("invalid_auth")
    found = workspace.tokens[token]
    if found.state:
        raise Refused(found.state)
    return found


def _token(request: Request) -> str:
    """From the header; or, where the arguments are a form, from those."""
    if request.bearer or _is_json(request):
        return request.bearer
    return request.form().get("token") or request.query.get("token") or ""


def _is_json(request: Request) -> bool:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json"


def _arguments(request: Request) -> dict[str, Any]:
    """What the query, and a form or JSON, say."""
    found: dict[str, Any] = dict(request.query)
    if request.method == "POST" and request.body:
        if _is_json(request):
            try:
                data = json.loads(request.body)
            except ValueError:
                raise Refused("invalid_json") from None
            if not isinstance(data, dict):
                raise Refused("json_not_object")
            found |= {name: value for name, value in data.items() if value is not None}
        else:
            found |= request.form()
    found.pop("token", None)
    return found


def _api_test(arguments: dict[str, Any]) -> dict[str, Any]:
    error = arguments.get("error")
    told = {"args": arguments} if arguments else {}
    return {"ok": False, "error": error, **told} if error else {"ok": True, **told}


def _download(workspace: Workspace, request: Request) -> Response:
    """The bytes of a file, for whoever has the token; anybody else gets a page, as with Slack."""
    file_id = request.path.removeprefix(_DOWNLOADS).partition("/")[0].partition("-")[2]
    file = workspace.files.get(file_id)
    token = workspace.tokens.get(request.bearer)
    if token is None or token.state or "files:read" not in token.scopes:
        return Response.html("<!doctype html><title>Slack</title><p>Sign in to see this file.")
    if file is None or not file.uploaded:
        return Response.text("not found", 404)
    return Response(workspace.journal.read_file(file.id), headers={"Content-Type": media_type(file.name)})
