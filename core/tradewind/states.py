"""States of runs and task instances, the words of rules about them, and what each means."""

from __future__ import annotations

from enum import StrEnum


class TaskState(StrEnum):
    """How far a task instance is. A task instance that nothing was decided about yet has no state (None)."""

    SCHEDULED = "scheduled"  #: its dependencies are met; it waits for a free place
    QUEUED = "queued"  #: handed to the executor
    RUNNING = "running"  #: its process has started
    SUCCESS = "success"  #: it ended well
    FAILED = "failed"  #: it ended badly and will not be tried again
    UP_FOR_RETRY = "up_for_retry"  #: it ended badly and will be tried again at `next_at`
    UP_FOR_RESCHEDULE = "up_for_reschedule"  #: a sensor that gave its place back till `next_at`
    UPSTREAM_FAILED = "upstream_failed"  #: it will not run, for something it needs failed
    SKIPPED = "skipped"  #: it was decided that it need not run
    DEFERRED = "deferred"  #: it waits for a trigger, without a process
    AWAITING_INPUT = "awaiting_input"  #: it waits for a person
    RESTARTING = "restarting"  #: cleared while it ran; its process is being stopped
    REMOVED = "removed"  #: the DAG no longer has this task

    @property
    def is_finished(self) -> bool:
        return self in FINISHED


class RunState(StrEnum):
    """How far a run is."""

    QUEUED = "queued"  #: waits for `max_active_runs`
    RUNNING = "running"  #: its tasks are being worked off
    SUCCESS = "success"  #: every leaf task ended well or was skipped
    FAILED = "failed"  #: at least one leaf task failed, or `dagrun_timeout` passed

    @property
    def is_finished(self) -> bool:
        return self in (RunState.SUCCESS, RunState.FAILED)


class RunType(StrEnum):
    """Why a run exists; also the first word of its run id."""

    SCHEDULED = "scheduled"  #: the DAG's schedule called for it
    MANUAL = "manual"  #: somebody triggered it
    BACKFILL = "backfill"  #: somebody asked for a range of dates
    OPERATOR_TRIGGERED = "operator_triggered"  #: a task of another DAG triggered it
    ASSET_TRIGGERED = "asset_triggered"  #: data it waits for was updated
    ASSET_MATERIALIZATION = "asset_materialization"  #: somebody asked for the data that it makes


class TriggerRule(StrEnum):
    """When a task may run, given how the tasks directly upstream of it ended."""

    ALL_SUCCESS = "all_success"  #: all of them succeeded
    ALL_FAILED = "all_failed"  #: all of them failed or were upstream_failed
    ALL_DONE = "all_done"  #: all of them ended, however
    ALL_DONE_MIN_ONE_SUCCESS = "all_done_min_one_success"  #: all ended, and at least one succeeded
    ALL_DONE_SETUP_SUCCESS = "all_done_setup_success"  #: all ended, and every setup among them succeeded
    ONE_SUCCESS = "one_success"  #: at least one succeeded; does not wait for the others
    ONE_FAILED = "one_failed"  #: at least one failed or was upstream_failed; does not wait
    ONE_DONE = "one_done"  #: at least one succeeded or failed; does not wait
    NONE_FAILED = "none_failed"  #: all succeeded or were skipped
    NONE_FAILED_MIN_ONE_SUCCESS = "none_failed_min_one_success"  #: as none_failed, and at least one succeeded
    NONE_SKIPPED = "none_skipped"  #: all ended and none was skipped
    ALL_SKIPPED = "all_skipped"  #: all were skipped
    ALWAYS = "always"  #: at once


class WeightRule(StrEnum):
    """How `priority_weight` of a task is summed up."""

    DOWNSTREAM = "downstream"  #: its own and that of everything after it: finish old runs last
    UPSTREAM = "upstream"  #: its own and that of everything before it: finish started runs first
    ABSOLUTE = "absolute"  #: its own alone


FINISHED = frozenset(
    {TaskState.SUCCESS, TaskState.FAILED, TaskState.SKIPPED, TaskState.UPSTREAM_FAILED, TaskState.REMOVED}
)

FAILED_STATES = frozenset({TaskState.FAILED, TaskState.UPSTREAM_FAILED})

#: States in which an executor holds the task instance: it takes a place under the limits.
HELD = frozenset({TaskState.QUEUED, TaskState.RUNNING, TaskState.RESTARTING})
