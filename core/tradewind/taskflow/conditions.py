"""What `@task.run_if` and `@task.skip_if` do when the task's turn comes: ask a function, and skip the task or not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tradewind.errors import TaskSkipped

#: Gets the context; answers whether it holds, or that and what is told if the task is skipped.
Condition = Callable[[Any], bool | tuple[bool, str | None]]


def asking(
    condition: Condition, *, wanted: bool, message: str | None, before: Callable[[Any], Any] | None
) -> Callable[[Any], None]:
    """A `pre_execute` that calls `before`, and raises TaskSkipped unless the condition answers what is wanted."""

    def pre_execute(context: Any) -> None:
        if before is not None:
            before(context)
        answer = condition(context)
        holds, told = answer if isinstance(answer, tuple) else (answer, None)
        if bool(holds) is not wanted:
            word = "run_if" if wanted else "skip_if"
            raise TaskSkipped(told or message or f"Task {context['task'].task_id!r} is skipped by its @task.{word}.")

    return pre_execute
