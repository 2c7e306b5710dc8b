"""What happens next in a run: a pure function of the run as it stands, what has just changed in it, and the time.

`decide` looks only at what lies directly behind the changed tasks, and at what its own decisions change in turn, so
its work is proportional to the ended task's downstream and not to the DAG. It changes nothing: it returns `Moves`,
which the caller writes and then commits to the `LiveRun`.
"""

from __future__ import annotations

import datetime
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from msgspec.structs import replace

from tradewind.records import Moves, Run, RunMove, TaskInstance, TaskMove, TaskSpec
from tradewind.scheduler.live import LiveRun, Tally
from tradewind.scheduler.rules import Upstream, Verdict, judge
from tradewind.states import FAILED_STATES, FINISHED, HELD, RunState, TaskState, TriggerRule


class States(Protocol):
    """States by task id; a mapping is one."""

    def get(self, task_id: str, default: TaskState | None, /) -> TaskState | None: ...


#: States of the tasks in the run before this one; None: there is no such run.
Past = States | None

#: How many tasks a reason names.
FEW = 5

_GOOD_PAST = frozenset({TaskState.SUCCESS, TaskState.SKIPPED, TaskState.REMOVED})


def decide(live: LiveRun, changed: Iterable[str], now: datetime.datetime, past: Past = None) -> Moves:
    """The moves that follow when the tasks `changed` have changed state or fallen due.

    `past` matters only to tasks that look at the run before. A run that is not running moves nothing.
    """
    if live.run.state is not RunState.RUNNING:
        return Moves()
    return _Decision(live, now, past).work_off(changed)


def start(live: LiveRun, now: datetime.datetime, past: Past = None) -> Moves:
    """Start a queued run: it runs, and every task is looked at once."""
    running = replace(live.run, state=RunState.RUNNING, started_at=live.run.started_at or now, ended_at=None, reason="")
    started = _Decision(LiveRun(**{**vars(live), "run": running}), now, past).work_off(
        live.graph.tasks, everything=True
    )
    after = started.run.after if started.run else running
    return Moves(started.tasks, RunMove(live.run, after))


def give_up(live: LiveRun, now: datetime.datetime, reason: str) -> Moves:
    """End a run now: what is held fails (and is to be cancelled), what has not started is skipped."""
    return _end(live, now, reason, keep=lambda task: False)


def fail_fast(live: LiveRun, now: datetime.datetime, failed: str) -> Moves:
    """After the failure of one task: end all others but teardowns."""
    reason = f"the DAG fails fast, and {failed} failed"
    moves = _end(live, now, reason, keep=lambda task: task.teardown)
    if any(
        task.teardown and live.instances[task_id].state not in FINISHED for task_id, task in live.graph.tasks.items()
    ):
        return Moves(moves.tasks)
    return moves


def _end(live: LiveRun, now: datetime.datetime, reason: str, keep: Callable[[TaskSpec], bool]) -> Moves:
    moves = []
    for task_id, instance in live.instances.items():
        if instance.state in FINISHED or keep(live.graph.tasks[task_id]):
            continue
        held = instance.state in HELD
        state = TaskState.FAILED if held else TaskState.SKIPPED
        moves.append(TaskMove(instance, replace(instance, state=state, ended_at=now, next_at=None, reason=reason)))
    return Moves(tuple(moves), RunMove(live.run, _ended(live, RunState.FAILED, now, reason)))


def _ended(live: LiveRun, state: RunState, now: datetime.datetime, reason: str) -> Run:
    return replace(live.run, state=state, ended_at=now, reason=reason, callback_due=live.spec.has_run_callbacks)


class _Decision:
    """One call of `decide`: the live run seen through the moves made so far."""

    def __init__(self, live: LiveRun, now: datetime.datetime, past: Past) -> None:
        self.live = live
        self.now = now
        self.past = past
        self.after: dict[str, TaskInstance] = {}
        self.tallies: dict[str, Tally] = {}
        self.unfinished = live.unfinished

    def work_off(self, changed: Iterable[str], *, everything: bool = False) -> Moves:
        todo: deque[str] = deque()
        for task_id in changed:
            todo.append(task_id)
            if not everything:
                todo.extend(self.live.graph.downstream[task_id])
                todo.extend(self.live.instances[task_id].skips)
        while todo:
            task_id = todo.popleft()
            if task_id in self.live.graph.tasks:
                todo.extend(self._look_at(task_id))
        moves = tuple(TaskMove(self.live.instances[task_id], after) for task_id, after in self.after.items())
        return Moves(moves, self._run_move())

    def _look_at(self, task_id: str) -> Iterable[str]:
        """Decide about one task; returns the tasks that this may concern."""
        instance = self.after.get(task_id) or self.live.instances[task_id]
        if instance.state in (TaskState.UP_FOR_RETRY, TaskState.UP_FOR_RESCHEDULE):
            self._take_up_again(instance)
            return ()
        if instance.state is not None:
            return ()
        after = self._decided(self.live.graph.tasks[task_id], instance)
        if after is None:
            return ()
        self.after[task_id] = after
        if after.state not in FINISHED:
            return ()
        return self._count(task_id, after.state)

    def _take_up_again(self, instance: TaskInstance) -> None:
        if instance.next_at is not None and instance.next_at > self.now:
            return
        tries = instance.try_number + (instance.state is TaskState.UP_FOR_RETRY)
        self.after[instance.task_id] = replace(
            instance, state=TaskState.SCHEDULED, try_number=tries, scheduled_at=self.now, next_at=None, reason=""
        )

    def _decided(self, task: TaskSpec, instance: TaskInstance) -> TaskInstance | None:
        run = self.live.run
        if outside(task, run):
            return self._finish(instance, TaskState.REMOVED, "the run lies outside its start_date and end_date")
        marks = self.live.skipped_by.get(task.task_id)
        verdict = Verdict.SKIP if marks else judge(task.trigger_rule, self.upstream(task))
        if verdict is Verdict.WAIT:
            return None
        if verdict is Verdict.UPSTREAM_FAILED:
            return self._finish(instance, TaskState.UPSTREAM_FAILED, self._what_it_lacks(task))
        minds_past = verdict is Verdict.RUN or task.wait_for_past_depends_before_skipping
        if minds_past and blocked_by_past(task, self.live, self.past):
            return None
        if verdict is Verdict.SKIP:
            by = f"skipped by {', '.join(sorted(marks))}" if marks else f"its trigger rule {task.trigger_rule} skips it"
            return self._finish(instance, TaskState.SKIPPED, by)
        if task.empty:
            return replace(self._finish(instance, TaskState.SUCCESS, ""), try_number=instance.try_number + 1)
        return replace(
            instance, state=TaskState.SCHEDULED, try_number=instance.try_number + 1, scheduled_at=self.now, reason=""
        )

    def upstream(self, task: TaskSpec) -> Upstream:
        tally = self.tallies.get(task.task_id) or self.live.tallies[task.task_id]
        failed = skipped = 0
        if task.trigger_rule is TriggerRule.ALL_DONE_SETUP_SUCCESS:
            setups = [self._state(other) for other in task.upstream if self.live.graph.tasks[other].setup]
            failed = sum(state in FAILED_STATES for state in setups)
            skipped = sum(state is TaskState.SKIPPED for state in setups)
        return Upstream.of(len(task.upstream), tally, failed, skipped)

    def _state(self, task_id: str) -> TaskState | None:
        return (self.after.get(task_id) or self.live.instances[task_id]).state

    def _what_it_lacks(self, task: TaskSpec) -> str:
        """Why a task cannot run, in words: those upstream that failed, or else those that could not run either."""
        failed = [other for other in task.upstream if self._state(other) is TaskState.FAILED]
        blocked = [other for other in task.upstream if self._state(other) is TaskState.UPSTREAM_FAILED]
        return f"it needs {_few(failed)}, which failed" if failed else f"it needs {_few(blocked)}, which could not run"

    def _finish(self, instance: TaskInstance, state: TaskState, reason: str) -> TaskInstance:
        return replace(
            instance,
            state=state,
            started_at=self.now,
            ended_at=self.now,
            next_at=None,
            scheduled_at=None,
            reason=reason,
        )

    def _count(self, task_id: str, state: TaskState | None) -> Iterable[str]:
        assert state is not None
        self.unfinished -= 1
        downstream = self.live.graph.downstream[task_id]
        for other in downstream:
            tally = self.tallies.get(other)
            if tally is None:
                tally = self.tallies[other] = self.live.tallies[other].copy()
            tally[state] += 1
        return downstream

    def _run_move(self) -> RunMove | None:
        if self.unfinished:
            return None
        leaves = [task_id for task_id in self.live.graph.leaves if self._state(task_id) in FAILED_STATES]
        if not leaves:
            return RunMove(self.live.run, _ended(self.live, RunState.SUCCESS, self.now, ""))
        causes = [task_id for task_id in self.live.graph.tasks if self._state(task_id) is TaskState.FAILED]
        return RunMove(self.live.run, _ended(self.live, RunState.FAILED, self.now, f"failed: {_few(causes or leaves)}"))


def _few(task_ids: Sequence[str]) -> str:
    """The first tasks of many, for people."""
    rest = len(task_ids) - FEW
    return ", ".join(task_ids[:FEW]) + (f" and {rest} more" if rest > 0 else "")


def outside(task: TaskSpec, run: Run) -> bool:
    """Whether the run's logical date lies outside the task's own start and end dates."""
    early = task.start_date is not None and run.logical_date < task.start_date
    late = task.end_date is not None and run.logical_date > task.end_date
    return early or late


def blocked_by_past(task: TaskSpec, live: LiveRun, past: Past) -> str:
    """Why the run before this one holds the task back, in words; empty if it does not."""
    if not (task.depends_on_past or task.wait_for_downstream):
        return ""
    if past is None:
        if task.ignore_first_depends_on_past:
            return ""
        return "it depends on its past, and there is no run before this one (ignore_first_depends_on_past is False)"
    state = past.get(task.task_id, TaskState.REMOVED)
    if state not in _GOOD_PAST:
        return f"it depends on its past, and in the run before it is {state or 'not decided yet'}"
    if task.wait_for_downstream:
        for other in live.graph.downstream[task.task_id]:
            after = past.get(other, TaskState.REMOVED)
            if after not in _GOOD_PAST:
                return f"it waits for {other} of the run before, which is {after or 'not decided yet'}"
    return ""
