"""What a task sees while it runs: its context, its task instance, its run, and the way to the outside.

The runner makes a context with `build_context` and hands it to `execute` and to callbacks; templates read the same
names from it. Whatever costs a question to the outside is asked when the name is first used.
"""

from __future__ import annotations

from tradewind.context.accessors import ConnectionAccessor, VariableAccessor
from tradewind.context.api import Found, MemoryTaskApi, TaskApi
from tradewind.context.build import build_context, build_run_context
from tradewind.context.current import get_current_context, set_current_context
from tradewind.context.mapping import Context
from tradewind.context.memos import Memos
from tradewind.context.run import DagRunContext, OtherTask
from tradewind.context.task_instance import TaskInstanceContext

__all__ = [
    "ConnectionAccessor",
    "Context",
    "DagRunContext",
    "Found",
    "MemoryTaskApi",
    "Memos",
    "OtherTask",
    "TaskApi",
    "TaskInstanceContext",
    "VariableAccessor",
    "build_context",
    "build_run_context",
    "get_current_context",
    "set_current_context",
]
