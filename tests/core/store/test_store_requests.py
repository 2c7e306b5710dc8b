"""Requests, pools, and the number that tells of changes."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from tradewind.errors import NotFound, UsageError
from tradewind.records import Outcome, Pool, Request
from tradewind.settings import Settings
from tradewind.states import TaskState
from tradewind.store import Store, open_store


def test_requests_wait_in_the_order_they_were_made(store: Store, sample: Any) -> None:
    sample.run()
    first = store.add_request("clear", "sales", "run-1", {"task_ids": ["t0"], "downstream": True})
    second = store.add_request("set_run_state", "sales", "run-1", {"state": "failed"})
    assert store.requests() == [
        Request(first, "clear", "sales", "run-1", {"task_ids": ["t0"], "downstream": True}),
        Request(second, "set_run_state", "sales", "run-1", {"state": "failed"}),
    ]
    store.delete_requests([first])
    assert [request.id for request in store.requests()] == [second]
    store.delete_requests([])
    store.delete_requests([first, second])
    assert store.requests() == []


def test_nothing_is_asked_of_a_run_that_does_not_exist(store: Store, sample: Any) -> None:
    sample.run()
    with pytest.raises(NotFound, match="did you mean 'run-1'"):
        store.add_request("clear", "sales", "run-2")
    with pytest.raises(UsageError, match="JSON"):
        store.add_request("clear", "sales", "run-1", {"what": object()})
    assert store.requests() == []


def test_the_default_pool_is_always_there(settings: Settings) -> None:
    with open_store(dataclasses.replace(settings, default_pool_slots=7), create=True) as store:
        assert store.pools() == {"default_pool": 7}
        store.set_pool("default_pool", 3)
        assert store.pools() == {"default_pool": 3}
        with pytest.raises(UsageError, match="cannot be deleted"):
            store.delete_pool("default_pool")


def test_pools(store: Store) -> None:
    store.set_pool("api", 2, "calls to the shop")
    store.set_pool("api", 5)
    assert store.pools()["api"] == 5
    assert store.list_pools()[0] == Pool("api", 5, "calls to the shop")
    store.set_pool("api", 5, "")
    assert store.list_pools()[0].description == ""
    with pytest.raises(UsageError, match="-1 slots"):
        store.set_pool("api", -1)
    with pytest.raises(NotFound, match="did you mean 'api'"):
        store.delete_pool("apis")
    store.delete_pool("api")
    assert "api" not in store.pools()


def test_the_change_marker_tells_schedulers_of_news_of_whomever(store: Store, sample: Any, settings: Settings) -> None:
    sample.run()
    marker = store.change_marker()
    assert store.change_marker() == marker
    store.runs()
    store.dags()
    assert store.change_marker() == marker
    store.set_pool("mine", 1)
    own = store.change_marker()
    assert own != marker
    with Store(settings=settings) as other:
        other.set_pool("others", 1)
        assert store.change_marker() != own


def test_each_verb_that_schedulers_should_hear_of_changes_the_marker(store: Store, sample: Any) -> None:
    sample.run()
    sample.run("other")
    verbs = {
        "save_parsed": lambda: store.save_parsed(
            sample.parsed(sample.spec(tasks=3), path="/dags/sales.py"), sample.now
        ),
        "set_paused": lambda: store.set_paused("sales", True),
        "set_pool": lambda: store.set_pool("mine", 1),
        "delete_pool": lambda: store.delete_pool("mine"),
        "create_run": lambda: store.create_run(sample.new_run(run_id="another"), sample.now),
        "add_request": lambda: store.add_request("clear", "sales", "run-1"),
        "delete_run": lambda: store.delete_run("sales", "run-1"),
        "release": lambda: store.release(sample.scheduler),
        "forget_scheduler": lambda: store.forget_scheduler(sample.scheduler),
        "remove_file": lambda: store.remove_file("/dags/sales.py"),
        "delete_dag": lambda: store.delete_dag("sales"),
    }
    for name, verb in verbs.items():
        before = store.change_marker()
        verb()
        assert store.change_marker() != before, name


def test_what_attempts_and_their_scheduler_write_leaves_the_marker_alone(store: Store, sample: Any) -> None:
    run = sample.run()
    marker = store.change_marker()
    key = sample.queue(run, "t0")
    sample.start(key)
    store.heartbeat(key, sample.now)
    store.task_api().xcom_put(key, "return_value", "1")
    store.finish_attempt(key, Outcome(TaskState.SUCCESS, sample.now))
    store.scheduler_heartbeat(sample.scheduler, sample.now)
    store.release_run(run)
    assert store.change_marker() == marker
