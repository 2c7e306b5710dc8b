"""What a message may consist of: text, blocks, attachments and metadata, checked and brought into Slack's form."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from tradewind_slack.sandbox.calls import Call, Refused, invalid
from tradewind_slack.sandbox.model import Message

#: Longer texts are cut when they are posted, with a warning, and refused when a message is edited.
LONGEST_POSTED = 40_000
LONGEST_EDITED = 4_000

MOST_BLOCKS = 50
MOST_ATTACHMENTS = 100
LONGEST_SECTION = 3_000
LONGEST_HEADER = 150
MOST_FIELDS = 10
LARGEST_METADATA = 16_000  # bytes

#: Blocks that a message may have.
_BLOCKS = frozenset(
    (
        *("actions", "context", "context_actions", "divider", "header", "image", "markdown", "rich_text", "section"),
        *("call", "carousel", "file", "input", "plan", "table", "task_card", "video"),
    )
)
_ENTITY = re.compile(r"&(?!(?:amp|lt|gt);)")
_LINK = re.compile(r"<(?:[@#!]|[a-z][a-z0-9+.-]*:)[^<>]*>")


def escaped(text: str) -> str:
    """As Slack keeps a text: `&`, `<` and `>` as entities, but for what is a link or a mention."""
    text = _ENTITY.sub("&amp;", text)
    parts, end = [], 0
    for link in _LINK.finditer(text):
        parts += [_no_brackets(text[end : link.start()]), link[0]]
        end = link.end()
    return "".join([*parts, _no_brackets(text[end:])])


def _no_brackets(text: str) -> str:
    return text.replace("<", "&lt;").replace(">", "&gt;")


class Content(msgspec.Struct):
    """What a call says about a message; None: nothing, so that an edit leaves it as it was."""

    text: str | None
    blocks: list[dict[str, Any]] | None
    attachments: list[dict[str, Any]] | None
    metadata: dict[str, Any] | None

    @property
    def is_empty(self) -> bool:
        return not (self.text or self.blocks or self.attachments)

    def apply(self, message: Message) -> None:
        for name in ("text", "blocks", "attachments", "metadata"):
            value = getattr(self, name)
            if value is not None:
                setattr(message, name, value)


def content_of(call: Call, longest: int = LONGEST_POSTED, *, cut: bool = True) -> Content:
    """Read and check what a call says. Raises Refused."""
    text = call.text("text") or call.text("markdown_text") if {"text", "markdown_text"} & set(call.arguments) else None
    if text is not None and len(text) > longest:
        if not cut:
            raise Refused("msg_too_long")
        text = text[:longest]
        call.warnings.append("message_truncated")
    blocks = call.data("blocks", "invalid_blocks_format")
    attachments = call.data("attachments", "invalid_attachments")
    check_blocks(blocks or [], "/blocks")
    if attachments and len(attachments) > MOST_ATTACHMENTS:
        raise Refused("too_many_attachments")
    for number, attachment in enumerate(attachments or []):
        if not isinstance(attachment, dict):
            raise Refused("invalid_attachments")
        check_blocks(attachment.get("blocks") or [], f"/attachments/{number}/blocks")
    metadata = _metadata(call)
    return Content(escaped(text) if text is not None else None, blocks, attachments, metadata)


def _metadata(call: Call) -> dict[str, Any] | None:
    found = call.data("metadata", "invalid_metadata_format", dict)
    if not found:
        return found or None
    if not isinstance(found.get("event_type"), str) or not isinstance(found.get("event_payload"), dict):
        raise Refused("invalid_metadata_format")
    if len(msgspec.json.encode(found)) > LARGEST_METADATA:
        raise Refused("metadata_too_large")
    return {"event_type": found["event_type"], "event_payload": found["event_payload"]}


def check_blocks(blocks: list[Any], place: str) -> None:
    """Raise Refused for blocks that Slack does not take."""
    if len(blocks) > MOST_BLOCKS:
        raise _invalid(f"no more than {MOST_BLOCKS} items allowed", place)
    for number, block in enumerate(blocks):
        here = f"{place}/{number}"
        if not isinstance(block, dict):
            raise _invalid("must be an object", here)
        kind = block.get("type")
        if kind not in _BLOCKS:
            raise _invalid(f"unsupported type: {kind}" if kind else "missing required field: type", here)
        if kind == "section":
            _check_section(block, here)
        elif kind == "header":
            _check_text(block.get("text"), here + "/text", LONGEST_HEADER, ("plain_text",))
        elif kind == "context":
            for index, element in enumerate(_some(block, "elements", here, 10)):
                if element.get("type") != "image":
                    _check_text(element, f"{here}/elements/{index}", LONGEST_SECTION)
        elif kind in ("rich_text", "actions"):
            _some(block, "elements", here, 1000)
        elif kind == "image" and not (block.get("image_url") or block.get("slack_file")):
            raise _invalid("missing required field: image_url", here)


def _check_section(block: dict[str, Any], here: str) -> None:
    fields = block.get("fields")
    if block.get("text") is None and not fields:
        raise _invalid("missing required field: text", here)
    if block.get("text") is not None:
        _check_text(block["text"], here + "/text", LONGEST_SECTION)
    if fields is not None:
        for index, one in enumerate(_some(block, "fields", here, MOST_FIELDS)):
            _check_text(one, f"{here}/fields/{index}", 2000)


def _some(block: dict[str, Any], name: str, here: str, most: int) -> list[dict[str, Any]]:
    found = block.get(name)
    if not isinstance(found, list) or not found or not all(isinstance(one, dict) for one in found):
        raise _invalid(f"missing required field: {name}", here)
    if len(found) > most:
        raise _invalid(f"no more than {most} items allowed", f"{here}/{name}")
    return found


def _check_text(found: Any, here: str, longest: int, kinds: tuple[str, ...] = ("plain_text", "mrkdwn")) -> None:
    if not isinstance(found, dict):
        raise _invalid("must be an object", here)
    if found.get("type") not in kinds:
        raise _invalid(f"unsupported type: {found.get('type')}", f"{here}/type")
    text = found.get("text")
    if not isinstance(text, str) or not text:
        raise _invalid("must be more than 0 characters", f"{here}/text")
    if len(text) > longest:
        raise _invalid(f"must be less than {longest + 1} characters", f"{here}/text")


def _invalid(told: str, place: str) -> Refused:
    return invalid(f"{told} [json-pointer:{place}]", error="invalid_blocks")
