"""What only the people of a workspace can do, for tests: `Control(connection).act("say", channel="general", ...)`."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tradewind.errors import SandboxError
from tradewind_slack.sandbox.content import escaped
from tradewind_slack.sandbox.limits import Limits
from tradewind_slack.sandbox.model import Channel, Message, User, Webhook
from tradewind_slack.sandbox.shapes import shape_message
from tradewind_slack.sandbox.workspace import BOT, SCOPES, Workspace


class Actions:
    """The actions on one workspace. What they return, JSON can hold."""

    def __init__(self, workspace: Workspace, limits: Limits) -> None:
        self._workspace = workspace
        self._limits = limits

    def act(self, action: str, arguments: Mapping[str, Any]) -> Any:
        """Carry one out. Raises SandboxError for an action that there is not, or wrong arguments."""
        found: Callable[..., Any] | None = getattr(self, action, None) if action in ACTIONS else None
        if found is None:
            raise SandboxError(f"The Slack stand-in has no action {action!r}; it has {', '.join(ACTIONS)}.")
        try:
            with self._workspace.lock:
                return found(**arguments)
        except TypeError as error:
            raise SandboxError(f"The action {action!r} of the Slack stand-in: {error}.") from None

    def scopes(self, scopes: Sequence[str] | None = None, without: Sequence[str] = ()) -> list[str]:
        """Let the token have these scopes (default: all), but for those in `without`."""
        token = self._workspace.token
        token.scopes = [scope for scope in (SCOPES if scopes is None else scopes) if scope not in without]
        self._workspace.save(token)
        return token.scopes

    def token(self, state: str = "") -> None:
        """Let the token be refused from now on, with `token_revoked`, `token_expired` or `account_inactive`.

        Without a state it works again.
        """
        self._workspace.token.state = state
        self._workspace.save(self._workspace.token)

    def limits(self, speed: float = 1.0) -> None:
        """Let the time of rate limits run this much faster; 0: nothing is limited. Every bucket is full again."""
        self._limits.set_speed(speed)

    def channel(
        self, name: str, private: bool = False, archived: bool = False, member: bool = True, new_name: str = ""
    ) -> str:
        """Make a channel, or change the one of that name; gives its id. `member`: the app is in it."""
        found = self._workspace.channel_named(name)
        if found is None:
            found = self._workspace.add_channel(name, creator="U0ANN", members=["U0ANN"])
        found.name, found.is_private, found.is_archived = new_name or found.name, private, archived
        others = [one for one in found.members if one != BOT]
        found.members = [*others, BOT] if member else others
        self._workspace.save(found)
        return found.id

    def user(self, name: str, email: str = "", real_name: str = "") -> str:
        """Add a person; gives the id."""
        made = User(self._workspace.new_id("U"), name, real_name or name, email)
        self._workspace.save(made)
        return made.id

    def say(self, channel: str, text: str, user: str = "ann", thread_ts: str = "") -> str:
        """Let a person write; gives the `ts` of the message."""
        place = self._channel(channel)
        author = next((one for one in self._workspace.users.values() if one.name == user), None)
        if author is None:
            raise SandboxError(f"There is nobody called {user!r} in the workspace.")
        ts = self._workspace.next_ts()
        self._workspace.add_message(Message(place.id, ts, author.id, escaped(text), thread_ts=thread_ts))
        return ts

    def webhook(self, channel: str = "general", active: bool = True) -> str:
        """A webhook that posts to a channel, as the password of a connection (T.../B.../X...); the same each time.

        `active=False`: it is removed, and refuses whatever it is sent.
        """
        place = self._channel(channel)
        hooks = self._workspace.webhooks.values()
        found = next((one for one in hooks if one.channel == place.id), None)
        if found is None:
            path = f"{self._workspace.team}/{self._workspace.new_id('B')}/{secrets.token_hex(12)}"
            found = Webhook(path, place.id)
        found.active = active
        self._workspace.save(found)
        return found.path

    def messages(self, channel: str) -> list[dict[str, Any]]:
        """Every message of a channel, oldest first, each with its replies in `replies`."""
        place = self._channel(channel)
        shown = []
        for message in self._workspace.messages(place.id):
            later = [] if message.is_reply else self._workspace.replies(place.id, message.ts)
            replies = [shape_message(self._workspace, one) for one in later]
            shown.append({**shape_message(self._workspace, message), "replies": replies})
        return shown

    def file(self, file_id: str) -> str:
        """The text of a file."""
        if file_id not in self._workspace.files:
            raise SandboxError(f"There is no file {file_id!r} in the workspace.")
        return self._workspace.journal.read_file(file_id).decode("utf-8", "replace")

    def page(self, channel: str = "general") -> str:
        """The URL of the page that shows a channel."""
        return f"{self._workspace.url}/client/{self._workspace.team}/{self._channel(channel).id}"

    def _channel(self, name: str) -> Channel:
        found = self._workspace.channels.get(name) or self._workspace.channel_named(name)
        if found is None:
            raise SandboxError(f"There is no channel {name!r} in the workspace.")
        return found


ACTIONS = ("channel", "file", "limits", "messages", "page", "say", "scopes", "token", "user", "webhook")
