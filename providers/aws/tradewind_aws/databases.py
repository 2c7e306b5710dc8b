"""The hook of a database, of whichever provider: known by what it can do, since this package depends on none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tradewind.errors import UsageError
from tradewind.hook import BaseHook
from tradewind.operator import BaseOperator


def database_hook(task: BaseOperator, field: str, params: Mapping[str, Any] | None, *methods: str) -> Any:
    """The hook of the connection that `field` of a task names. Raises UsageError unless it has all `methods`."""
    conn_id = getattr(task, field)
    if not conn_id:
        raise UsageError(f"Task {task.task_id!r} names no connection of a database: pass {field}=.")
    hook = BaseHook.get_hook(conn_id, hook_params=dict(params or {}))
    missing = [name for name in methods if not callable(getattr(hook, name, None))]
    if missing:
        raise UsageError(
            f"Task {task.task_id!r}: {field}={conn_id!r} is a connection for {type(hook).__name__}, which has no "
            f"{missing[0]}; name that of a database."
        )
    return hook
