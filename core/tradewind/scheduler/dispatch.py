"""Hands attempts to the executor, and knows which it has: the only place that speaks to the executor."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from msgspec.structs import replace

from tradewind.executor.contract import Ended, Executor
from tradewind.logs import attempt_log, run_log
from tradewind.records import Moves, TaskInstance, TaskKey, TaskMove
from tradewind.runner.arguments import callback_argv, callback_key, lost_argv, lost_key, task_argv
from tradewind.scheduler.admit import Candidate, Limits, admit
from tradewind.scheduler.board import Board, candidate, key_of
from tradewind.scheduler.live import LiveRun
from tradewind.settings import Settings
from tradewind.states import HELD, TaskState

#: States that leave a held attempt alone.
_GOES_ON = frozenset({TaskState.SCHEDULED, *HELD} - {TaskState.RESTARTING})


class Dispatcher:
    """Admission under the limits, and the attempts in flight."""

    def __init__(
        self, executor: Executor, settings: Settings, board: Board, clock: Callable[[], datetime.datetime]
    ) -> None:
        self.executor = executor
        self.settings = settings
        self.board = board
        self.clock = clock
        self.pools: Mapping[str, int] = {}  #: pool -> slots, read from the store now and then
        self.paused: Callable[[str], bool] = lambda dag_id: False  #: whether a DAG is paused
        self.in_flight: dict[TaskKey, int] = {}  #: attempt -> Run.id
        self.callbacks: dict[TaskKey, int] = {}  #: callbacks of a run or of a lost attempt -> Run.id
        self.closed = False

    def close(self) -> None:
        """Admit nothing more: the scheduler is about to stop."""
        self.closed = True

    # -- admission -------------------------------------------------------------------------------------------------

    @property
    def limits(self) -> Limits:
        dying = max(0, len(self.in_flight) - self.board.usage.total)  # ended by decree, their processes not gone yet
        return Limits(self.settings.parallelism - dying, self.pools)

    def admit_within(self, live: LiveRun, moves: Moves) -> Moves:
        """Let tasks that just became scheduled start in the same transaction, if nobody else is in line."""
        if self.closed or self.board.ready or self.paused(live.run.dag_id):
            return moves
        scheduled = [move.after for move in moves.tasks if move.after.state is TaskState.SCHEDULED]
        if not scheduled:
            return moves
        ready = sorted((candidate(live, instance) for instance in scheduled), key=lambda one: one.order)
        chosen = {one.task.task_id for one in self._admit(ready)}
        tasks = tuple(
            TaskMove(move.before, self.queued(move.after)) if move.after.task_id in chosen else move
            for move in moves.tasks
        )
        return Moves(tasks, moves.run)

    def starts(self) -> list[tuple[LiveRun, TaskMove]]:
        """The ready task instances that may start now."""
        if self.closed or not self.board.ready or self.board.usage.total >= self.settings.parallelism:
            return []
        ready = [one for one in self.board.ready if not self.paused(one.run.dag_id)]
        starts = []
        for one in self._admit(ready):
            live = self.board.runs[one.run.id]
            instance = live.instances[one.task.task_id]
            starts.append((live, TaskMove(instance, self.queued(instance))))
        return starts

    def _admit(self, ready: Iterable[Candidate]) -> list[Candidate]:
        admitted = admit(ready, self.board.usage, self.limits)
        for one in admitted:  # the board counts them once they are written
            self.board.usage.give(one.run, one.task)
        return admitted

    def queued(self, instance: TaskInstance) -> TaskInstance:
        """The task instance as it stands when it is handed over (once more)."""
        return replace(
            instance, state=TaskState.QUEUED, dispatch=instance.dispatch + 1, queued_at=self.clock(), reason=""
        )

    # -- the executor ----------------------------------------------------------------------------------------------

    def submit(self, live: LiveRun, instances: Iterable[TaskInstance]) -> None:
        """Start the attempts of instances that are written as queued."""
        for instance in instances:
            key = key_of(live, instance)
            self.in_flight[key] = live.run.id
            argv = task_argv(key, live.path, live.file_hash)
            self.executor.submit(key, argv, self._log_of(key), affinity=live.affinity)

    def submit_callback(self, live: LiveRun) -> None:
        """Start the DAG-level callbacks of a run that ended."""
        run = live.run
        key = replace(callback_key(run.dag_id, run.run_id), dispatch=run.epoch)
        self.callbacks[key] = run.id
        argv = callback_argv(run.dag_id, run.run_id, live.path, live.file_hash)
        self.executor.submit(
            key, argv, run_log(self.settings.logs_folder, run.dag_id, run.run_id), affinity=live.affinity
        )

    def submit_lost(self, live: LiveRun, lost: TaskInstance) -> None:
        """Start the callbacks of a task for an attempt whose process ended without calling them."""
        attempt = key_of(live, lost)
        key = lost_key(attempt)
        self.callbacks[key] = live.run.id
        argv = lost_argv(attempt, live.path, live.file_hash)
        self.executor.submit(key, argv, self._log_of(attempt), affinity=live.affinity)

    def _log_of(self, key: TaskKey) -> Path:
        folder = self.settings.logs_folder
        return attempt_log(folder, key.dag_id, key.run_id, key.task_id, key.map_index, key.try_number)

    def adopt(self, live: LiveRun, instance: TaskInstance) -> Ended | None:
        """Watch an attempt that an earlier scheduler started; an `Ended` if there is nothing left to watch."""
        key = key_of(live, instance)
        self.in_flight[key] = live.run.id
        known = instance.pid is not None and instance.host is not None
        if known and self.executor.adopt(key, instance.host or "", instance.pid or 0, instance.process):
            return None
        return Ended(key, None, "its process was gone when the scheduler started")

    def cancel(self, live: LiveRun, moves: Iterable[TaskMove]) -> None:
        """Stop the attempts of task instances that were ended or cleared while an executor held them."""
        for move in moves:
            if move.before.state in HELD and move.after.state not in _GOES_ON:
                key = key_of(live, move.before)
                if key in self.in_flight:
                    self.executor.cancel(key)

    def busy(self, live: LiveRun) -> bool:
        """Whether an attempt or callback of the run is in flight."""
        run_id = live.run.id
        return run_id in self.in_flight.values() or run_id in self.callbacks.values()
