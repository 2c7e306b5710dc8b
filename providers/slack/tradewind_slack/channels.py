"""From the name of a channel to its id, which files and edits need; messages can be posted by name.

What was found is kept by the process for an hour, for every hook with the same token. Slack has no way to look up one
name, so a name that is not known takes a walk through all channels, a thousand with each call.
"""

from __future__ import annotations

import difflib
import hashlib
import re
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tradewind_slack.errors import SlackError

if TYPE_CHECKING:
    from tradewind_slack.hook import SlackHook

KEPT_FOR = 3600.0  # seconds
_PAGE = 1000

#: Ids of channels, groups, direct messages and people: names of channels have no capital letters.
_ID = re.compile(r"[CDGUW][A-Z0-9]+")

_known: dict[str, dict[str, tuple[str, float]]] = {}
_lock = threading.Lock()


def find_id(hook: SlackHook, name: str) -> str:
    """The id of a channel, from `general`, `#general` or an id. Raises SlackError."""
    wanted = name.strip().removeprefix("#")
    if _ID.fullmatch(wanted):
        return wanted
    key = hashlib.sha256(f"{hook.api_url} {hook.client.token}".encode()).hexdigest()
    with _lock:
        found = _known.setdefault(key, {}).get(wanted)
    if found is not None and time.monotonic() - found[1] < KEPT_FOR:
        return found[0]
    seen = dict(_all(hook))
    now = time.monotonic()
    with _lock:
        _known[key] = {one: (channel_id, now) for one, channel_id in seen.items()}
    if wanted not in seen:
        raise _unknown(hook, wanted, seen)
    return seen[wanted]


def _all(hook: SlackHook) -> Iterator[tuple[str, str]]:
    """Every channel that the token shows and that is in use."""
    kinds = "public_channel,private_channel"
    cursor = ""
    while True:
        params = {"types": kinds, "exclude_archived": True, "limit": _PAGE, "cursor": cursor}
        try:
            page = hook.call("conversations.list", params=params)
        except SlackError as error:
            if error.error == "missing_scope" and "private_channel" in kinds and not cursor:
                kinds = "public_channel"  # a token that may not see private ones
                continue
            raise
        yield from ((channel["name"], channel["id"]) for channel in page["channels"])
        cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
        if not cursor:
            return


def _unknown(hook: SlackHook, wanted: str, seen: dict[str, str]) -> SlackError:
    close = difflib.get_close_matches(wanted, seen, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return SlackError(
        f"Connection {hook.slack_conn_id!r}: there is no channel {wanted!r} among the {len(seen)} that the app can see."
        f"{hint} A private one is seen only when the app is a member: /invite it there.",
        error="channel_not_found",
    )
