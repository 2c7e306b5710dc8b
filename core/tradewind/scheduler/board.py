"""What one scheduler holds in memory: its live runs, who is ready to start, what is taken, and what falls due when.

Nothing here talks to the store: the loop writes first and then tells the board what was written.
"""

from __future__ import annotations

import datetime
import heapq
from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from tradewind.records import Moves, TaskInstance, TaskKey, TaskMove
from tradewind.scheduler.admit import Candidate, Line, Usage
from tradewind.scheduler.live import LiveRun
from tradewind.states import HELD, RunState, TaskState


@dataclass
class OfDag:
    """The runs of one DAG on the board, by Run.id."""

    runs: dict[int, LiveRun] = field(default_factory=dict)
    running: dict[int, LiveRun] = field(default_factory=dict)
    queued: list[tuple[datetime.datetime, int]] = field(default_factory=list)  #: (logical date, Run.id), in order

    @property
    def unfinished(self) -> int:
        return len(self.running) + len(self.queued)


@dataclass
class Board:
    """The runs that this scheduler has a lease on."""

    runs: dict[int, LiveRun] = field(default_factory=dict)  #: by Run.id
    dags: dict[str, OfDag] = field(default_factory=lambda: defaultdict(OfDag))  #: those that have runs here
    usage: Usage = field(default_factory=Usage)
    ready: Line = field(default_factory=Line)  #: scheduled task instances
    _names: dict[tuple[str, str], int] = field(default_factory=dict)  #: (dag_id, run_id) -> Run.id
    _timers: list[tuple[datetime.datetime, int, str]] = field(default_factory=list)  #: (due, Run.id, task id or "")

    def add(self, live: LiveRun) -> None:
        """Take in a run, in whatever state it is."""
        self.drop(live.run.id)
        self.runs[live.run.id] = live
        self._names[live.run.dag_id, live.run.run_id] = live.run.id
        self._file(live)
        for instance in live.instances.values():
            self._note(live, instance)
        self._note_deadline(live)

    def drop(self, run_id: int) -> LiveRun | None:
        """Forget a run. What it took is given back."""
        live = self.runs.pop(run_id, None)
        if live is None:
            return None
        name = live.run.dag_id, live.run.run_id
        if self._names.get(name) == run_id:  # else it was deleted, and another run has the name by now
            del self._names[name]
        self._unfile(live)
        for instance in live.instances.values():
            if instance.state is TaskState.SCHEDULED:
                self.ready.remove(candidate(live, instance))
            if instance.state in HELD:
                self.usage.give(live.run, live.graph.tasks[instance.task_id])
        return live

    def commit(self, live: LiveRun, moves: Moves) -> None:
        """Take in moves that the store has written."""
        for move in moves.tasks:
            self.put(live, move.after)
        if moves.run is not None:
            self._unfile(live)
            live.run = moves.run.after
            self._file(live)
            self._note_deadline(live)

    def put(self, live: LiveRun, after: TaskInstance) -> None:
        """Take in the new state of one task instance."""
        before = live.instances[after.task_id]
        if before.state is TaskState.SCHEDULED:
            self.ready.remove(candidate(live, before))
        if before.state in HELD:
            self.usage.give(live.run, live.graph.tasks[before.task_id])
        live.put(after)
        self._note(live, after)

    def find(self, dag_id: str, run_id: str) -> LiveRun | None:
        return self.runs.get(self._names.get((dag_id, run_id), -1))

    def of_dag(self, dag_id: str) -> OfDag:
        """The runs of a DAG; look only, and do not keep it."""
        return self.dags[dag_id] if dag_id in self.dags else OfDag()

    def due(self, now: datetime.datetime) -> Iterator[tuple[LiveRun, str]]:
        """Timers that have run out, as (run, task id); the task id is empty for the run's own deadline."""
        while self._timers and self._timers[0][0] <= now:
            _, run_id, task_id = heapq.heappop(self._timers)
            live = self.runs.get(run_id)
            if live is not None and live.run.state is RunState.RUNNING:
                yield live, task_id

    def next_due(self) -> datetime.datetime | None:
        """When the next timer runs out."""
        return self._timers[0][0] if self._timers else None

    def _file(self, live: LiveRun) -> None:
        of_dag, run = self.dags[live.run.dag_id], live.run
        of_dag.runs[run.id] = live
        if run.state is RunState.RUNNING:
            of_dag.running[run.id] = live
        elif run.state is RunState.QUEUED:
            insort(of_dag.queued, (run.logical_date, run.id))

    def _unfile(self, live: LiveRun) -> None:
        of_dag, run = self.dags[live.run.dag_id], live.run
        del of_dag.runs[run.id]
        of_dag.running.pop(run.id, None)
        if run.state is RunState.QUEUED:
            del of_dag.queued[bisect_left(of_dag.queued, (run.logical_date, run.id))]
        if not of_dag.runs:
            del self.dags[run.dag_id]

    def _note(self, live: LiveRun, instance: TaskInstance) -> None:
        if instance.next_at is not None and instance.state not in HELD:
            heapq.heappush(self._timers, (instance.next_at, live.run.id, instance.task_id))
        elif instance.state is TaskState.SCHEDULED:
            self.ready.add(candidate(live, instance))
        elif instance.state in HELD:
            self.usage.take(live.run, live.graph.tasks[instance.task_id])

    def _note_deadline(self, live: LiveRun) -> None:
        due = deadline(live)
        if due is not None and live.run.state is RunState.RUNNING:
            heapq.heappush(self._timers, (due, live.run.id, ""))


def deadline(live: LiveRun) -> datetime.datetime | None:
    """When the run's `dagrun_timeout` passes; None if it has none or has not started."""
    if live.spec.dagrun_timeout is None or live.run.started_at is None:
        return None
    with suppress(OverflowError):  # it has till the end of time
        return live.run.started_at + datetime.timedelta(seconds=live.spec.dagrun_timeout)
    return None


def candidate(live: LiveRun, instance: TaskInstance) -> Candidate:
    return Candidate(
        run=live.run,
        task=live.graph.tasks[instance.task_id],
        map_index=instance.map_index,
        max_active_tasks=live.spec.max_active_tasks,
        position=live.graph.positions[instance.task_id],
    )


def key_of(live: LiveRun, instance: TaskInstance) -> TaskKey:
    """The key of the task instance's running or last hand-over."""
    return TaskKey(
        live.run.dag_id, live.run.run_id, instance.task_id, instance.map_index, instance.try_number, instance.dispatch
    )


def by_run(moves: Iterable[tuple[LiveRun, TaskMove]]) -> dict[int, tuple[LiveRun, list[TaskMove]]]:
    """Group moves by the run that they belong to."""
    grouped: dict[int, tuple[LiveRun, list[TaskMove]]] = {}
    for live, move in moves:
        grouped.setdefault(live.run.id, (live, []))[1].append(move)
    return grouped
