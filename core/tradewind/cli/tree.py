"""Draws the tasks of a DAG as a tree, from those that need nothing down to those that nothing needs."""

from __future__ import annotations

from collections import defaultdict

from tradewind.records import DagSpec, TaskSpec


def draw(spec: DagSpec) -> str:
    """One line per task, indented below one that it needs. A task that needs several is drawn out below the last."""
    below: dict[str, list[TaskSpec]] = defaultdict(list)
    for task in spec.tasks:
        for upstream in task.upstream:
            below[upstream].append(task)
    waiting = {task.task_id: len(task.upstream) for task in spec.tasks}
    lines = []
    # What is still to be drawn, the next one last: task, edge label, what stands before it, and before what is below.
    stack = [(task, "", "", "") for task in reversed(spec.tasks) if not task.upstream]
    while stack:
        task, edge, margin, below_margin = stack.pop()
        waiting[task.task_id] -= 1
        complete = waiting[task.task_id] <= 0
        label = f"[{edge}] " if edge else ""
        lines.append(f"{margin}{label}{task.task_id} <{task.operator}>{'' if complete else ' ...'}")
        children = below[task.task_id] if complete else []
        for at, child in reversed(list(enumerate(children))):
            last = at == len(children) - 1
            edge = task.edge_labels.get(child.task_id, "")
            branch, further = ("└─ ", "   ") if last else ("├─ ", "│  ")
            stack.append((child, edge, below_margin + branch, below_margin + further))
    return "\n".join(lines)
