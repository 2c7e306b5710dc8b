"""What a running task may ask of the outside, and the same thing held in memory.

`TaskApi` is answered from the metadata database by the store, from memory in in-process runs and tests, and later over
HTTP. XCom values travel as JSON text (`tradewind.xcom`): whoever implements this never sees the values themselves.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Protocol

from tradewind.errors import UsageError
from tradewind.records import Run, TaskInstance, TaskKey
from tradewind.states import RunState

#: XComs of one key: task id -> map index (-1: not mapped) -> JSON text.
Found = dict[str, dict[int, str]]

#: How many memos a run may have.
MOST_MEMOS = 50


def too_many_memos(dag_id: str, run_id: str, key: str) -> UsageError:
    """What `memo_put` raises for one more than `MOST_MEMOS`."""
    return UsageError(
        f"{run_id} of {dag_id} has {MOST_MEMOS} memos already, and takes no other one, {key!r}: "
        "keep what belongs together under one key."
    )


class TaskApi(Protocol):
    """What a running task may ask of the outside."""

    def xcom_get(self, dag_id: str, run_id: str, task_id: str, key: str, map_index: int = -1) -> str | None:
        """One XCom as JSON text, or None if there is none."""
        ...

    def xcom_get_many(self, dag_id: str, run_id: str, task_ids: Collection[str] | None, key: str) -> Found:
        """The XComs called `key` of these tasks (None: of every task), the task that wrote last at the end."""
        ...

    def xcom_prior(self, dag_id: str, logical_date: datetime.datetime, task_ids: Collection[str], key: str) -> Found:
        """As `xcom_get_many`, per task from the newest run that has one and is not later than `logical_date`."""
        ...

    def xcom_put(self, key: TaskKey, xcom_key: str, json_text: str) -> None:
        """Keep an XCom of a task instance; one with the same key is replaced."""
        ...

    def xcom_clear(self, key: TaskKey) -> list[str]:
        """Forget every XCom of a task instance, and return them; called when an attempt starts."""
        ...

    def previous_success(self, dag_id: str, logical_date: datetime.datetime) -> Run | None:
        """The newest successful run with an earlier logical date."""
        ...

    def find_run(self, dag_id: str, run_id: str) -> Run | None:
        """The run as it stands now, or None if it is not there any more."""
        ...

    def task_instances(self, dag_id: str, run_id: str) -> list[TaskInstance]:
        """Every task instance of a run, as it stands now."""
        ...

    def memo_get(self, dag_id: str, run_id: str, key: str) -> tuple[int, str] | None:
        """A memo of the run: its version, from 1 on, and its value as JSON text. None if there is none."""
        ...

    def memo_put(self, dag_id: str, run_id: str, key: str, version: int, json_text: str) -> bool:
        """Replace the memo if it still has this version (0: if there is none yet). False: somebody was quicker.

        Raises NotFound for a run that is not there any more, UsageError if the run has too many memos.
        """
        ...

    def reschedules(self, key: TaskKey) -> tuple[int, datetime.datetime | None]:
        """How often this try gave its place back (sensors), and when its first look began (None: this is it)."""
        ...


@dataclass
class MemoryTaskApi:
    """A `TaskApi` in memory, for in-process runs and tests. Its fields may be filled and read at will."""

    xcoms: dict[tuple[str, str, str, int, str], str] = field(default_factory=dict)
    """(dag id, run id, task id, map index, key) -> JSON text, in the order of writing."""
    runs: list[Run] = field(default_factory=list)
    """Runs that `find_run`, `previous_success` and `xcom_prior` look through."""
    instances: dict[tuple[str, str], dict[tuple[str, int], TaskInstance]] = field(default_factory=dict)
    """(dag id, run id) -> (task id, map index) -> task instance."""
    memos: dict[tuple[str, str, str], tuple[int, str]] = field(default_factory=dict)
    """(dag id, run id, key) -> version, JSON text."""
    looks: dict[tuple[str, str, str, int, int], list[datetime.datetime]] = field(default_factory=dict)
    """(dag id, run id, task id, map index, try) -> start of each look that ended with the place given back."""

    def xcom_get(self, dag_id: str, run_id: str, task_id: str, key: str, map_index: int = -1) -> str | None:
        return self.xcoms.get((dag_id, run_id, task_id, map_index, key))

    def xcom_get_many(self, dag_id: str, run_id: str, task_ids: Collection[str] | None, key: str) -> Found:
        found: Found = {}
        for (dag, run, task_id, map_index, name), text in self.xcoms.items():
            if (dag, run, name) == (dag_id, run_id, key) and (task_ids is None or task_id in task_ids):
                of_task = found.pop(task_id, {})
                found[task_id] = {**of_task, map_index: text}
        return found

    def xcom_prior(self, dag_id: str, logical_date: datetime.datetime, task_ids: Collection[str], key: str) -> Found:
        found: Found = {}
        for run in self._not_later(dag_id, logical_date):
            for task_id, texts in self.xcom_get_many(dag_id, run.run_id, task_ids, key).items():
                found.setdefault(task_id, texts)
        return found

    def xcom_put(self, key: TaskKey, xcom_key: str, json_text: str) -> None:
        place = (key.dag_id, key.run_id, key.task_id, key.map_index, xcom_key)
        self.xcoms.pop(place, None)  # so that the order is that of writing
        self.xcoms[place] = json_text

    def xcom_clear(self, key: TaskKey) -> list[str]:
        owner = (key.dag_id, key.run_id, key.task_id, key.map_index)
        return [self.xcoms.pop(place) for place in list(self.xcoms) if place[:4] == owner]

    def previous_success(self, dag_id: str, logical_date: datetime.datetime) -> Run | None:
        runs = self._not_later(dag_id, logical_date)
        return next((run for run in runs if run.logical_date < logical_date and run.state is RunState.SUCCESS), None)

    def find_run(self, dag_id: str, run_id: str) -> Run | None:
        return next((run for run in self.runs if (run.dag_id, run.run_id) == (dag_id, run_id)), None)

    def task_instances(self, dag_id: str, run_id: str) -> list[TaskInstance]:
        return list(self.instances.get((dag_id, run_id), {}).values())

    def memo_get(self, dag_id: str, run_id: str, key: str) -> tuple[int, str] | None:
        return self.memos.get((dag_id, run_id, key))

    def memo_put(self, dag_id: str, run_id: str, key: str, version: int, json_text: str) -> bool:
        place = (dag_id, run_id, key)
        if self.memos.get(place, (0, ""))[0] != version:
            return False
        if version == 0 and sum(memo[:2] == place[:2] for memo in self.memos) >= MOST_MEMOS:
            raise too_many_memos(*place)
        self.memos[place] = (version + 1, json_text)
        return True

    def reschedules(self, key: TaskKey) -> tuple[int, datetime.datetime | None]:
        looks = self.looks.get((key.dag_id, key.run_id, key.task_id, key.map_index, key.try_number), [])
        return len(looks), looks[0] if looks else None

    def record_run(self, run: Run) -> None:
        """Keep the run as it stands now."""
        others = [one for one in self.runs if (one.dag_id, one.run_id) != (run.dag_id, run.run_id)]
        self.runs[:] = [*others, run]

    def record_task(self, run: Run, instance: TaskInstance) -> None:
        """Keep the task instance as it stands now."""
        place = (instance.task_id, instance.map_index)
        self.instances.setdefault((run.dag_id, run.run_id), {})[place] = instance

    def record_reschedule(self, key: TaskKey, started_at: datetime.datetime) -> None:
        """A look that began at `started_at` ended with the place given back."""
        place = (key.dag_id, key.run_id, key.task_id, key.map_index, key.try_number)
        self.looks.setdefault(place, []).append(started_at)

    def _not_later(self, dag_id: str, logical_date: datetime.datetime) -> list[Run]:
        runs = [run for run in self.runs if run.dag_id == dag_id and run.logical_date <= logical_date]
        return sorted(runs, key=lambda run: run.logical_date, reverse=True)
