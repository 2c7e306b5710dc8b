"""The scheduler's loop: takes one event at a time, lets `decide` and `admit` say what follows, writes it, acts on it.

Events are ended attempts (from the executor), timers, changes that others made in the metadata database, and DAG files
that the watch has read. What follows from one event is written in one transaction, conditional on the run's lease;
only then is it taken into memory and handed to the executor. A crash between any two steps leaves something that the
next scheduler finds when it claims the run: see `take_up`.
"""

from __future__ import annotations

import datetime
import logging
from collections.abc import Callable, Iterable

from msgspec.structs import replace

from tradewind.errors import StoreError, TradewindError
from tradewind.executor.contract import Ended, Executor
from tradewind.records import Moves, ParsedFile, Request, TaskInstance, TaskKey, TaskMove
from tradewind.runner.retries import after_failure
from tradewind.scheduler import decide as decisions
from tradewind.scheduler import requests
from tradewind.scheduler.board import Board, by_run, deadline, key_of
from tradewind.scheduler.dispatch import Dispatcher
from tradewind.scheduler.leases import Leases
from tradewind.scheduler.live import LiveRun
from tradewind.scheduler.planner import Planner, scheduled_run
from tradewind.scheduler.watch import DagWatch
from tradewind.settings import Settings
from tradewind.states import FINISHED, HELD, RunState, TaskState
from tradewind.store import Store

log = logging.getLogger("tradewind.scheduler")

#: An attempt that the executor cannot start is tried so often before the task counts as failed.
MAX_STARTS = 3

#: After an error of the store, a run is read again after this long.
RELOAD_DELAY = datetime.timedelta(seconds=1)

#: A decree (clear, mark, time-out) that the processes of a run get in the way of is tried so often at once.
DECREE_TRIES = 10


def utc_now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


class Loop:
    """One scheduler. `step` is one turn; the caller turns it until it should stop."""

    def __init__(
        self,
        store: Store,
        executor: Executor,
        settings: Settings,
        *,
        name: str,
        watch: DagWatch | None = None,
        clock: Callable[[], datetime.datetime] = utc_now,
    ) -> None:
        self.store = store
        self.settings = settings
        self.watch = watch
        self.clock = clock
        self.board = Board()
        self.planner = Planner()
        self.leases = Leases(store, name)
        self.dispatcher = Dispatcher(executor, settings, self.board, clock)
        self.dispatcher.paused = self._is_paused
        self._marker: int | None = None
        self._starts: dict[TaskKey, int] = {}  #: attempt -> how often it could not be started
        self._asked: set[tuple[str, str]] = set()  #: runs that requests in hand are about
        self._stale: dict[int, datetime.datetime] = {}  #: Run.id -> when to read it again

    # -- turning ---------------------------------------------------------------------------------------------------

    def step(self, timeout: float) -> None:
        """One turn: wait at most `timeout` seconds for an event, then do all that is due.

        Raises StoreError only if the metadata database cannot be read at all.
        """
        for ended in self.dispatcher.executor.poll(self._patience(timeout)):
            self.on_ended_safely(ended)
        self.take_in_files()
        self.take_in_changes()
        for live, task_id in list(self.board.due(self.clock())):
            self._safely(live, self.on_timer, live, task_id)
        self._reload_stale()
        self.create_due_runs()
        self.start_queued_runs()
        for live, moves in by_run(self.dispatcher.starts()).values():
            self._safely(live, self.settle, live, Moves(tuple(moves)))

    def _patience(self, timeout: float) -> float:
        """How long this turn may wait for an ended attempt."""
        now = self.clock()
        for moment in (self.board.next_due(), self.planner.next_due(now)):
            if moment is not None:
                timeout = min(timeout, (moment - now).total_seconds())
        return max(0.0, timeout)

    def _safely(self, live: LiveRun, action: Callable[..., None], *arguments: object) -> None:
        """Do something with one run; an error of the store concerns that run alone, which is read again later."""
        try:
            action(*arguments)
        except StoreError as error:
            log.error("%s of %s is read again in a second: %s", live.run.run_id, live.run.dag_id, error)
            self._stale[live.run.id] = self.clock() + RELOAD_DELAY

    def on_ended_safely(self, ended: Ended) -> None:
        run_id = self.dispatcher.in_flight.get(ended.key, self.dispatcher.callbacks.get(ended.key))
        live = self.board.runs.get(run_id) if run_id is not None else None
        if live is None:
            self.dispatcher.in_flight.pop(ended.key, None)
            self.dispatcher.callbacks.pop(ended.key, None)
        else:
            self._safely(live, self.on_ended, live, ended)

    # -- events ----------------------------------------------------------------------------------------------------

    def on_ended(self, live: LiveRun, ended: Ended) -> None:
        """An attempt's process is gone: take in what it recorded, or record that it was lost."""
        if ended.key in self.dispatcher.callbacks:
            self._on_callback_ended(live, ended)
            return
        self.dispatcher.in_flight.pop(ended.key, None)
        stored = self.store.task(live.run.id, ended.key.task_id, ended.key.map_index)
        if stored.dispatch == ended.key.dispatch:
            if stored.state is TaskState.QUEUED:
                self._on_not_started(live, stored, ended)
            elif stored.state in HELD:
                self._end(live, stored, self._lost(live, stored, ended))
            elif stored != live.instances[stored.task_id]:
                self.take_in(live, stored)
        self._forget_if_over(live)

    def take_in(self, live: LiveRun, stored: TaskInstance) -> None:
        """A task instance was found as its own process recorded it: decide what follows."""
        self.board.put(live, stored)
        if stored.state is TaskState.FAILED and live.spec.fail_fast and live.run.state is RunState.RUNNING:
            self.decree(live, lambda: decisions.fail_fast(live, self.clock(), stored.task_id))
        self.follow(live, [stored.task_id])

    def _end(self, live: LiveRun, stored: TaskInstance, after: TaskInstance) -> None:
        """Write the end of an attempt that has no process to do it, nor to call the callbacks of its task."""
        failed = after.state in (TaskState.FAILED, TaskState.UP_FOR_RETRY)
        told = failed and live.graph.tasks[stored.task_id].has_failure_callbacks
        self.settle(live, Moves((TaskMove(stored, after),)), lost=after if told else None)

    def _lost(self, live: LiveRun, stored: TaskInstance, ended: Ended) -> TaskInstance:
        """What becomes of an attempt whose process ended without recording how."""
        task = live.graph.tasks[stored.task_id]
        if stored.state is TaskState.RESTARTING:
            return requests.cleared(stored, task.retries)
        now = self.clock()
        reason = ended.reason or f"its process ended with exit code {ended.exit_code} and recorded nothing"
        log.warning("%s was lost: %s", key_of(live, stored), reason)
        state, next_at = after_failure(task, stored.try_number, stored.max_tries, now)
        return replace(stored, state=state, ended_at=now, next_at=next_at, reason=reason)

    def _on_not_started(self, live: LiveRun, stored: TaskInstance, ended: Ended) -> None:
        """The executor could not start it: it waits for a place again, a few times."""
        attempt = replace(ended.key, dispatch=0)
        self._starts[attempt] = count = self._starts.get(attempt, 0) + 1
        reason = ended.reason or f"its process ended with exit code {ended.exit_code} before it began (see its log)"
        log.warning("%s could not be started: %s", key_of(live, stored), reason)
        if count < MAX_STARTS:
            after = replace(stored, state=TaskState.SCHEDULED, reason=f"to be started again: {reason}")
        else:
            del self._starts[attempt]
            reason = f"could not be started {count} times: {reason}"
            after = replace(stored, state=TaskState.FAILED, ended_at=self.clock(), reason=reason)
        self._end(live, stored, after)

    def _on_callback_ended(self, live: LiveRun, ended: Ended) -> None:
        del self.dispatcher.callbacks[ended.key]
        of_run = not ended.key.task_id
        if ended.exit_code != 0:
            what = live.run.run_id if of_run else str(ended.key)
            log.error("The callback of %s failed: %s", what, ended.reason or f"exit {ended.exit_code}")
        if of_run:
            self.store.callback_done(live.run)
            live.run = replace(live.run, callback_due=False)
        self._forget_if_over(live)

    def on_timer(self, live: LiveRun, task_id: str) -> None:
        """A retry or re-look is due, or (no task id) the run's own time may be over."""
        if task_id:
            self.follow(live, [task_id])
            return
        due = deadline(live)
        if due is not None and due <= self.clock():
            reason = f"its dagrun_timeout of {live.spec.dagrun_timeout:g} s passed"
            self.decree(live, lambda: decisions.give_up(live, self.clock(), reason))

    def on_request(self, request: Request) -> None:
        """Carry out what a person asked of a run. A request that cannot be carried out is logged and dropped."""
        live = self.find(request.dag_id, request.run_id)
        if live is None:
            return  # another scheduler holds the run
        try:
            self._carry_out(live, request)
        except StoreError:
            raise
        except (TradewindError, KeyError, TypeError) as error:
            log.error("%s of %s cannot be carried out: %s", request.kind, request.run_id, error)
        self.store.delete_requests([request.id])

    def _carry_out(self, live: LiveRun, request: Request) -> None:
        if request.kind == "delete_run":
            self.decree(live, lambda: decisions.give_up(live, self.clock(), "the run is deleted"))
            self.board.drop(live.run.id)
            self.store.delete_run(live.run.dag_id, live.run.run_id)
            return
        if request.kind == "clear" and live.run.state.is_finished and not request.arguments.get("keep_version"):
            live = self._renew(live)
        self.decree(live, lambda: requests.moves_of(request, live, self.clock()), request)

    def _renew(self, live: LiveRun) -> LiveRun:
        """Move an ended run that is cleared to the newest version of its DAG, so that a mended file takes effect."""
        newest = self.store.dag(live.run.dag_id)
        same = (newest.version, newest.file_hash) == (live.run.version, live.file_hash)
        if same or not newest.spec.rerun_with_latest_version:
            return live
        self.store.renew_run(live.run)
        self.board.drop(live.run.id)
        renewed = self.leases.reload(live)
        if renewed is None:
            raise StoreError(f"{live.run.run_id} of {live.run.dag_id} was taken over by another scheduler.")
        self.board.add(renewed)
        return renewed

    # -- consequences ----------------------------------------------------------------------------------------------

    def follow(self, live: LiveRun, changed: Iterable[str]) -> None:
        """Decide and write what follows from tasks that have changed or fallen due."""
        changed = list(changed)
        moves = decisions.decide(live, changed, self.clock(), self.leases.past(live, self.board.runs))
        if moves:
            self.settle(live, self.dispatcher.admit_within(live, moves), decided=True)
        if live.graph.uses_past and any(live.instances[task_id].state in FINISHED for task_id in changed):
            self._nudge_next_run(live)

    def settle(self, live: LiveRun, moves: Moves, *, decided: bool = False, lost: TaskInstance | None = None) -> None:
        """Write moves of one run, act on them, and decide what follows from them (unless `decided` already).

        `lost` is the end of an attempt among them that the callbacks of its task have still to be told of.
        """
        applied = self.store.apply(live.run, moves)
        if not applied.ok:
            self._lost_lease(live)
        elif applied.refused:
            for move in applied.refused:
                self._meet_again(live, self.store.task(live.run.id, move.before.task_id, move.before.map_index))
        else:
            if lost is not None:  # first, so that the run is kept till they are through
                self.dispatcher.submit_lost(live, lost)
            self._written(live, moves, decided)

    def _meet_again(self, live: LiveRun, stored: TaskInstance) -> None:
        """A task instance was moved by its own process, which was quicker than this scheduler."""
        if stored.state not in HELD:
            self.take_in(live, stored)
            return
        self.board.put(live, stored)
        if key_of(live, stored) not in self.dispatcher.in_flight:
            ended = self.dispatcher.adopt(live, stored)
            if ended is not None:
                self.on_ended(live, ended)

    def decree(self, live: LiveRun, wanted: Callable[[], Moves], request: Request | None = None) -> None:
        """Write moves that concern running attempts too, worked out anew till none of those interferes."""
        for _ in range(DECREE_TRIES):
            self._look_at_held(live)
            moves = wanted()
            if not moves:
                return
            applied = self.store.apply(live.run, moves, handled_requests=[request.id] if request else ())
            if not applied.ok:
                self._lost_lease(live)
                return
            if not applied.refused:
                self._written(live, moves, False)
                return
        raise StoreError(f"{live.run.run_id} of {live.run.dag_id} changed too fast to be changed by hand; try again.")

    def _look_at_held(self, live: LiveRun) -> None:
        for instance in [instance for instance in live.instances.values() if instance.state in HELD]:
            self.board.put(live, self.store.task(live.run.id, instance.task_id, instance.map_index))

    def _written(self, live: LiveRun, moves: Moves, decided: bool) -> None:
        """Take written moves into memory and act on them."""
        self.dispatcher.cancel(live, moves.tasks)
        ended_now = moves.run is not None and moves.run.after.state.is_finished
        self.board.commit(live, moves)
        self.dispatcher.submit(live, (move.after for move in moves.tasks if move.after.state is TaskState.QUEUED))
        if ended_now:
            self._on_run_ended(live)
        elif not decided:
            self.follow(live, [move.after.task_id for move in moves.tasks if move.after.state not in HELD])

    def _nudge_next_run(self, live: LiveRun) -> None:
        """Tasks of a later run may have waited for this one."""
        later = [
            other for other in self.board.running(live.run.dag_id) if other.run.logical_date > live.run.logical_date
        ]
        if later:
            following = min(later, key=lambda other: other.run.logical_date)
            waiting = [t for t, instance in following.instances.items() if instance.state is None]
            self.follow(following, waiting)

    def _lost_lease(self, live: LiveRun) -> None:
        log.error("%s of %s was taken over by another scheduler.", live.run.run_id, live.run.dag_id)
        self.board.drop(live.run.id)

    # -- runs ------------------------------------------------------------------------------------------------------

    def find(self, dag_id: str, run_id: str) -> LiveRun | None:
        return next(
            (live for live in self.board.runs.values() if (live.run.dag_id, live.run.run_id) == (dag_id, run_id)), None
        )

    def claim(self, dead: Iterable[str] = ()) -> None:
        """Take the lease of runs that nobody holds, or that schedulers held which are dead."""
        for live in self.leases.claim(self.clock(), list(dead)):
            self._safely(live, self.take_up, live)

    def take_up(self, live: LiveRun) -> None:
        """Go on with a run from wherever its last scheduler, or an error of the store, left it."""
        self.board.add(live)
        for instance in [instance for instance in live.instances.values() if instance.state in HELD]:
            if key_of(live, instance) in self.dispatcher.in_flight:
                continue
            if instance.state is TaskState.QUEUED:  # handed over, perhaps: whoever writes first goes on
                back = replace(instance, state=TaskState.SCHEDULED)
                self.settle(live, Moves((TaskMove(instance, back),)), decided=True)
                continue
            ended = self.dispatcher.adopt(live, instance)
            if ended is not None:
                self.on_ended(live, ended)
            elif instance.state is TaskState.RESTARTING:  # it may not have been told, or not have listened
                self.dispatcher.executor.cancel(key_of(live, instance))
        if live.run.callback_due and not self.dispatcher.busy(live) and not self.dispatcher.closed:
            self.dispatcher.submit_callback(live)
        if live.run.state is RunState.RUNNING:
            self.follow(live, live.graph.tasks)
        self._forget_if_over(live)

    def create_due_runs(self) -> None:
        """Create the runs that schedules call for, as far as `max_active_runs` of each DAG allows."""
        now = self.clock()
        for dag in self.planner.due(now):
            while len(self.board.unfinished(dag.dag_id)) < dag.spec.max_active_runs:
                planned = self.planner.plans.get(dag.dag_id)
                if planned is None or planned.run_after > now:
                    break
                run = self.store.create_run(scheduled_run(dag.dag_id, planned), now)
                dag = replace(dag, last_logical_date=planned.logical_date, last_interval_end=planned.interval_end)
                self.planner.plan(dag, now)
                if run is not None:
                    self.claim()

    def start_queued_runs(self) -> None:
        """Start queued runs, oldest first, as far as `max_active_runs` of each DAG allows."""
        queued = [live for live in self.board.runs.values() if live.run.state is RunState.QUEUED]
        for live in sorted(queued, key=lambda live: (live.run.logical_date, live.run.id)):
            held_up = self._is_paused(live.run.dag_id) or live.run.id in self._stale
            if not held_up and len(self.board.running(live.run.dag_id)) < live.spec.max_active_runs:
                self._safely(live, self._start, live)

    def _start(self, live: LiveRun) -> None:
        moves = decisions.start(live, self.clock(), self.leases.past(live, self.board.runs))
        self.settle(live, self.dispatcher.admit_within(live, moves), decided=True)

    def _on_run_ended(self, live: LiveRun) -> None:
        log.info("%s of %s ended: %s", live.run.run_id, live.run.dag_id, live.run.state)
        self._pause_after_failures(live)
        if live.run.callback_due:
            self.dispatcher.submit_callback(live)
        self._forget_if_over(live)

    def _pause_after_failures(self, live: LiveRun) -> None:
        limit = live.spec.max_consecutive_failed_runs
        if not limit or live.run.state is not RunState.FAILED:
            return
        failed = self.store.runs(live.run.dag_id, state=RunState.FAILED, limit=limit)
        good = self.store.runs(live.run.dag_id, state=RunState.SUCCESS, limit=1)
        if len(failed) == limit and all(run.logical_date < failed[-1].logical_date for run in good):
            log.error("%s is paused: its last %d runs failed.", live.run.dag_id, limit)
            self.store.set_paused(live.run.dag_id, True)
            self.read_dags()

    def _forget_if_over(self, live: LiveRun) -> None:
        """Let go of a run that has ended, once its processes and its callback are through."""
        over = live.run.state.is_finished and not live.run.callback_due
        wanted = (live.run.dag_id, live.run.run_id) in self._asked or self.dispatcher.busy(live)
        if over and not wanted and live.run.id in self.board.runs:
            self.board.drop(live.run.id)
            self.leases.release(live)

    def _reload_stale(self) -> None:
        now = self.clock()
        for run_id in [run_id for run_id, due in self._stale.items() if due <= now]:
            del self._stale[run_id]
            live = self.board.runs.get(run_id)
            if live is not None:
                self._safely(live, self._read_again, live)

    def _read_again(self, live: LiveRun) -> None:
        """Memory may differ from the store after an error of the store: the store is right."""
        fresh = self.leases.reload(live)
        self.board.drop(live.run.id)
        if fresh is not None:
            self.take_up(fresh)

    # -- what others change ----------------------------------------------------------------------------------------

    def take_in_changes(self) -> None:
        """Look for what people and other processes changed in the metadata database, if anything changed at all."""
        marker = self.store.change_marker()
        if marker == self._marker:
            return
        self._marker = marker
        self.read_dags()
        asked = self.store.requests()
        self._asked = {(request.dag_id, request.run_id) for request in asked}
        self.claim()  # takes runs that something is asked of, ended ones too
        for request in asked:
            try:
                self.on_request(request)
            except StoreError as error:
                log.error("%s of %s is tried again: %s", request.kind, request.run_id, error)
                self._marker = None
        self._asked = set()
        for request in asked:
            live = self.find(request.dag_id, request.run_id)
            if live is not None:
                self._forget_if_over(live)

    def read_dags(self) -> None:
        self.dispatcher.pools = self.store.pools()
        self.planner.set_dags(self.store.dags(), self.clock())

    def _is_paused(self, dag_id: str) -> bool:
        dag = self.planner.dags.get(dag_id)
        return dag is not None and dag.paused

    def take_in_files(self) -> None:
        """Save what the watch has read."""
        if self.watch is None:
            return
        changed: list[str] = []
        for found in self.watch.take():
            if isinstance(found, ParsedFile):
                changed += self.store.save_parsed(found, self.clock())
            else:
                changed += self.store.remove_file(found)
        if changed:
            for path, file_hash in self.store.files().items():
                if not file_hash:  # a DAG of it was refused, since another file had one of that name
                    self.watch.read_again(path)
