"""The scheduler's loop: takes one event at a time, lets `decide` and `admit` say what follows, writes it, acts on it.

Events are ended attempts (from the executor), timers, changes that others made in the metadata database, and DAG files
that the watch has read. What follows from one event is written in one transaction, conditional on the run's lease;
only then is it taken into memory and handed to the executor. A crash between any two steps leaves something that the
next scheduler finds when it claims the run: see `take_up`.
"""

from __future__ import annotations

import datetime
import logging
from collections.abc import Callable, Iterable, Iterator

from msgspec.structs import replace

from tradewind.errors import NotFound, StoreError, UsageError
from tradewind.executor.contract import Ended, Executor
from tradewind.records import DagInfo, Moves, Request, TaskInstance, TaskKey, TaskMove
from tradewind.runner.retries import after_failure
from tradewind.scheduler import decide as decisions
from tradewind.scheduler import requests
from tradewind.scheduler.board import Board, by_run, deadline, key_of
from tradewind.scheduler.desk import Desk
from tradewind.scheduler.dispatch import Dispatcher, key_of_callback
from tradewind.scheduler.leases import Leases
from tradewind.scheduler.live import LiveRun
from tradewind.scheduler.planner import Planner, scheduled_run
from tradewind.scheduler.watch import DagWatch
from tradewind.settings import Settings
from tradewind.states import FINISHED, HELD, RunState, TaskState
from tradewind.store import Store

log = logging.getLogger("tradewind.scheduler")

#: An attempt that the executor cannot start is handed over again after each of these pauses, in seconds; then the task
#: counts as failed.
START_PAUSES = (1.0, 15.0)

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
        self.dispatcher.paused = self.is_paused
        self.desk = Desk(self)
        #: Errors that concern the run alone that the loop was busy with: the others go on, and it is read again.
        self.contained: tuple[type[Exception], ...] = (StoreError, NotFound)
        self._stale: dict[int, datetime.datetime] = {}  #: Run.id -> when to read it again
        self._nudged: dict[int, set[str]] = {}  #: Run.id -> tasks that waited for the run before theirs

    # -- turning ---------------------------------------------------------------------------------------------------

    def step(self, timeout: float) -> None:
        """One turn: wait at most `timeout` seconds for an event, then do all that is due.

        Raises StoreError only if the metadata database cannot be read at all.
        """
        for ended in self.dispatcher.poll(self._patience(timeout)):
            self.on_ended_safely(ended)
        self._look_elsewhere()
        self.desk.take_in_files()
        self.desk.take_in_changes()
        for live, task_id in list(self.board.due(self.clock())):
            self.safely(live, self.on_timer, live, task_id)
        self._reload_stale()
        try:
            self.create_due_runs()
        finally:  # whatever becomes of new runs, the others go on
            self.start_queued_runs()
            self._nudge()
            self._look_what_others_take()
            for live, moves in by_run(self.dispatcher.starts()).values():
                self.safely(live, self.settle, live, Moves(tuple(moves)))

    def _look_what_others_take(self) -> None:
        dispatcher = self.dispatcher
        if dispatcher.beside and self.board.ready:
            dispatcher.taken_elsewhere = self.store.slots_taken_by_others(self.leases.name)
        elif not dispatcher.beside:
            dispatcher.taken_elsewhere = {}

    def _patience(self, timeout: float) -> float:
        """How long this turn may wait for an ended attempt."""
        now = self.clock()
        if self._nudged:
            return 0.0
        for moment in (self.board.next_due(), self.planner.next_due()):
            if moment is not None:
                timeout = min(timeout, (moment - now).total_seconds())
        return max(0.0, timeout)

    def safely(self, live: LiveRun, action: Callable[..., None], *arguments: object) -> None:
        """Do something with one run; an error concerns that run alone, which is read again later."""
        try:
            action(*arguments)
        except self.contained as error:
            known = isinstance(error, (StoreError, NotFound))
            told = "%s of %s is read again in a second: %s"
            log.error(told, live.run.run_id, live.run.dag_id, error, exc_info=None if known else error)
            self.read_later(live)

    def read_later(self, live: LiveRun) -> None:
        """What is in memory about the run may not be what is stored: read it again in a second."""
        self._stale[live.run.id] = self.clock() + RELOAD_DELAY

    def on_ended_safely(self, ended: Ended) -> None:
        run_id = self.dispatcher.in_flight.get(ended.key, self.dispatcher.callbacks.get(ended.key))
        live = self.board.runs.get(run_id) if run_id is not None else None
        if live is None:
            self.dispatcher.let_go(ended.key)
        else:
            self.safely(live, self.on_ended, live, ended)

    def _look_elsewhere(self) -> None:
        """Attempts on other machines are watched by their signs of life."""
        for key in [key for key, due in self.dispatcher.elsewhere.items() if due <= self.clock()]:
            live = self.board.find(key.dag_id, key.run_id)
            if live is None:
                del self.dispatcher.elsewhere[key]
                self.dispatcher.let_go(key)
            else:
                self.safely(live, self._look_for_signs_of_life, live, key)

    def _look_for_signs_of_life(self, live: LiveRun, key: TaskKey) -> None:
        stored = self.store.task(live.run.id, key.task_id, key.map_index)
        at_work = stored.dispatch == key.dispatch and stored.state in HELD
        if at_work and self.dispatcher.gives_signs_of_life(stored):
            self.dispatcher.look_later(key)
            return
        del self.dispatcher.elsewhere[key]
        self.on_ended(live, Ended(key, None, "it gave no sign of life for too long, on another machine"))

    # -- events ----------------------------------------------------------------------------------------------------

    def on_ended(self, live: LiveRun, ended: Ended) -> None:
        """An attempt's process is gone: take in what it recorded, or record that it was lost."""
        if ended.key in self.dispatcher.callbacks:
            self._on_callback_ended(live, ended)
            return
        self.dispatcher.let_go(ended.key)
        stored = self.store.task(live.run.id, ended.key.task_id, ended.key.map_index)
        if stored.state is not TaskState.QUEUED:
            live.unstarted.pop(stored.task_id, None)
        if stored.task_id in live.instances and stored.dispatch == ended.key.dispatch:
            if stored.state in HELD:
                self.dispatcher.note_log(ended.key)
            if stored.state is TaskState.QUEUED:
                self._on_not_started(live, stored, ended)
            elif stored.state in HELD:
                self._end(live, stored, self._lost(live, stored, ended))
            elif stored != live.instances[stored.task_id]:
                if ended.was_killed and live.tells_of(stored):  # after it had recorded that, and before it told of it
                    self.dispatcher.submit_lost(live, stored)
                self.take_in(live, stored)
        self.forget_if_over(live)

    def take_in(self, live: LiveRun, stored: TaskInstance) -> None:
        """A task instance was found as its own process recorded it: decide what follows."""
        self.board.put(live, stored)
        if stored.state in FINISHED:
            self.nudge_after(live, [stored.task_id])
        self.follow(live, [stored.task_id])

    def _end(self, live: LiveRun, stored: TaskInstance, after: TaskInstance) -> None:
        """Write the end of an attempt that has no process to do it, nor to call the callbacks of its task."""
        self.settle(live, Moves((TaskMove(stored, after),)), lost=after if live.tells_of(after) else None)

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
        count = live.unstarted.get(stored.task_id, 0)
        reason = ended.reason or f"its process ended with exit code {ended.exit_code} before it began (see its log)"
        log.warning("%s could not be started: %s", key_of(live, stored), reason)
        now = self.clock()
        if count < len(START_PAUSES):
            live.unstarted[stored.task_id] = count + 1
            next_at = now + datetime.timedelta(seconds=START_PAUSES[count])
            reason = f"to be started again: {reason}"
            after = replace(stored, state=TaskState.SCHEDULED, next_at=next_at, reason=reason)
        else:
            live.unstarted.pop(stored.task_id, None)
            reason = f"could not be started {count + 1} times: {reason}"
            after = replace(stored, state=TaskState.FAILED, ended_at=now, reason=reason)
        self._end(live, stored, after)

    def _on_callback_ended(self, live: LiveRun, ended: Ended) -> None:
        self.dispatcher.let_go(ended.key)
        of_run = not ended.key.task_id
        if ended.exit_code != 0:
            what = live.run.run_id if of_run else str(ended.key)
            log.error("The callback of %s failed: %s", what, ended.reason or f"exit {ended.exit_code}")
        if of_run and live.run.callback_due and ended.key == key_of_callback(live.run):
            if ended.was_killed and ended.key not in live.called_again and not self.dispatcher.closed:
                live.called_again.add(ended.key)
                self.dispatcher.submit_callback(live)
                return
            self.store.callback_done(live.run)
            live.run = replace(live.run, callback_due=False)
        self.forget_if_over(live)

    def on_timer(self, live: LiveRun, task_id: str) -> None:
        """A retry, a re-look or a new start is due, or (no task id) the run's own time may be over."""
        if task_id:
            self._on_task_due(live, live.instances.get(task_id))
            return
        due = deadline(live)
        if due is not None and due <= self.clock():
            reason = f"its dagrun_timeout of {live.spec.dagrun_timeout:g} s passed"
            self.decree(live, lambda: decisions.give_up(live, self.clock(), reason))

    def _on_task_due(self, live: LiveRun, instance: TaskInstance | None) -> None:
        if instance is None or instance.next_at is None:
            return  # something else became of it
        if instance.next_at > self.clock():
            self.board.put(live, instance)  # the clock was put back: wait again
        elif instance.state is TaskState.SCHEDULED:
            self.board.put(live, replace(instance, next_at=None))
        else:
            self.follow(live, [instance.task_id])

    # -- consequences ----------------------------------------------------------------------------------------------

    def follow(self, live: LiveRun, changed: Iterable[str]) -> None:
        """Decide and write what follows from tasks that have changed or fallen due."""
        changed = list(changed)
        self._fail_fast(live, changed)
        moves = decisions.decide(live, changed, self.clock(), self.leases.past(live, self.board.runs))
        if moves:
            self.settle(live, self.dispatcher.admit_within(live, moves), decided=True)

    def _fail_fast(self, live: LiveRun, changed: Iterable[str]) -> None:
        """If the DAG fails fast and one of the tasks has failed in this go of the run, end the others."""
        began = live.run.started_at
        if not live.spec.fail_fast or live.run.state is not RunState.RUNNING or began is None:
            return
        failed = [i for i in map(live.instances.__getitem__, changed) if i.state is TaskState.FAILED]
        fresh = [i.task_id for i in failed if i.ended_at is not None and i.ended_at >= began]
        if fresh:
            self.decree(live, lambda: decisions.fail_fast(live, self.clock(), fresh[0]))

    def settle(self, live: LiveRun, moves: Moves, *, decided: bool = False, lost: TaskInstance | None = None) -> None:
        """Write moves of one run, act on them, and decide what follows from them (unless `decided` already).

        `lost` is the end of an attempt among them that the callbacks of its task have still to be told of.
        """
        applied = self.store.apply(live.run, moves, pools=self.dispatcher.pools)
        if not applied.ok:
            self._lost_lease(live)
        elif applied.crowded:
            self.dispatcher.beside = True
            if decided:  # what should have been written with it is decided anew; else it just stays in line
                self.read_later(live)
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
        self.nudge_after(live, (move.after.task_id for move in moves.tasks if move.after.state in FINISHED))
        if ended_now:
            self._on_run_ended(live)
        elif not decided:
            self.follow(live, [move.after.task_id for move in moves.tasks if move.after.state not in HELD])

    def nudge_after(self, live: LiveRun, ended: Iterable[str]) -> None:
        """Tasks of the next run may have waited for these; `_nudge` looks at them in this turn or the next."""
        if not live.graph.uses_past:
            return
        running = self.board.of_dag(live.run.dag_id).running.values()
        later = [other for other in running if other.run.logical_date > live.run.logical_date]
        following = min((other.run.logical_date for other in later), default=None)
        for other in later:
            if other.run.logical_date == following:
                waiting = {task_id for name in ended for task_id in (name, *live.graph.upstream(name))}
                self._nudged.setdefault(other.run.id, set()).update(waiting & other.instances.keys())

    def _nudge(self) -> None:
        while self._nudged:
            run_id, waiting = self._nudged.popitem()
            live = self.board.runs.get(run_id)
            if live is not None:
                self.safely(live, self.follow, live, waiting)

    def _lost_lease(self, live: LiveRun) -> None:
        log.error("%s of %s was taken over by another scheduler, or deleted.", live.run.run_id, live.run.dag_id)
        self.board.drop(live.run.id)

    # -- runs ------------------------------------------------------------------------------------------------------

    def claim(self, dead: Iterable[str] = ()) -> None:
        """Take the lease of runs that nobody holds, or that schedulers held which are dead."""
        for live in self.leases.claim(self.clock(), list(dead)):
            self.safely(live, self.take_up, live)

    def take_up(self, live: LiveRun) -> None:
        """Go on with a run from wherever its last scheduler, or an error of the store, left it."""
        self.board.add(live)
        for instance in list(live.instances.values()):
            if key_of(live, instance) in self.dispatcher.in_flight:
                continue
            if instance.state not in HELD:
                self.dispatcher.watch_rest(live, instance)
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
        if live.run.callback_due and not self.dispatcher.calls_back(live) and not self.dispatcher.closed:
            self.dispatcher.submit_callback(live)
        if live.run.state is RunState.RUNNING:
            self.follow(live, live.graph.tasks)
        self.nudge_after(live, live.graph.tasks)
        self.forget_if_over(live)

    def create_due_runs(self) -> None:
        """Create the runs that schedules call for, as far as `max_active_runs` of each DAG allows."""
        now = self.clock()
        for dag in self.planner.due(now, self._room_for_new()):
            try:
                self._create_due(dag, now)
            except (NotFound, UsageError) as error:  # the DAG was deleted or changed this moment
                log.error("No run of %s can be made: %s", dag.dag_id, error)
                self.planner.plans.pop(dag.dag_id, None)

    def _room_for_new(self) -> Callable[[DagInfo], bool]:
        """Whether a DAG may have one more run; runs that other schedulers have count too."""
        elsewhere: dict[str, int] | None = None

        def has_room(dag: DagInfo) -> bool:
            nonlocal elsewhere
            unfinished = self.board.of_dag(dag.dag_id).unfinished
            if self.dispatcher.beside:
                elsewhere = self.store.unfinished_runs() if elsewhere is None else elsewhere
                unfinished = max(unfinished, elsewhere.get(dag.dag_id, 0))
            return unfinished < dag.spec.max_active_runs

        return has_room

    def _create_due(self, dag: DagInfo, now: datetime.datetime) -> None:
        while self._room_for_new()(dag):
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
        while startable := sorted(self._startable(), key=lambda live: (live.run.logical_date, live.run.id)):
            for live in startable:
                self.safely(live, self._start, live)

    def _startable(self) -> Iterator[LiveRun]:
        """Of each DAG as many queued runs as there is room for, its oldest ones."""
        for dag_id, of_dag in self.board.dags.items():
            if not of_dag.queued or self.is_paused(dag_id):
                continue
            room = len(of_dag.running)
            for _, run_id in of_dag.queued:
                live = of_dag.runs[run_id]
                if room >= live.spec.max_active_runs:
                    break
                if run_id not in self._stale:
                    room += 1
                    yield live

    def _start(self, live: LiveRun) -> None:
        moves = decisions.start(live, self.clock(), self.leases.past(live, self.board.runs))
        self.settle(live, self.dispatcher.admit_within(live, moves), decided=True)

    def _on_run_ended(self, live: LiveRun) -> None:
        log.info("%s of %s ended: %s", live.run.run_id, live.run.dag_id, live.run.state)
        if live.run.callback_due:
            self.dispatcher.submit_callback(live)
        self._pause_after_failures(live)
        self.forget_if_over(live)

    def _pause_after_failures(self, live: LiveRun) -> None:
        limit = live.spec.max_consecutive_failed_runs
        if not limit or live.run.state is not RunState.FAILED or live.run.id in self.desk.leaving:
            return
        failed = self.store.runs(live.run.dag_id, state=RunState.FAILED, limit=limit)
        good = self.store.runs(live.run.dag_id, state=RunState.SUCCESS, limit=1)
        if len(failed) == limit and all(run.logical_date < failed[-1].logical_date for run in good):
            log.error("%s is paused: its last %d runs failed.", live.run.dag_id, limit)
            self.store.set_paused(live.run.dag_id, True)
            self.desk.read_dags()

    def forget_if_over(self, live: LiveRun) -> None:
        """Let go of a run that has ended, once its processes and its callback are through."""
        if not live.run.state.is_finished or live.run.callback_due or self.board.runs.get(live.run.id) is not live:
            return
        wanted = (live.run.dag_id, live.run.run_id) in self.desk.asked or live.run.id in self.desk.leaving
        if not wanted and not self.dispatcher.busy(live):
            self.leases.release(live)  # first: a lease that is kept by mistake would keep everybody from the run
            self.board.drop(live.run.id)

    def _reload_stale(self) -> None:
        now = self.clock()
        for run_id in [run_id for run_id, due in self._stale.items() if not due - RELOAD_DELAY <= now < due]:
            del self._stale[run_id]
            live = self.board.runs.get(run_id)
            if live is not None:
                self.safely(live, self.read_again, live)

    def read_again(self, live: LiveRun) -> None:
        """Memory may differ from the store after an error of the store: the store is right."""
        fresh = self.leases.reload(live)
        self.board.drop(live.run.id)
        if fresh is not None:
            self.take_up(fresh)

    def is_paused(self, dag_id: str) -> bool:
        dag = self.planner.dags.get(dag_id)
        return dag is not None and dag.paused
