"""Lists as PostgreSQL writes them: `{1,2,NULL}`, `{{a,b},{c,d}}`, `{"a, b","say \\"x\\""}`."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

#: An item can stand without quotes.
_PLAIN = re.compile(r'[^\s{},"\\]+\Z')

_TOKEN = re.compile(r'\s*(?:(?P<mark>[{},])|"(?P<quoted>[^"\\]*(?:\\.[^"\\]*)*)"|(?P<plain>[^{},"\\]+))', re.DOTALL)

_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def write_array(values: Sequence[Any], text_of: Callable[[Any], str]) -> str:
    """A list, or list of lists, as text."""
    return "{" + ",".join([_item(value, text_of) for value in values]) + "}"


def _item(value: Any, text_of: Callable[[Any], str]) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, list | tuple):
        return write_array(value, text_of)
    text = text_of(value)
    if _PLAIN.match(text) and text.upper() != "NULL":
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def read_array(text: str) -> list[Any]:
    """A list of texts, None, and lists. Raises ValueError."""
    body = text[text.index("=") + 1 :] if text.startswith("[") and "=" in text else text  # `[2:3]={a,b}` has own bounds
    root: list[Any] = []
    open_lists = [root]
    position, after_item = 0, False
    while position < len(body.rstrip()):
        found = _TOKEN.match(body, position)
        if found is None or not open_lists:
            raise ValueError("a text that is no list such as {1,2}")
        position = found.end()
        mark = found["mark"]
        if mark == "{" and not after_item:
            inner: list[Any] = []
            open_lists[-1].append(inner)
            open_lists.append(inner)
        elif mark == "}" and len(open_lists) > 1 and (after_item or not open_lists[-1]):
            open_lists.pop()
            after_item = True
        elif mark == "," and after_item and len(open_lists) > 1:
            after_item = False
        elif mark is None and not after_item and len(open_lists) > 1:
            open_lists[-1].append(_value(found))
            after_item = True
        else:
            raise ValueError("a text that is no list such as {1,2}")
    if len(open_lists) != 1 or len(root) != 1:
        raise ValueError("a text that is no list such as {1,2}")
    return root[0]  # type: ignore[no-any-return]  # the one list in it


def _value(found: re.Match[str]) -> str | None:
    if found["quoted"] is not None:
        return _ESCAPED.sub(r"\1", found["quoted"])
    plain = found["plain"].rstrip()
    return None if plain.upper() == "NULL" else plain
