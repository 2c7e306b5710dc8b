"""Each law of an executor fails on an executor that breaks it: the local one, with one thing otherwise."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass

import msgspec
import pytest

from tradewind.executor.contract import Ended
from tradewind.executor.local import LocalExecutor
from tradewind.records import TaskKey
from tradewind.testing import ExecutorContract, LawBroken
from tradewind.testing.executor import Bench

STRANGER = Ended(TaskKey("contract", "run", "stranger"))


class Twice(LocalExecutor):
    def poll(self, timeout):
        return [ended for ended in super().poll(timeout) for _ in range(2)]


class Never(LocalExecutor):
    def poll(self, timeout):
        super().poll(timeout)
        return []


class AllWell(LocalExecutor):
    def poll(self, timeout):
        return [msgspec.structs.replace(ended, exit_code=0) for ended in super().poll(timeout)]


class NoCode(LocalExecutor):
    def poll(self, timeout):
        return [msgspec.structs.replace(ended, exit_code=None) for ended in super().poll(timeout)]


class Inventing(LocalExecutor):
    def poll(self, timeout):
        found = super().poll(timeout)
        return [*found, STRANGER] if found else []


class Boundless(LocalExecutor):
    slots = 5


class Sleeping(LocalExecutor):
    def poll(self, timeout):
        time.sleep(1.2)
        return super().poll(0)


class Unwakeable(LocalExecutor):
    def wake(self): ...


class Deaf(LocalExecutor):
    def cancel(self, key): ...


class Chatty(LocalExecutor):
    def cancel(self, key):
        self._ended.append(Ended(key))


class Leaky(LocalExecutor):
    """Waits for the process of an attempt, and not for what that started."""

    def submit(self, key, argv, log_path, affinity=""):
        command = [sys.executable, "-m", "tradewind.testing.attempts", *argv[1:]]
        code = subprocess.run(command, start_new_session=True).returncode
        self._ended.append(Ended(key, code))


class Leaving(LocalExecutor):
    def stop(self, grace):
        return super().stop(None)


class Silent(LocalExecutor):
    def stop(self, grace):
        super().stop(grace)
        return []


class Ending(LocalExecutor):
    def stop(self, grace):
        return super().stop(0)


class Refusing(LocalExecutor):
    def adopt(self, key, host_name, pid, process):
        return False


class Claiming(LocalExecutor):
    def adopt(self, key, host_name, pid, process):
        super().adopt(key, host_name, pid, process)
        return True


@dataclass(frozen=True)
class Case:
    law: str
    executor: type
    told: str


CASES = [
    Case("a_success_is_reported_once", Twice, "is reported more than once"),
    Case("a_success_is_reported_once", Never, "is not reported"),
    Case("a_success_is_reported_once", NoCode, "is reported with exit code None"),
    Case("a_failure_is_reported_as_one", AllWell, "ended with exit code 3 is reported with 0"),
    Case("a_crash_is_no_success", AllWell, "was killed is reported with exit code 0"),
    Case("each_of_many_is_reported_once", Inventing, "stranger"),
    Case("its_slots_are_taken_and_given_back", Boundless, "With one attempt it has 5 of 5 slots"),
    Case("poll_waits_no_longer_than_it_is_told", Sleeping, "waits longer than it is told"),
    Case("poll_waits_no_longer_than_it_is_told", Unwakeable, "goes on waiting after wake"),
    Case("cancel_ends_an_attempt", Deaf, "is not reported"),
    Case("cancel_ends_an_attempt", AllWell, "A cancelled attempt is reported with exit code 0"),
    Case("cancel_of_a_stranger_does_nothing", Chatty, "is reported as an end"),
    Case("nothing_is_left_of_an_attempt", Leaky, "are still there; end its whole group before you report it"),
    Case("stop_leaves_nothing", Leaving, "not the attempt that it held"),
    Case("stop_leaves_nothing", Silent, "not the attempt that it held"),
    Case("the_next_one_adopts", Ending, "although it leaves the attempt running"),
    Case("the_next_one_adopts", Refusing, "adopt answers False for an attempt that runs here"),
    Case("it_adopts_no_stranger", Claiming, "adopt takes over an attempt of another host"),
]


def contract(kind, patience=2.0):
    def make(self, settings):
        return kind(settings, runner="tradewind.testing.attempts", preload=["tradewind.testing.attempts"])

    return type("Case", (ExecutorContract,), {"make": make, "patience": patience})()


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.law}-{case.executor.__name__}")
def test_a_law_is_broken(tmp_path, case):
    subject = contract(case.executor)
    bench = Bench(subject, tmp_path)
    try:
        with pytest.raises(LawBroken) as raised:
            getattr(subject, f"test_{case.law}")(bench)
    finally:
        bench.close()
    assert case.told in str(raised.value)


def test_every_law_is_broken_here():
    assert {f"test_{case.law}" for case in CASES} == set(ExecutorContract.laws())
