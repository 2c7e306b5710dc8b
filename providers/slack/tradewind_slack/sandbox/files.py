"""The methods `files.*`, and the place where the bytes of a file are sent to."""

from __future__ import annotations

import re
import secrets
import time
from typing import Any

from tradewind.sandbox import Request, Response
from tradewind_slack.sandbox.calls import Answer, Call, Refused, invalid, method
from tradewind_slack.sandbox.chat import thread_of
from tradewind_slack.sandbox.content import escaped
from tradewind_slack.sandbox.limits import TIER_3, TIER_4
from tradewind_slack.sandbox.model import Channel, File, Message
from tradewind_slack.sandbox.shapes import media_type, shape_file
from tradewind_slack.sandbox.workspace import BOT, Workspace

UPLOAD = "/upload/v1/"
_LARGEST = 1024**3
_MOST_SHOWN = 64 * 1024  #: bytes of a text file that `files.info` shows


@method("files.getUploadURLExternal", TIER_4, "files:write")
def get_upload_url(call: Call) -> Answer:
    workspace = call.workspace
    name = call.needed("filename")
    length = call.text("length")
    if not length.isdigit() or int(length) < 1:
        raise invalid("must be greater than 1 [json-pointer:/length]")
    if int(length) > _LARGEST:
        raise Refused("file_upload_size_restricted")
    file = File(
        workspace.new_id("F"),
        name,
        name,
        int(length),
        BOT,
        int(time.time()),
        snippet_type=call.text("snippet_type"),
        alt_txt=call.text("alt_txt"),
    )
    key = f"{workspace.team}-{secrets.token_hex(16)}"
    workspace.save(file)
    workspace.uploads[key] = file.id
    return {"upload_url": f"{workspace.url}{UPLOAD}{key}", "file_id": file.id}


def take_bytes(workspace: Workspace, request: Request) -> Response:
    """The bytes come, as they are or as a form with a file. An URL takes them once."""
    key = request.path.removeprefix(UPLOAD)
    with workspace.lock:
        file = workspace.files.get(workspace.uploads.get(key, ""))
        if file is None:
            return Response.text("This upload URL is unknown, or was used.", 404)
        data = _form_file(request) or request.body
        if len(data) != file.size:
            return Response.text(f"{file.size} bytes were announced, and {len(data)} came.", 400)
        del workspace.uploads[key]
        workspace.journal.write_file(file.id, data)
        file.uploaded = True
        workspace.save(file)
    return Response.text(f"OK - {len(data)}")


def _form_file(request: Request) -> bytes:
    """The file in a body of the type multipart/form-data; empty if it is no such."""
    found = re.match(r'multipart/form-data;.*boundary="?([^";]+)"?', request.headers.get("content-type", ""))
    if not found:
        return b""
    for part in request.body.split(b"--" + found[1].encode())[1:-1]:
        head, _, data = part.partition(b"\r\n\r\n")
        if b"filename" in head:
            return data.removesuffix(b"\r\n")
    return b""


@method("files.completeUploadExternal", TIER_4, "files:write")
def complete_upload(call: Call) -> Answer:
    """Share uploaded files as one message in each channel; without a channel they stay private."""
    workspace = call.workspace
    given = call.data("files", "invalid_arguments")
    if not given or not all(isinstance(one, dict) and one.get("id") for one in given):
        raise invalid("missing required field: files")
    found = []
    for one in given:
        file = workspace.files.get(str(one["id"]))
        if file is None or not file.uploaded or file.shared:
            raise Refused("file_not_found")
        found.append((file, str(one.get("title") or file.name)))
    channels = [_shareable(call, name) for name in [*call.names("channel_id"), *call.names("channels")]]
    if call.text("thread_ts") and len(channels) != 1:
        raise invalid("thread_ts needs exactly one channel")
    threads = [thread_of(call, channel) for channel in channels]
    for file, title in found:
        file.title, file.shared = title, True
        workspace.save(file)
    for channel, thread in zip(channels, threads):
        _share(call, channel, thread, [file for file, _ in found])
    return {"files": [shape_file(workspace, file) for file, _ in found]}


def _shareable(call: Call, name: str) -> Channel:
    """Files are shared in a channel that the app is in, named by its id, or with a person."""
    if name in call.workspace.users:
        return call.workspace.direct_messages(name)
    found = call.workspace.channels.get(name)
    if found is None or (found.is_private and BOT not in found.members):
        raise Refused("channel_not_found")
    if found.is_archived:
        raise Refused("is_archived")
    if BOT not in found.members:
        raise Refused("not_in_channel")
    return found


def _share(call: Call, channel: Channel, thread: str, files: list[File]) -> None:
    workspace = call.workspace
    message = Message(
        channel.id,
        workspace.next_ts(),
        BOT,
        escaped(call.text("initial_comment")),
        thread_ts=thread,
        files=[file.id for file in files],
    )
    if not message.text:
        message.blocks = call.data("blocks", "invalid_blocks_format") or []
    workspace.add_message(message)
    for file in files:
        file.shares = {**file.shares, channel.id: [*file.shares.get(channel.id, ()), message.ts]}
        workspace.save(file)


def _file(call: Call) -> File:
    found = call.workspace.files.get(call.needed("file"))
    if found is None or not found.uploaded:
        raise Refused("file_not_found")
    return found


@method("files.info", TIER_4, "files:read")
def files_info(call: Call) -> Answer:
    file = _file(call)
    answer: dict[str, Any] = {"file": shape_file(call.workspace, file), "comments": []}
    if is_text(file):
        data = call.workspace.journal.read_file(file.id)[:_MOST_SHOWN]
        answer["content"] = data.decode("utf-8", "replace")
    return answer


def is_text(file: File) -> bool:
    return bool(file.snippet_type) or media_type(file.name).startswith("text/") or file.name.endswith(".json")


@method("files.list", TIER_3, "files:read")
def files_list(call: Call) -> Answer:
    """Newest first, in numbered pages: this method has no cursors."""
    channel, user = call.text("channel"), call.text("user")
    if channel and channel not in call.workspace.channels:
        raise Refused("channel_not_found")
    found = [one for one in call.workspace.shared_files() if (not channel or channel in one.shares)]
    found = [one for one in found if not user or one.user == user]
    count, page = call.number("count", 100, 1000), call.number("page", 1, 10**6)
    shown = found[(page - 1) * count : page * count]
    return {
        "files": [shape_file(call.workspace, one) for one in shown],
        "paging": {"count": count, "total": len(found), "page": page, "pages": -(-len(found) // count)},
    }


@method("files.delete", TIER_3, "files:write")
def files_delete(call: Call) -> Answer:
    file = _file(call)
    if file.user != BOT:
        raise Refused("cant_delete_file")
    call.workspace.remove_file(file)
    return {}
