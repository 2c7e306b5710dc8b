"""One call of the Web API: its arguments as JSON or form gave them, whose it is, and how it is refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tradewind_slack.sandbox.limits import Tier
from tradewind_slack.sandbox.model import Channel, Token
from tradewind_slack.sandbox.workspace import BOT, Workspace

Answer = dict[str, Any]


class Refused(Exception):
    """The call is answered with `ok: false` and this error."""

    def __init__(self, error: str, **more: Any) -> None:
        super().__init__(error)
        self.error = error
        self.more = more


def invalid(*messages: str, error: str = "invalid_arguments") -> Refused:
    """Arguments that cannot be right, with Slack's way of saying what is wrong."""
    told = [f"[ERROR] {message}" for message in messages]
    more: dict[str, Any] = {"response_metadata": {"messages": told}}
    return Refused(error, **more, **({"errors": list(messages)} if error == "invalid_blocks" else {}))


@dataclass(frozen=True)
class Method:
    """A method of the Web API."""

    name: str
    scopes: tuple[str, ...]  #: one of them is needed; with `{}` in it, it depends on the channel
    tier: Tier
    function: Callable[[Call], Answer]


METHODS: dict[str, Method] = {}


def method(name: str, tier: Tier, *scopes: str) -> Callable[[Callable[[Call], Answer]], Callable[[Call], Answer]]:
    """Register a function as a method of the Web API."""

    def register(function: Callable[[Call], Answer]) -> Callable[[Call], Answer]:
        METHODS[name] = Method(name, scopes, tier, function)
        return function

    return register


class Call:
    """A call with its arguments."""

    def __init__(self, workspace: Workspace, token: Token, arguments: Mapping[str, Any]) -> None:
        self.workspace = workspace
        self.token = token
        self.arguments = arguments
        self.warnings: list[str] = []

    # -- arguments

    def text(self, name: str, default: str = "") -> str:
        value = self.arguments.get(name)
        return default if value is None else str(value)

    def needed(self, name: str) -> str:
        value = self.text(name)
        if not value:
            raise invalid(f"missing required field: {name}")
        return value

    def flag(self, name: str, default: bool = False) -> bool:
        value = self.arguments.get(name)
        return default if value is None else str(value).lower() in ("1", "true")

    def number(self, name: str, default: int, most: int) -> int:
        value = self.text(name)
        if not value:
            return default
        if not value.isdigit() or int(value) < 1:
            raise Refused("invalid_limit" if name == "limit" else "invalid_arguments")
        return min(int(value), most)

    def names(self, name: str) -> list[str]:
        """A list, or text with commas."""
        value = self.arguments.get(name)
        parts = value if isinstance(value, list) else str(value or "").split(",")
        return [str(part).strip() for part in parts if str(part).strip()]

    def data(self, name: str, error: str, kind: type = list) -> Any:
        """JSON, as text or as itself; None if it is not given."""
        value = self.arguments.get(name)
        if isinstance(value, str):
            try:
                value = json.loads(value) if value else None
            except ValueError:
                raise Refused(error) from None
        if value is not None and not isinstance(value, kind):
            raise Refused(error)
        return value

    # -- rights

    def require_scope(self, *scopes: str) -> None:
        """One of these, for a token of an app."""
        if not set(scopes) & set(self.token.scopes):
            raise Refused("missing_scope", needed=",".join(scopes), provided=",".join(self.token.scopes))

    # -- channels

    def channel(self, name: str = "channel") -> Channel:
        """The channel of that id. The app must see it, and be in it."""
        found = self.seen_channel(name)
        if BOT not in found.members:
            raise Refused("not_in_channel")
        return found

    def seen_channel(self, name: str = "channel") -> Channel:
        """The channel of that id. A private one is seen by its members alone."""
        found = self.workspace.channels.get(self.needed(name))
        if found is None or (found.is_private and BOT not in found.members):
            raise Refused("channel_not_found")
        return found

    # -- pages

    def page(self, everything: Sequence[Any], limit: int) -> tuple[list[Any], str]:
        """The part that `cursor` stands at, and the cursor of the next one."""
        start = read_cursor(self.text("cursor"))
        if start > len(everything):
            raise Refused("invalid_cursor")
        end = start + limit
        return list(everything[start:end]), write_cursor(end) if end < len(everything) else ""


def write_cursor(position: int) -> str:
    import base64

    return base64.b64encode(f"next:{position}".encode()).decode()


def read_cursor(cursor: str) -> int:
    import base64
    import binascii

    if not cursor:
        return 0
    try:
        word, _, position = base64.b64decode(cursor, validate=True).decode().partition(":")
        if word == "next":
            return int(position)
    except (binascii.Error, UnicodeDecodeError, ValueError):
        pass
    raise Refused("invalid_cursor")
