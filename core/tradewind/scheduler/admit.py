"""Who may start now: scheduled task instances against the limits. Pure.

The limits are `parallelism` (of the scheduler), the slots of each pool, `max_active_tasks` of a run, and the two
per-task caps. What is counted is what executors hold: queued and running, never what merely waits.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from tradewind.records import Run, TaskSpec


@dataclass(frozen=True)
class Candidate:
    """A scheduled task instance that could start."""

    run: Run
    task: TaskSpec
    map_index: int
    max_active_tasks: int  #: of its run
    position: int  #: of the task in its DAG's topological order

    @cached_property
    def order(self) -> tuple[Any, ...]:
        """Highest priority first, then the oldest run, then the order of the DAG."""
        return (-self.task.priority, self.run.logical_date, self.run.id, self.position, self.map_index)

    @property
    def lane(self) -> Hashable:
        """Candidates with the same lane wait for the same: if one is held back, so are the others."""
        task = self.task
        capped = task.max_active_tis_per_dag is not None or task.max_active_tis_per_dagrun is not None
        return (self.run.id, self.max_active_tasks, task.pool, task.pool_slots, task.task_id if capped else "")


@dataclass
class Usage:
    """How much of each limit is taken. `take` is called for each start, `give` for each end.

    What nothing is taken of is not kept: there are ever new runs.
    """

    total: int = 0
    pools: Counter[str] = field(default_factory=Counter)  #: pool -> slots
    runs: Counter[int] = field(default_factory=Counter)  #: Run.id -> task instances
    dag_tasks: Counter[tuple[str, str]] = field(default_factory=Counter)  #: (dag_id, task_id)
    run_tasks: Counter[tuple[int, str]] = field(default_factory=Counter)  #: (Run.id, task_id)

    def take(self, run: Run, task: TaskSpec, step: int = 1) -> None:
        self.total += step
        _add(self.pools, task.pool, step * task.pool_slots)
        _add(self.runs, run.id, step)
        _add(self.dag_tasks, (run.dag_id, task.task_id), step)
        _add(self.run_tasks, (run.id, task.task_id), step)

    def give(self, run: Run, task: TaskSpec) -> None:
        self.take(run, task, -1)


def _add(counter: Counter[Any], key: Hashable, step: int) -> None:
    counter[key] += step
    if not counter[key]:
        del counter[key]


@dataclass(frozen=True)
class Limits:
    """What may be taken in all."""

    parallelism: int
    pools: Mapping[str, int]  #: pool -> slots


class Line:
    """The candidates that wait, in lanes: a look at who may start costs as much as there are lanes and starts."""

    def __init__(self, candidates: Iterable[Candidate] = ()) -> None:
        self._lanes: dict[Hashable, list[Candidate]] = {}  #: each in order
        for candidate in candidates:
            self.add(candidate)

    def __len__(self) -> int:
        return sum(map(len, self._lanes.values()))

    def __bool__(self) -> bool:
        return bool(self._lanes)

    def add(self, candidate: Candidate) -> None:
        insort(self._lanes.setdefault(candidate.lane, []), candidate, key=_order)

    def remove(self, candidate: Candidate) -> None:
        """Take it out, if it is in."""
        lane = self._lanes.get(candidate.lane, [])
        place = bisect_left(lane, candidate.order, key=_order)
        if place < len(lane) and lane[place].order == candidate.order:
            del lane[place]
            if not lane:
                del self._lanes[candidate.lane]

    def admit(
        self, usage: Usage, limits: Limits, closed: Callable[[str], bool], barred: Callable[[Candidate], bool]
    ) -> list[Candidate]:
        """Those that start now, in their order, if they are not `barred` and their DAG is not `closed`.

        One that is held back by its pool, run or task does not hold back those in other lanes. `usage` is brought up to
        date with the admitted; they stay in the line.
        """
        heads = [(lane[0].order, lane, 0) for lane in self._lanes.values() if not closed(lane[0].run.dag_id)]
        heapq.heapify(heads)
        admitted: list[Candidate] = []
        while heads and usage.total < limits.parallelism:
            _, lane, place = heapq.heappop(heads)
            if hindrance(lane[place], usage, limits):
                continue  # what is taken only grows here, so that the rest of the lane is held back too
            if not barred(lane[place]):
                usage.take(lane[place].run, lane[place].task)
                admitted.append(lane[place])
            if place + 1 < len(lane):
                heapq.heappush(heads, (lane[place + 1].order, lane, place + 1))
        return admitted


def _order(candidate: Candidate) -> tuple[Any, ...]:
    return candidate.order


def hindrance(candidate: Candidate, usage: Usage, limits: Limits) -> str:
    """Which limit keeps the candidate from starting, in words; empty if none does."""
    run, task = candidate.run, candidate.task
    if usage.total >= limits.parallelism:
        return f"all {limits.parallelism} places of the scheduler are taken (parallelism)"
    if usage.runs[run.id] >= candidate.max_active_tasks:
        return f"the run has {candidate.max_active_tasks} tasks at work already (max_active_tasks)"
    slots = limits.pools.get(task.pool)
    if slots is None:
        return f"there is no pool {task.pool!r}: create it with `tradewind pools set {task.pool} SLOTS`"
    if task.pool_slots > slots:
        return f"it asks for {task.pool_slots} slots of the pool {task.pool!r}, which has only {slots}"
    if usage.pools[task.pool] + task.pool_slots > slots:
        return f"the pool {task.pool!r} is full: {usage.pools[task.pool]} of {slots} slots are taken"
    cap = task.max_active_tis_per_dag
    if cap is not None and usage.dag_tasks[run.dag_id, task.task_id] >= cap:
        return f"{cap} of this task are at work already in all runs (max_active_tis_per_dag)"
    cap = task.max_active_tis_per_dagrun
    if cap is not None and usage.run_tasks[run.id, task.task_id] >= cap:
        return f"{cap} of this task are at work already in this run (max_active_tis_per_dagrun)"
    return ""
