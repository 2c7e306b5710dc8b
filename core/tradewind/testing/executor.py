"""`ExecutorContract`: what is true of every executor, whatever it runs attempts on."""

from __future__ import annotations

import os
import signal
import time
from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from tradewind.executor.contract import Ended, Executor
from tradewind.records import TaskKey
from tradewind.runner.identity import host, identity
from tradewind.settings import Settings
from tradewind.testing.attempts import FAILED
from tradewind.testing.laws import Contract, fixture, needs, require
from tradewind.testing.resources import is_alive

_LOOK = 0.1  # seconds
_MANY = 20


class Bench:
    """An executor at work: submits attempts, and waits for what they note and for what is reported."""

    def __init__(self, contract: ExecutorContract, folder: Path) -> None:
        self.settings = Settings(home=str(folder), parallelism=_MANY, kill_grace=1.0)
        self.folder = folder
        self.patience = contract.patience
        self.contract = contract
        self.made: list[Executor] = []
        self.paths: list[Path] = []
        self.pids: set[int] = set()
        self.executor = self.new()

    def new(self) -> Executor:
        executor = self.contract.make(self.settings)
        executor.start()
        self.made.append(executor)
        return executor

    def submit(self, verb: str, name: str) -> tuple[TaskKey, Path]:
        key = TaskKey("contract", "run", name)
        path = self.folder / name
        self.paths.append(path)
        self.executor.submit(key, ["attempt", verb, str(path)], self.folder / f"{name}.log", "contract\0one")
        return key, path

    def noted(self, path: Path) -> list[int]:
        """The pids that an attempt noted, once it has."""
        end = time.monotonic() + self.patience
        while not path.exists():
            require(time.monotonic() < end, f"An attempt that was submitted does not run after {self.patience:g} s.")
            early = self.executor.poll(_LOOK)
            require(not early or path.exists(), f"An attempt is reported as over before it ran: {early}")
        found = [int(pid) for pid in path.read_text().split()]
        self.pids.update(found)
        return found

    def let_go(self, path: Path) -> None:
        """Let an attempt that waits end."""
        path.with_name(f"{path.name}.end").touch()

    def ended(self, *keys: TaskKey) -> dict[TaskKey, Ended]:
        """What is reported, once all of `keys` are, and until nothing more comes; each once."""
        found: list[Ended] = []
        end = time.monotonic() + self.patience
        while not {ended.key for ended in found} >= set(keys):
            missing = [str(key) for key in keys if key not in {ended.key for ended in found}]
            require(time.monotonic() < end, f"The end of {', '.join(missing)} is not reported.")
            found += self.executor.poll(_LOOK)
        found += self.executor.poll(2 * _LOOK)
        return once(found)

    def close(self) -> None:
        for path in self.paths:  # an executor that cannot stop its attempts must not keep us
            self.let_go(path)
        for executor in self.made:
            executor.stop(0)
        for pid in filter(is_alive, self.pids):
            os.kill(pid, signal.SIGKILL)


class ExecutorContract(Contract, contract=True):
    """Laws of an executor. `make` makes one for whom `tradewind.testing.attempts` carries out what is submitted.

    class TestLocalExecutor(ExecutorContract):
        def make(self, settings):
            return LocalExecutor(settings, runner="tradewind.testing.attempts", preload=())
    """

    #: Its attempts are processes of this machine, whose ends can be seen from here.
    is_local: ClassVar[bool] = True
    #: It takes over attempts that an executor before it left running.
    adopts: ClassVar[bool] = True
    #: Seconds that anything may take.
    patience: ClassVar[float] = 60.0

    @abstractmethod
    def make(self, settings: Settings) -> Executor:
        """A new executor, not started."""

    @fixture
    def bench(self, tmp_path: Path) -> Iterator[Any]:
        """An executor at work."""
        bench = Bench(self, tmp_path)
        yield bench
        bench.close()

    # -- ends ----------------------------------------------------------------------------------------------------------

    def test_a_success_is_reported_once(self, bench: Bench) -> None:
        """An attempt that ends well is reported once, with exit code 0."""
        key, _ = bench.submit("succeed", "one")
        code = bench.ended(key)[key].exit_code
        require(code == 0, f"An attempt that ended well is reported with exit code {code}.")

    def test_a_failure_is_reported_as_one(self, bench: Bench) -> None:
        """An attempt that fails is reported once, with its exit code."""
        key, _ = bench.submit("fail", "one")
        code = bench.ended(key)[key].exit_code
        require(code == FAILED, f"An attempt that ended with exit code {FAILED} is reported with {code}.")

    def test_a_crash_is_no_success(self, bench: Bench) -> None:
        """An attempt that is killed is reported once, and not as a success."""
        key, _ = bench.submit("crash", "one")
        ended = bench.ended(key)[key]
        require(ended.exit_code != 0, "An attempt that was killed is reported with exit code 0.")

    def test_each_of_many_is_reported_once(self, bench: Bench) -> None:
        """Of many attempts at once each is reported once."""
        keys = [bench.submit("succeed", f"number-{number}")[0] for number in range(_MANY)]
        ended = bench.ended(*keys)
        require(set(ended) == set(keys), f"Reported, and never submitted: {set(ended) - set(keys)}")

    def test_its_slots_are_taken_and_given_back(self, bench: Bench) -> None:
        """An attempt takes a slot until its end is reported."""
        free = bench.executor.slots
        require(free > 0, f"With nothing to do it has {free} slots.")
        key, path = bench.submit("wait", "one")
        bench.noted(path)
        require(bench.executor.slots == free - 1, f"With one attempt it has {bench.executor.slots} of {free} slots.")
        bench.let_go(path)
        bench.ended(key)
        require(bench.executor.slots == free, f"After all is over it has {bench.executor.slots} of {free} slots.")

    # -- waiting -------------------------------------------------------------------------------------------------------

    def test_poll_waits_no_longer_than_it_is_told(self, bench: Bench) -> None:
        """`poll` returns when its time is over, and at once after `wake`."""
        require(bench.executor.poll(0) == [], "poll reports something although nothing was submitted.")
        started = time.monotonic()
        bench.executor.poll(2 * _LOOK)
        require(time.monotonic() - started < bench.patience / 2, "poll waits longer than it is told.")
        bench.executor.wake()
        started = time.monotonic()
        bench.executor.poll(bench.patience)
        require(time.monotonic() - started < bench.patience / 2, "poll goes on waiting after wake.")

    # -- stopping ------------------------------------------------------------------------------------------------------

    def test_cancel_ends_an_attempt(self, bench: Bench) -> None:
        """A cancelled attempt ends, is reported once, not as a success, and nothing of it is left."""
        key, path = bench.submit("wait", "one")
        pids = bench.noted(path)
        bench.executor.cancel(key)
        bench.executor.cancel(key)
        ended = bench.ended(key)[key]
        require(ended.exit_code != 0, "A cancelled attempt is reported with exit code 0.")
        self._gone(pids, "a cancelled attempt")

    def test_cancel_of_a_stranger_does_nothing(self, bench: Bench) -> None:
        """`cancel` of a key that it does not hold does nothing."""
        bench.executor.cancel(TaskKey("contract", "run", "stranger"))
        require(bench.executor.poll(_LOOK) == [], "cancel of a key that it does not hold is reported as an end.")

    @needs("is_local")
    def test_nothing_is_left_of_an_attempt(self, bench: Bench) -> None:
        """When the end of an attempt is reported, what it started is gone as well."""
        key, path = bench.submit("leave", "one")
        bench.ended(key)
        pids = [int(pid) for pid in path.read_text().split()]
        bench.pids.update(pids)
        self._gone(pids, "an attempt that is reported as over")

    def test_stop_leaves_nothing(self, bench: Bench) -> None:
        """`stop(0)` reports every attempt that it held, and leaves no process; it may be called again."""
        key, path = bench.submit("wait", "one")
        pids = bench.noted(path)
        ended = once(bench.executor.stop(0))
        require(
            set(ended) == {key}, f"stop(0) reports {[str(found) for found in ended]} and not the attempt that it held."
        )
        self._gone(pids, "stop(0)")
        require(bench.executor.stop(0) == [], "stop reports something when it is called again.")

    @needs("adopts")
    def test_the_next_one_adopts(self, bench: Bench) -> None:
        """`stop(None)` leaves attempts running; the next executor adopts them and reports their end once."""
        key, path = bench.submit("wait", "one")
        (pid,) = bench.noted(path)
        left = bench.executor.stop(None)
        require(left == [], f"stop(None) reports {left} although it leaves the attempt running.")
        require(not self.is_local or is_alive(pid), "stop(None) ends the attempts, which it is to leave running.")
        bench.executor = bench.new()
        adopted = bench.executor.adopt(key, host(), pid, identity(pid))
        require(adopted is True, "adopt answers False for an attempt that runs here.")
        bench.let_go(path)
        bench.ended(key)

    @needs("is_local")
    def test_it_adopts_no_stranger(self, bench: Bench) -> None:
        """`adopt` is False for what runs elsewhere and for what is gone."""
        key, path = bench.submit("succeed", "one")
        bench.ended(key)
        (pid,) = (int(word) for word in path.read_text().split())
        elsewhere = bench.executor.adopt(key, "another-host.invalid", os.getpid(), None)
        require(elsewhere is False, "adopt takes over an attempt of another host.")
        gone = bench.executor.adopt(key, host(), pid, "an identity that no process has")
        require(gone is False, "adopt takes over an attempt of which nothing is left.")

    def _gone(self, pids: list[int], what: str) -> None:
        if self.is_local:
            left = [pid for pid in pids if is_alive(pid)]
            require(not left, f"Processes of {what} are still there; end its whole group before you report it.")


def once(found: list[Ended]) -> dict[TaskKey, Ended]:
    """What was reported, by key; each must be there once."""
    keys = [ended.key for ended in found]
    twice = {str(key) for key in keys if keys.count(key) > 1}
    require(not twice, f"The end of {', '.join(sorted(twice))} is reported more than once.")
    return {ended.key: ended for ended in found}
