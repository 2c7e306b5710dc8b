"""Run memos: the store answers as memory does, and of those who change one at once everybody has their way."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from tradewind.context import MemoryTaskApi, Memos, TaskApi
from tradewind.context.api import MOST_MEMOS
from tradewind.context.memos import LARGEST
from tradewind.errors import NotFound, UsageError
from tradewind.records import Moves, RunMove
from tradewind.states import RunState, TaskState
from tradewind.store import Store


@pytest.fixture(params=["memory", "store"])
def api(request: pytest.FixtureRequest, store: Store, sample: Any) -> TaskApi:
    sample.run()
    return MemoryTaskApi() if request.param == "memory" else store.task_api()


def test_a_write_says_which_version_it_replaces(api: TaskApi) -> None:
    this = ("sales", "run-1", "a")
    assert api.memo_get(*this) is None
    assert api.memo_put(*this, 0, '"first"')
    assert not api.memo_put(*this, 0, '"also first"')
    assert not api.memo_put(*this, 2, '"too new"')
    assert api.memo_get(*this) == (1, '"first"')
    assert api.memo_put(*this, 1, '"second"')
    assert not api.memo_put(*this, 1, '"late"')
    assert api.memo_get(*this) == (2, '"second"')
    assert api.memo_get("sales", "run-1", "A") is None


def test_a_run_has_so_many_and_no_more(api: TaskApi) -> None:
    for number in range(MOST_MEMOS):
        assert api.memo_put("sales", "run-1", f"m{number}", 0, "1")
    with pytest.raises(UsageError, match="run-1 of sales has 50 memos already"):
        api.memo_put("sales", "run-1", "one more", 0, "1")
    assert api.memo_put("sales", "run-1", "m0", 1, "2")


def test_the_values_are_json_of_a_limited_size(api: TaskApi) -> None:
    memos = Memos("sales", "run-1", api)
    assert memos.get("a", "none") == "none"
    assert memos.change("a", lambda before: [before, "ä\x00"]) == [None, "ä\x00"]
    memos.change("a", lambda before: before)
    assert api.memo_get("sales", "run-1", "a")[0] == 1  # nothing was changed
    assert memos.get("a") == [None, "ä\x00"]
    with pytest.raises(UsageError, match="the most"):
        memos.put("a", "x" * LARGEST)
    for value in ({1, 2}, float("nan")):
        with pytest.raises(UsageError, match="must be JSON"):
            memos.put("a", value)
    assert memos.get("a") == [None, "ä\x00"]


def test_they_go_with_the_run_and_not_with_what_is_cleared(store: Store, sample: Any) -> None:
    run = sample.run()
    api = store.task_api()
    memos = Memos("sales", "run-1", api)
    memos.put("a", 1)
    sample.start(sample.queue(run))
    sample.move(run, "t0", TaskState.FAILED)
    sample.move(run, "t0", None)
    api.xcom_clear(sample.key(run, store.task(run.id, "t0")))
    assert memos.get("a") == 1

    store.apply(run, Moves(run=RunMove(run, replace(run, state=RunState.FAILED, ended_at=sample.now))))
    store.delete_run("sales", "run-1")
    with pytest.raises(NotFound, match="run-1"):
        memos.put("a", 2)
