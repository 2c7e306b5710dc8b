"""What a workspace consists of. Each thing is kept as a line of JSON, tagged with the name of its class."""

from __future__ import annotations

from typing import Any

import msgspec


class Thing(msgspec.Struct, tag=True, omit_defaults=True):
    """Something that is kept. `key` tells it from others of its class."""

    @property
    def key(self) -> str:
        raise NotImplementedError


class User(Thing):
    """A person, or the bot of the app."""

    id: str
    name: str
    real_name: str = ""
    email: str = ""
    is_bot: bool = False

    @property
    def key(self) -> str:
        return self.id


class Channel(Thing):
    """A channel, or the direct messages with one person."""

    id: str
    name: str
    created: int
    creator: str = ""
    members: list[str] = []
    is_private: bool = False
    is_archived: bool = False
    is_general: bool = False
    with_user: str = ""  #: of direct messages: the other one

    @property
    def key(self) -> str:
        return self.id

    @property
    def is_im(self) -> bool:
        return bool(self.with_user)

    @property
    def kind(self) -> str:
        """As `conversations.list` names it in its `types`."""
        return "im" if self.is_im else "private_channel" if self.is_private else "public_channel"

    @property
    def scope_prefix(self) -> str:
        """Beginning of the scopes that reading it takes."""
        return "im" if self.is_im else "groups" if self.is_private else "channels"


class Message(Thing):
    """A message in a channel. Texts are as Slack keeps them: `&`, `<` and `>` escaped."""

    channel: str
    ts: str
    user: str
    text: str = ""
    blocks: list[dict[str, Any]] = []
    attachments: list[dict[str, Any]] = []
    metadata: dict[str, Any] = {}
    thread_ts: str = ""  #: of a reply, and of a message that has some
    broadcast: bool = False  #: a reply that is shown in the channel too
    subtype: str = ""
    username: str = ""
    icon: str = ""  #: emoji or URL in place of the app's own
    by_webhook: bool = False
    client_msg_id: str = ""
    edited_by: str = ""
    edited_ts: str = ""
    files: list[str] = []
    reactions: dict[str, list[str]] = {}
    mrkdwn: bool = True

    @property
    def key(self) -> str:
        return f"{self.channel} {self.ts}"

    @property
    def is_reply(self) -> bool:
        return bool(self.thread_ts) and self.thread_ts != self.ts


class File(Thing):
    """A file. Its bytes lie beside the workspace, under its id."""

    id: str
    name: str
    title: str
    size: int
    user: str
    created: int
    uploaded: bool = False  #: the bytes are there
    shared: bool = False  #: the upload was completed
    shares: dict[str, list[str]] = {}  #: channel -> ts of messages that show it
    snippet_type: str = ""
    alt_txt: str = ""

    @property
    def key(self) -> str:
        return self.id


class Webhook(Thing):
    """An incoming webhook: `path` is T.../B.../X..."""

    path: str
    channel: str
    active: bool = True

    @property
    def key(self) -> str:
        return self.path


class Token(Thing):
    """A token of the app. `state` is empty, or the error that it gets: `token_revoked`, `token_expired`."""

    token: str
    scopes: list[str]
    state: str = ""

    @property
    def key(self) -> str:
        return self.token


class Gone(Thing):
    """A thing that was removed."""

    kind: str
    of: str

    @property
    def key(self) -> str:
        return f"{self.kind} {self.of}"


Kept = User | Channel | Message | File | Webhook | Token | Gone
