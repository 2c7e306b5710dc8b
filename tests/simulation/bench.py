"""A scheduler on a bench: the real loop and store, played processes, and a clock that the test moves."""

from __future__ import annotations

import datetime
from typing import Any

from tradewind.errors import StoreError
from tradewind.executor.contract import Ended
from tradewind.records import DagSpec, NewRun, Outcome, ParsedFile, TaskSpec
from tradewind.scheduler.loop import Loop
from tradewind.states import RunType, TaskState
from tradewind.store import Store

from .machine import Machine, PlayedExecutor, replace_settings

NOW = datetime.datetime(2026, 5, 4, 12, 0, tzinfo=datetime.UTC)


class Bench:
    """A scheduler, its database, and a second way into that for everybody else."""

    def __init__(self, folder: Any, *specs: DagSpec, **settings: Any) -> None:
        self.now = NOW
        self.settings = replace_settings(folder, **settings)  # a database_url leads to an empty database
        self.store = Store(settings=self.settings)
        self.outside = Store(settings=self.settings)
        self.store.upgrade()
        self.machine = Machine()
        self.boots = 0
        self.made = 0
        self.save(*specs)
        self.boot()

    def save(self, *specs: DagSpec) -> None:
        for spec in specs:
            self.outside.save_parsed(ParsedFile(f"/dags/{spec.dag_id}.py", "h" * 16, "", (spec,)), self.now)

    def boot(self) -> None:
        """Start a scheduler; the one before is dead, and what was not told to it is lost."""
        self.machine.ended.clear()
        self.boots += 1
        dead = [info.id for info in self.store.schedulers()]
        self.store.register_scheduler(f"s{self.boots}", "here", self.boots, "", self.now)
        self.executor = PlayedExecutor(self.settings, self.machine)
        self.loop = Loop(self.store, self.executor, self.settings, name=f"s{self.boots}", clock=lambda: self.now)
        self.loop.desk.take_in_changes()
        self.loop.claim(dead)
        for name in dead:
            self.store.forget_scheduler(name)

    def close(self) -> None:
        self.store.close()
        self.outside.close()

    def turn(self, times: int = 1) -> None:
        for _ in range(times):
            self.loop.step(0)

    def later(self, seconds: float) -> None:
        self.now += datetime.timedelta(seconds=seconds)
        self.turn()

    def trigger(self, dag_id: str, day: int = 0) -> str:
        """Make a run, and let it begin."""
        self.made += 1
        at = NOW + datetime.timedelta(days=day)
        name = f"run{self.made}"
        assert self.outside.create_run(NewRun(dag_id, name, RunType.MANUAL, at, at, at), self.now)
        self.turn()
        return name

    def process(self, task_id: str, run_id: str = "run1") -> Any:
        """The process that was started last for a task; a callback has an empty task id."""
        found = [p for p in self.machine.processes.values() if (p.key.task_id, p.key.run_id) == (task_id, run_id)]
        assert found, f"there is no process of {task_id!r} in {run_id}; there are those of {self.waiting()[:20]}"
        return found[-1]

    def begin(self, task_id: str, run_id: str = "run1") -> Any:
        process = self.process(task_id, run_id)
        assert self.outside.start_attempt(process.key, self.now, "here", process.pid, "")
        return process

    def record(self, task_id: str, run_id: str = "run1", state: TaskState = TaskState.SUCCESS, **more: Any) -> Any:
        """The attempt records its end, of which the scheduler does not know yet."""
        process = self.begin(task_id, run_id)
        assert self.outside.finish_attempt(process.key, Outcome(state, self.now, **more))
        return process

    def end(self, process: Any, exit_code: int | None = 0) -> None:
        del self.machine.processes[process.key]
        self.machine.ended.append(Ended(process.key, exit_code))

    def finish(self, task_id: str, run_id: str = "run1", state: TaskState = TaskState.SUCCESS, **more: Any) -> None:
        self.end(self.record(task_id, run_id, state, **more))
        self.turn()

    def ask(self, kind: str, dag_id: str, run_id: str = "run1", **arguments: Any) -> None:
        self.outside.add_request(kind, dag_id, run_id, arguments)
        self.turn()

    def states(self, dag_id: str, run_id: str = "run1") -> dict[str, str]:
        run = self.outside.run(dag_id, run_id)
        return {task.task_id: str(task.state) for task in self.outside.tasks(run.id)}

    def state(self, dag_id: str, run_id: str = "run1") -> str:
        return str(self.outside.run(dag_id, run_id).state)

    def waiting(self) -> list[str]:
        """Tasks that have a process."""
        return sorted(p.key.task_id for p in self.machine.processes.values())


class broken:
    """Within the block, one verb of a store fails; `after` calls that still go well."""

    def __init__(self, store: Store, verb: str, after: int = 0, times: int = 10**9) -> None:
        self.store, self.verb, self.after, self.times = store, verb, after, times

    def __enter__(self) -> None:
        real = getattr(self.store, self.verb)

        def fail(*given: Any, **named: Any) -> Any:
            self.after -= 1
            if self.after >= 0 or self.after < -self.times:
                return real(*given, **named)
            raise StoreError("the disk is full (played)")

        setattr(self.store, self.verb, fail)

    def __exit__(self, *_: object) -> None:
        delattr(self.store, self.verb)


def chain(dag_id="d", count=2, task=None, **more):
    tasks = [TaskSpec(f"t{n}", "P", upstream=(f"t{n - 1}",) if n else (), **(task or {})) for n in range(count)]
    return DagSpec(dag_id, tuple(tasks), **more)


def side_by_side(**more):
    return DagSpec("d", (TaskSpec("a", "P"), TaskSpec("b", "P")), **more)


class PlayedWatch:
    def __init__(self, *found):
        self.found = list(found)
        self.again = []

    def take(self):
        found, self.found = self.found, []
        return found

    def read_again(self, path):
        self.again.append(path)
