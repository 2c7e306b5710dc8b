"""Blocks and attachments of a message as HTML: those that pipelines use; of others, what text they have."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from typing import Any

from tradewind_slack.sandbox.mrkdwn import emoji_html, safe, to_html

_COLOURS = {"good": "#2eb67d", "warning": "#ecb22e", "danger": "#e01e5a"}
_HEX = re.compile(r"#?([0-9a-fA-F]{6}|[0-9a-fA-F]{3})")

Names = Mapping[str, str]


def blocks_html(blocks: list[dict[str, Any]], names: Names) -> str:
    return "".join(_block(block, names) for block in blocks)


def _block(block: dict[str, Any], names: Names) -> str:
    kind = block.get("type")
    if kind == "divider":
        return "<hr>"
    if kind == "header":
        return f"<h3>{_text(block.get('text'), names)}</h3>"
    if kind == "section":
        fields = "".join(f"<div>{_text(one, names)}</div>" for one in block.get("fields") or ())
        text = f"<div>{_text(block['text'], names)}</div>" if block.get("text") else ""
        return text + (f'<div class="fields">{fields}</div>' if fields else "")
    if kind == "context":
        return f'<div class="context">{" ".join(_text(one, names) for one in block["elements"])}</div>'
    if kind == "markdown":
        return f"<p>{safe(str(block.get('text', '')))}</p>"
    if kind == "rich_text":
        return "".join(_rich(one, names) for one in block["elements"])
    if kind == "actions":
        return " ".join(f'<span class="button">{_text(one.get("text"), names)}</span>' for one in block["elements"])
    if kind == "image":
        return f"<p><i>image: {safe(str(block.get('alt_text') or block.get('image_url', '')))}</i></p>"
    return f"<p><i>{safe(str(kind))}</i></p>"


def _text(found: Any, names: Names) -> str:
    if not isinstance(found, dict):
        return ""
    if found.get("type") == "image":
        return f"<i>image: {safe(str(found.get('alt_text', '')))}</i>"
    text = str(found.get("text", ""))
    return to_html(text, names) if found.get("type") == "mrkdwn" else safe(text)


def _rich(element: dict[str, Any], names: Names) -> str:
    kind, inside = element.get("type"), element.get("elements") or []
    if kind == "rich_text_list":
        items = "".join(f"<li>{_rich(one, names)}</li>" for one in inside)
        tag = "ol" if element.get("style") == "ordered" else "ul"
        return f"<{tag}>{items}</{tag}>"
    shown = "".join(_rich_inline(one, names) for one in inside)
    if kind == "rich_text_preformatted":
        return f"<pre>{shown}</pre>"
    if kind == "rich_text_quote":
        return f"<blockquote>{shown}</blockquote>"
    return f"<p>{shown}</p>"


def _rich_inline(one: dict[str, Any], names: Names) -> str:
    kind = one.get("type")
    if kind == "emoji":
        return emoji_html(str(one.get("name", "")))
    if kind == "user":
        user = str(one.get("user_id", ""))
        return f'<span class="mention">@{safe(names.get(user, user))}</span>'
    text = html.escape(str(one.get("text") or one.get("url") or "")).replace("\n", "<br>")
    if kind == "link" and str(one.get("url", "")).startswith(("http://", "https://")):
        return f'<a href="{html.escape(str(one["url"]))}" rel="noreferrer">{text}</a>'
    for style, tag in (("bold", "strong"), ("italic", "em"), ("strike", "del"), ("code", "code")):
        if (one.get("style") or {}).get(style):
            text = f"<{tag}>{text}</{tag}>"
    return text


def attachments_html(attachments: list[dict[str, Any]], names: Names) -> str:
    return "".join(
        f'<div class="attachment" style="border-color:{_colour(one)}">{"".join(_attachment(one, names))}</div>'
        for one in attachments
    )


def _colour(attachment: dict[str, Any]) -> str:
    given = str(attachment.get("color", ""))
    found = _HEX.fullmatch(given)
    return _COLOURS.get(given) or (f"#{found[1]}" if found else "#ddd")


def _attachment(one: dict[str, Any], names: Names) -> Iterator[str]:
    if one.get("pretext"):
        yield f"<p>{to_html(str(one['pretext']), names)}</p>"
    if one.get("title"):
        yield f"<strong>{safe(str(one['title']))}</strong>"
    if one.get("blocks"):
        yield blocks_html(one["blocks"], names)
    elif one.get("text") or (one.get("fallback") and not one.get("title")):
        yield to_html(str(one.get("text") or one["fallback"]), names)
    for field in one.get("fields") or ():
        yield f"<p><strong>{safe(str(field.get('title', '')))}</strong><br>{safe(str(field.get('value', '')))}</p>"
    if one.get("footer"):
        yield f'<div class="context">{safe(str(one["footer"]))}</div>'
