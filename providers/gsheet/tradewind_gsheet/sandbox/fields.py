"""Field masks such as `sheets(properties.title)`: which fields of an answer are wanted, which of a message are set."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from typing import Any

#: Field -> mask of what is below it; empty for all of it.
Mask = dict[str, Any]

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|\*|[().,/]")


def parse(text: str) -> Mask:
    """`a,b.c,d(e,f/g)` as a tree. Raises ValueError."""
    words = _WORD.findall(text)
    if "".join(words) != text or not words:
        raise ValueError(text)
    mask, rest = _list(words)
    if rest:
        raise ValueError(text)
    return mask


def _list(words: list[str]) -> tuple[Mask, list[str]]:
    mask: Mask = {}
    while True:
        words = _path(words, mask)
        if not words or words[0] != ",":
            return mask, words
        words = words[1:]


def _path(words: list[str], mask: Mask) -> list[str]:
    """Read one path into the mask; answers the words behind it."""
    if not words or words[0] in "().,/":
        raise ValueError("a name is missing")
    name, *rest = words
    name = camel(name)
    if rest and rest[0] in "./":
        below = mask.setdefault(name, {})
        return _path(rest[1:], below)
    if rest and rest[0] == "(":
        inner, rest = _list(rest[1:])
        if not rest or rest[0] != ")":
            raise ValueError("a bracket is not closed")
        _merge(mask.setdefault(name, {}), inner)
        return rest[1:]
    mask[name] = {}
    return rest


def _merge(mask: Mask, more: Mask) -> None:
    for name, below in more.items():
        _merge(mask.setdefault(name, {}), below)


def camel(name: str) -> str:
    """Names may be written as in the protocol, `row_count`, too."""
    first, *rest = name.split("_")
    return first + "".join(word[:1].upper() + word[1:] for word in rest) if first else name


def select(data: Any, mask: Mask) -> Any:
    """What a mask leaves of an answer."""
    if not mask or "*" in mask:
        return data
    if isinstance(data, list):
        return [select(one, mask) for one in data]
    if not isinstance(data, Mapping):
        return data
    return {name: select(data[name], below) for name, below in mask.items() if name in data}


def asks_for(mask: Mask, *path: str) -> bool:
    """Whether a field is among what is wanted."""
    for name in path:
        if not mask or "*" in mask:
            return True
        if name not in mask:
            return False
        mask = mask[name]
    return True


def set_fields(target: dict[str, Any], source: Mapping[str, Any], mask: Mask) -> None:
    """Set the fields of a mask to those of the source; what the source lacks is removed."""
    if "*" in mask:
        mask = {name: {} for name in (*target, *source)}
    for name, below in mask.items():
        found = source.get(name)
        if below and isinstance(target.get(name, {}), dict) and isinstance(found, Mapping | None):
            inner = copy.deepcopy(target.get(name, {}))
            set_fields(inner, found or {}, below)
            if inner:
                target[name] = inner
            else:
                target.pop(name, None)
        elif found is None:
            target.pop(name, None)
        else:
            target[name] = copy.deepcopy(found)
