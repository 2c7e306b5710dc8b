"""Random worlds: whatever happens, nothing is lost, nothing runs twice at once, every limit holds, everything ends.

A failing seed is part of the test's name: run that test alone to replay it. TRADEWIND_SIMULATION_SEEDS=N plays more.
"""

import os

import pytest

from .crowd import Crowd
from .world import World

SEEDS = int(os.environ.get("TRADEWIND_SIMULATION_SEEDS", "25"))
EVENTS = 250


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_world(seed, tmp_path):
    world = World(seed, tmp_path)
    for _ in range(EVENTS):
        world.happen()
    world.calm_down()
    world.store.close()


@pytest.mark.parametrize("seed", range(SEEDS // 12))
@pytest.mark.parametrize("kind", ["postgres", "mysql"])
def test_a_world_on_a_server(kind, seed, tmp_path, kept_databases):
    world = World(seed, tmp_path, kept_databases(kind))
    for _ in range(EVENTS):
        world.happen()
    world.calm_down()
    world.store.close()


@pytest.mark.parametrize("seed", range(SEEDS // 12))
@pytest.mark.parametrize("kind", ["postgres", "mysql"])
def test_a_world_with_several_schedulers(kind, seed, tmp_path, kept_databases):
    world = Crowd(seed, tmp_path, kept_databases(kind))
    for _ in range(EVENTS):
        world.happen()
    world.calm_down()
    world.store.close()
