"""A world for the scheduler to live in: a clock that jumps, and processes that start, end, crash and come back late.

The scheduler's own parts are the real ones (`decide`, `admit`, `loop`, `store`); only time and processes are played.
Everything random comes from one seed, so that a failing run can be replayed.
"""

import dataclasses
import datetime
import random
from collections import Counter
from contextlib import suppress

from msgspec.structs import replace

from tradewind.errors import StoreError, UsageError
from tradewind.executor.contract import Ended
from tradewind.records import DagSpec, NewRun, Outcome, ParsedFile, TaskKey, TaskSpec
from tradewind.runner.arguments import is_callback
from tradewind.runner.identity import host
from tradewind.runner.retries import after_failure
from tradewind.schedule import CronSchedule, DeltaSchedule, Never
from tradewind.scheduler.board import key_of
from tradewind.scheduler.decide import blocked_by_past
from tradewind.scheduler.leases import Leases
from tradewind.scheduler.loop import Loop
from tradewind.states import RunState, RunType, TaskState, TriggerRule
from tradewind.store import Store

from .machine import Machine, PlayedExecutor, replace_settings

START = datetime.datetime(2026, 3, 28, 22, 0, tzinfo=datetime.UTC)  # a clock change lies ahead in Europe


class World:
    """Random DAGs, runs and mishaps, and the laws that hold whatever happens."""

    def __init__(self, seed, folder, database_url=None):
        self.random = random.Random(seed)
        self.now = START
        self.settings = replace_settings(folder, parallelism=self.random.choice([2, 5, 20]))
        if database_url:
            self.settings = dataclasses.replace(self.settings, database_url=database_url)
        self.store = Store(settings=self.settings)
        self.store.upgrade()
        self.store.set_pool("narrow", 2)
        self.machine = Machine()
        self.alive = Counter()  #: (dag_id, run_id, task_id) -> processes that run its code now
        self.specs = {}
        self.versions = {}  #: (dag_id, version) -> spec, which never changes
        self.finished_by = {}  #: TaskKey -> state that its process recorded
        self.seen = {}
        self.schedulers = 0
        self.asleep = []  #: schedulers that were stopped, replaced, and may wake up any time
        self.deleted = set()  #: (dag_id, run_id) of runs that somebody asked to be deleted
        self.make_dags()
        self.boot()

    # -- making ----------------------------------------------------------------------------------------------------

    def make_dags(self):
        for number in range(self.random.randint(1, 3)):
            spec = self.random_dag(f"dag{number}")
            self.specs[spec.dag_id] = spec
            self.store.save_parsed(ParsedFile(f"/dags/{spec.dag_id}.py", "h" * 16, "", (spec,)), self.now)

    def random_dag(self, dag_id):
        choose = self.random.choice
        tasks = []
        for number in range(self.random.randint(1, 9)):
            upstream = [task.task_id for task in tasks if self.random.random() < 0.35]
            tasks.append(
                TaskSpec(
                    f"t{number}",
                    "Played",
                    upstream=tuple(upstream),
                    trigger_rule=choose([TriggerRule.ALL_SUCCESS] * 4 + list(TriggerRule)),
                    retries=choose([0, 0, 1, 2]),
                    retry_delay=choose([1.0, 60.0]),
                    priority=choose([1, 1, 5]),
                    pool=choose(["default_pool", "default_pool", "narrow"]),
                    pool_slots=choose([1, 1, 2]),
                    depends_on_past=self.random.random() < 0.1,
                    wait_for_downstream=self.random.random() < 0.05,
                    wait_for_past_depends_before_skipping=self.random.random() < 0.3,
                    has_failure_callbacks=self.random.random() < 0.3,
                    max_active_tis_per_dag=choose([None, None, None, 1]),
                    empty=self.random.random() < 0.15,
                )
            )
        return DagSpec(
            dag_id,
            tuple(tasks),
            schedule=choose([Never(), DeltaSchedule(3600.0), CronSchedule("30 2 * * *", "Europe/Berlin")]),
            start_date=START - datetime.timedelta(days=choose([0, 2])),
            catchup=choose([True, False]),
            max_active_runs=choose([1, 2, 16]),
            max_active_tasks=choose([1, 3, 16]),
            dagrun_timeout=choose([None, None, 7200.0]),
            fail_fast=self.random.random() < 0.1,
            has_run_callbacks=self.random.random() < 0.2,
        )

    def boot(self):
        """Start a scheduler; the one before, if any, is dead."""
        self.schedulers += 1
        name = f"s{self.schedulers}"
        dead = [info.id for info in self.store.schedulers()]
        self.store.register_scheduler(name, "here", self.schedulers, "", self.now)
        self.executor = PlayedExecutor(self.settings, self.machine)
        self.loop = Loop(self.store, self.executor, self.settings, name=name, clock=lambda: self.now)
        self.loop.desk.take_in_changes()
        self.loop.claim(dead)
        for other in dead:
            self.store.forget_scheduler(other)

    # -- happening -------------------------------------------------------------------------------------------------

    def happen(self):
        """One random event, then one turn of the scheduler, then the laws."""
        event = self.random.choices(
            [
                *(self.process_goes_on, self.time_passes, self.trigger, self.ask, self.crash, self.pause),
                *(self.break_store, self.fall_asleep, self.wake_up, self.change_dag, self.delete_dag, self.lose_broker),
            ],
            weights=[60, 12, 3, 3, 2, 1, 2, 1, 2, 1, 0.3, 0.5],
        )[0]
        event()
        self.turn()

    def turn(self):
        self.now += datetime.timedelta(microseconds=1)
        self.loop.step(0)
        self.check()

    def process_goes_on(self):
        if not self.machine.processes:
            return self.time_passes()
        process = self.random.choice(list(self.machine.processes.values()))
        if is_callback(process.key):
            return self.end(process, self.random.choice([0, 0, 1]))
        if not process.started:
            if self.random.random() < 0.03:
                return self.end(process, None)
            return self.begin(process)
        dice = self.random.random()
        if process.told_to_stop or dice < 0.06:
            return self.end(process, -9)
        if dice < 0.8:
            return self.finish(process)
        return None

    def begin(self, process):
        begun = self.store.start_attempt(process.key, self.now, host(), process.pid, "")
        if begun is None:
            return self.end(process, 0)
        process.started = True
        task = process.key.dag_id, process.key.run_id, process.key.task_id
        self.alive[task] += 1
        assert self.alive[task] == 1, f"{process.key} runs twice at once"
        return None

    def finish(self, process):
        spec = self.spec_of(process.key)
        if spec is None:
            return self.end(process, 1)
        task = next(task for task in spec.tasks if task.task_id == process.key.task_id)
        instance = self.instance(process.key)
        downstream = [other.task_id for other in spec.tasks if task.task_id in other.upstream]
        state, next_at = self.random.choice(
            [(TaskState.SUCCESS, None)] * 5 + [(TaskState.SKIPPED, None)] + [None] * 2
        ) or (after_failure(task, instance.try_number, instance.max_tries, self.now))
        if self.random.random() < 0.1:
            state, next_at = TaskState.UP_FOR_RESCHEDULE, self.now + datetime.timedelta(seconds=30)
        skips = tuple(self.random.sample(downstream, 1)) if downstream and self.random.random() < 0.1 else ()
        outcome = Outcome(state, self.now, next_at=next_at, skips=skips if state is TaskState.SUCCESS else ())
        if self.store.finish_attempt(process.key, outcome):
            self.finished_by[process.key] = state
        return self.end(process, 0)

    def spec_of(self, key):
        """The version that the attempt's run has; None if the run was deleted."""
        run = self.store.find_run(key.dag_id, key.run_id)
        return self.version_of(run) if run is not None else None

    def version_of(self, run):
        key = run.dag_id, run.version
        if key not in self.versions:
            self.versions[key] = self.store.version(*key).spec
        return self.versions[key]

    def end(self, process, exit_code):
        del self.machine.processes[process.key]
        if process.started:
            self.alive[process.key.dag_id, process.key.run_id, process.key.task_id] -= 1
        self.machine.ended.append(Ended(process.key, exit_code, "" if exit_code == 0 else "killed by the world"))
        if self.random.random() < 0.05:  # told twice
            self.machine.ended.append(self.machine.ended[-1])

    def time_passes(self):
        self.now += datetime.timedelta(seconds=self.random.choice([0.5, 5, 60, 1800]))

    def trigger(self):
        spec = self.random.choice(list(self.specs.values()))
        name = f"manual__{self.random.randint(0, 10**9)}"
        new = NewRun(spec.dag_id, name, RunType.MANUAL, self.now, self.now, self.now)
        self.store.create_run(new, self.now)

    def ask(self):
        runs = self.store.runs(limit=20)
        if not runs:
            return
        run = self.random.choice(runs)
        tasks = [task.task_id for task in self.specs[run.dag_id].tasks]
        chosen = self.random.sample(tasks, 1)
        kind, arguments = self.random.choice(
            [
                ("clear", {"task_ids": chosen, "downstream": True}),
                ("clear", {"task_ids": None, "only_failed": True}),
                ("set_task_state", {"task_ids": chosen, "state": self.random.choice(["success", "failed", "skipped"])}),
                ("set_run_state", {"state": self.random.choice(["success", "failed"])}),
                ("clear", {"task_ids": ["no such task"]}),
                ("delete_run", {}),
            ]
        )
        self.store.add_request(kind, run.dag_id, run.run_id, arguments)
        if kind == "delete_run":
            self.deleted.add((run.dag_id, run.run_id))
        if self.random.random() < 0.2:
            self.break_store()

    def crash(self):
        """The scheduler is killed; what was not told to it is lost, the processes go on."""
        self.machine.ended.clear()
        self.boot()

    def fall_asleep(self):
        """SIGSTOP for so long that another scheduler takes the place; its executor is gone with it."""
        self.asleep.append(self.loop)
        self.crash()

    def wake_up(self):
        """A scheduler that was replaced goes on where it stood. Whatever it does, it must change nothing."""
        if not self.asleep:
            return
        loop = self.random.choice(self.asleep)
        before = self.everything()
        for live in list(loop.board.runs.values()):
            for instance in list(live.instances.values()):
                loop.safely(live, loop.on_ended, live, Ended(key_of(live, instance), None, "late"))
            loop.safely(live, loop.follow, live, live.graph.tasks)
            loop.safely(live, loop.forget_if_over, live)
        loop.start_queued_runs()
        assert self.everything() == before, "a scheduler that was replaced wrote something"

    def everything(self):
        runs = self.store.runs()
        # Of an ended run that nobody has claimed since, it may well give the lease back.
        told = [replace(run, owner=None) if run.state.is_finished else run for run in runs]
        return told, [self.store.tasks(run.id) for run in runs], self.store.requests()

    def change_dag(self):
        """A new version: a task comes, or the last one goes."""
        old = self.random.choice(list(self.specs.values()))
        if len(old.tasks) > 1 and self.random.random() < 0.5:
            tasks = old.tasks[:-1]
        else:
            tasks = (*old.tasks, TaskSpec(f"t{len(old.tasks)}", "Played", upstream=(old.tasks[0].task_id,)))
        self.specs[old.dag_id] = spec = replace(old, tasks=tasks)
        self.store.save_parsed(ParsedFile(f"/dags/{spec.dag_id}.py", "h" * 16, "", (spec,)), self.now)

    def delete_dag(self):
        spec = self.random.choice(list(self.specs.values()))
        with suppress(UsageError):  # tasks of it are running
            gone = [run.id for run in self.store.runs(spec.dag_id)]
            self.store.delete_dag(spec.dag_id)
            self.deleted = {(dag_id, name) for dag_id, name in self.deleted if dag_id != spec.dag_id}
            self.seen = {key: seen for key, seen in self.seen.items() if key[0] not in gone}
            self.store.save_parsed(ParsedFile(f"/dags/{spec.dag_id}.py", "h" * 16, "", (spec,)), self.now)

    def lose_broker(self):
        self.machine.away = True
        self.turn()
        self.machine.away = False

    def pause(self):
        spec = self.random.choice(list(self.specs.values()))
        self.store.set_paused(spec.dag_id, self.random.random() < 0.5)

    def break_store(self):
        """Some of the next calls of the scheduler fail."""
        verb = self.random.choice(["apply", "apply", "apply", "task", "tasks", "release_run", "runs", "claim_runs"])
        good, bad = self.random.choice([0, 0, 1, 2]), self.random.randint(1, 3)
        real = getattr(self.store, verb)

        def fail(*given, **named):
            nonlocal good, bad
            good -= 1
            if good < 0 and bad:
                bad -= 1
                raise StoreError("the disk is full (played)")
            return real(*given, **named)

        setattr(self.store, verb, fail)
        with suppress(StoreError):
            self.loop.step(0)
        delattr(self.store, verb)

    # -- the laws --------------------------------------------------------------------------------------------------

    def instance(self, key):
        run = self.store.run(key.dag_id, key.run_id)
        return self.store.task(run.id, key.task_id, key.map_index)

    def check(self):
        assert not self.machine.breaches, self.machine.breaches
        self.check_limits()
        for run in self.store.runs(limit=1000):
            for instance in self.store.tasks(run.id):
                self.check_instance(run, instance)

    def check_limits(self):
        # What a dead scheduler told to stop, and nobody claimed since, is not known to this one.
        running = [one for key, one in self.machine.processes.items() if one.started and key in self.executor.mine]
        assert len(running) <= self.settings.parallelism
        per_dag = Counter(run.dag_id for run in self.store.runs(limit=1000) if run.state.value == "running")
        for dag_id, count in per_dag.items():
            assert count <= self.specs[dag_id].max_active_runs
        pools, per_run, per_task = Counter(), Counter(), Counter()
        for process in running:
            spec = self.spec_of(process.key)
            if spec is None:
                continue
            task = next(t for t in spec.tasks if t.task_id == process.key.task_id)
            pools[task.pool] += task.pool_slots
            per_run[process.key.dag_id, process.key.run_id] += 1
            per_task[process.key.dag_id, task.task_id] += 1
            if task.max_active_tis_per_dag:
                assert per_task[process.key.dag_id, task.task_id] <= task.max_active_tis_per_dag
        assert pools["narrow"] <= 2
        for (dag_id, _), count in per_run.items():
            assert count <= self.specs[dag_id].max_active_tasks

    def check_instance(self, run, instance):
        key = (run.id, instance.task_id)
        before = self.seen.get(key)
        self.seen[key] = instance
        if before is None or instance.task_id not in self.tasks_of(run):
            return
        assert instance.dispatch >= before.dispatch
        assert instance.try_number >= before.try_number
        if run.state.is_finished:
            finished = instance.state is not None and instance.state.is_finished
            assert finished, f"{run.run_id} has ended, and {instance.task_id} is {instance.state}"
        if instance.state is TaskState.SUCCESS and before.state is not TaskState.SUCCESS:
            self.check_success(run, instance)
        held = instance.state in (TaskState.RUNNING, TaskState.RESTARTING)
        if held and not any(process.key.dispatch == instance.dispatch for process in self.of_task(run, instance)):
            told = [ended for ended in self.machine.ended if ended.key.task_id == instance.task_id]
            assert told or self.is_read_again(run), (
                f"{instance.task_id} of {run.run_id} is {instance.state} without a process"
            )

    def is_read_again(self, run):
        """Whether a scheduler knows that it must read the run again."""
        return run.id in self.loop._stale

    def check_success(self, run, instance):
        """What is green has run, or a person said so."""
        key = TaskKey(
            run.dag_id, run.run_id, instance.task_id, instance.map_index, instance.try_number, instance.dispatch
        )
        task = self.tasks_of(run)[instance.task_id]
        by_hand = "by hand" in instance.reason
        assert task.empty or by_hand or self.finished_by.get(key) is TaskState.SUCCESS, f"{key} is green unearned"

    def tasks_of(self, run):
        return {task.task_id: task for task in self.version_of(run).tasks}

    def of_task(self, run, instance):
        return [
            process
            for process in self.machine.processes.values()
            if (process.key.dag_id, process.key.run_id, process.key.task_id)
            == (run.dag_id, run.run_id, instance.task_id)
        ]

    # -- the end ---------------------------------------------------------------------------------------------------

    def calm_down(self):
        """No more mishaps: everything must come to an end by itself."""
        for spec in self.specs.values():
            self.store.set_paused(spec.dag_id, False)
            self.store.save_parsed(
                ParsedFile(
                    f"/dags/{spec.dag_id}.py",
                    "i" * 16,
                    "",
                    (replace(spec, end_date=START - datetime.timedelta(days=9)),),
                ),
                self.now,
            )
        for _ in range(700):
            for process in list(self.machine.processes.values()):
                if is_callback(process.key):
                    self.end(process, 0)
                elif not process.started:
                    self.begin(process)
                elif not process.told_to_stop:
                    self.succeed(process)
                else:
                    self.end(process, -15)
            self.turn()
            if not self.unfinished() and not self.machine.processes and not self.store.requests():
                self.check_that_memory_is_empty()
                return
            self.now += datetime.timedelta(seconds=20)
        raise AssertionError(f"these never ended: {self.unfinished()}")

    def succeed(self, process):
        if self.store.finish_attempt(process.key, Outcome(TaskState.SUCCESS, self.now)):
            self.finished_by[process.key] = TaskState.SUCCESS
        self.end(process, 0)

    def unfinished(self):
        """Runs that have not ended, without those that rightly wait for a failed run before them."""
        return [
            f"{run.dag_id} {run.run_id}: {states}"
            for run in self.store.runs(limit=1000)
            if not run.state.is_finished or run.callback_due
            for states in [{i.task_id: (i.state, i.reason) for i in self.store.tasks(run.id)}]
            if not self.waits_for_past(run)
        ]

    def waits_for_past(self, run):
        """Whether what is left of the run waits for a task of the run before that did not end well, or for its turn."""
        if run.state is RunState.QUEUED:  # behind a run that waits for its past
            running = self.store.runs(run.dag_id, state=RunState.RUNNING)
            return bool(running) and all(map(self.waits_for_past, running))
        live = Leases(self.store, "test").load(run)
        past = Leases(self.store, "test").past(live, {})
        waiting = {t for t, i in live.instances.items() if i.state is None}
        if not waiting or any(i.state is not None and not i.state.is_finished for i in live.instances.values()):
            return False
        first = [t for t in waiting if not waiting.intersection(live.graph.upstream(t))]
        return all(blocked_by_past(live.graph.tasks[task_id], live, past) for task_id in first)

    def check_that_memory_is_empty(self):
        board, dispatcher = self.loop.board, self.loop.dispatcher
        assert all(not live.run.state.is_finished for live in board.runs.values())
        left = [board.ready, dispatcher.in_flight, dispatcher.callbacks, dispatcher.elsewhere, self.loop._nudged]
        left += [board.usage.pools, board.usage.runs, board.usage.dag_tasks, board.usage.run_tasks]
        assert not any(left), left
        assert not self.deleted & {(run.dag_id, run.run_id) for run in self.store.runs()}
