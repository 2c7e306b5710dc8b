"""The simulation itself is tested: a fault planted in the scheduler must be found within a few seeds."""

import pytest
from msgspec.structs import replace

from tradewind.executor.contract import Ended
from tradewind.scheduler import admit, decide, dispatch, loop
from tradewind.scheduler.board import key_of
from tradewind.states import TaskState
from tradewind.store import leases
from tradewind.store.tasks import TaskVerbs

from .crowd import Crowd
from .world import World


def start_anyway(verbs, key, *rest, real=TaskVerbs.start_attempt):
    """A compare-and-set that does not compare."""
    found = real(verbs, key, *rest)
    return found or (verbs.run(key.dag_id, key.run_id), None, None)


FAULTS = {
    "limits are ignored": (admit, "hindrance", lambda *given: ""),
    "a lost attempt counts as a success": (
        loop.Loop,
        "_lost",
        lambda self, live, stored, ended: replace(stored, state=TaskState.SUCCESS),
    ),
    "an attempt starts without compare-and-set": (TaskVerbs, "start_attempt", start_anyway),
    "retries are forgotten": (decide._Decision, "_take_up_again", lambda self, instance: None),
    "a living attempt is taken for dead": (
        dispatch.Dispatcher,
        "adopt",
        lambda self, live, instance: Ended(key_of(live, instance), None, "gone"),
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(fault, tmp_path, monkeypatch):
    monkeypatch.setattr(*FAULTS[fault])
    find(fault, lambda seed: World(seed, tmp_path / str(seed)))


@pytest.mark.parametrize("kind", ["postgres", "mysql"])
def test_a_planted_fault_is_found_on_a_server(kind, tmp_path, monkeypatch, kept_databases):
    fault = "an attempt starts without compare-and-set"
    monkeypatch.setattr(*FAULTS[fault])
    find(fault, lambda seed: World(seed, tmp_path / str(seed), kept_databases(kind)))


def test_a_fault_of_several_schedulers_is_found(tmp_path, monkeypatch, kept_databases):
    monkeypatch.setattr(leases, "_CLAIMABLE_BESIDE", leases._CLAIMABLE)
    find("they share the runs of a DAG", lambda seed: Crowd(seed, tmp_path / str(seed), kept_databases("postgres")))


def find(fault, make_world):
    for seed in range(20):
        world = make_world(seed)
        try:
            for _ in range(250):
                world.happen()
            world.calm_down()
        except (AssertionError, KeyError):
            return
        finally:
            world.store.close()
    pytest.fail(f"twenty worlds did not notice that {fault}")
