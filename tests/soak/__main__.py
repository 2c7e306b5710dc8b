"""`make soak`: whether tradewind keeps its first promise when everything is killed, paused and meddled with.

A while of chaos on real schedulers and a real database, then quiet until all has ended, then the checks. A seed gives
the same order of deeds, though not the same moments: a failing one may have to be run a few times.
"""

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.soak import checks, journal
from tests.soak.people import People
from tests.soak.world import World
from tradewind.errors import StoreError

#: How long the quiet may take, in seconds, beside the time that the chaos took.
PATIENCE = 120.0


def soak(folder, database, seed, seconds):
    """Returns what went wrong, and a line of figures."""
    wrong = []
    with World(folder, database, seed) as world:
        people = People(world.here, seed)
        people.save_file()
        people.insist("pools", "set", "narrow", str(checks.SLOTS))
        world.start()
        world.here.until(lambda: len(world.here.store.dags()) == len(checks.EXPECTED))
        with people:
            looks = chaos(world, seconds, wrong)
        quiet(world, people, seconds + PATIENCE, wrong)
        world.stop()
        facts = gather(world, people)
        wrong += [*world.wrong, *people.wrong, *checks.violations(facts)]
    tries = sum(line["kind"] == "begun" for line in facts.journal)
    return wrong, (
        f"{len(facts.stories)} runs, {tries} attempts, {people.commands} commands, {world.hurt} kills and pauses, "
        f"{looks} looks at the limits: {len(wrong)} violations"
    )


def chaos(world, seconds, wrong):
    """Disturb all and look at the limits. Returns how often they were looked at."""
    looks, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        world.start()
        world.disturb()
        pause = time.monotonic() + world.dice.choice([0.05, 0.3, 1.0, 2.0])
        while time.monotonic() < pause:
            world.wake()
            with suppress(StoreError):
                wrong += checks.over_the_limits(*checks.look(world.here.store), alone=len(world.schedulers) == 1)
                looks += 1
            time.sleep(0.05)
    world.wake(everybody=True)
    return looks


def quiet(world, people, seconds, wrong):
    """Wait until all that was begun has ended, and the schedule has been caught up with."""
    for dag_id in checks.EXPECTED:
        people.insist("dags", "unpause", dag_id)
    world.start()
    store, end = world.here.store, time.monotonic() + seconds

    def caught_up():
        dates = [run.logical_date for run in store.runs("ticks") if run.state.is_finished]
        return dates and max(dates) > datetime.now(UTC) - timedelta(seconds=12)

    def going_on():
        asked = [run for run in store.runs() if run.dag_id != "ticks"]
        return [run for run in asked if not run.state.is_finished or run.callback_due]

    def all_ended():
        return not store.requests() and not going_on()

    for what in (all_ended, caught_up):
        while not what() and time.monotonic() < end:
            world.start()
            time.sleep(0.1)
        if not what():
            wrong.append(f"{what.__name__}: never. {store.requests()} {going_on()}")


def gather(world, people):
    store = world.here.store
    stories = []
    for run in store.runs():
        tasks = store.tasks(run.id)
        stories.append(checks.Story(run, tasks, {task.task_id: store.attempts(run.id, task.task_id) for task in tasks}))
    return checks.Facts(journal.read(world.folder / "journal"), stories, people.asked)


def main(words):
    parser = argparse.ArgumentParser(prog="make soak", description="Exit code 1: a promise was broken.")
    parser.add_argument("--database", choices=["sqlite", "postgres", "mysql"], default="sqlite")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--seconds", type=float, default=60, help="how long the chaos takes")
    options = parser.parse_args(words)
    for name in [name for name in os.environ if name.startswith(("TRADEWIND_", "AIRFLOW"))]:
        if not name.startswith("TRADEWIND_SANDBOX_"):  # somebody's own database must not take part
            del os.environ[name]
    folder = Path(tempfile.mkdtemp(prefix="tradewind-soak-"))
    print(f"{options.database}, seed {options.seed}; logs and journal: {folder}", flush=True)
    wrong, figures = soak(folder, options.database, options.seed, options.seconds)
    print("\n".join([*wrong, figures]))
    if not wrong:
        shutil.rmtree(folder)
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
