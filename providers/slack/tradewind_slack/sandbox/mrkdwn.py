"""Slack's way of marking up text, as HTML in which nothing of the text can act as markup of its own."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping

#: Emoji that pipelines use; others are shown by their names.
EMOJI = {
    "bell": "\U0001f514",
    "chart_with_upwards_trend": "\U0001f4c8",
    "eyes": "\U0001f440",
    "fire": "\U0001f525",
    "hourglass": "⌛",
    "hourglass_flowing_sand": "⏳",
    "information_source": "ℹ️",  # noqa: RUF001 - the emoji
    "large_blue_circle": "\U0001f535",
    "large_green_circle": "\U0001f7e2",
    "large_yellow_circle": "\U0001f7e1",
    "no_entry": "⛔",
    "page_facing_up": "\U0001f4c4",
    "red_circle": "\U0001f534",
    "repeat": "\U0001f501",
    "rocket": "\U0001f680",
    "rotating_light": "\U0001f6a8",
    "tada": "\U0001f389",
    "thumbsup": "\U0001f44d",
    "+1": "\U0001f44d",
    "warning": "⚠️",
    "wave": "\U0001f44b",
    "white_check_mark": "✅",
    "x": "❌",
}

_BLOCK = re.compile(r"```(.*?)```", re.DOTALL)
_TOKEN = re.compile(r"`([^`\n]+)`|<([^<>\n]+)>|:([a-z0-9_+'-]+):")
_STYLES = (
    (re.compile(r"(?<![\w*])\*(?=[^\s*])([^*\n]+?)(?<=\S)\*(?![\w*])"), "strong"),
    (re.compile(r"(?<![\w_])_(?=[^\s_])([^_\n]+?)(?<=\S)_(?![\w_])"), "em"),
    (re.compile(r"(?<![\w~])~(?=[^\s~])([^~\n]+?)(?<=\S)~(?![\w~])"), "del"),
)
_KEPT = re.compile("\x00(\\d+)\x00")
_WEB = ("http://", "https://", "mailto:")


def safe(text: str) -> str:
    """Plain text as HTML; Slack's three entities mean what they stand for."""
    return html.escape(text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))


def to_html(text: str, names: Mapping[str, str]) -> str:
    """`names` are those of people and channels, by id."""
    parts = []
    for number, part in enumerate(_BLOCK.split(text.replace("\x00", ""))):
        if number % 2:
            parts.append(f"<pre>{safe(_without_links(part)).strip(chr(10))}</pre>")
        elif part.strip("\n"):
            parts.append(_lines(part.strip("\n"), names))
    return "".join(parts)


def _lines(text: str, names: Mapping[str, str]) -> str:
    shown: list[str] = []
    for line in text.split("\n"):
        quote = re.match(r"(?:&gt;|>)\s?(.*)", line)
        if quote:
            shown.append(f"<blockquote>{_inline(quote[1], names)}</blockquote>")
        else:
            shown.append(_inline(line, names) + "<br>")
    return f"<p>{''.join(shown).removesuffix('<br>')}</p>"


def _inline(text: str, names: Mapping[str, str]) -> str:
    kept: list[str] = []

    def keep(found: re.Match[str]) -> str:
        code, link, emoji = found.groups()
        if code is not None:
            kept.append(f"<code>{safe(code)}</code>")
        elif link is not None:
            kept.append(_link(link, names))
        else:
            kept.append(emoji_html(emoji))
        return f"\x00{len(kept) - 1}\x00"

    marked = safe(_TOKEN.sub(keep, text))
    for pattern, tag in _STYLES:
        marked = pattern.sub(rf"<{tag}>\1</{tag}>", marked)
    return _KEPT.sub(lambda found: kept[int(found[1])], marked)


def emoji_html(name: str) -> str:
    return f'<span title=":{html.escape(name)}:">{EMOJI[name]}</span>' if name in EMOJI else f":{html.escape(name)}:"


def _link(inside: str, names: Mapping[str, str]) -> str:
    target, _, label = inside.partition("|")
    if target[:1] in "@#":
        name = label or names.get(target[1:], target[1:])
        return f'<span class="mention">{target[0]}{safe(name)}</span>'
    if target.startswith("!"):
        return f'<span class="mention">@{safe(label or target[1:].partition("^")[0])}</span>'
    if target.startswith(_WEB):
        return f'<a href="{safe(target)}" rel="noreferrer">{safe(label or target)}</a>'
    return safe(f"<{inside}>")


def _without_links(text: str) -> str:
    """Within code a link is shown as its label, or as its target."""
    return re.sub(r"<((?:https?://|mailto:)[^<>|]+)(?:\|([^<>]*))?>", lambda found: found[2] or found[1], text)
