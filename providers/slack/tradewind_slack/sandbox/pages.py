"""The pages that people look at: a channel with its messages, threads and files."""

from __future__ import annotations

import csv
import html
import io
import itertools
import re
from collections.abc import Mapping
from datetime import UTC, datetime

from tradewind.sandbox import Request, Response
from tradewind_slack.sandbox.blocks import attachments_html, blocks_html
from tradewind_slack.sandbox.files import is_text
from tradewind_slack.sandbox.model import Channel, File, Message
from tradewind_slack.sandbox.mrkdwn import emoji_html, safe, to_html
from tradewind_slack.sandbox.style import STYLE
from tradewind_slack.sandbox.workspace import Workspace

_CHANNEL = re.compile(r"/client/(T\w+)(?:/([CD]\w+))?/?")
_PERMALINK = re.compile(r"/client/(T\w+)/archives/([CD]\w+)/p(\d+)")
_FILE = re.compile(r"/client/(T\w+)/files/(F\w+)")

_PREVIEW_ROWS = 12
_PREVIEW_BYTES = 4000


class Pages:
    """The pages of every workspace, which need no login: they are for the person at this machine."""

    def __init__(self, workspaces: Mapping[str, Workspace]) -> None:
        self._workspaces = workspaces

    def answer(self, request: Request) -> Response:
        path = request.path
        if path == "/":
            links = "".join(f'<li><a href="/client/{one.team}">{safe(one.name)}</a>' for one in self._all())
            return Response.html(_whole("Workspaces", f"<main><h1>Workspaces</h1><ul>{links}</ul></main>"))
        if found := _PERMALINK.fullmatch(path):
            return Response(status=302, headers={"Location": f"/client/{found[1]}/{found[2]}#p{found[3]}"})
        if (found := _CHANNEL.fullmatch(path)) and (workspace := self._of(found[1])):
            channel = workspace.channels.get(found[2]) if found[2] else workspace.channel_named("general")
            if channel is not None:
                with workspace.lock:
                    return Response.html(_ChannelPage(workspace, channel).html())
        if (found := _FILE.fullmatch(path)) and (workspace := self._of(found[1])):
            file = workspace.files.get(found[2])
            if file is not None and file.uploaded:
                return Response.html(_whole(file.title, f"<main>{_preview(workspace, file, whole=True)}</main>"))
        return Response.html(_whole("Not found", "<main><h1>There is no such page.</h1></main>"), 404)

    def _all(self) -> list[Workspace]:
        return list(self._workspaces.values())

    def _of(self, team: str) -> Workspace | None:
        return next((one for one in self._all() if one.team == team), None)


class _ChannelPage:
    def __init__(self, workspace: Workspace, channel: Channel) -> None:
        self._workspace = workspace
        self._channel = channel
        self._names = {one.id: one.name for one in workspace.users.values()}
        self._names |= {one.id: one.name for one in workspace.channels.values()}

    def html(self) -> str:
        channel = self._channel
        days = itertools.groupby(self._workspace.messages(channel.id), lambda one: _when(one.ts).date())
        shown = []
        for day, messages in days:
            shown.append(f'<div class="day"><span>{day:%A, %d %B %Y}</span></div>')
            shown += [self._message(one) for one in messages]
        people = f"{len(channel.members)} member{'' if len(channel.members) == 1 else 's'}"
        state = " · archived" if channel.is_archived else ""
        head = f"<header><h1>{self._title(channel)}</h1><small>{people}{state} · times are UTC</small></header>"
        body = "".join(shown) or '<p class="empty">Nothing has been posted here.</p>'
        return _whole(self._title(channel), f"{self._sidebar()}<main>{head}{body}</main>")

    def _sidebar(self) -> str:
        links = []
        for one in self._workspace.channels.values():
            current = ' class="current"' if one is self._channel else ""
            count = len(self._workspace.messages(one.id))
            badge = f"<b>{count}</b>" if count else ""
            place = f"/client/{self._workspace.team}/{one.id}"
            links.append(f'<a{current} href="{place}">{self._title(one)}{badge}</a>')
        return f"<nav><strong>{safe(self._workspace.name)}</strong>{''.join(links)}</nav>"

    def _title(self, channel: Channel) -> str:
        if channel.is_im:
            return "@" + safe(self._names.get(channel.with_user, channel.with_user))
        return ("\U0001f512 " if channel.is_private else "# ") + safe(channel.name)

    def _message(self, message: Message, *, in_thread: bool = False) -> str:
        user = self._workspace.users[message.user]
        name = message.username or user.real_name or user.name
        app = '<span class="app">APP</span>' if user.is_bot else ""
        when = f"{_when(message.ts):%H:%M:%S}"
        anchor = "p" + message.ts.replace(".", "")
        icon = message.icon.strip(":")
        face = emoji_html(icon) if message.icon.startswith(":") else safe(name[:1].upper())
        thread = "" if in_thread else self._thread(message)
        return (
            f'<article id="{anchor}"><div class="face{" bot" if user.is_bot else ""}">{face}</div><div class="body">'
            f'<div class="who"><strong>{safe(name)}</strong>{app}<a class="time" href="#{anchor}">{when}</a></div>'
            f"{self._content(message)}{thread}</div></article>"
        )

    def _content(self, message: Message) -> str:
        if message.subtype == "tombstone":
            return f'<p class="gone">{safe(message.text)}</p>'
        parts = []
        if message.blocks:
            parts.append(blocks_html(message.blocks, self._names))
        elif message.text:
            parts.append(to_html(message.text, self._names) if message.mrkdwn else f"<p>{safe(message.text)}</p>")
        parts.append(attachments_html(message.attachments, self._names))
        parts += [_preview(self._workspace, self._workspace.files[one]) for one in message.files]
        if message.edited_ts:
            parts.append(f'<span class="edited" title="{_when(message.edited_ts):%F %T} UTC">(edited)</span>')
        for name, people in message.reactions.items():
            parts.append(f'<span class="reaction">{emoji_html(name)} {len(people)}</span>')
        return "".join(parts)

    def _thread(self, message: Message) -> str:
        replies = self._workspace.replies(message.channel, message.ts)
        if not replies or message.is_reply:
            return ""
        count = f"{len(replies)} {'reply' if len(replies) == 1 else 'replies'}"
        shown = "".join(self._message(one, in_thread=True) for one in replies)
        return f'<details class="thread" open><summary>{count}</summary>{shown}</details>'


def _preview(workspace: Workspace, file: File, *, whole: bool = False) -> str:
    """A file as a person sees it below a message: its title, its size, and how its text begins."""
    kind = (file.snippet_type or file.name.rpartition(".")[2] or "file").upper()
    link = f"/client/{workspace.team}/files/{file.id}"
    head = f'<a href="{link}"><strong>{safe(file.title)}</strong></a><small>{safe(kind)} · {_size(file.size)}</small>'
    body = ""
    if is_text(file):
        data = workspace.journal.read_file(file.id)
        text = (data if whole else data[:_PREVIEW_BYTES]).decode("utf-8", "replace")
        body = _table(text, whole) if file.name.lower().endswith(".csv") else f"<pre>{html.escape(text)}</pre>"
    return f'<div class="file">{head}{body}</div>'


def _table(text: str, whole: bool) -> str:
    rows = list(itertools.islice(csv.reader(io.StringIO(text)), None if whole else _PREVIEW_ROWS))
    cells = ["".join(f"<td>{html.escape(cell)}</td>" for cell in row) for row in rows]
    return f"<table>{''.join(f'<tr>{row}</tr>' for row in cells)}</table>"


def _size(count: int) -> str:
    return f"{count} bytes" if count < 1024 else f"{count / 1024:.1f} kB" if count < 1024**2 else f"{count >> 20} MB"


def _when(ts: str) -> datetime:
    return datetime.fromtimestamp(float(ts), UTC)


def _whole(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{title}</title>"
        f'<link rel="icon" href="data:,"><style>{STYLE}</style><body>{body}</body></html>'
    )
