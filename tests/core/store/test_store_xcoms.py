"""Values passed between tasks: the store answers as the API held in memory does."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tradewind.context import MemoryTaskApi, TaskApi
from tradewind.errors import StoreError
from tradewind.records import Moves, RunMove, TaskKey
from tradewind.states import RunState, TaskState
from tradewind.store import Store

TASKS = ("t0", "t1", "t2")
KEYS = ("return_value", "x")
JSON = st.text(st.characters(exclude_characters="\x00", codec="utf-8"))  # JSON has no NUL, and PostgreSQL takes none
PUTS = st.tuples(st.just("put"), st.integers(0, 2), st.sampled_from(TASKS), st.sampled_from(KEYS), JSON)
CLEARS = st.tuples(st.just("clear"), st.integers(0, 2), st.sampled_from(TASKS), st.just(""), st.just(""))


def listed(found: dict[str, dict[int, str]]) -> list[tuple[str, dict[int, str]]]:
    return list(found.items())


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(PUTS | CLEARS, max_size=12))
def test_the_store_answers_as_memory_does(store: Store, sample: Any, steps: list[Any]) -> None:
    runs = [store.find_run("sales", f"r{day}") or sample.run(run_id=f"r{day}", tasks=3, day=day) for day in range(3)]
    memory, stored = MemoryTaskApi(runs=runs), store.task_api()
    for run in runs:
        for task_id in TASKS:
            stored.xcom_clear(TaskKey("sales", run.run_id, task_id, dispatch=0))
    for what, day, task_id, key, text in steps:
        place = TaskKey("sales", f"r{day}", task_id, dispatch=0)
        if what == "clear":
            assert sorted(memory.xcom_clear(place)) == sorted(stored.xcom_clear(place))
            continue
        for api in (memory, stored):
            api.xcom_put(place, key, text)
    for day, run in enumerate(runs):
        for key in KEYS:
            assert stored.xcom_get("sales", run.run_id, "t0", key) == memory.xcom_get("sales", run.run_id, "t0", key)
            for tasks in (None, ["t2", "t0"], []):
                ask = ("sales", run.run_id, tasks, key)
                assert listed(stored.xcom_get_many(*ask)) == listed(memory.xcom_get_many(*ask))
            latest = sample.later(days=day)
            assert stored.xcom_prior("sales", latest, TASKS, key) == memory.xcom_prior("sales", latest, TASKS, key)


def test_it_is_a_task_api(store: Store) -> None:
    api: TaskApi = store.task_api()
    assert api.xcom_get("no", "no", "no", "no") is None
    assert api.xcom_get_many("no", "no", None, "no") == {}


def test_an_attempt_given_up_for_lost_overwrites_no_value(store: Store, sample: Any) -> None:
    run = sample.run()
    api = store.task_api()
    lost = sample.queue(run, dispatch=1)
    sample.start(lost)
    api.xcom_put(lost, "x", "1")
    sample.move(run, "t0", TaskState.UP_FOR_RETRY)
    current = sample.queue(run, dispatch=2)
    api.xcom_clear(lost)
    assert api.xcom_get("sales", "run-1", "t0", "x") == "1"
    api.xcom_clear(current)
    api.xcom_put(current, "x", "2")
    with pytest.raises(StoreError, match="not the current attempt"):
        api.xcom_put(lost, "x", "3")
    assert api.xcom_get("sales", "run-1", "t0", "x") == "2"


def test_the_state_of_every_task(store: Store, sample: Any) -> None:
    run = sample.run(tasks=2)
    sample.move(run, "t1", TaskState.SKIPPED)
    found = store.task_api().task_instances("sales", "run-1")
    assert {one.task_id: one.state for one in found} == {"t0": None, "t1": TaskState.SKIPPED}


def test_the_last_success(store: Store, sample: Any) -> None:
    run = sample.run()
    assert store.task_api().previous_success("sales", sample.later(days=1)) is None
    store.apply(run, Moves(run=RunMove(run, replace(run, state=RunState.SUCCESS))))
    found = store.task_api().previous_success("sales", sample.later(days=1))
    assert found is not None
    assert found.run_id == "run-1"
    assert store.task_api().previous_success("sales", sample.now) is None
