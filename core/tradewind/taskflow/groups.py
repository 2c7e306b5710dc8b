"""`@task_group`: functions whose calls, in a DAG, are task groups."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from tradewind.dag import TaskGroup
from tradewind.errors import DagError, UnknownArgument
from tradewind.operator.values import nearest


class GroupFunction:
    """A decorated function. Calling it inside a DAG makes a group of the tasks that it makes."""

    def __init__(self, function: Callable[..., Any], arguments: Mapping[str, Any]) -> None:
        functools.update_wrapper(self, function)
        self.function = function
        self.arguments = dict(arguments)  #: keywords of TaskGroup
        known = inspect.signature(TaskGroup).parameters
        for name in self.arguments:
            if name not in known:
                hint = nearest(name, known).rstrip(".")
                raise UnknownArgument(f"@task_group {function.__name__!r} takes no argument {name!r}{hint}")

    def __repr__(self) -> str:
        return f"<@task_group {self.function.__name__}>"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Make the group. Gives what the function returns or, if that is nothing, the group."""
        defaults = {
            "group_id": self.function.__name__,
            "add_suffix_on_collision": True,
            "tooltip": inspect.cleandoc(self.function.__doc__ or ""),
        }
        with TaskGroup(**{**defaults, **self.arguments}) as group:
            result = self.function(*args, **kwargs)
        return group if result is None else result

    def override(self, **arguments: Any) -> GroupFunction:
        """The same function with other keywords of TaskGroup."""
        return GroupFunction(self.function, {**self.arguments, **arguments})


def task_group(function: Any = None, **arguments: Any) -> Any:
    """`@task_group`, or with keywords of TaskGroup: `@task_group(group_id="loads", default_args={"retries": 2})`."""
    if function is None:
        return functools.partial(task_group, **arguments)
    if isinstance(function, str):  # @task_group("loads")
        return functools.partial(task_group, **{"group_id": function, **arguments})
    if not callable(function):
        raise DagError("@task_group decorates functions and takes keywords only, as in @task_group(group_id=...).")
    return GroupFunction(function, arguments)
