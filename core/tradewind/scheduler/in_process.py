"""A whole DAG in the current process, without a database: `dag.test()`, `python my_dag.py`, `tradewind run FILE`.

The decisions are those of the scheduler, the execution is that of the runner; only store and executor are missing.
Tasks run one after the other in the main thread, so that a debugger works. Retries follow at once: their delay is of
use only when something outside needs time. The next look of a sensor is waited for.
"""

from __future__ import annotations

import datetime
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from tradewind import params, xcom
from tradewind.context import MemoryTaskApi, build_run_context
from tradewind.errors import NotFound
from tradewind.records import DagSpec, Moves, Outcome, Run, TaskInstance
from tradewind.runner import callbacks
from tradewind.runner.execution import execute_task
from tradewind.runner.interrupts import Interrupts
from tradewind.scheduler import decide as decisions
from tradewind.scheduler.board import key_of
from tradewind.scheduler.live import LiveRun, build_graph
from tradewind.scheduler.planner import run_id
from tradewind.states import FINISHED, RunState, RunType, TaskState

log = logging.getLogger("tradewind.run")


@dataclass(frozen=True)
class Progress:
    """Something happened to a task, or (task_id "") to the run."""

    task_id: str
    state: str
    seconds: float | None = None  #: how long the attempt took, where one ended
    reason: str = ""


@dataclass
class InProcessRun:
    """The finished run."""

    run: Run
    instances: dict[str, TaskInstance]
    api: MemoryTaskApi = field(repr=False)

    @property
    def state(self) -> RunState:
        return self.run.state

    @property
    def task_states(self) -> dict[str, TaskState | None]:
        return {task_id: instance.state for task_id, instance in self.instances.items()}

    def get_task_instance(self, task_id: str) -> TaskInstance:
        """The task instance as it ended. Raises NotFound."""
        if task_id not in self.instances:
            raise NotFound(f"The DAG {self.run.dag_id!r} has no task {task_id!r}.")
        return self.instances[task_id]

    def xcom(self, task_id: str, key: str = xcom.RETURN_KEY) -> Any:
        """A value that a task passed on, or None."""
        text = self.api.xcom_get(self.run.dag_id, self.run.run_id, task_id, key)
        return None if text is None else xcom.loads(text)


def run_dag(
    dag: Any,
    logical_date: datetime.datetime | None = None,
    conf: Mapping[str, Any] | None = None,
    on_event: Callable[[Progress], None] | None = None,
) -> InProcessRun:
    """Run the DAG once and return the finished run.

    `logical_date` is now unless given; the data interval is that of a run triggered at that moment. Without
    `on_event` progress is logged. Raises DagError, ParamError or UsageError before anything runs; a failing task
    raises nothing.
    """
    spec = dag.spec()
    run = run_of(spec, logical_date, conf, RunState.QUEUED)
    live = LiveRun.build(run, spec, [], build_graph(spec))
    return _Play(dag, live, on_event or _log_progress()).play()


def run_of(
    spec: DagSpec, logical_date: datetime.datetime | None, conf: Mapping[str, Any] | None, state: RunState
) -> Run:
    """A run that is in no database, as if somebody had triggered it. Raises ParamError if `conf` breaks the params."""
    now = _now()
    moment = logical_date or now
    interval = spec.schedule.manual_interval(moment)
    params.resolve(spec.params, conf or {}, spec.dag_id)
    return Run(
        id=0,
        dag_id=spec.dag_id,
        run_id=run_id(RunType.MANUAL, moment),
        type=RunType.MANUAL,
        state=state,
        logical_date=moment,
        data_interval_start=interval.start,
        data_interval_end=interval.end,
        version="",
        queued_at=now,
        started_at=None if state is RunState.QUEUED else now,
        conf=dict(conf or {}),
    )


class _Play:
    def __init__(self, dag: Any, live: LiveRun, tell: Callable[[Progress], None]) -> None:
        self.dag = dag
        self.live = live
        self.tell = tell
        self.api = MemoryTaskApi()

    def play(self) -> InProcessRun:
        self.commit(decisions.start(self.live, _now()))
        try:
            while not self.live.run.state.is_finished:
                self.step()
        except KeyboardInterrupt:
            self.commit(decisions.give_up(self.live, _now(), "interrupted"))
            raise
        finally:
            self.call_back()
        return InProcessRun(self.live.run, self.live.instances, self.api)

    def step(self) -> None:
        """Run the next task that is ready, or wait for the next one that will be."""
        ready = [i for i in self.live.instances.values() if i.state is TaskState.SCHEDULED]
        if ready:
            tasks, positions = self.live.graph.tasks, self.live.graph.positions
            self.attempt(min(ready, key=lambda i: (-tasks[i.task_id].priority, positions[i.task_id])))
            return
        waiting = [i for i in self.live.instances.values() if i.next_at is not None]
        if not waiting:
            self.commit(decisions.give_up(self.live, _now(), f"nothing can go on: {'; '.join(self._hindrances())}"))
            return
        soonest = min(waiting, key=lambda instance: instance.next_at or _now())
        assert soonest.next_at is not None
        time.sleep(max(0.0, (soonest.next_at - _now()).total_seconds()))
        self.commit(decisions.decide(self.live, [soonest.task_id], _now()))

    def _hindrances(self) -> list[str]:
        """Why tasks that could be decided about are not: a run in one process has no run before it."""
        tasks = self.live.graph.tasks
        undecided = [tasks[task_id] for task_id, i in self.live.instances.items() if i.state is None]
        told = [(task.task_id, decisions.blocked_by_past(task, self.live, None)) for task in undecided]
        return [f"{task_id}: {why}" for task_id, why in told if why]

    def attempt(self, ready: TaskInstance) -> None:
        started = _now()
        running = replace(ready, state=TaskState.RUNNING, dispatch=ready.dispatch + 1, started_at=started)
        self.put(running)
        self.tell(Progress(ready.task_id, "running"))
        task = self.dag.get_task(ready.task_id)
        try:
            outcome = execute_task(
                *(self.dag, task, self.live.run, running, self.api),
                record=lambda outcome: self.record(running, outcome),
                interrupts=Interrupts(),
            )
        except KeyboardInterrupt:
            ended = replace(running, state=TaskState.FAILED, ended_at=_now(), reason="interrupted")
            self.put(ended)
            self.tell(Progress(ended.task_id, str(ended.state), (_now() - started).total_seconds(), ended.reason))
            raise
        self.take_in(running, outcome, started)

    def record(self, running: TaskInstance, outcome: Outcome) -> bool:
        """Let callbacks see how the attempt ended."""
        ended = replace(running, state=outcome.state, ended_at=outcome.ended_at, reason=outcome.reason)
        self.api.record_task(self.live.run, ended)
        return True

    def take_in(self, running: TaskInstance, outcome: Outcome, started: datetime.datetime) -> None:
        next_at = outcome.next_at
        if outcome.state is TaskState.UP_FOR_RETRY:
            next_at = outcome.ended_at
        if outcome.state is TaskState.UP_FOR_RESCHEDULE:
            self.api.record_reschedule(key_of(self.live, running), started)
        self.put(
            replace(
                running,
                state=outcome.state,
                ended_at=outcome.ended_at,
                next_at=next_at,
                skips=outcome.skips,
                reason=outcome.reason,
            )
        )
        seconds = (outcome.ended_at - started).total_seconds()
        self.tell(Progress(running.task_id, outcome.state.value, seconds, outcome.reason))
        if outcome.state is TaskState.FAILED and self.live.spec.fail_fast:
            self.commit(decisions.fail_fast(self.live, _now(), running.task_id))
        self.commit(decisions.decide(self.live, [running.task_id], _now()))

    def put(self, instance: TaskInstance) -> None:
        self.live.put(instance)
        self.api.record_task(self.live.run, instance)

    def commit(self, moves: Moves) -> None:
        for move in moves.tasks:
            self.put(move.after)
            if move.after.state in FINISHED:
                self.tell(Progress(move.after.task_id, str(move.after.state), None, move.after.reason))
        if moves.run is not None:
            self.live.run = moves.run.after
            self.api.record_run(self.live.run)
            self.tell(Progress("", moves.run.after.state.value, None, moves.run.after.reason))

    def call_back(self) -> None:
        """The DAG-level callback, as in a scheduled run."""
        run = self.live.run
        if run.callback_due:
            name = "on_success_callback" if run.state is RunState.SUCCESS else "on_failure_callback"
            context = build_run_context(self.dag, run, self.api, reason=run.reason or None)
            callbacks.call(getattr(self.dag, name, None), context, name)


#: States of tasks and runs that are told as errors.
_BAD = frozenset({"failed", "upstream_failed"})


def _log_progress() -> Callable[[Progress], None]:
    """Log to standard error, unless the caller has set logging up."""
    if not logging.getLogger().handlers:
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")

    def tell(event: Progress) -> None:
        name = f"task {event.task_id}" if event.task_id else "the run"
        took = f" after {event.seconds:.2f} s" if event.seconds is not None else ""
        why = f" ({event.reason})" if event.reason else ""
        level = logging.ERROR if event.state in _BAD else logging.INFO
        log.log(level, "%s: %s%s%s", name, event.state, took, why)

    return tell


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
