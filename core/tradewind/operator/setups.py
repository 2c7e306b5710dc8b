"""Setup and teardown: a teardown runs after its setup and all that is between, however that ended.

`with create_cluster() >> delete_cluster():` puts every task made inside after the setup and before the teardown.
"""

from __future__ import annotations

from contextvars import ContextVar, Token
from dataclasses import dataclass, field
from typing import Any

from tradewind.errors import DagError
from tradewind.operator.relations import each_node, join_tasks
from tradewind.operator.scope import TaskLike
from tradewind.states import TriggerRule


@dataclass
class _Scope:
    """An open `with` block of a setup or teardown."""

    task: TaskLike
    members: list[TaskLike] = field(default_factory=list)
    token: Token[tuple[_Scope, ...]] | None = None


_open_scopes: ContextVar[tuple[_Scope, ...]] = ContextVar("setup_scopes", default=())


def make_setup(task: TaskLike) -> None:
    if task.is_teardown:
        raise DagError(f"Task {task.task_id!r} is a teardown already; it cannot be a setup too.")
    task.is_setup = True


def make_teardown(task: TaskLike, setup_tasks: Any, fails_run: bool) -> None:
    if task.is_setup:
        raise DagError(f"Task {task.task_id!r} is a setup already; it cannot be a teardown too.")
    task.is_teardown = True
    task.trigger_rule = TriggerRule.ALL_DONE_SETUP_SUCCESS
    task.on_failure_fail_dagrun = fails_run
    for node in each_node(setup_tasks or ()):
        for setup in node.leaves:
            make_setup(setup)
            setup.join(task)


def enter_scope(task: TaskLike) -> None:
    """Make a new task a member of every open scope."""
    for scope in _open_scopes.get():
        scope.members.append(task)


def open_scope(task: TaskLike) -> None:
    if not (task.is_setup or task.is_teardown):
        raise DagError(f"Task {task.task_id!r} is neither a setup nor a teardown, so it cannot be used with `with`.")
    scope = _Scope(task)
    scope.token = _open_scopes.set((*_open_scopes.get(), scope))


def close_scope(task: TaskLike) -> None:
    """Put the members after the setups and before the teardowns of the scope."""
    scope = _open_scopes.get()[-1]
    if scope.token is not None:
        _open_scopes.reset(scope.token)
    if task.is_teardown:
        before, after = [known for known in task.upstream_list if known.is_setup], [task]
    else:
        before, after = [task], [known for known in task.downstream_list if known.is_teardown]
    inside = {member.task_id for member in scope.members}
    join_tasks(before, [member for member in scope.members if inside.isdisjoint(member.upstream_task_ids)])
    join_tasks([member for member in scope.members if inside.isdisjoint(member.downstream_task_ids)], after)
