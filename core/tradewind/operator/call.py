"""Calls a task's function with its own arguments and those parts of the context that it asks for by name."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tradewind.errors import TradewindError


def call(
    function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], context: Mapping[str, Any]
) -> Any:
    """Call `function(*args, **kwargs)`, adding what it names of the context; with `**kwargs`, all of it.

    What is given always wins over the context. An argument that the function does not take is an error. `async`
    functions are run to their end.
    """
    result = function(*args, **keywords(function, args, kwargs, context))
    if inspect.iscoroutine(result):
        return asyncio.run(result)
    if inspect.isgenerator(result):
        raise TradewindError(
            f"{name_of(function)} is a generator, so none of it has run: return list(...) instead of using yield."
        )
    return result


def keywords(
    function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], context: Mapping[str, Any]
) -> dict[str, Any]:
    """The keywords to call `function` with."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (ValueError, TypeError):  # a function written in C that does not tell
        return dict(kwargs)
    by_position = [item for item in parameters if item.kind in (item.POSITIONAL_ONLY, item.POSITIONAL_OR_KEYWORD)]
    taken = {item.name for item in by_position[: len(args)]}
    if any(item.kind is item.VAR_KEYWORD for item in parameters):
        everything = context.as_keywords() if hasattr(context, "as_keywords") else dict(context)
        return {**{name: value for name, value in everything.items() if name not in taken}, **kwargs}
    wanted = [item for item in parameters if item.kind in (item.POSITIONAL_OR_KEYWORD, item.KEYWORD_ONLY)]
    from_context = {
        item.name: context[item.name]
        for item in wanted
        if item.name not in taken and item.name not in kwargs and item.name in context
    }
    return {**from_context, **kwargs}


def name_of(function: Callable[..., Any]) -> str:
    """How a function is called, for messages: without the functions that it is written in."""
    name: str = getattr(function, "__qualname__", None) or type(function).__name__
    return name.rpartition("<locals>.")[2]
