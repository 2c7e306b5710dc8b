"""Many processes on one database: nothing is lost, nothing happens twice, nobody sees a lock."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tradewind.context import Memos
from tradewind.errors import StoreError
from tradewind.records import Moves, Run, TaskInstance, TaskMove
from tradewind.settings import Settings
from tradewind.states import TaskState
from tradewind.store import Store

HEAD = """
    import datetime, json, os, random, sys
    from pathlib import Path
    from tradewind.context import Memos
    from tradewind.records import *
    from tradewind.settings import Settings
    from tradewind.states import *
    from tradewind.store import open_store

    home, url, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    for number in range(count):
        if os.fork() == 0:
            break
    else:
        sys.exit(max(os.waitstatus_to_exitcode(os.wait()[1]) for _ in range(count)))
    store = open_store(Settings(home=home, database_url=url))
    now = datetime.datetime.now(datetime.UTC)
    os.write(1, b"ready\\n")  # at one go, for they share the pipe
    sys.stdin.read()
"""

TAIL = """
    Path(home, "results", str(number)).write_text(json.dumps(result))
    store.close()
"""

#: Races the others for every queued attempt; gives half of them time to be restarted meanwhile.
RUNNER = """
    started, finished = [], []
    while not os.path.exists(f"{home}/stop"):
        queued = [
            TaskKey(run.dag_id, run.run_id, task.task_id, task.map_index, task.try_number, task.dispatch)
            for run in store.runs()
            for task in store.tasks(run.id)
            if task.state is TaskState.QUEUED
        ]
        random.shuffle(queued)
        for key in queued[:4]:
            if store.start_attempt(key, now, "here", os.getpid(), "p") is not None:
                started.append([key.task_id, key.dispatch])
                store.heartbeat(key, now)
                if store.finish_attempt(key, Outcome(TaskState.SUCCESS, now)):
                    finished.append([key.task_id, key.dispatch])
    result = {"started": started, "finished": finished}
"""

CLAIMER = """
    name = f"scheduler-{number}"
    store.register_scheduler(name, "here", os.getpid(), "p", now)
    claimed = []
    while len(store.runs(limit=1)) and (more := store.claim_runs(name, now, limit=3)):
        claimed += [run.run_id for run in more]
    result = claimed
"""

CREATOR = """
    made = [store.create_run(NewRun("sales", f"r{n}", RunType.MANUAL, now, now, now), now) for n in range(20)]
    result = [run.run_id for run in made if run is not None]
"""

SAVER = """
    import logging
    logging.disable(logging.WARNING)  # each says which DAGs are another file's
    specs = tuple(DagSpec(f"dag{n}", (TaskSpec("t", "O"),), description=str(number)) for n in range(5))
    for round in range(10):
        store.save_parsed(ParsedFile(f"/dags/{number}.py", f"{number:016}", "", specs), now)
    result = [dag.dag_id for dag in store.dags() if dag.path == f"/dags/{number}.py"]
"""


class Processes:
    """Processes that wait for each other before they begin, and leave one JSON value each.

    One process imports what they need and is forked: most of their time would go into the same imports otherwise.
    """

    def __init__(self, settings: Settings, body: str, count: int) -> None:
        self.results_folder = Path(settings.home, "results")
        self.results_folder.mkdir()
        script = textwrap.dedent(HEAD) + textwrap.dedent(body) + textwrap.dedent(TAIL)
        command = [sys.executable, "-W", "error", "-c", script, settings.home, settings.database_url, str(count)]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        self.first = subprocess.Popen(command, **pipes, text=True, start_new_session=True)
        self.count = count

    def begin(self) -> None:
        assert self.first.stdin is not None
        assert self.first.stdout is not None
        for _ in range(self.count):
            if self.first.stdout.readline() != "ready\n":
                raise AssertionError(self.end())
        self.first.stdin.close()  # which all of them wait for
        self.first.stdin = None

    def results(self) -> list[Any]:
        _, errors = self.first.communicate(timeout=120)
        assert (self.first.returncode, errors) == (0, "")
        return [json.loads((self.results_folder / str(number)).read_text()) for number in range(self.count)]

    def end(self) -> str:
        """Kill all of them; returns what they had to complain of."""
        with suppress(ProcessLookupError):
            os.killpg(self.first.pid, signal.SIGKILL)
        return str(self.first.communicate()[1])


@contextmanager
def together(settings: Settings, body: str, count: int = 8) -> Iterator[Processes]:
    processes = Processes(settings, body, count)
    try:
        processes.begin()
        yield processes
    finally:
        processes.end()


def next_move(task: TaskInstance, dispatches: int) -> TaskMove | None:
    """What the scheduler of this test does with a task: it queues it again and again, and restarts some that run.

    `dispatches` is even, and only odd ones are restarted: the last one succeeds.
    """
    if task.state in (None, TaskState.SUCCESS) and task.dispatch < dispatches:
        after = replace(task, state=TaskState.QUEUED, dispatch=task.dispatch + 1, try_number=task.dispatch + 1)
    elif task.state is TaskState.RUNNING and task.dispatch % 2:
        after = replace(task, state=TaskState.RESTARTING)
    elif task.state is TaskState.RESTARTING:
        after = replace(task, state=None)
    else:
        return None
    return TaskMove(task, after)


def drive(store: Store, run: Run, dispatches: int) -> Counter[str]:
    """Move all tasks on till each was dispatched so often; returns how many moves to which state were written."""
    written: Counter[str] = Counter()
    while True:
        tasks = store.tasks(run.id)
        if all(task.state is TaskState.SUCCESS and task.dispatch == dispatches for task in tasks):
            return written
        moves = [move for move in (next_move(task, dispatches) for task in tasks) if move]
        applied = store.apply(run, Moves(tuple(moves)))
        assert applied.ok
        if applied.written:
            written.update(str(move.after.state) for move in moves)


def test_eight_processes_start_and_finish_each_attempt_once(store: Store, sample: Any, settings: Settings) -> None:
    run = sample.run(tasks=12)
    with together(settings, RUNNER, 7) as runners:
        written = drive(store, run, dispatches=12)
        Path(settings.home, "stop").touch()
        results = runners.results()
    started = Counter(map(tuple, (start for result in results for start in result["started"])))
    finished = Counter(map(tuple, (end for result in results for end in result["finished"])))
    assert started.total() == written["queued"]
    assert set(started.values()) == {1}, "an attempt was started twice"
    assert set(finished.values()) == {1}, "an attempt was finished twice"
    assert finished.total() == written["queued"] - written["restarting"], "an update was lost"
    history = [attempt for task in store.tasks(run.id) for attempt in store.attempts(run.id, task.task_id)]
    assert Counter(str(attempt.state) for attempt in history) == {
        "success": finished.total(),
        **({"restarting": written["restarting"]} if written["restarting"] else {}),
    }
    assert len([result for result in results if result["started"]]) > 1, "the processes did not compete"


def test_each_run_is_claimed_by_one_scheduler(store: Store, sample: Any, settings: Settings) -> None:
    store.save_parsed(sample.parsed(*(sample.spec(f"dag{number}") for number in range(20))), sample.now)
    for number in range(60):
        store.create_run(sample.new_run(f"dag{number // 3}", run_id=f"r{number}"), sample.now)
    with together(settings, CLAIMER) as claimers:
        results = claimers.results()
    assert sorted(run for result in results for run in result) == sorted(f"r{number}" for number in range(60))
    assert {run.epoch for run in store.runs()} == {1}


def test_each_run_is_created_by_one_process(store: Store, sample: Any, settings: Settings) -> None:
    store.save_parsed(sample.parsed(sample.spec()), sample.now)
    with together(settings, CREATOR) as creators:
        results = creators.results()
    assert sorted(run for result in results for run in result) == sorted(f"r{number}" for number in range(20))
    assert all(len(store.tasks(run.id)) == 2 for run in store.runs())


def test_each_dag_belongs_to_one_file(store: Store, settings: Settings) -> None:
    with together(settings, SAVER, 4) as savers:
        results = savers.results()
    assert sorted(dag for result in results for dag in result) == [f"dag{n}" for n in range(5)]
    assert len(store.failures()) == len([result for result in results if len(result) < 5])


CHANGER = """
    memos = Memos("sales", "run-1", store.task_api())
    for round in range(10):
        memos.change("list", lambda before: [*(before or []), f"{number}-{round}"])
    result = memos.get("list")
"""


def test_processes_that_change_one_memo_at_once_lose_nothing(store: Store, sample: Any, settings: Settings) -> None:
    sample.run()
    with together(settings, CHANGER, 6) as changers:
        longest = max(changers.results(), key=len)
    found = Memos("sales", "run-1", store.task_api()).get("list")
    assert found == longest
    assert sorted(found) == sorted(f"{process}-{number}" for process in range(6) for number in range(10))
    for process in range(6):
        own = [one for one in found if one.startswith(f"{process}-")]
        assert own == [f"{process}-{number}" for number in range(10)]


FORKING = """
    from msgspec.structs import replace
    store.warm_up()
    if number:  # a careless parent: its connections are open while it forks
        store.runs()
        store.change_marker()
    children = []
    for n in range(6):
        pid = os.fork()
        if pid == 0:
            store.after_fork()
            for round in range(20):
                store.set_pool(f"{number}-{n}-{round}", round)
            os._exit(0 if store.runs() else 1)
        children.append(pid)
    for round in range(20):
        store.set_pool(f"{number}-parent-{round}", round)
    result = [os.waitpid(pid, 0)[1] for pid in children]
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_store_goes_on_working_in_forked_children(store: Store, sample: Any, settings: Settings) -> None:
    sample.run()
    with together(settings, FORKING, 2) as parents:
        assert parents.results() == [[0] * 6, [0] * 6]
    assert len(store.pools()) == 1 + 2 * 7 * 20


def test_warming_up_leaves_nothing_behind_and_no_connection_open(store: Store, sample: Any) -> None:
    run = sample.run()
    store.change_marker()
    store.warm_up()
    links = [link for link in Path("/proc/self/fd").glob("*") if link.is_symlink()]
    assert not [link for link in links if store.place in str(link.readlink())]
    assert store.runs() == [run]
    assert [dag.dag_id for dag in store.dags()] == ["sales"]


def test_a_rehearsal_whose_connection_breaks_touches_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a server it is only that connection for which the real tables are hidden."""
    from tradewind.store import rehearsal

    if not hasattr(store.database, "server"):
        return  # there is no connection to break
    real = rehearsal.rehearse

    def rehearse(store: Store) -> None:
        store.pools()
        store.database._engine.dispose()  # type: ignore[attr-defined]
        real(store)

    monkeypatch.setattr("tradewind.store.store.rehearse", rehearse)
    with pytest.raises(StoreError, match="broke during a rehearsal"):
        store.warm_up()
    assert store.dags() == []
    store.set_pool("a", 1)


def test_threads_share_a_store(store: Store, sample: Any) -> None:
    from concurrent.futures import ThreadPoolExecutor

    run = sample.run(tasks=30)

    def work(number: int) -> bool:
        store.set_pool(f"pool-{number}", number)
        return store.task(run.id, f"t{number}").task_id == f"t{number}"

    with ThreadPoolExecutor(20) as pool:
        assert all(pool.map(work, range(30)))
    assert len(store.pools()) == 31
