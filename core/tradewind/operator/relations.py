"""`>>` and its relatives: how tasks, groups and results are put in order.

Anything that can stand beside `>>` is a `Node`. A node knows the tasks at which it begins (`roots`) and those at which
it ends (`leaves`); a relation joins the leaves of the left side to the roots of the right side.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from tradewind.errors import DagError
from tradewind.operator.scope import TaskLike

Other = TypeVar("Other")


class Node:
    """Something that can be put in order: a task, a task group, a task's result, an edge label."""

    @property
    def roots(self) -> Sequence[TaskLike]:
        """Tasks that nothing inside this node comes before."""
        raise NotImplementedError

    @property
    def leaves(self) -> Sequence[TaskLike]:
        """Tasks that nothing inside this node comes after."""
        raise NotImplementedError

    def note_neighbour(self, other: Node, *, upstream: bool, label: str | None) -> None:
        """Told of each relation; groups keep them for tasks that join later."""

    def set_upstream(self, other: Any, edge_modifier: EdgeModifier | None = None) -> None:
        """Put `other` (a node or a list of nodes) before this one."""
        if isinstance(other, EdgeModifier):
            other.set_downstream(self)
            return
        relate(other, self, edge_modifier.label if edge_modifier else None)

    def set_downstream(self, other: Any, edge_modifier: EdgeModifier | None = None) -> None:
        """Put `other` (a node or a list of nodes) after this one."""
        if isinstance(other, EdgeModifier):
            other.set_upstream(self)
            return
        relate(self, other, edge_modifier.label if edge_modifier else None)

    def __rshift__(self, other: Other) -> Other:
        self.set_downstream(other)
        return other

    def __lshift__(self, other: Other) -> Other:
        self.set_upstream(other)
        return other

    def __rrshift__(self, other: Any) -> Node:
        self.set_upstream(other)
        return self

    def __rlshift__(self, other: Any) -> Node:
        self.set_downstream(other)
        return self


class EdgeModifier(Node):
    """A label on the edges between its two sides: `extract >> Label("new rows") >> load`."""

    def __init__(self, label: str | None = None) -> None:
        self.label = label
        self._before: list[Node] = []
        self._after: list[Node] = []

    def __repr__(self) -> str:
        return f"Label({self.label!r})"

    @property
    def roots(self) -> Sequence[TaskLike]:
        return [task for node in self._before for task in node.roots]

    @property
    def leaves(self) -> Sequence[TaskLike]:
        return [task for node in self._after for task in node.leaves]

    def set_upstream(self, other: Any, edge_modifier: EdgeModifier | None = None) -> None:
        nodes = list(each_node(other))
        self._before.extend(nodes)
        relate(nodes, self._after, self.label)

    def set_downstream(self, other: Any, edge_modifier: EdgeModifier | None = None) -> None:
        nodes = list(each_node(other))
        self._after.extend(nodes)
        relate(self._before, nodes, self.label)


def Label(label: str) -> EdgeModifier:  # noqa: N802 - Airflow's name
    """A label for the edges between its left and its right side."""
    return EdgeModifier(label)


def each_node(operand: Any) -> Iterator[Node]:
    """The nodes in one side of `>>`: a node, or a (nested) list of them."""
    if isinstance(operand, Node):
        yield operand
    elif isinstance(operand, (list, tuple, set, frozenset)):
        for item in operand:
            yield from each_node(item)
    else:
        raise DagError(
            f"Only tasks, task groups, results of tasks, labels and lists of them can stand beside >> and <<, "
            f"not {type(operand).__name__} ({operand!r})."
        )


def relate(before: Any, after: Any, label: str | None = None) -> None:
    """Put every task that ends `before` directly upstream of every task that begins `after`."""
    sources, targets = list(each_node(before)), list(each_node(after))
    for source in sources:
        for target in targets:
            source.note_neighbour(target, upstream=False, label=label)
            target.note_neighbour(source, upstream=True, label=label)
            join_tasks(source.leaves, target.roots, label)


def join_tasks(before: Sequence[TaskLike], after: Sequence[TaskLike], label: str | None = None) -> None:
    """Put each task of `before` directly upstream of each task of `after`."""
    for first in before:
        for second in after:
            first.join(second, label)


def chain(*nodes: Any) -> None:
    """`chain(a, [b, c], [d, e], f)`: in order; two neighbouring lists are joined pair by pair."""
    for before, after in itertools.pairwise(nodes):
        if isinstance(before, Node):
            before.set_downstream(after)
        elif isinstance(after, Node):
            after.set_upstream(before)
        else:
            _join_pairs(list(before), list(after))


def _join_pairs(before: list[Any], after: list[Any]) -> None:
    if len(before) != len(after):
        raise DagError(
            f"chain() joins neighbouring lists pair by pair; these have {len(before)} and {len(after)} members. "
            "Use chain_linear() or cross_downstream() to join each with each."
        )
    for first, second in zip(before, after, strict=True):
        chain(first, second)


def chain_linear(*nodes: Any) -> None:
    """`chain_linear(a, [b, c], [d, e], f)`: in order; two neighbouring lists are joined each with each."""
    if len(nodes) < 2:
        raise DagError("chain_linear() needs at least two tasks, or lists of tasks, to join.")
    pending: EdgeModifier | None = None
    previous = nodes[0]
    for node in nodes[1:]:
        if isinstance(node, EdgeModifier):
            pending = node
            continue
        relate(previous, node, pending.label if pending else None)
        previous, pending = node, None


def cross_downstream(from_tasks: Sequence[Any], to_tasks: Any) -> None:
    """Put every one of `from_tasks` upstream of every one of `to_tasks`."""
    relate(list(from_tasks), to_tasks)
