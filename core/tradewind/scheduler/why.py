"""Why is a task not running? The exact reason, worked out from the store with the scheduler's own functions."""

from __future__ import annotations

import datetime

from tradewind.errors import NotFound
from tradewind.records import DagInfo, Run, TaskInstance
from tradewind.runner import identity
from tradewind.scheduler.admit import Limits, Usage, hindrance
from tradewind.scheduler.board import candidate
from tradewind.scheduler.decide import blocked_by_past, outside
from tradewind.scheduler.leases import Leases
from tradewind.scheduler.live import LiveRun
from tradewind.settings import Settings
from tradewind.states import HELD, RunState, TaskState
from tradewind.store import SchedulerInfo, Store


def why(store: Store, settings: Settings, dag_id: str, run_id: str, task_id: str) -> list[str]:
    """The reasons, most important first; one line each. Raises NotFound for a DAG, run or task that is not there."""
    run = store.run(dag_id, run_id)
    leases = Leases(store, "why")
    live = leases.load(run)
    if live is None:
        raise NotFound(f"The version of {dag_id} that {run_id} runs is not in the metadata database any more.")
    if task_id not in live.graph.tasks:
        raise NotFound(f"The DAG {dag_id!r} has no task {task_id!r} in the version that {run_id} runs.")
    instance = live.instances[task_id]
    told = _settled(instance)
    if told:
        return [told]
    reasons = [*_around(store, settings, store.dag(dag_id), run)]
    if instance.state is None:
        reasons += _upstream(live, task_id, leases)
    elif instance.next_at is not None:
        reasons.append(_waits(instance))
    elif instance.state is TaskState.SCHEDULED:
        reasons += _limits(store, settings, live, instance)
    return reasons or ["nothing stands in its way: it starts with the scheduler's next turn"]


def _settled(instance: TaskInstance) -> str:
    """What there is to say of a task that is running or has ended."""
    state = instance.state
    because = f": {instance.reason}" if instance.reason else ""
    if state is TaskState.RUNNING:
        return f"it is running, as process {instance.pid} on {instance.host}, try {instance.try_number}"
    if state is TaskState.QUEUED:
        return f"it is handed to the executor and about to start, try {instance.try_number}"
    if state is TaskState.RESTARTING:
        return f"it is {state}{because}"
    if state is not None and state.is_finished:
        return f"it has ended, as {state}{because}"
    return ""


def _around(store: Store, settings: Settings, dag: DagInfo, run: Run) -> list[str]:
    """What holds back the whole run."""
    reasons = []
    if not scheduler_is_at_work(store, settings):
        reasons.append("no scheduler is at work: start one with `tradewind scheduler` or `tradewind standalone`")
    if dag.paused:
        reasons.append(f"the DAG is paused: `tradewind dags unpause {dag.dag_id}`")
    if run.state is RunState.QUEUED:
        running = store.runs(dag.dag_id, state=RunState.RUNNING)
        if len(running) >= dag.spec.max_active_runs:
            reasons.append(
                f"the run is queued: {len(running)} of {dag.spec.max_active_runs} runs are running (max_active_runs)"
            )
    elif run.state.is_finished:
        reasons.append(f"the run has ended: {run.state}")
    return reasons


def scheduler_is_at_work(store: Store, settings: Settings) -> bool:
    """Whether anybody is there to start what is due."""
    return any(is_at_work(info, settings) for info in store.schedulers())


def is_at_work(info: SchedulerInfo, settings: Settings) -> bool:
    """Whether this scheduler lives; one on another machine: as far as its signs of life tell."""
    if info.host == identity.host():
        return identity.is_alive(info.pid, info.process)
    silent_since = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=settings.lost_after)
    return info.heartbeat_at > silent_since


def _upstream(live: LiveRun, task_id: str, leases: Leases) -> list[str]:
    task = live.graph.tasks[task_id]
    if outside(task, live.run):
        return ["the run's logical date lies outside the task's start_date and end_date"]
    waiting = [f"{other} is {live.instances[other].state or 'not started'}" for other in task.upstream]
    pending = [told for other, told in zip(task.upstream, waiting) if not _is_finished(live.instances[other].state)]
    reasons = []
    if pending:
        reasons.append(f"its trigger rule {task.trigger_rule} waits: {'; '.join(pending)}")
    past = blocked_by_past(task, live, leases.past(live, {}))
    if past:
        reasons.append(past)
    return reasons


def _is_finished(state: TaskState | None) -> bool:
    return state is not None and state.is_finished


def _limits(store: Store, settings: Settings, live: LiveRun, instance: TaskInstance) -> list[str]:
    """Which limit it waits for."""
    usage = Usage()
    leases = Leases(store, "why")
    for run in store.runs(state=RunState.RUNNING):
        other = live if run.id == live.run.id else leases.load(run)
        for held in other.instances.values() if other else ():
            if other is not None and held.state in HELD:
                usage.take(other.run, other.graph.tasks[held.task_id])
    reason = hindrance(candidate(live, instance), usage, Limits(settings.parallelism, store.pools()))
    return [reason] if reason else []


#: What is due at `next_at`, where that is not a sensor's look.
_DUE: dict[TaskState | None, str] = {TaskState.UP_FOR_RETRY: "its next try", TaskState.SCHEDULED: "its next start"}


def _waits(instance: TaskInstance) -> str:
    assert instance.next_at is not None
    seconds = (instance.next_at - datetime.datetime.now(datetime.UTC)).total_seconds()
    due = f"in {seconds:.0f} s" if seconds > 0 else "now"
    what = _DUE.get(instance.state, "the sensor's next look")
    because = f" (the last one ended: {instance.reason})" if instance.reason else ""
    return f"{what} is due {due}, at {instance.next_at:%Y-%m-%d %H:%M:%S} UTC{because}"
