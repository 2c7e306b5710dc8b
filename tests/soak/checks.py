"""What the soak proves: each check compares what tasks did and people asked for with what the store says."""

import itertools
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import select

from tradewind.states import HELD, RunState
from tradewind.tables import runs, task_instances

#: How runs end that nobody has marked: the run, and the tasks that do not succeed.
EXPECTED = {
    "graph": ("failed", {"doomed": "failed", "never": "upstream_failed", "right": "skipped"}),
    "ticks": ("success", {}),
    "serial": ("success", {}),
}
POOLED = ("pooled0", "pooled1", "pooled2", "b")
PARALLELISM, SLOTS, MAX_ACTIVE_TASKS = 6, 2, 4
MAX_ACTIVE_RUNS = {"graph": 4, "ticks": 2, "serial": 1}

#: Tasks that write no journal, and those that are done in several looks, of which the store keeps the last.
_SILENT, _LOOKS = ("bash", "branch"), ("sensor",)
_CALLED_FOR = {"success": "success", "failed": "failure", "up_for_retry": "retry"}


@dataclass
class Asked:
    """What people asked for. Runs are named by (dag id, run id)."""

    made: set = field(default_factory=set)  #: the command said so
    deleted: set = field(default_factory=set)
    marked: set = field(default_factory=set)  #: they may end in any way
    cleared: Counter = field(default_factory=Counter)


@dataclass
class Story:
    """One run as the store tells it."""

    run: object
    tasks: list
    attempts: dict  #: task id -> its ended tries

    @property
    def name(self):
        return self.run.dag_id, self.run.run_id


@dataclass
class Facts:
    """All that there is to compare."""

    journal: list
    stories: list
    asked: Asked

    def __post_init__(self):
        self.pids = defaultdict(set)
        self.calls = Counter()
        for line in self.journal:
            key = line["dag"], line["run"], line["task"]
            self.pids[line["kind"], key].add(line["pid"])
            self.calls[key, line.get("what")] += 1

    def undisturbed(self):
        """The runs that have ended (the newest of `ticks` have not yet), without having been marked."""
        ended = (story for story in self.stories if story.run.state.is_finished and not story.run.callback_due)
        return (story for story in ended if story.name not in self.asked.marked)


def nothing_runs_twice_at_once(facts):
    return [line for line in facts.journal if line["kind"] == "twice at once"]


def what_is_green_was_done(facts):
    for story in facts.undisturbed():
        for one in itertools.chain(story.tasks, *story.attempts.values()):
            key = *story.name, one.task_id
            if str(one.state) == "success" and one.task_id not in _SILENT and one.pid not in facts.pids["done", key]:
                yield key, one


def what_was_done_is_known(facts):
    for story in facts.undisturbed():
        for task in story.tasks:
            known = {task.pid} | {attempt.pid for attempt in story.attempts[task.task_id]}
            began = facts.pids["begun", (*story.name, task.task_id)]
            if task.task_id not in _LOOKS and not facts.asked.cleared[story.name] and began - known:
                yield story.name, task, began - known


def nothing_green_is_done_again(facts):
    for story in facts.undisturbed():
        for task_id, attempts in story.attempts.items():
            greens = [attempt for attempt in attempts if str(attempt.state) == "success"]
            if task_id not in _LOOKS and len(greens) > 1 + facts.asked.cleared[story.name]:
                yield story.name, greens


def no_run_is_lost(facts):
    return sorted(facts.asked.made - facts.asked.deleted - {story.name for story in facts.stories})


def the_schedule_has_no_gaps(facts):
    dates = sorted(story.run.logical_date for story in facts.stories if story.run.dag_id == "ticks")
    return [pair for pair in itertools.pairwise(dates) if pair[1] - pair[0] != timedelta(seconds=4)]


def every_run_ends_as_it_should(facts):
    for story in facts.undisturbed():
        state, others = EXPECTED[story.run.dag_id]
        wrong = [task for task in story.tasks if str(task.state) != others.get(task.task_id, "success")]
        if wrong or str(story.run.state) != state:
            yield story.run, wrong


def every_callback_is_called(facts):
    for story in facts.undisturbed():
        if facts.asked.cleared[story.name]:
            continue  # it wipes out what it follows from
        due = Counter({(None, "failure" if str(story.run.state) == "failed" else "success"): 1})
        for attempt in itertools.chain(*story.attempts.values()):
            if str(attempt.state) in _CALLED_FOR:
                due[attempt.task_id, _CALLED_FOR[str(attempt.state)]] += 1
        for (task_id, what), times in due.items():
            if facts.calls[(*story.name, task_id), what] < times:
                yield story.name, task_id, what, f"{times} times"


CHECKS = (
    nothing_runs_twice_at_once,
    what_is_green_was_done,
    what_was_done_is_known,
    nothing_green_is_done_again,
    no_run_is_lost,
    the_schedule_has_no_gaps,
    every_run_ends_as_it_should,
    every_callback_is_called,
)


def violations(facts):
    return [f"{check.__name__}: {found}" for check in CHECKS for found in check(facts)]


def look(store):
    """What schedulers hold at this moment: (dag id, run id, task id) of each task, and the running runs by DAG."""
    held = (
        select(runs.c.dag_id, runs.c.run_id, task_instances.c.task_id)
        .join_from(task_instances, runs, task_instances.c.run == runs.c.id)
        .where(task_instances.c.state.in_([state.value for state in HELD]))
    )
    with store.database.read() as connection:
        tasks = [tuple(row) for row in connection.execute(held)]
    return tasks, Counter(run.dag_id for run in store.runs(state=RunState.RUNNING))


def over_the_limits(tasks, active, alone):
    """What is beyond its limit in a `look`. `alone`: one scheduler; what another leaves behind comes on top."""
    pooled = [task for task in tasks if task[2] in POOLED]
    in_runs = Counter((dag_id, run_id) for dag_id, run_id, _ in tasks if dag_id == "graph")
    if len(pooled) > SLOTS:
        yield f"pool: {pooled}"
    if alone and len(tasks) > PARALLELISM:
        yield f"parallelism: {tasks}"
    yield from (f"max_active_tasks: {name} has {n}" for name, n in in_runs.items() if n > MAX_ACTIVE_TASKS)
    yield from (f"max_active_runs: {dag_id} has {n}" for dag_id, n in active.items() if n > MAX_ACTIVE_RUNS[dag_id])
