"""What people ask of a run: clear, mark, end or delete. Pure changes, carried out by whoever holds the run's lease."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterable

from msgspec.structs import replace

from tradewind.errors import NotFound, UsageError
from tradewind.records import Moves, Request, RunMove, TaskInstance, TaskMove
from tradewind.scheduler.live import LiveRun
from tradewind.states import FAILED_STATES, FINISHED, HELD, RunState, TaskState

#: States that a person may mark a task or run with.
MARKS = {"success": TaskState.SUCCESS, "failed": TaskState.FAILED, "skipped": TaskState.SKIPPED}


def moves_of(request: Request, live: LiveRun, now: datetime.datetime) -> Moves:
    """The moves that carry out one request (all kinds but `delete_run`).

    Raises UsageError for a kind or state that does not exist, NotFound for a task that the run does not have.
    """
    arguments = request.arguments
    if request.kind == "clear":
        chosen = select(
            live,
            arguments.get("task_ids"),
            upstream=bool(arguments.get("upstream")),
            downstream=bool(arguments.get("downstream")),
            only_failed=bool(arguments.get("only_failed")),
        )
        return clear(live, chosen, now)
    if request.kind == "set_task_state":
        return mark_tasks(live, arguments["task_ids"], _state(arguments["state"]), now)
    if request.kind == "set_run_state":
        return mark_run(live, _state(arguments["state"]), now)
    raise UsageError(f"There is no request of the kind {request.kind!r}.")


def _state(name: str) -> TaskState:
    if name not in MARKS:
        raise UsageError(f"A task or run cannot be marked {name!r}; choose one of {', '.join(MARKS)}.")
    return MARKS[name]


def select(
    live: LiveRun,
    task_ids: Iterable[str] | None,
    *,
    upstream: bool = False,
    downstream: bool = False,
    only_failed: bool = False,
) -> list[str]:
    """The tasks that a clear concerns, in the order of the DAG. `task_ids=None`: all of them."""
    wanted = list(live.graph.tasks if task_ids is None else task_ids)
    _check(live, wanted)
    reached = live.graph.reach(wanted, upstream=upstream, downstream=downstream)
    chosen = [task_id for task_id in live.graph.tasks if task_id in reached]
    if only_failed:
        chosen = [task_id for task_id in chosen if live.instances[task_id].state in FAILED_STATES]
    return chosen


def _check(live: LiveRun, task_ids: Iterable[str]) -> None:
    for task_id in task_ids:
        if task_id not in live.graph.tasks:
            raise NotFound(f"The DAG {live.run.dag_id!r} has no task {task_id!r} in the version of {live.run.run_id}.")


def clear(live: LiveRun, task_ids: Collection[str], now: datetime.datetime) -> Moves:
    """Forget how the tasks ended, so that they run again; a running one is stopped first.

    Each gets its retries anew. The run goes back to `queued` and starts when `max_active_runs` allows.
    """
    moves = []
    for task_id in task_ids:
        before = live.instances[task_id]
        if before.state is None:
            continue
        retries = live.graph.tasks[task_id].retries
        state = TaskState.RESTARTING if before.state in HELD else None
        moves.append(TaskMove(before, cleared(before, retries, state)))
    if not moves:
        return Moves()
    return Moves(tuple(moves), _reopened(live, now))


def cleared(instance: TaskInstance, retries: int, state: TaskState | None = None) -> TaskInstance:
    """The task instance as if it had not run yet, but for its numbering, which goes on."""
    return replace(
        instance,
        state=state,
        max_tries=instance.try_number + retries,
        next_at=None,
        skips=(),
        reason="cleared" if state is None else "cleared while it ran: its process is being stopped",
        **({} if state else {"scheduled_at": None, "queued_at": None, "started_at": None, "ended_at": None}),
    )


def _reopened(live: LiveRun, now: datetime.datetime) -> RunMove | None:
    """An ended run waits for its turn again, and its `dagrun_timeout` begins anew."""
    if not live.run.state.is_finished:
        return None
    return RunMove(
        live.run,
        replace(
            live.run,
            state=RunState.QUEUED,
            queued_at=now,
            started_at=None,
            ended_at=None,
            callback_due=False,
            reason="",
        ),
    )


def mark_tasks(live: LiveRun, task_ids: Iterable[str], state: TaskState, now: datetime.datetime) -> Moves:
    """Set tasks to an ended state by hand; what depends on them is decided anew."""
    task_ids = list(task_ids)
    _check(live, task_ids)
    moves = []
    for task_id in task_ids:
        before = live.instances[task_id]
        after = replace(before, state=state, ended_at=now, next_at=None, skips=(), reason="marked by hand")
        moves.append(TaskMove(before, after))
    return Moves(tuple(moves), _reopened(live, now) if moves else None)


def mark_run(live: LiveRun, state: TaskState, now: datetime.datetime) -> Moves:
    """End a run by hand: what has not ended takes the state (failed ones become skipped if not started)."""
    if state not in (TaskState.SUCCESS, TaskState.FAILED):
        raise UsageError(f"A run cannot be marked {str(state)!r}; choose success or failed.")
    moves = []
    for before in live.instances.values():
        if before.state in FINISHED:
            continue
        started = before.state in HELD
        after = state if state is TaskState.SUCCESS or started else TaskState.SKIPPED
        moves.append(
            TaskMove(before, replace(before, state=after, ended_at=now, next_at=None, reason="run marked by hand"))
        )
    run = replace(live.run, state=RunState(state.value), ended_at=now, reason="marked by hand")
    return Moves(tuple(moves), RunMove(live.run, run))
