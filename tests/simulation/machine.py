"""Processes that are played, for schedulers that do not know it."""

import dataclasses
from dataclasses import dataclass, field

from tradewind import settings
from tradewind.executor.contract import Ended, Executor
from tradewind.records import TaskKey
from tradewind.runner.arguments import is_callback, read


@dataclass
class Process:
    """An attempt's process, played."""

    key: TaskKey
    pid: int
    started: bool = False  #: it has won the compare-and-set and runs the task's code
    told_to_stop: bool = False


@dataclass
class Machine:
    """The processes of the world; they outlive schedulers."""

    processes: dict[TaskKey, Process] = field(default_factory=dict)
    ended: list[Ended] = field(default_factory=list)  #: not yet told to the scheduler
    breaches: list[str] = field(default_factory=list)  #: what schedulers did that they must not do
    pids: int = 100
    away: bool = False  #: nothing can be started


class PlayedExecutor(Executor):
    """Starts processes in the played machine."""

    def __init__(self, found, machine):
        super().__init__(found)
        self.machine = machine
        self.mine = set()

    def start(self): ...

    @property
    def slots(self):
        return 10**6

    def submit(self, key, argv, log_path, affinity=""):
        if key in self.machine.processes:
            self.machine.breaches.append(f"{key} was handed over twice")
        if is_callback(key) != (read(argv).kind == "callback"):
            self.machine.breaches.append(f"{key} does not go with {argv}")
        if self.machine.away:
            raise ConnectionError("the broker is away (played)")
        self.machine.pids += 1
        self.machine.processes[key] = Process(key, self.machine.pids)
        self.mine.add(key)

    def poll(self, timeout):
        told = [ended for ended in self.machine.ended if ended.key in self.mine]
        self.machine.ended = [ended for ended in self.machine.ended if ended.key not in self.mine]
        return told

    def wake(self): ...

    def cancel(self, key):
        if key in self.machine.processes:
            self.machine.processes[key].told_to_stop = True

    def adopt(self, key, host, pid, process):
        found = self.machine.processes.get(key)
        if found is None or found.pid != pid:
            return False
        self.mine.add(key)
        return True

    def stop(self, grace):
        return []


def replace_settings(folder, **changes):
    return dataclasses.replace(settings.read({"TRADEWIND_HOME": str(folder)}), **changes)
