"""The order of a DAG's tasks: topological, the same however the file listed them, or the circle that forbids one.

Also sums up priority weights. Pure functions over task ids.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence

from tradewind.errors import DagCycle
from tradewind.states import WeightRule

#: task id -> ids directly upstream, or directly downstream, of it
Edges = Mapping[str, Sequence[str]]


def topological(dag_id: str, upstream: Edges, downstream: Edges) -> list[str]:
    """Task ids, each after all that are upstream of it, ties by id. Raises DagCycle, showing the circle."""
    waiting = {task_id: len(before) for task_id, before in upstream.items()}
    ready = [task_id for task_id, count in waiting.items() if count == 0]
    heapq.heapify(ready)
    found: list[str] = []
    while ready:
        task_id = heapq.heappop(ready)
        found.append(task_id)
        for after in downstream[task_id]:
            waiting[after] -= 1
            if waiting[after] == 0:
                heapq.heappush(ready, after)
    if len(found) < len(upstream):
        circle = " >> ".join(_circle(upstream, set(upstream) - set(found)))
        raise DagCycle(f"DAG {dag_id!r}: tasks wait for each other in a circle: {circle}. Remove one of these edges.")
    return found


def _circle(upstream: Edges, stuck: set[str]) -> list[str]:
    """One circle among tasks that each wait for another one of them, beginning and ending with its least id."""
    path = [min(stuck)]
    place = {path[0]: 0}
    while True:
        before = min(task_id for task_id in upstream[path[-1]] if task_id in stuck)
        if before in place:
            break
        place[before] = len(path)
        path.append(before)
    circle = path[place[before] :][::-1]
    first = circle.index(min(circle))
    turned = [*circle[first:], *circle[:first]]
    return [*turned, turned[0]]


def summed_weights(
    order: Sequence[str],
    upstream: Edges,
    downstream: Edges,
    weights: Mapping[str, int],
    rules: Mapping[str, WeightRule],
) -> dict[str, int]:
    """Priority of each task: its weight and, by its rule, that of everything before or after it.

    Sets of tasks are bits of whole numbers, which keeps DAGs of thousands of tasks fast.
    """
    place = {task_id: index for index, task_id in enumerate(order)}
    by_weight: dict[int, int] = {}  # weight -> bits of the tasks that have it
    for task_id, weight in weights.items():
        by_weight[weight] = by_weight.get(weight, 0) | 1 << place[task_id]
    used = set(rules.values())
    reach: dict[WeightRule, dict[str, int]] = {}
    if WeightRule.DOWNSTREAM in used:
        reach[WeightRule.DOWNSTREAM] = _reached(order[::-1], downstream, place)
    if WeightRule.UPSTREAM in used:
        reach[WeightRule.UPSTREAM] = _reached(order, upstream, place)
    return {
        task_id: weights[task_id]
        if rules[task_id] is WeightRule.ABSOLUTE
        else sum(weight * (bits & reach[rules[task_id]][task_id]).bit_count() for weight, bits in by_weight.items())
        for task_id in order
    }


def _reached(order: Sequence[str], edges: Edges, place: Mapping[str, int]) -> dict[str, int]:
    """For each task the bits of itself and of all that its edges lead to; `order` has those first."""
    found: dict[str, int] = {}
    for task_id in order:
        bits = 1 << place[task_id]
        for other in edges[task_id]:
            bits |= found[other]
        found[task_id] = bits
    return found
