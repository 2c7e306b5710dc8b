"""Whether a function returns a dictionary whose entries are results of their own."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Mapping
from typing import Any


def returns_mapping(function: Callable[..., Any]) -> bool:
    """True if the return annotation is a dict, another mapping or a TypedDict, or a union of nothing else."""
    try:
        annotation = typing.get_type_hints(function).get("return")
    except Exception:  # an annotation may name anything, also what exists for type checkers only
        return False
    return annotation is not None and _is_mapping(annotation)


def _is_mapping(annotation: Any) -> bool:
    origin = typing.get_origin(annotation)
    if origin in (typing.Union, types.UnionType):
        return all(_is_mapping(part) for part in typing.get_args(annotation))
    if origin is typing.Annotated:
        return _is_mapping(typing.get_args(annotation)[0])
    found = origin or annotation
    return typing.is_typeddict(found) or (isinstance(found, type) and issubclass(found, Mapping))
