"""`@setup` and `@teardown`: task functions that make ready and clean up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tradewind.errors import DagError
from tradewind.taskflow.functions import TaskFunction, task
from tradewind.taskflow.groups import GroupFunction


def setup(function: Callable[..., Any]) -> TaskFunction:
    """Calls of the function are setups. Works on plain functions and on those with a `@task` decorator."""
    return _task_function(function, "setup").as_setup()


def teardown(function: Callable[..., Any] | None = None, *, on_failure_fail_dagrun: bool = False) -> Any:
    """Calls of the function are teardowns. `on_failure_fail_dagrun`: a failure of it fails the run."""
    if function is None:
        return lambda found: teardown(found, on_failure_fail_dagrun=on_failure_fail_dagrun)
    return _task_function(function, "teardown").as_teardown(on_failure_fail_dagrun=on_failure_fail_dagrun)


def _task_function(function: Callable[..., Any], word: str) -> TaskFunction:
    if isinstance(function, GroupFunction):
        raise DagError(f"Task groups cannot be marked with @{word}; mark a task in the group.")
    found: TaskFunction = function if isinstance(function, TaskFunction) else task(function)
    return found
