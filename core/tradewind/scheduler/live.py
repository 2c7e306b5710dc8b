"""A run held in memory while a scheduler works it off, with the tallies that make each decision cheap.

For every task the states of the tasks directly upstream are kept as counts, so that a task's trigger rule is read in
constant time however many tasks it waits for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tradewind.records import DagSpec, Run, TaskInstance, TaskKey, TaskSpec
from tradewind.states import FINISHED, HELD, TaskState

#: How many tasks directly upstream are in each finished state.
Tally = Counter[TaskState]


@dataclass(frozen=True)
class Graph:
    """The edges of one DAG version, looked up in both directions."""

    tasks: Mapping[str, TaskSpec]  #: in topological order
    downstream: Mapping[str, tuple[str, ...]]
    positions: Mapping[str, int]  #: place of each task in that order
    leaves: tuple[str, ...]  #: tasks whose end decides how the run ended
    uses_past: bool  #: some task looks at the run before this one

    def reach(self, start: Iterable[str], *, upstream: bool = False, downstream: bool = False) -> set[str]:
        """`start` and everything before or after it."""
        reached = set(start)
        for wanted, edges in ((upstream, self.upstream), (downstream, self.downstream.__getitem__)):
            todo = list(start) if wanted else []
            while todo:
                for task_id in edges(todo.pop()):
                    if task_id not in reached:
                        reached.add(task_id)
                        todo.append(task_id)
        return reached

    def upstream(self, task_id: str) -> tuple[str, ...]:
        return self.tasks[task_id].upstream


def build_graph(spec: DagSpec) -> Graph:
    """Turn the upstream lists of a spec into a graph."""
    tasks = {task.task_id: task for task in spec.tasks}
    downstream: dict[str, list[str]] = {task_id: [] for task_id in tasks}
    for task in spec.tasks:
        for upstream in task.upstream:
            downstream[upstream].append(task.task_id)
    decisive = [task_id for task_id, task in tasks.items() if not (task.teardown and not task.teardown_fails_run)]
    kept = set(decisive)
    leaves = tuple(task_id for task_id in decisive if not kept.intersection(downstream[task_id])) or tuple(tasks)
    return Graph(
        tasks=tasks,
        downstream={task_id: tuple(after) for task_id, after in downstream.items()},
        positions={task_id: position for position, task_id in enumerate(tasks)},
        leaves=leaves,
        uses_past=any(task.depends_on_past or task.wait_for_downstream for task in spec.tasks),
    )


@dataclass
class LiveRun:
    """One run, its task instances as last known, and the tallies over them."""

    run: Run
    spec: DagSpec
    graph: Graph
    path: str = ""  #: DAG file
    file_hash: str = ""
    instances: dict[str, TaskInstance] = field(default_factory=dict)
    tallies: dict[str, Tally] = field(default_factory=dict)
    unfinished: int = 0
    held: int = 0  #: task instances that an executor holds
    unstarted: dict[str, int] = field(default_factory=dict)  #: task id -> how often its attempt could not be started
    called_again: set[TaskKey] = field(default_factory=set)  #: callbacks that were killed, and started once more
    skipped_by: dict[str, set[str]] = field(default_factory=dict)  #: task id -> ended tasks that decided to skip it

    def tells_of(self, ended: TaskInstance) -> bool:
        """Whether callbacks of the task are to be told of such an end, should the attempt not do so itself."""
        failed = ended.state in (TaskState.FAILED, TaskState.UP_FOR_RETRY)
        return failed and self.graph.tasks[ended.task_id].has_failure_callbacks

    @property
    def affinity(self) -> str:
        """Attempts of runs with the same affinity can share a process that has the DAG file loaded."""
        return f"{self.path}\0{self.file_hash}"

    @classmethod
    def build(cls, run: Run, spec: DagSpec, instances: Iterable[TaskInstance], graph: Graph) -> LiveRun:
        """A live run from what the store holds. Task instances that the spec does not have are left out."""
        live = cls(run, spec, graph)
        live.tallies = {task_id: Counter() for task_id in graph.tasks}
        known = {instance.task_id: instance for instance in instances}
        live.unfinished = len(graph.tasks)
        for task_id, task in graph.tasks.items():
            live.instances[task_id] = TaskInstance(task_id, max_tries=task.retries)
        for task_id in graph.tasks:
            if task_id in known:
                live.put(known[task_id])
        return live

    def put(self, after: TaskInstance) -> None:
        """Take in the new state of one task instance."""
        before = self.instances[after.task_id]
        self.instances[after.task_id] = after
        self.held += (after.state in HELD) - (before.state in HELD)
        if before.state in FINISHED:
            self._count(before, -1)
        if after.state in FINISHED:
            self._count(after, +1)

    def _count(self, instance: TaskInstance, step: int) -> None:
        assert instance.state is not None
        self.unfinished -= step
        for task_id in self.graph.downstream[instance.task_id]:
            self.tallies[task_id][instance.state] += step
        for task_id in instance.skips:
            marks = self.skipped_by.setdefault(task_id, set())
            if step > 0:
                marks.add(instance.task_id)
            else:
                marks.discard(instance.task_id)
