"""Frozen records that the parts hand to each other.

Durations are seconds (float), moments are aware datetimes in UTC. `DagSpec` is all that the scheduler ever knows of a
DAG: it is stored as JSON and its hash names the version. Nothing here has behaviour beyond reading itself.
"""

from __future__ import annotations

import datetime
import hashlib
from typing import Any

import msgspec

from tradewind.schedule import Never, Schedule
from tradewind.states import RunState, RunType, TaskState, TriggerRule


class Extra(msgspec.Struct, frozen=True):
    """One typed extra of a connection type. Values that come as text are converted to `type`."""

    name: str
    type: type = str  #: str, bool, int, float, dict or list (the last two are read as JSON)
    help: str = ""  #: one line, shown by the command line, the console and the docs
    secret: bool = False  #: masked wherever it would be shown
    choices: tuple[str, ...] = ()  #: the only values allowed; empty: any


class ConnectionType(msgspec.Struct, frozen=True):
    """A kind of connection, declared by a provider."""

    name: str  #: canonical name, with `_` and never `-`
    hook: str | None = None  #: dotted path "package.module:Class" of its hook
    label: str = ""  #: how people call it
    aliases: tuple[str, ...] = ()  #: other URI schemes that mean the same
    default_port: int | None = None
    extras: tuple[Extra, ...] = ()
    sqlalchemy_url: str | None = None  #: dotted path of a function Connection -> URL text, if the usual form is wrong
    schema_label: str = "schema"  #: what the path of the URI is here: "database", "bucket", "scheme"
    #: JSON that is no connection by itself, but a key file of this kind: its "type", and the extra that it becomes.
    key_files: tuple[tuple[str, str], ...] = ()


class TaskSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    """One task of a `DagSpec`: all that is needed to decide when it runs, nothing that is needed to run it."""

    task_id: str
    operator: str  #: name of the operator class
    upstream: tuple[str, ...] = ()  #: task ids directly upstream
    trigger_rule: TriggerRule = TriggerRule.ALL_SUCCESS
    retries: int = 0
    retry_delay: float = 300.0
    retry_exponential_backoff: float = 0.0  #: factor from one delay to the next; 0 or 1: always the same delay
    max_retry_delay: float | None = None
    execution_timeout: float | None = None
    start_date: datetime.datetime | None = None  #: runs with an earlier logical date leave the task out
    end_date: datetime.datetime | None = None
    depends_on_past: bool = False
    ignore_first_depends_on_past: bool = True
    wait_for_downstream: bool = False
    wait_for_past_depends_before_skipping: bool = False
    priority: int = 1  #: priority_weight summed up by the weight rule
    pool: str = "default_pool"
    pool_slots: int = 1
    max_active_tis_per_dag: int | None = None
    max_active_tis_per_dagrun: int | None = None
    queue: str = "default"
    executor: str | None = None
    group: str | None = None  #: id of the task group that it is in
    empty: bool = False  #: it does nothing and has no callbacks: no process is needed
    short_circuits_all: bool = False  #: a short-circuit that skips everything downstream, whatever the trigger rules
    setup: bool = False
    teardown: bool = False
    teardown_fails_run: bool = False  #: a teardown whose failure fails the run (on_failure_fail_dagrun)
    owner: str = ""
    label: str | None = None  #: task_display_name
    doc_md: str | None = None
    docs: dict[str, str] = {}  #: the other texts about it: "doc", "doc_json", "doc_yaml", "doc_rst"
    edge_labels: dict[str, str] = {}  #: downstream task id -> label of that edge
    has_failure_callbacks: bool = False  #: somebody is to be told of a failure or retry, by callback or mail


class GroupSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    """A task group, for people's eyes: it has no effect on scheduling."""

    group_id: str
    parent: str | None = None
    label: str | None = None
    tooltip: str = ""


class DagSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    """All that the scheduler knows of a DAG. `tasks` is in topological order."""

    dag_id: str
    tasks: tuple[TaskSpec, ...]
    schedule: Schedule = Never()
    timezone: str = "UTC"
    start_date: datetime.datetime | None = None
    end_date: datetime.datetime | None = None
    catchup: bool = False
    max_active_runs: int = 16
    max_active_tasks: int = 16  #: task instances of one run held by executors at once
    max_consecutive_failed_runs: int = 0  #: pause the DAG after so many; 0: never
    dagrun_timeout: float | None = None
    fail_fast: bool = False
    paused_on_creation: bool | None = None  #: None: as the setting `dags_are_paused_at_creation` says
    has_run_callbacks: bool = False  #: a DAG-level on_success_callback or on_failure_callback
    allowed_run_types: tuple[RunType, ...] = ()  #: the only types of runs that may be made; empty: any
    rerun_with_latest_version: bool = True  #: an ended run that is cleared moves to the newest version
    params: dict[str, Any] = {}  #: name -> JSON schema with "default"
    groups: tuple[GroupSpec, ...] = ()
    tags: tuple[str, ...] = ()
    owner_links: dict[str, str] = {}  #: owner of tasks -> web or mail address
    description: str = ""
    label: str | None = None
    doc_md: str | None = None
    line: int = 0  #: line of the DAG file on which the DAG is made


def to_json(spec: DagSpec) -> bytes:
    """The spec as JSON, the same bytes for the same content."""
    return msgspec.json.encode(spec, order="sorted")


def spec_from_json(data: bytes | str) -> DagSpec:
    return msgspec.json.decode(data, type=DagSpec)


def spec_hash(spec: DagSpec) -> str:
    """Names the version of a DAG: 16 hex digits, equal for equal specs."""
    return hashlib.sha256(to_json(spec)).hexdigest()[:16]


class ImportFailure(msgspec.Struct, frozen=True):
    """Why a DAG file could not be read."""

    path: str
    error: str  #: one line: kind of error and its message
    traceback: str = ""  #: the user's own frames only
    line: int | None = None  #: line of the DAG file, where known


class ParsedFile(msgspec.Struct, frozen=True):
    """What one DAG file contains: specs, or the reason why it cannot be read."""

    path: str  #: absolute
    hash: str  #: of the content, 16 hex digits
    source: str  #: the content; kept with the version, so that a run can go on when the file changes
    specs: tuple[DagSpec, ...] = ()
    failure: ImportFailure | None = None
    seconds: float = 0.0  #: how long it took to read
    reads: tuple[str, ...] = ()  #: what else it read beside or in the DAG folder: when that changes, it is read again


class TaskKey(msgspec.Struct, frozen=True):
    """Names one hand-over of a task instance to an executor; no two have the same `dispatch`."""

    dag_id: str
    run_id: str
    task_id: str
    map_index: int = -1
    try_number: int = 1
    dispatch: int = 1  #: counts the hand-overs of this task instance, retries, re-looks and clears alike

    def __str__(self) -> str:
        mapped = f"[{self.map_index}]" if self.map_index >= 0 else ""
        return f"{self.dag_id}.{self.task_id}{mapped} of {self.run_id}, try {self.try_number}"


class TaskInstance(msgspec.Struct, frozen=True):
    """One task in one run, as it stands."""

    task_id: str
    map_index: int = -1
    state: TaskState | None = None
    try_number: int = 0  #: number of the running or last try; 0: not tried yet
    max_tries: int = 0  #: how many retries it may still use in all: it fails when try_number > max_tries
    dispatch: int = 0  #: see TaskKey
    scheduled_at: datetime.datetime | None = None
    queued_at: datetime.datetime | None = None
    started_at: datetime.datetime | None = None
    ended_at: datetime.datetime | None = None
    next_at: datetime.datetime | None = None  #: when a retry or the next look of a sensor is due
    heartbeat_at: datetime.datetime | None = None
    host: str | None = None
    pid: int | None = None
    process: str | None = None  #: tells the process from a later one with the same pid
    skips: tuple[str, ...] = ()  #: task ids that it decided to skip when it ended (branches, short circuits)
    reason: str = ""  #: why it ended or waits as it does, in words


class Run(msgspec.Struct, frozen=True):
    """One DAG for one data interval, or triggered by hand."""

    id: int  #: key in the metadata database
    dag_id: str
    run_id: str
    type: RunType
    state: RunState
    logical_date: datetime.datetime
    data_interval_start: datetime.datetime
    data_interval_end: datetime.datetime
    version: str  #: spec_hash of the DAG version that it runs
    queued_at: datetime.datetime
    started_at: datetime.datetime | None = None
    ended_at: datetime.datetime | None = None
    conf: dict[str, Any] = {}
    owner: str | None = None  #: id of the scheduler that holds the lease
    epoch: int = 0  #: raised by each claim; writes of an older epoch are refused
    callback_due: bool = False  #: it ended, and its DAG-level callback has not run yet
    reason: str = ""


class NewRun(msgspec.Struct, frozen=True):
    """A run to be created."""

    dag_id: str
    run_id: str
    type: RunType
    logical_date: datetime.datetime
    data_interval_start: datetime.datetime
    data_interval_end: datetime.datetime
    conf: dict[str, Any] = {}


class DagVersion(msgspec.Struct, frozen=True):
    """One version of a DAG and the file content that it came from."""

    dag_id: str
    version: str  #: spec_hash
    path: str
    file_hash: str
    spec: DagSpec


class DagInfo(msgspec.Struct, frozen=True):
    """A DAG as the metadata database knows it."""

    dag_id: str
    path: str
    version: str  #: the newest one
    spec: DagSpec  #: of that version
    file_hash: str
    paused: bool = False
    active: bool = True  #: its file still has it
    last_interval_end: datetime.datetime | None = None  #: of its latest scheduled run
    last_logical_date: datetime.datetime | None = None  #: of its latest scheduled run


class Outcome(msgspec.Struct, frozen=True):
    """What the process of an attempt records about it."""

    state: TaskState  #: success, failed, skipped, up_for_retry or up_for_reschedule
    ended_at: datetime.datetime
    next_at: datetime.datetime | None = None  #: of a retry or re-look
    skips: tuple[str, ...] = ()
    reason: str = ""


class Attempt(msgspec.Struct, frozen=True):
    """One try of a task instance, kept for history."""

    task_id: str
    map_index: int
    try_number: int
    state: TaskState | None
    started_at: datetime.datetime | None
    ended_at: datetime.datetime | None
    host: str | None = None
    pid: int | None = None
    reason: str = ""


class TaskMove(msgspec.Struct, frozen=True):
    """A change of one task instance that the scheduler decided on: `after` replaces `before`.

    The store writes it only if the stored state and dispatch still are those of `before`.
    """

    before: TaskInstance
    after: TaskInstance


class Pool(msgspec.Struct, frozen=True):
    """A set of slots that tasks of all DAGs share."""

    name: str
    slots: int
    description: str = ""


class RunMove(msgspec.Struct, frozen=True):
    """A change of the run itself that the scheduler decided on."""

    before: Run
    after: Run


class Moves(msgspec.Struct, frozen=True):
    """What one event changes in one run; written in one transaction."""

    tasks: tuple[TaskMove, ...] = ()
    run: RunMove | None = None

    def __bool__(self) -> bool:
        return bool(self.tasks) or self.run is not None


class Request(msgspec.Struct, frozen=True):
    """Something a person asked of a run; the scheduler that owns the run carries it out."""

    id: int
    kind: str  #: "clear", "set_task_state", "set_run_state", "delete_run"
    dag_id: str
    run_id: str
    arguments: dict[str, Any] = {}
