"""The watch over the DAG folder, with real files and real processes that read them."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.simulation.machine import replace_settings
from tradewind.scheduler.watch import DagWatch

DAG = """
from tradewind import DAG
from tradewind.operators.empty import EmptyOperator

with DAG({name!r}):
    EmptyOperator(task_id="nothing")
"""


@pytest.fixture
def watch(tmp_path):
    found = replace_settings(tmp_path, dags_folder=str(tmp_path / "dags"), dags_refresh_interval=0.05)
    Path(found.dags_folder).mkdir()
    one = DagWatch(found)
    one.folder = Path(found.dags_folder)
    yield one
    one.stop()


def until(watch, wanted, seconds=60.0):
    """What the watch finds, till `wanted` of it is true."""
    found, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        found += watch.take()
        if wanted(found):
            return found
        time.sleep(0.02)
    raise AssertionError(f"waited in vain; found {found}")


def write(watch, name, before=""):
    path = watch.folder / f"{name}.py"
    path.write_text(before + DAG.format(name=name))
    return str(path)


def test_a_file_that_went_while_nobody_watched_is_reported(watch):
    kept, gone = write(watch, "kept"), str(watch.folder / "gone.py")
    watch.start([kept, gone])
    found = until(watch, lambda found: len(found) == 2)
    assert gone in found
    assert [one.path for one in found if one != gone] == [kept]


def test_a_file_that_goes_while_it_is_read_stays_gone(watch, tmp_path):
    go = tmp_path / "go"
    path = write(watch, "slow", f"import os, time\nopen({str(tmp_path / 'reading')!r}, 'w').close()\n"
                 f"while not os.path.exists({str(go)!r}): time.sleep(0.01)\n")  # fmt: skip
    watch.start()
    until(watch, lambda found: (tmp_path / "reading").exists())
    Path(path).unlink()
    assert until(watch, bool) == [path]
    go.touch()
    write(watch, "other")
    found = until(watch, bool)
    assert [one.path for one in found] == [str(watch.folder / "other.py")]


def test_an_error_that_nobody_thought_of_does_not_end_the_watch(watch):
    real = watch._folder.scan
    errors = [RuntimeError("dictionary changed size during iteration (played)")]

    def scan(seen):
        if errors:
            raise errors.pop()
        return real(seen)

    watch._folder.scan = scan
    path = write(watch, "one")
    watch.start()
    assert [one.path for one in until(watch, bool)] == [path]
