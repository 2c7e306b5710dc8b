"""A scheduler whose attempts are played: the real store and loop, a clock that the test moves, no processes."""

import dataclasses
import datetime

import pytest

from tradewind import settings
from tradewind.executor.contract import Ended, Executor
from tradewind.records import Outcome, ParsedFile, spec_hash
from tradewind.runner.arguments import read
from tradewind.runner.retries import after_failure
from tradewind.scheduler.loop import Loop
from tradewind.scheduler.planner import triggered_run
from tradewind.states import TaskState
from tradewind.store import Store


class PlayedExecutor(Executor):
    """Holds what it is handed until the test says that it is over."""

    def __init__(self, found):
        super().__init__(found)
        self.held = {}  #: key -> command line
        self.ended = []
        self.cancelled = []

    def start(self): ...

    slots = 1000

    def submit(self, key, argv, log_path, affinity=""):
        assert key not in self.held
        self.held[key] = read(argv)

    def poll(self, timeout):
        ended, self.ended = self.ended, []
        return ended

    def wake(self): ...

    def cancel(self, key):
        self.cancelled.append(key)

    def adopt(self, key, host, pid, process):
        return key in self.held

    def stop(self, grace):
        return []


class PlayedScheduler:
    """The scheduler and everything that a test wants to do to it."""

    def __init__(self, folder):
        found = settings.read({"TRADEWIND_HOME": str(folder)})
        self.now = datetime.datetime(2026, 3, 2, tzinfo=datetime.UTC)
        self.store = Store(settings=dataclasses.replace(found, parallelism=50))
        self.store.upgrade()
        self.store.register_scheduler("s", "here", 1, "", self.now)
        self.executor = PlayedExecutor(found)
        self.loop = Loop(
            self.store, self.executor, dataclasses.replace(found, parallelism=50), name="s", clock=lambda: self.now
        )

    def add(self, *dags):
        for dag in dags:
            spec = dag.spec()
            self.store.save_parsed(ParsedFile(f"/dags/{spec.dag_id}.py", spec_hash(spec), "", (spec,)), self.now)
        self.turn()

    def trigger(self, dag, **options):
        options.setdefault("name", f"run{len(self.store.runs())}")
        run = self.store.create_run(triggered_run(self.store.dag(dag.dag_id), self.now, **options), self.now)
        self.turn()
        return run

    def turn(self, **passes):
        self.now += datetime.timedelta(**passes)
        for _ in range(3):
            self.loop.step(0)

    def held(self, run=None):
        """Task ids that the executor holds, in the order in which it got them."""
        return [key.task_id for key in self.executor.held if run is None or key.run_id == run.run_id]

    def key(self, task_id, run=None):
        return next(
            key for key in self.executor.held if key.task_id == task_id and (run is None or key.run_id == run.run_id)
        )

    def end(self, task_id, run=None, state=TaskState.SUCCESS, skips=()):
        """The attempt starts, and records that it ended like this; "failed" as retries say."""
        key = self.key(task_id, run)
        begun = self.store.start_attempt(key, self.now, "here", 4711, "")
        assert begun is not None
        next_at = None
        if state is TaskState.FAILED:
            spec = next(task for task in begun[2].spec.tasks if task.task_id == task_id)
            state, next_at = after_failure(spec, key.try_number, begun[1].max_tries, self.now)
        self.store.finish_attempt(key, Outcome(state, self.now, next_at=next_at, skips=tuple(skips)))
        self.over(key, 0)

    def lose(self, task_id, run=None, *, started=True):
        """The attempt's process dies without a word."""
        key = self.key(task_id, run)
        if started:
            assert self.store.start_attempt(key, self.now, "here", 4711, "") is not None
        self.over(key, -9, "killed by signal 9")
        return key

    def over(self, key, exit_code, reason=""):
        del self.executor.held[key]
        self.executor.ended.append(Ended(key, exit_code, reason))
        self.turn()

    def states(self, run):
        return {task.task_id: task.state and str(task.state) for task in self.store.tasks(run.id)}

    def state(self, run):
        return str(self.store.run(run.dag_id, run.run_id).state)

    def runs(self, dag):
        return self.store.runs(dag.dag_id, newest_first=False)


@pytest.fixture
def played(tmp_path):
    scheduler = PlayedScheduler(tmp_path / "home")
    yield scheduler
    scheduler.store.close()
