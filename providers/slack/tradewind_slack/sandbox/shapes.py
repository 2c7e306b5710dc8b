"""How channels, people, messages and files look in the answers of the Web API."""

from __future__ import annotations

import mimetypes
from typing import Any

from tradewind_slack.sandbox.model import Channel, File, Message, User
from tradewind_slack.sandbox.workspace import APP_ID, BOT, BOT_ID, Workspace


def shape_message(workspace: Workspace, message: Message, *, metadata: bool = True) -> dict[str, Any]:
    """A message, as `chat.postMessage` and `conversations.history` show it."""
    shown: dict[str, Any] = {"type": "message", "user": message.user, "text": message.text, "ts": message.ts}
    if message.user == BOT:
        shown |= {"bot_id": BOT_ID, "app_id": APP_ID, "team": workspace.team}
    if message.subtype:
        shown["subtype"] = message.subtype
    if message.username:
        shown["username"] = message.username
    if message.icon:
        shown["icons"] = {"emoji" if message.icon.startswith(":") else "image_48": message.icon}
    if message.blocks:
        shown["blocks"] = [{"block_id": f"b{at}", **block} for at, block in enumerate(message.blocks)]
    if message.attachments:
        shown["attachments"] = [{"id": at, **one} for at, one in enumerate(message.attachments, 1)]
    if message.metadata and metadata:
        shown["metadata"] = message.metadata
    if message.edited_ts:
        shown["edited"] = {"user": message.edited_by, "ts": message.edited_ts}
    if message.files:
        shown["files"] = [shape_file(workspace, workspace.files[one]) for one in message.files]
    if message.reactions:
        shown["reactions"] = shape_reactions(message)
    return shown | _thread(workspace, message)


def _thread(workspace: Workspace, message: Message) -> dict[str, Any]:
    if not message.thread_ts:
        return {}
    if message.is_reply:
        root = workspace.message(message.channel, message.thread_ts)
        return {"thread_ts": message.thread_ts, "parent_user_id": root.user if root else ""}
    replies = workspace.replies(message.channel, message.ts)
    people = list(dict.fromkeys(reply.user for reply in replies))
    return {
        "thread_ts": message.ts,
        "reply_count": len(replies),
        "reply_users_count": len(people),
        "reply_users": people,
        "latest_reply": replies[-1].ts if replies else "0000000000.000000",
    }


def shape_reactions(message: Message) -> list[dict[str, Any]]:
    return [{"name": name, "users": users, "count": len(users)} for name, users in message.reactions.items()]


def shape_channel(channel: Channel, *, members: bool = False) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": channel.id,
        "created": channel.created,
        "is_archived": channel.is_archived,
        "is_im": channel.is_im,
    }
    if channel.is_im:
        return shown | {"user": channel.with_user}
    shown |= {
        "name": channel.name,
        "name_normalized": channel.name,
        "creator": channel.creator,
        "is_channel": not channel.is_private,
        "is_group": False,
        "is_mpim": False,
        "is_private": channel.is_private,
        "is_general": channel.is_general,
        "is_member": BOT in channel.members,
        "topic": {"value": "", "creator": "", "last_set": 0},
        "purpose": {"value": "", "creator": "", "last_set": 0},
    }
    return shown | ({"num_members": len(channel.members)} if members else {})


def shape_user(workspace: Workspace, user: User, *, email: bool) -> dict[str, Any]:
    profile = {"real_name": user.real_name, "display_name": user.name}
    return {
        "id": user.id,
        "team_id": workspace.team,
        "name": user.name,
        "real_name": user.real_name,
        "deleted": False,
        "is_bot": user.is_bot,
        "profile": profile | ({"email": user.email} if email and user.email else {}),
    }


def media_type(name: str) -> str:
    """By the suffix, the same on every machine for what pipelines send."""
    known = {"csv": "text/csv", "json": "application/json", "jsonl": "text/plain", "txt": "text/plain"}
    suffix = name.rpartition(".")[2].lower()
    return known.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"


def shape_file(workspace: Workspace, file: File) -> dict[str, Any]:
    place = f"{workspace.url}/files-pri/{workspace.team}-{file.id}"
    channels = list(file.shares)
    public = [one for one in channels if not workspace.channels[one].is_private]
    suffix = file.name.rpartition(".")[2].lower() if "." in file.name else "text"
    shares: dict[str, Any] = {}
    for channel, moments in file.shares.items():
        kind = "private" if workspace.channels[channel].is_private else "public"
        shares.setdefault(kind, {})[channel] = [_share(workspace, channel, ts) for ts in moments]
    return {
        "id": file.id,
        "created": file.created,
        "timestamp": file.created,
        "name": file.name,
        "title": file.title,
        "mimetype": media_type(file.name),
        "filetype": file.snippet_type or suffix,
        "user": file.user,
        "size": file.size,
        "mode": "hosted",
        "url_private": f"{place}/{file.name}",
        "url_private_download": f"{place}/download/{file.name}",
        "permalink": f"{workspace.url}/client/{workspace.team}/files/{file.id}",
        "channels": public,
        "groups": [one for one in channels if one not in public],
        "shares": shares,
    }


def _share(workspace: Workspace, channel: str, ts: str) -> dict[str, Any]:
    """A message that shows a file."""
    message = workspace.message(channel, ts)
    share = {"ts": ts, "channel_name": workspace.channels[channel].name}
    return share | ({"thread_ts": message.thread_ts} if message is not None and message.is_reply else {})
