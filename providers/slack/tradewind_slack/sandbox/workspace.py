"""A workspace: its channels, people, messages and files, and the rules that hold whoever changes them."""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from tradewind_slack.sandbox.journal import Journal
from tradewind_slack.sandbox.model import Channel, File, Message, Thing, Token, User, Webhook

#: What a token of the sandbox may do, unless it is told otherwise: every scope that its methods ask for.
SCOPES = (
    *("channels:history", "channels:join", "channels:manage", "channels:read"),
    *("chat:write", "chat:write.customize", "chat:write.public", "files:read", "files:write"),
    *("groups:history", "groups:read", "groups:write", "im:history", "im:read", "im:write", "mpim:read"),
    *("incoming-webhook", "reactions:read", "reactions:write", "users:read", "users:read.email"),
)

BOT = "U0TRADEWIND"
BOT_ID = "B0TRADEWIND"
APP_ID = "A0TRADEWIND"

#: Name -> (id, how it is). The id of #general is the one in the examples of slack_sdk.
_CHANNELS: dict[str, tuple[str, dict[str, Any]]] = {
    "general": ("C0123456789", {"is_general": True, "members": [BOT, "U0ANN", "U0BEN"]}),
    "random": ("C0RANDOM", {"members": ["U0ANN", "U0BEN"]}),
    "alerts": ("C0ALERTS", {"members": [BOT, "U0ANN"]}),
    "finance": ("C0FINANCE", {"is_private": True, "members": [BOT, "U0BEN"]}),
    "board": ("C0BOARD", {"is_private": True, "members": ["U0BEN"]}),
    "old-news": ("C0OLDNEWS", {"is_archived": True, "members": [BOT, "U0ANN"]}),
}
_USERS = (
    User(BOT, "tradewind", "tradewind", is_bot=True),
    User("U0ANN", "ann", "Ann Larsen", "ann@example.com"),
    User("U0BEN", "ben", "Ben Okafor", "ben@example.com"),
)


class Workspace:
    """One workspace. Every method may be called from any thread; what it hands out is not to be changed."""

    def __init__(self, name: str, folder: Path, url: str) -> None:
        self.name = name
        self.url = url  #: of the server
        self.team = "T" + hashlib.sha256(name.encode()).hexdigest()[:10].upper()
        self.lock = threading.RLock()
        self.users: dict[str, User] = {}
        self.channels: dict[str, Channel] = {}
        self.files: dict[str, File] = {}
        self.webhooks: dict[str, Webhook] = {}
        self.tokens: dict[str, Token] = {}
        self.uploads: dict[str, str] = {}  #: last part of an upload URL -> id of the file
        self._messages: dict[str, dict[str, Message]] = {}
        self._replies: dict[tuple[str, str], list[str]] = {}  #: (channel, ts) -> ts of replies
        self._sent: dict[str, Message] = {}  #: client_msg_id -> message
        self._last = 0  #: microseconds of the newest ts
        self.journal = Journal(folder)
        for thing in self.journal.things():
            self._take(thing)
        if not self.users:
            self._furnish()

    # -- keeping

    def _furnish(self) -> None:
        token = f"xoxb-{secrets.randbelow(10**11):011d}-{secrets.randbelow(10**12):012d}-{secrets.token_hex(12)}"
        now = int(time.time())
        channels = [Channel(id, name, now, "U0ANN", **how) for name, (id, how) in _CHANNELS.items()]
        hook = Webhook(f"{self.team}/B0WEBHOOK/{secrets.token_hex(12)}", _CHANNELS["general"][0])
        self.save(*_USERS, *channels, hook, Token(token, list(SCOPES)))

    def save(self, *things: Thing) -> None:
        with self.lock:
            for thing in things:
                self._take(thing)
            self.journal.note(*things)

    def _take(self, thing: Thing) -> None:
        if isinstance(thing, Message):
            self._take_message(thing)
            return
        places: dict[type, dict[str, Any]] = {
            User: self.users,
            Channel: self.channels,
            File: self.files,
            Webhook: self.webhooks,
            Token: self.tokens,
        }
        places[type(thing)][thing.key] = thing

    def _take_message(self, message: Message) -> None:
        here = self._messages.setdefault(message.channel, {})
        is_new = message.ts not in here
        here[message.ts] = message
        if is_new and message.is_reply:
            self._replies.setdefault((message.channel, message.thread_ts), []).append(message.ts)
        if message.client_msg_id:
            self._sent[message.client_msg_id] = message
        self._last = max(self._last, int(message.ts.replace(".", "")))

    def next_ts(self) -> str:
        """A moment that no other message has."""
        with self.lock:
            self._last = max(self._last + 1, time.time_ns() // 1000)
            return f"{self._last // 1_000_000}.{self._last % 1_000_000:06d}"

    def new_id(self, letter: str) -> str:
        return letter + secrets.token_hex(5).upper()

    # -- people and channels

    @property
    def token(self) -> Token:
        """The token of the app."""
        return next(iter(self.tokens.values()))

    @property
    def webhook(self) -> Webhook:
        return next(iter(self.webhooks.values()))

    def add_channel(self, name: str, *, creator: str, private: bool = False, members: Iterable[str] = ()) -> Channel:
        channel = Channel(self.new_id("C"), name, int(time.time()), creator, list(members), private)
        self.save(channel)
        return channel

    def direct_messages(self, user: str) -> Channel:
        """The channel of the app's direct messages with a person."""
        with self.lock:
            found = next((one for one in self.channels.values() if one.with_user == user), None)
            if found is None:
                found = Channel(self.new_id("D"), "", int(time.time()), BOT, [BOT, user], with_user=user)
                self.save(found)
            return found

    def channel_named(self, name: str) -> Channel | None:
        wanted = name.removeprefix("#")
        return next((one for one in self.channels.values() if one.name == wanted and not one.is_im), None)

    # -- messages

    def add_message(self, message: Message) -> Message:
        """Take a message; the root of its thread learns that it has one."""
        with self.lock:
            root = self.message(message.channel, message.thread_ts) if message.is_reply else None
            if root is not None and not root.thread_ts:
                root.thread_ts = root.ts
                self.save(root)
            self.save(message)
            return message

    def sent(self, client_msg_id: str) -> Message | None:
        """The message that was posted with this `client_msg_id`, even if it was deleted since."""
        return self._sent.get(client_msg_id) if client_msg_id else None

    def message(self, channel: str, ts: str) -> Message | None:
        return self._messages.get(channel, {}).get(ts)

    def messages(self, channel: str) -> list[Message]:
        """What the channel itself shows, oldest first: no replies but those that were broadcast."""
        with self.lock:
            everything = list(self._messages.get(channel, {}).values())
        return [one for one in everything if not one.is_reply or one.broadcast]

    def replies(self, channel: str, ts: str) -> list[Message]:
        with self.lock:
            here = self._messages.get(channel, {})
            return [here[one] for one in self._replies.get((channel, ts), ())]

    def remove_message(self, message: Message) -> None:
        """Delete a message; one with replies leaves a gap that says so."""
        with self.lock:
            if not message.is_reply and self.replies(message.channel, message.ts):
                message.text, message.subtype = "This message was deleted.", "tombstone"
                message.blocks, message.attachments, message.files, message.reactions = [], [], [], {}
                self.save(message)
                return
            del self._messages[message.channel][message.ts]
            if message.is_reply:
                self._replies[message.channel, message.thread_ts].remove(message.ts)
            self.journal.forget(message)

    # -- files

    def shared_files(self) -> Iterator[File]:
        """Files that were uploaded and completed, newest first."""
        with self.lock:
            yield from [one for one in reversed(self.files.values()) if one.shared]

    def remove_file(self, file: File) -> None:
        """Delete a file; messages that showed it and say nothing else go with it."""
        with self.lock:
            del self.files[file.id]
            self.journal.drop_file(file.id)
            self.journal.forget(file)
            for channel, moments in file.shares.items():
                for ts in moments:
                    self._take_file_off(channel, ts, file.id)

    def _take_file_off(self, channel: str, ts: str, file_id: str) -> None:
        message = self.message(channel, ts)
        if message is not None and file_id in message.files:
            message.files = [one for one in message.files if one != file_id]
            if message.files or message.text or message.blocks or self.replies(channel, ts):
                self.save(message)
            else:
                self.remove_message(message)
