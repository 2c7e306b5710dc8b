"""Incoming webhooks: a URL that posts to one channel, and answers in plain words."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs

from tradewind.sandbox import Request, Response
from tradewind_slack.sandbox.calls import Call, Refused
from tradewind_slack.sandbox.chat import thread_of
from tradewind_slack.sandbox.content import content_of
from tradewind_slack.sandbox.model import Message, Webhook
from tradewind_slack.sandbox.workspace import BOT, Workspace

SERVICES = "/services/"

#: What is wrong -> status. Everything else that the Web API would refuse is a 400.
_STATUSES = {"channel_not_found": 404, "no_service": 404, "channel_is_archived": 410, "action_prohibited": 403}


def webhook_of(workspace: Workspace, request: Request) -> Webhook | None:
    """The webhook that the path names, if it may be used."""
    found = workspace.webhooks.get(request.path.removeprefix(SERVICES).strip("/"))
    return found if found is not None and found.active else None


def post(workspace: Workspace, webhook: Webhook, request: Request) -> Response:
    """Post what a webhook was sent; `channel` and `username` in it count for nothing, as with Slack's."""
    try:
        _post(workspace, webhook, _payload(request))
    except Refused as refused:
        return Response.text(refused.error, _STATUSES.get(refused.error, 400))
    return Response.text("ok")


def _payload(request: Request) -> dict[str, Any]:
    """JSON, or a form whose field `payload` is JSON."""
    text = request.body.decode("utf-8", "replace")
    if "form-urlencoded" in request.headers.get("content-type", ""):
        text = parse_qs(text).get("payload", [text])[0]
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if request.method != "POST" or not isinstance(found, dict):
        raise Refused("invalid_payload")
    return found


def _post(workspace: Workspace, webhook: Webhook, payload: dict[str, Any]) -> None:
    with workspace.lock:
        channel = workspace.channels.get(webhook.channel)
        if channel is None:
            raise Refused("channel_not_found")
        if channel.is_archived:
            raise Refused("channel_is_archived")
        call = Call(workspace, workspace.token, payload)
        content = content_of(call)
        if content.is_empty:
            raise Refused("no_text")
        message = Message(
            channel.id,
            workspace.next_ts(),
            BOT,
            subtype="bot_message",
            thread_ts=thread_of(call, channel),
            by_webhook=True,
            mrkdwn=call.flag("mrkdwn", True),
        )
        content.apply(message)
        workspace.add_message(message)
