"""The context of the task that runs right now, for code that it was not handed to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from tradewind.context.mapping import Context
from tradewind.errors import TradewindError

_current: ContextVar[Context | None] = ContextVar("tradewind_context", default=None)

#: Every context in force in this process: threads that a task starts do not inherit its context variables.
_in_force: list[Context] = []


@contextmanager
def set_current_context(context: Context) -> Iterator[Context]:
    """While the block runs, `get_current_context()` gives this context."""
    token = _current.set(context)
    _in_force.append(context)
    try:
        yield context
    finally:
        _in_force.remove(context)
        _current.reset(token)


def get_current_context() -> Context:
    """The context of the running task. Raises TradewindError outside of one."""
    context = _current.get()
    if context is None and len(_in_force) == 1:
        context = _in_force[0]
    if context is None:
        raise TradewindError(
            "get_current_context() was called where no task is running. Call it inside the function of a task, "
            "not while the DAG file is read."
        )
    return context
