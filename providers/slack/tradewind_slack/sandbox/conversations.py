"""The methods `conversations.*`: channels are listed, made and joined, and their messages read."""

from __future__ import annotations

import re
from typing import Any

from tradewind_slack.sandbox.calls import Answer, Call, Refused, method
from tradewind_slack.sandbox.limits import TIER_2, TIER_3
from tradewind_slack.sandbox.model import Channel, Message
from tradewind_slack.sandbox.shapes import shape_channel, shape_message
from tradewind_slack.sandbox.workspace import BOT

_LONGEST_NAME = 80
_MOST = 999  #: messages or channels of one page
_MOMENT = re.compile(r"\d+(?:\.\d{1,6})?")

#: Kind of conversation -> scope that reads it.
_READ = {
    "public_channel": "channels:read",
    "private_channel": "groups:read",
    "im": "im:read",
    "mpim": "mpim:read",
}


@method("conversations.list", TIER_2)
def list_(call: Call) -> Answer:
    kinds = call.names("types") or ["public_channel"]
    unknown = [kind for kind in kinds if kind not in _READ]
    if unknown:
        raise Refused("invalid_types")
    for kind in kinds:
        call.require_scope(_READ[kind])
    found = [channel for channel in call.workspace.channels.values() if _is_listed(call, channel, kinds)]
    page, cursor = call.page(found, call.number("limit", 100, 1000))
    return {
        "channels": [shape_channel(one, members=True) for one in page],
        "response_metadata": {"next_cursor": cursor},
    }


def _is_listed(call: Call, channel: Channel, kinds: list[str]) -> bool:
    if channel.is_archived and call.flag("exclude_archived"):
        return False
    return channel.kind in kinds and (not channel.is_private or BOT in channel.members)


@method("conversations.info", TIER_3, "{}:read")
def info(call: Call) -> Answer:
    return {"channel": shape_channel(call.seen_channel(), members=call.flag("include_num_members"))}


@method("conversations.join", TIER_3, "channels:join")
def join(call: Call) -> Answer:
    channel = call.seen_channel()
    if channel.is_archived:
        raise Refused("is_archived")
    if channel.kind != "public_channel":
        raise Refused("method_not_supported_for_channel_type")
    if BOT in channel.members:
        call.warnings.append("already_in_channel")
    else:
        channel.members = [*channel.members, BOT]
        call.workspace.save(channel)
    return {"channel": shape_channel(channel)}


@method("conversations.create", TIER_2)
def create(call: Call) -> Answer:
    private = call.flag("is_private")
    call.require_scope("groups:write" if private else "channels:manage")
    name = call.needed("name").removeprefix("#")
    if len(name) > _LONGEST_NAME:
        raise Refused("invalid_name_maxlength")
    if not any(char.isalnum() for char in name):
        raise Refused("invalid_name_punctuation")
    if name != name.lower() or not all(char.isalnum() or char in "-_" for char in name):
        raise Refused("invalid_name_specials")
    if call.workspace.channel_named(name):
        raise Refused("name_taken")
    channel = call.workspace.add_channel(name, creator=BOT, private=private, members=[BOT])
    return {"channel": shape_channel(channel)}


@method("conversations.history", TIER_3, "{}:history")
def history(call: Call) -> Answer:
    """Newest first."""
    channel = call.channel()
    found = [one for one in reversed(call.workspace.messages(channel.id)) if _is_within(call, one)]
    return _messages(call, found, call.number("limit", 100, _MOST))


@method("conversations.replies", TIER_3, "{}:history")
def replies(call: Call) -> Answer:
    """The message that starts the thread, and its replies, oldest first."""
    channel = call.channel()
    asked = call.workspace.message(channel.id, call.needed("ts"))
    if asked is None:
        raise Refused("thread_not_found")
    root = call.workspace.message(channel.id, asked.thread_ts) if asked.is_reply else asked
    later = call.workspace.replies(channel.id, asked.thread_ts or asked.ts)
    found = [one for one in later if _is_within(call, one)]
    return _messages(call, [*([root] if root else []), *found], call.number("limit", 1000, 1000))


def _messages(call: Call, found: list[Message], limit: int) -> Answer:
    metadata = call.flag("include_all_metadata")
    page, cursor = call.page(found, limit)
    answer: dict[str, Any] = {
        "messages": [shape_message(call.workspace, one, metadata=metadata) for one in page],
        "has_more": bool(cursor),
    }
    return answer | ({"response_metadata": {"next_cursor": cursor}} if cursor else {})


def _is_within(call: Call, message: Message) -> bool:
    """Whether a message is between `oldest` and `latest`."""
    inclusive = call.flag("inclusive")
    at = _micros(message.ts)
    oldest, latest = call.text("oldest"), call.text("latest")
    if oldest and not (at > _bound(oldest, "oldest") or (inclusive and at == _bound(oldest, "oldest"))):
        return False
    return not latest or at < _bound(latest, "latest") or (inclusive and at == _bound(latest, "latest"))


def _bound(text: str, name: str) -> int:
    if not _MOMENT.fullmatch(text):
        raise Refused(f"invalid_ts_{name}")
    return _micros(text)


def _micros(moment: str) -> int:
    seconds, _, rest = moment.partition(".")
    return int(seconds) * 1_000_000 + int(rest.ljust(6, "0") or 0)
