"""The scheduler as a process: taking its place, being replaced, leaving."""

from __future__ import annotations

import datetime
import gc
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from tradewind import settings
from tradewind.errors import UsageError
from tradewind.runner.identity import host, identity, session_members
from tradewind.scheduler.planner import triggered_run
from tradewind.scheduler.service import Service, carry_out, ensure_folders
from tradewind.states import HELD
from tradewind.store import open_store

SLEEPER = """
import time
from tradewind import DAG
from tradewind.operators.python import PythonOperator

def sleep():
    time.sleep(600)

with DAG("sleeper"):
    PythonOperator(task_id="t", python_callable=sleep)
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.setenv("TRADEWIND_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TRADEWIND_HEARTBEAT_INTERVAL", "0.1")
    found = settings.read()
    ensure_folders(found)
    (Path(found.dags_folder) / "sleeper.py").write_text(SLEEPER)
    with open_store(found, create=True) as store:
        yield found, store
        for task in held(store):
            if task.pid and identity(task.pid) == task.process:
                os.kill(task.pid, signal.SIGKILL)


def held(store):
    return [task for run in store.runs() for task in store.tasks(run.id) if task.state in HELD]


def until(what, seconds=60.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := what():
            return found
        time.sleep(0.02)
    raise AssertionError("waited in vain")


def test_a_scheduler_that_was_replaced_leaves_at_once_and_in_order(here):
    """What it started goes on: it is for whoever came after to watch."""
    found, outside = here
    raised = []
    with open_store(found) as store:
        service = Service(store, found)

        def run():
            try:
                service.run()
            except UsageError as error:
                raised.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        dag = until(lambda: outside.dags())[0]
        now = datetime.datetime.now(datetime.UTC)
        outside.create_run(triggered_run(dag, now), now)
        task = until(lambda: [task for task in held(outside) if task.pid])[0]
        outside.forget_scheduler(service.name)
        thread.join(60)
        assert not thread.is_alive(), "it waits for the task"
    assert "was replaced" in str(raised[0])
    assert outside.schedulers() == []
    assert session_members(task.pid), "the task was stopped with it"
    assert service.executor.stop(None) == []  # it is closed already


def test_of_two_schedulers_that_start_at_once_one_stays(here):
    found, outside = here
    with open_store(found) as one, open_store(found) as other:
        first, second = Service(one, found, watch=False), Service(other, found, watch=False)
        looks = []

        def look(real=other.schedulers):
            """The other one registers right after this one looked."""
            looks.append(real())
            if len(looks) == 1:
                first._take_the_place()
            return looks[-1]

        other.schedulers = look
        with pytest.raises(UsageError, match="takes only one"):
            second.run(until=lambda: True)
        del other.schedulers
        assert [info.id for info in outside.schedulers()] == [first.name]
        first.executor.stop(None)
        second.executor.stop(None)


def test_what_is_asked_for_is_left_to_a_scheduler_that_is_at_work_and_nothing_stays_open(here):
    found, store = here
    store.register_scheduler("at work", host(), os.getpid(), identity() or "", datetime.datetime.now(datetime.UTC))
    assert not carry_out(store, found)
    gc.collect()  # a socket that was left open is a warning, and fails the test
    store.forget_scheduler("at work")
    assert carry_out(store, found)
    assert store.schedulers() == []
