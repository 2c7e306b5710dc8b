"""Rows of tables into records and back. The columns are selected in the order of the record's fields."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Column

from tradewind.errors import UsageError
from tradewind.records import Attempt, Run, TaskInstance
from tradewind.states import RunState, RunType, TaskState
from tradewind.tables import attempts, runs, task_instances

RUN_COLUMNS: list[Column[Any]] = [runs.c[field] for field in Run.__struct_fields__]
TASK_COLUMNS: list[Column[Any]] = [task_instances.c[field] for field in TaskInstance.__struct_fields__]
ATTEMPT_COLUMNS: list[Column[Any]] = [attempts.c[field] for field in Attempt.__struct_fields__]

#: Places of columns that are not taken as they are.
_STATE, _SKIPS, _REASON = (TaskInstance.__struct_fields__.index(field) for field in ("state", "skips", "reason"))

#: Looking a state up here is several times faster than calling the enum.
_TASK_STATES: dict[str | None, TaskState | None] = {None: None, **{state.value: state for state in TaskState}}


def run_from_row(row: Sequence[Any]) -> Run:
    """`row` holds `RUN_COLUMNS`, and nothing else."""
    values = dict(zip(Run.__struct_fields__, row))
    values["type"] = RunType(values["type"])
    values["state"] = RunState(values["state"])
    values["conf"] = msgspec.json.decode(values["conf"])
    return Run(**values)


def task_from_row(row: Sequence[Any]) -> TaskInstance:
    """`row` holds `TASK_COLUMNS`, and nothing else."""
    values = list(row)
    values[_STATE] = _TASK_STATES[values[_STATE]]
    values[_SKIPS] = tuple(msgspec.json.decode(values[_SKIPS])) if values[_SKIPS] else ()
    values[_REASON] = values[_REASON] or ""
    return TaskInstance(*values)


def attempt_from_row(row: Sequence[Any]) -> Attempt:
    """`row` holds `ATTEMPT_COLUMNS`, and nothing else."""
    values = dict(zip(Attempt.__struct_fields__, row))
    return Attempt(**{**values, "state": _TASK_STATES[values["state"]], "reason": values["reason"] or ""})


def task_state(value: str | None) -> TaskState | None:
    return _TASK_STATES[value]


def skips_text(skips: Iterable[str]) -> str | None:
    """How task ids to be skipped are stored; nothing at all for none."""
    listed = list(skips)
    return json_text(listed) if listed else None


def json_text(value: Any) -> str:
    """A value as JSON. Raises UsageError if JSON cannot hold it."""
    try:
        return msgspec.json.encode(value).decode()
    except (TypeError, ValueError) as error:
        raise UsageError(f"Only what JSON can hold can be kept with a run: {error}.") from error


def utc_now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
