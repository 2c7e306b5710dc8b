"""What there is to tell of a run: how it stands, which tasks failed and why, the end of their logs, what to do next.

Everything is looked up when a message is about to go out, so that it is right whoever sends it.
"""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import json
import logging
import shlex
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from tradewind import logs, settings
from tradewind.context import Context, OtherTask
from tradewind.errors import TradewindError
from tradewind.remote import open_log_store
from tradewind.remote.reading import tail_of
from tradewind.secrets import redact
from tradewind.states import RunState, TaskState

log = logging.getLogger("tradewind.notifier")

#: How many tasks are named, and of how many of these the end of the log is shown.
MOST_LINES = 20
MOST_LOGS = 3

#: How much of a reason and of a log is shown.
LONGEST_REASON = 140  # characters
LOG_LINES = 12
LONGEST_LOG = 1200  # characters
_LOG_TAIL = 16 * 1024  # bytes that are read


#: How a task stands, in words; the place is that of the number of its try.
_TOLD: dict[TaskState | None, str] = {
    TaskState.FAILED: "failed, {}",
    TaskState.UP_FOR_RETRY: "failed, {}, and is tried again",
    TaskState.RUNNING: "is running, {}",
    TaskState.SUCCESS: "succeeded, {}",
    TaskState.SKIPPED: "was skipped",
    TaskState.UPSTREAM_FAILED: "did not run, since it needs something that failed",
    TaskState.REMOVED: "is not in the DAG any more",
}


@dataclass(frozen=True)
class TaskLine:
    """One task instance that a message names."""

    name: str  #: the task's id, with its map index if it is mapped
    state: TaskState | None  #: None: cleared, and not decided about yet
    try_number: int  #: of the running or last try
    tries: int  #: how many it may have in all
    reason: str  #: why it ended as it did: one line, masked, cut
    log_end: str  #: last lines of the log of its last try, masked, cut; empty if they are not shown

    @property
    def told(self) -> str:
        """How it stands, as the rest of a sentence that begins with its name."""
        number = f"try {self.try_number} of {self.tries}"
        if self.state in _TOLD:
            return _TOLD[self.state].format(number)
        return "is to run again" if self.try_number else "is to run"


@dataclass(frozen=True)
class RunReport:
    """What there is to tell of a run. `lines` holds the tasks that failed, and those that were told of before."""

    dag_id: str
    run_id: str
    logical_date: datetime.datetime
    state: RunState
    reason: str  #: why the run ended as it did, if there is more to say than its tasks do
    ended_at: datetime.datetime | None
    lines: tuple[TaskLine, ...]
    more: int  #: failed tasks that are not in `lines`
    failed: int  #: all failed tasks
    not_run: int  #: tasks that did not run since something upstream of them failed
    tasks: int  #: all tasks
    rerun: str  #: command that runs what failed again; empty if nothing failed

    @property
    def title(self) -> str:
        """The whole in one line."""
        name = f"{self.dag_id}, run {self.run_id}"
        if self.state is RunState.SUCCESS:
            return f"{name}: success" + (", after tasks had failed" if self.lines else "")
        failed = f"{self.failed} of {_count(self.tasks)} failed" if self.failed else ""
        if not self.state.is_finished:
            return f"{name}: {failed or 'running'}" + (", still running" if failed else "")
        return f"{name}: {self.state}" + (f", {failed}" if failed else "")

    def digest(self) -> str:
        """Equal for reports that say the same."""
        text = json.dumps(dataclasses.asdict(self), default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def make_report(context: Context, told: Collection[str] = ()) -> RunReport:
    """The report of the context's run as it stands now. `told` names tasks to be told of although they do not fail."""
    run = context["dag_run"].as_it_stands()
    found = run.get_task_instances()
    failed = sorted((one for one in found if one.state is TaskState.FAILED), key=_when)
    others = [one for one in found if one.state is not TaskState.FAILED and task_name(one) in told]
    listed = [*failed[: MOST_LINES - min(len(others), MOST_LINES // 2)]]
    counts = Counter(one.state for one in found)
    return RunReport(
        dag_id=run.dag_id,
        run_id=run.run_id,
        logical_date=run.logical_date,
        state=run.state,
        reason=_one_line(run.reason),
        ended_at=run.end_date,
        lines=tuple(_lines([*listed, *others[: MOST_LINES - len(listed)]])),
        more=len(failed) - len(listed),
        failed=len(failed),
        not_run=counts[TaskState.UPSTREAM_FAILED],
        tasks=len(found),
        rerun=rerun_command(run.dag_id, run.run_id) if failed else "",
    )


def rerun_command(dag_id: str, run_id: str) -> str:
    """The command line that runs what failed in a run, and what waited for it, again."""
    return shlex.join(["tradewind", "tasks", "clear", dag_id, "--run", run_id, "--only-failed"])


def task_name(one: OtherTask) -> str:
    """How a task instance is named in messages."""
    return f"{one.task_id}[{one.map_index}]" if one.map_index >= 0 else one.task_id


def _lines(found: Iterable[OtherTask]) -> Iterable[TaskLine]:
    shown = 0
    for one in found:
        with_log = one.state is TaskState.FAILED and one.try_number > 0 and shown < MOST_LOGS
        end = log_end(one) if with_log else ""
        shown += bool(end)
        yield TaskLine(task_name(one), one.state, one.try_number, one.max_tries + 1, _one_line(one.reason), end)


def log_end(one: OtherTask) -> str:
    """The last lines of the log of a task's last try, masked and cut: of the local file, or of what a log store has.

    Empty if there is neither here: that is no reason to tell nothing.
    """
    text = _tail(one).decode("utf-8", "replace")
    shown = "\n".join(_cut(line, LONGEST_LOG // 4) for line in text.splitlines()[-LOG_LINES:])
    masked = str(redact(shown))
    return masked if len(masked) <= LONGEST_LOG else "..." + masked[-(LONGEST_LOG - 3) :]


def _tail(one: OtherTask) -> bytes:
    """Whole lines from the end of the log."""
    try:
        with one.log_path.open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - _LOG_TAIL))
            tail = file.read()
    except OSError:
        tail = _remote_tail(one)
    return tail.partition(b"\n")[2] if len(tail) == _LOG_TAIL else tail


def _remote_tail(one: OtherTask) -> bytes:
    try:
        store = open_log_store(settings.read())
        name = logs.attempt_log_name(one.dag_id, one.run_id, one.task_id, one.map_index, one.try_number)
        return b"" if store is None else tail_of(store, name, _LOG_TAIL)
    except TradewindError as error:
        log.warning("The log of %s cannot be read for a message: %s", task_name(one), error)
        return b""


def _when(one: OtherTask) -> tuple[float, str, int]:
    return (one.end_date.timestamp() if one.end_date else 0.0, one.task_id, one.map_index)


def _one_line(text: str) -> str:
    return _cut(str(redact(" ".join(text.split()))), LONGEST_REASON)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 3] + "..."


def _count(number: int) -> str:
    return "1 task" if number == 1 else f"{number} tasks"
