"""Hands attempts to the executor, and knows which it has: the only place that speaks to the executor."""

from __future__ import annotations

import datetime
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from msgspec.structs import replace

from tradewind.executor.contract import Ended, Executor
from tradewind.logs import attempt_log, attempt_log_name, run_log
from tradewind.records import Moves, Run, TaskInstance, TaskKey, TaskMove, TaskSpec
from tradewind.remote import unsent
from tradewind.runner.arguments import callback_argv, callback_key, lost_argv, lost_key, task_argv
from tradewind.runner.identity import host
from tradewind.scheduler.admit import Candidate, Limits, Line
from tradewind.scheduler.board import Board, candidate, key_of
from tradewind.scheduler.live import LiveRun
from tradewind.settings import Settings
from tradewind.states import HELD, TaskState

log = logging.getLogger("tradewind.scheduler")

#: So much longer than `kill_grace` may a process live on that was told to stop, in seconds.
REST = 30.0

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
        self.beside = False  #: whether other schedulers are at work on the same database
        self.taken_elsewhere: Mapping[str, int] = {}  #: pool -> slots that their tasks take
        self.closed = False
        self._tasks: dict[tuple[str, str, str, int], set[TaskKey]] = {}  #: task instance -> its attempts in flight
        self._refused: list[Ended] = []
        self.elsewhere: dict[TaskKey, datetime.datetime] = {}  #: attempts of other machines -> when to look at them

    def poll(self, timeout: float) -> list[Ended]:
        """What has ended, or could not even be handed to the executor."""
        refused, self._refused = self._refused, []
        return [*refused, *self.executor.poll(0.0 if refused else timeout)]

    def _hold(self, key: TaskKey, live: LiveRun) -> None:
        self.in_flight[key] = live.run.id
        self._tasks.setdefault(_task(key), set()).add(key)

    def let_go(self, key: TaskKey) -> None:
        """An attempt or callback is over."""
        self.callbacks.pop(key, None)
        if self.in_flight.pop(key, None) is not None:
            keys = self._tasks[_task(key)]
            keys.discard(key)
            if not keys:
                del self._tasks[_task(key)]

    def close(self) -> None:
        """Admit nothing more: the scheduler is about to stop."""
        self.closed = True

    # -- admission -------------------------------------------------------------------------------------------------

    def _stopping(self) -> list[tuple[Run, TaskSpec]]:
        """The attempts that go on though the board has ended them."""
        if len(self.in_flight) <= self.board.usage.total:
            return []
        found = []
        for key, run_id in self.in_flight.items():
            live = self.board.runs.get(run_id)
            instance = live.instances.get(key.task_id) if live is not None else None
            if live is None or instance is None or (instance.state in HELD and instance.dispatch == key.dispatch):
                continue
            found.append((live.run, live.graph.tasks[key.task_id]))
        return found

    def admit_within(self, live: LiveRun, moves: Moves) -> Moves:
        """Let tasks that just became scheduled start in the same transaction, if nobody else is in line.

        Beside other schedulers they get in line themselves: the transaction may be refused for lack of slots.
        """
        if self.closed or self.beside or self.board.ready or self.paused(live.run.dag_id):
            return moves
        scheduled = [move.after for move in moves.tasks if move.after.state is TaskState.SCHEDULED]
        if not scheduled:
            return moves
        chosen = {one.task.task_id for one in self._admitted(Line(candidate(live, one) for one in scheduled))}
        tasks = tuple(
            TaskMove(move.before, self.queued(move.after)) if move.after.task_id in chosen else move
            for move in moves.tasks
        )
        return Moves(tasks, moves.run)

    def starts(self) -> list[tuple[LiveRun, TaskMove]]:
        """The ready task instances that may start now."""
        if self.closed or not self.board.ready or self.board.usage.total >= self.settings.parallelism:
            return []
        starts = []
        for one in self._admitted(self.board.ready):
            live = self.board.runs[one.run.id]
            instance = live.instances[one.task.task_id]
            starts.append((live, TaskMove(instance, self.queued(instance))))
        return starts

    def _is_stopping(self, one: Candidate) -> bool:
        """Whether an earlier attempt of the task, given up already, has still a process: two must never run at once."""
        return (one.run.dag_id, one.run.run_id, one.task.task_id, one.map_index) in self._tasks

    def _admitted(self, line: Line) -> list[Candidate]:
        """Who of a line may start now. The board counts what they take once they are written.

        An attempt that was ended by decree takes its places as long as its process goes on.
        """
        usage, stopping = self.board.usage, self._stopping()
        for run, task in stopping:
            usage.take(run, task)
        unknown = max(0, len(self.in_flight) - usage.total)  # of runs that are not on the board any more
        left = {name: slots - self.taken_elsewhere.get(name, 0) for name, slots in self.pools.items()}
        admitted = line.admit(usage, Limits(self.settings.parallelism - unknown, left), self.paused, self._is_stopping)
        for run, task in (*stopping, *((one.run, one.task) for one in admitted)):
            usage.give(run, task)
        return admitted

    def queued(self, instance: TaskInstance) -> TaskInstance:
        """The task instance as it stands when it is handed over (once more)."""
        number = instance.dispatch + 1
        return replace(
            instance, state=TaskState.QUEUED, dispatch=number, queued_at=self.clock(), next_at=None, reason=""
        )

    # -- the executor ----------------------------------------------------------------------------------------------

    def submit(self, live: LiveRun, instances: Iterable[TaskInstance]) -> None:
        """Start the attempts of instances that are written as queued."""
        for instance in instances:
            key = key_of(live, instance)
            self._hold(key, live)
            self._submit(live, key, task_argv(key, live.path, live.file_hash), self._log_of(key))

    def submit_callback(self, live: LiveRun) -> None:
        """Start the DAG-level callbacks of a run that ended."""
        run = live.run
        key = key_of_callback(run)
        self.callbacks[key] = run.id
        argv = callback_argv(run.dag_id, run.run_id, live.path, live.file_hash)
        self._submit(live, key, argv, run_log(self.settings.logs_folder, run.dag_id, run.run_id))

    def submit_lost(self, live: LiveRun, lost: TaskInstance) -> None:
        """Start the callbacks of a task for an attempt whose process ended without calling them."""
        attempt = key_of(live, lost)
        key = lost_key(attempt)
        self.callbacks[key] = live.run.id
        self._submit(live, key, lost_argv(attempt, live.path, live.file_hash), self._log_of(attempt))

    def _submit(self, live: LiveRun, key: TaskKey, argv: Sequence[str], path: Path) -> None:
        try:
            self.executor.submit(key, argv, path, affinity=live.affinity)
        except Exception as error:  # executors should not raise, but one that does must not stop the others' work
            log.exception("The executor refused %s.", key)
            self._refused.append(Ended(key, None, f"the executor refused it: {type(error).__name__}: {error}"))

    def note_log(self, key: TaskKey) -> None:
        """Have the log of an attempt that ended badly uploaded: its process could not, or not the end of it."""
        if self.settings.logs_url:
            name = attempt_log_name(key.dag_id, key.run_id, key.task_id, key.map_index, key.try_number)
            trouble = unsent.write(self.settings.logs_folder, self._log_of(key), name, unsent.Writer(host()))
            if trouble:
                log.warning("%s: %s", key, trouble)

    def _log_of(self, key: TaskKey) -> Path:
        folder = self.settings.logs_folder
        return attempt_log(folder, key.dag_id, key.run_id, key.task_id, key.map_index, key.try_number)

    def adopt(self, live: LiveRun, instance: TaskInstance) -> Ended | None:
        """Watch an attempt that an earlier scheduler started; an `Ended` if there is nothing left to watch."""
        key = key_of(live, instance)
        self._hold(key, live)
        known = instance.pid is not None and instance.host is not None
        if known and self.executor.adopt(key, instance.host or "", instance.pid or 0, instance.process):
            return None
        if known and instance.host != host() and self.gives_signs_of_life(instance):
            self.look_later(key)
            return None
        return Ended(key, None, "its process was gone when the scheduler started")

    def watch_rest(self, live: LiveRun, instance: TaskInstance) -> None:
        """Watch what may be left of an attempt that a scheduler before this one gave up, or that is calling back."""
        if instance.pid is None or instance.host is None:
            return
        since = instance.ended_at
        if since is None or (self.clock() - since).total_seconds() < self.settings.kill_grace + REST:
            key = key_of(live, instance)
            if self.executor.adopt(key, instance.host, instance.pid, instance.process):
                self._hold(key, live)

    def gives_signs_of_life(self, instance: TaskInstance) -> bool:
        """Whether an attempt that no executor of ours can watch is still at work, as far as can be told."""
        last = instance.heartbeat_at or instance.started_at
        return last is not None and (self.clock() - last).total_seconds() < self.settings.lost_after

    def look_later(self, key: TaskKey) -> None:
        """Watch an attempt by its signs of life."""
        self.elsewhere[key] = self.clock() + datetime.timedelta(seconds=self.settings.heartbeat_interval)

    def cancel(self, live: LiveRun, moves: Iterable[TaskMove]) -> None:
        """Stop the attempts of task instances that were ended or cleared while an executor held them."""
        for move in moves:
            if move.before.state in HELD and move.after.state not in _GOES_ON:
                key = key_of(live, move.before)
                if key in self.in_flight:
                    self.executor.cancel(key)

    def cancel_all(self, live: LiveRun) -> None:
        """Stop whatever is in flight of a run, callbacks too."""
        for key, run_id in [*self.in_flight.items(), *self.callbacks.items()]:
            if run_id == live.run.id:
                self.executor.cancel(key)

    def calls_back(self, live: LiveRun) -> bool:
        """Whether the DAG-level callbacks of the run's last end are in flight."""
        return key_of_callback(live.run) in self.callbacks

    def busy(self, live: LiveRun) -> bool:
        """Whether an attempt or callback of the run is in flight."""
        run_id = live.run.id
        return run_id in self.in_flight.values() or run_id in self.callbacks.values()


def _task(key: TaskKey) -> tuple[str, str, str, int]:
    return key.dag_id, key.run_id, key.task_id, key.map_index


def key_of_callback(run: Run) -> TaskKey:
    """The key of the DAG-level callbacks of an ended run: another one for each end, and for each scheduler."""
    end = run.ended_at.timestamp() if run.ended_at is not None else 0.0
    return replace(callback_key(run.dag_id, run.run_id), try_number=run.epoch, dispatch=round(end * 1e6))
