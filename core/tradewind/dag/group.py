"""`TaskGroup`: tasks that belong together, for people's eyes and for `>>`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextvars import Token
from typing import Any, Self

from tradewind.errors import DagError, DuplicateTask
from tradewind.operator import BaseOperator, DagLike, Node, TaskLike, current_dag, current_group, join_tasks
from tradewind.operator.values import check_id


class TaskGroup(Node):
    """A group of tasks and groups. Ids of its members start with its own, unless `prefix_group_id=False`."""

    def __init__(
        self,
        group_id: str | None,
        *,
        prefix_group_id: bool = True,
        parent_group: TaskGroup | None = None,
        dag: DagLike | None = None,
        default_args: dict[str, Any] | None = None,
        tooltip: str = "",
        doc_md: str | None = None,
        ui_color: str = "CornflowerBlue",
        ui_fgcolor: str = "#000",
        add_suffix_on_collision: bool = False,
        group_display_name: str = "",
    ) -> None:
        self.prefix_group_id = prefix_group_id
        self.tooltip = tooltip
        self.doc_md = doc_md
        self.ui_color = ui_color
        self.ui_fgcolor = ui_fgcolor
        self.group_display_name = group_display_name
        self.children: dict[str, BaseOperator | TaskGroup] = {}
        self.parent_group: TaskGroup | None = None
        self._neighbours: list[tuple[Node, bool, str | None]] = []  # other, whether it is upstream, label
        self._tokens: list[tuple[Token[Any], Token[Any]]] = []
        if group_id is None:  # the top of a DAG
            self._id: str | None = None
            self.default_args: dict[str, Any] = {}
            self.dag: Any = dag
            return
        self._join(check_id("task group", group_id), parent_group, dag, add_suffix_on_collision)
        self.default_args = {**(self.parent_group.default_args if self.parent_group else {}), **(default_args or {})}

    def _join(self, label: str, parent: TaskGroup | None, dag: DagLike | None, add_suffix: bool) -> None:
        found = dag or (parent.dag if parent is not None else None) or current_dag.get()
        if found is None:
            raise DagError(f"Task group {label!r} belongs to no DAG; make it inside `with DAG(...):` or pass dag=.")
        open_group = current_group.get()
        if parent is None and open_group is not None and open_group.dag is found:
            parent = open_group
        group: TaskGroup = parent if parent is not None else found.task_group
        self.dag = found
        self.parent_group = group
        wanted = group.child_id(label)
        self._id = found.unique_id(wanted) if add_suffix else wanted
        found.register_group(self)
        group.add(self)

    @property
    def group_id(self) -> str | None:
        """Its id with those of the groups it is in; None for the top of a DAG."""
        return self._id

    @property
    def node_id(self) -> str | None:
        return self._id

    @property
    def is_root(self) -> bool:
        return self._id is None

    @property
    def label(self) -> str | None:
        """What people call it: its id without that of the group it is in, or its display name."""
        if self.group_display_name or self._id is None:
            return self.group_display_name or None
        parent = self.parent_group
        prefix = f"{parent.group_id}." if parent is not None and parent.group_id and parent.prefix_group_id else ""
        return self._id.removeprefix(prefix)

    def child_id(self, label: str) -> str:
        """Id of a member called `label`."""
        if self._id is None:
            return label
        return f"{self._id}.{label}" if self.prefix_group_id else label

    def add(self, child: BaseOperator | TaskGroup) -> None:
        """Take in a member. Tasks and groups made inside the `with` block are taken in by themselves."""
        node_id = child.node_id
        if node_id is None or self.children.get(node_id, child) is not child:
            raise DuplicateTask(f"The id {node_id!r} is taken in the group {self._id!r} already.")
        self.children[node_id] = child

    def forget(self, child: BaseOperator | TaskGroup) -> None:
        if child.node_id is not None:
            self.children.pop(child.node_id, None)

    def __enter__(self) -> Self:
        self._tokens.append((current_group.set(self), current_dag.set(self.dag)))
        return self

    def __exit__(self, *error: object) -> None:
        group_token, dag_token = self._tokens.pop()
        current_dag.reset(dag_token)
        current_group.reset(group_token)

    def __repr__(self) -> str:
        return f"<TaskGroup: {self._id}>"

    def iter_tasks(self) -> Iterator[BaseOperator]:
        """Its tasks and those of the groups in it, in the order in which they were made."""
        for child in self.children.values():
            if isinstance(child, TaskGroup):
                yield from child.iter_tasks()
            else:
                yield child

    def iter_groups(self) -> Iterator[TaskGroup]:
        """The groups in it, outer ones first."""
        for child in self.children.values():
            if isinstance(child, TaskGroup):
                yield child
                yield from child.iter_groups()

    def has_task(self, task: BaseOperator) -> bool:
        return any(task is known for known in self.iter_tasks())

    def get_child_by_label(self, label: str) -> BaseOperator | TaskGroup:
        return self.children[self.child_id(label)]

    def get_roots(self) -> Sequence[BaseOperator]:
        return self.roots

    def get_leaves(self) -> Sequence[BaseOperator]:
        return self.leaves

    @property
    def roots(self) -> Sequence[BaseOperator]:
        tasks = list(self.iter_tasks())
        inside = {task.task_id for task in tasks}
        return [task for task in tasks if inside.isdisjoint(task.upstream_task_ids)]

    @property
    def leaves(self) -> Sequence[BaseOperator]:
        """Its last tasks; teardowns do not count, for what comes after the group need not wait for them."""
        tasks = [task for task in self.iter_tasks() if not task.is_teardown]
        inside = {task.task_id for task in tasks}
        return [task for task in tasks if inside.isdisjoint(task.downstream_task_ids)]

    def note_neighbour(self, other: Node, *, upstream: bool, label: str | None) -> None:
        self._neighbours.append((other, upstream, label))

    def settle(self) -> None:
        """Apply the relations of the group to tasks that joined after they were written."""
        for other, upstream, label in self._neighbours:
            if upstream:
                join_tasks(_ends(other), _begins(self), label)
            else:
                join_tasks(_ends(self), _begins(other), label)

    def neighbours(self, *, upstream: bool) -> list[Node]:
        return [other for other, is_upstream, _ in self._neighbours if is_upstream is upstream]


def _begins(node: Node, seen: tuple[Node, ...] = ()) -> Sequence[TaskLike]:
    """First tasks of a node; those of what comes after it if it is an empty group."""
    return _tasks_of(node, seen, upstream=False)


def _ends(node: Node, seen: tuple[Node, ...] = ()) -> Sequence[TaskLike]:
    """Last tasks of a node; those of what comes before it if it is an empty group."""
    return _tasks_of(node, seen, upstream=True)


def _tasks_of(node: Node, seen: tuple[Node, ...], *, upstream: bool) -> Sequence[TaskLike]:
    found = node.leaves if upstream else node.roots
    if found or not isinstance(node, TaskGroup) or any(node is known for known in seen):
        return found
    further = node.neighbours(upstream=upstream)
    return [task for other in further for task in _tasks_of(other, (*seen, node), upstream=upstream)]
