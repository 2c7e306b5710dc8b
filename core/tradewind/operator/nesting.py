"""Notices operators that are executed inside another one's `execute`.

Such an operator is no task: it has no retries, no timeout, no state, and its templates are not rendered.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from tradewind.errors import UsageError

log = logging.getLogger("tradewind.task")

#: The operator whose `execute` is being called, innermost.
_executing: ContextVar[Any] = ContextVar("executing", default=None)


def guarded(execute: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap an operator's `execute`. A call from the operator's own subclass counts as the same execution."""

    @functools.wraps(execute)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        outer = _executing.get()
        if outer is self:
            return execute(self, *args, **kwargs)
        if outer is not None:
            _tell(self, outer)
        token = _executing.set(self)
        try:
            return execute(self, *args, **kwargs)
        finally:
            _executing.reset(token)

    return wrapper


def _tell(inner: Any, outer: Any) -> None:
    told = (
        f"{inner.task_type} {inner.task_id!r} is executed inside task {outer.task_id!r}: it is no task there, so its "
        "templates, retries and callbacks do nothing. Make it a task of its own, or call the hook that it uses."
    )
    if not inner.allow_nested_operators:
        raise UsageError(f"{told} (It has allow_nested_operators=False.)")
    log.warning("%s", told)
