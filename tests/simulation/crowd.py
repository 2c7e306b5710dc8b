"""A world with several schedulers on one database: what holds for one must hold for all of them together."""

from tradewind.scheduler.loop import Loop

from .machine import PlayedExecutor
from .world import World


class Crowd(World):
    """`loop` and `executor` are those of the scheduler whose turn it is."""

    SIZE = 3

    def boot(self):
        self.crowd = {}
        for _ in range(self.SIZE):
            self.join()

    def join(self, dead=()):
        """One more scheduler takes up its work, and that of the dead."""
        self.schedulers += 1
        name = f"s{self.schedulers}"
        self.store.register_scheduler(name, "here", self.schedulers, "", self.now)
        self.executor = PlayedExecutor(self.settings, self.machine)
        self.loop = Loop(self.store, self.executor, self.settings, name=name, clock=lambda: self.now)
        self.crowd[name] = self.loop
        self.loop.desk.take_in_changes()
        self.loop.claim(dead)
        for other in dead:
            self.store.forget_scheduler(other)

    def turn(self):
        self.choose(self.random.choice(sorted(self.crowd)))
        super().turn()

    def choose(self, name):
        self.loop = self.crowd[name]
        self.executor = self.loop.dispatcher.executor

    def crash(self):
        """One of them is killed: it hears nothing more, and another one, or one of the others, takes its place."""
        name = self.loop.leases.name
        mine = self.executor.mine
        self.machine.ended = [ended for ended in self.machine.ended if ended.key not in mine]
        del self.crowd[name]
        if self.random.random() < 0.5 or not self.crowd:
            self.join([name])
            return
        self.choose(self.random.choice(sorted(self.crowd)))
        self.loop.claim([name])
        self.store.forget_scheduler(name)
        self.join()

    def check_limits(self):
        super().check_limits()
        for loop in self.crowd.values():
            mine = [
                process for process in self.machine.processes.values() if process.key in loop.dispatcher.executor.mine
            ]
            assert sum(process.started for process in mine) <= self.settings.parallelism
        owners = {}
        for run in self.store.runs(limit=1000):
            if run.owner in self.crowd:
                assert owners.setdefault(run.dag_id, run.owner) == run.owner, f"{run.dag_id} has two schedulers"

    def is_read_again(self, run):
        return any(run.id in loop._stale for loop in self.crowd.values())

    def check_that_memory_is_empty(self):
        for name in sorted(self.crowd):
            self.choose(name)
            self.loop.step(0)  # it may not have had a turn since its last process ended
            super().check_that_memory_is_empty()
