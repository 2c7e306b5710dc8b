"""Tidying up."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from tradewind.records import Moves, RunMove, spec_hash
from tradewind.states import RunState, TaskState
from tradewind.store import Store


def end(store: Store, run: Any, **changes: Any) -> None:
    after = replace(run, state=RunState.SUCCESS, **changes)
    assert store.apply(run, Moves(run=RunMove(run, after))).written


def test_old_runs_go_with_all_that_is_theirs_and_the_newest_of_each_dag_stays(store: Store, sample: Any) -> None:
    for day in range(4):
        run = sample.run(run_id=f"r{day}", day=day)
        key = sample.queue(run)
        sample.start(key)
        store.task_api().xcom_put(key, "x", "1")
        store.task_api().memo_put("sales", run.run_id, "x", 0, "1")
        sample.move(run, "t0", TaskState.SUCCESS, ended_at=sample.now)
        end(store, store.run("sales", run.run_id), ended_at=sample.later(days=day))
    other = sample.run("other", "only")
    end(store, other, ended_at=sample.now)

    of_runs = {"runs": 2, "task_instances": 4, "attempts": 2, "xcoms": 2, "run_memos": 2}
    expected = {**of_runs, "dag_versions": 0, "sources": 0}
    assert store.clean(sample.later(days=2), dry_run=True) == expected
    assert len(store.runs("sales")) == 4
    assert store.clean(sample.later(days=2)) == expected
    assert [run.run_id for run in store.runs("sales")] == ["r3", "r2"]
    assert store.clean(sample.later(days=99)) == {**expected, **{name: rows // 2 for name, rows in of_runs.items()}}
    assert [run.run_id for run in store.runs()] == ["r3", "only"]


def test_what_is_not_over_stays_however_old(store: Store, sample: Any) -> None:
    sample.run(run_id="waits")
    end(store, sample.run(run_id="callback", day=1), ended_at=sample.now, callback_due=True)
    end(store, sample.run(run_id="asked", day=2), ended_at=sample.now)
    store.add_request("clear", "sales", "asked")
    end(store, sample.run(run_id="newest", day=3), ended_at=sample.now)
    assert store.clean(sample.later(days=99))["runs"] == 0
    assert len(store.runs()) == 4


def test_versions_and_sources_go_when_nothing_needs_them(store: Store, sample: Any) -> None:
    first, second, third = (sample.spec(tasks=tasks) for tasks in (1, 2, 3))
    store.save_parsed(sample.parsed(first, source="first"), sample.now)
    run = store.create_run(sample.new_run(), sample.now)
    assert run is not None
    store.save_parsed(sample.parsed(second, source="second"), sample.now)
    store.save_parsed(sample.parsed(third, source="third"), sample.now)
    counts = store.clean(sample.later(seconds=1))
    assert (counts["dag_versions"], counts["sources"]) == (1, 1)
    assert store.version("sales", spec_hash(first)).spec == first
    assert [store.source(f"{name:0<16}") for name in ("first", "second", "third")] == ["first", None, "third"]


def test_a_version_goes_together_with_its_last_run(store: Store, sample: Any) -> None:
    store.save_parsed(sample.parsed(sample.spec(tasks=1), source="first"), sample.now)
    store.create_run(sample.new_run(run_id="old"), sample.now)
    [old] = store.claim_runs("a", sample.now)
    store.save_parsed(sample.parsed(sample.spec(tasks=2), source="second"), sample.now)
    store.create_run(sample.new_run(run_id="new", day=1), sample.now)
    end(store, old, ended_at=sample.now)
    counts = store.clean(sample.later(seconds=1), dry_run=True)
    assert (counts["runs"], counts["dag_versions"], counts["sources"]) == (1, 1, 1)
    assert store.clean(sample.later(seconds=1)) == counts
    assert set(store.clean(sample.later(seconds=1)).values()) == {0}


def test_more_runs_than_one_batch(store: Store, sample: Any) -> None:
    store.save_parsed(sample.parsed(sample.spec(tasks=1)), sample.now)
    for number in range(450):
        store.create_run(sample.new_run(run_id=f"r{number}", day=number), sample.now)
    with store.database.write() as connection:
        connection.exec_driver_sql("UPDATE runs SET state = 'success', ended_at = logical_date")
    assert store.clean(sample.later(days=9999))["runs"] == 449
    assert [run.run_id for run in store.runs()] == ["r449"]
