"""Trigger rules: may a task run, given how the tasks directly upstream of it ended?

The meanings are Airflow's. A task that was left out of the run (`removed`) counts as ended and neither good nor bad.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from tradewind.scheduler.live import Tally
from tradewind.states import TaskState, TriggerRule


class Verdict(Enum):
    """What a trigger rule says."""

    WAIT = "wait"
    RUN = "run"
    SKIP = "skip"
    UPSTREAM_FAILED = "upstream_failed"


@dataclass(frozen=True)
class Upstream:
    """The tasks directly upstream of one task, counted."""

    total: int
    success: int
    failed: int  #: failed and upstream_failed together
    skipped: int
    removed: int
    failed_itself: int  #: failed, without upstream_failed
    setups_failed: int = 0
    setups_skipped: int = 0

    @property
    def done(self) -> bool:
        return self.success + self.failed + self.skipped + self.removed == self.total

    @classmethod
    def of(cls, total: int, tally: Tally, setups_failed: int = 0, setups_skipped: int = 0) -> Upstream:
        return cls(
            total=total,
            success=tally[TaskState.SUCCESS],
            failed=tally[TaskState.FAILED] + tally[TaskState.UPSTREAM_FAILED],
            skipped=tally[TaskState.SKIPPED],
            removed=tally[TaskState.REMOVED],
            failed_itself=tally[TaskState.FAILED],
            setups_failed=setups_failed,
            setups_skipped=setups_skipped,
        )


def judge(rule: TriggerRule, up: Upstream) -> Verdict:
    """Read one trigger rule. A task with nothing upstream may always run."""
    if up.total == 0:
        return Verdict.RUN
    return _RULES[rule](up)


def _run_when(condition: bool) -> Verdict:
    return Verdict.RUN if condition else Verdict.WAIT


def _all_success(up: Upstream) -> Verdict:
    if up.failed:
        return Verdict.UPSTREAM_FAILED
    if up.skipped:
        return Verdict.SKIP
    return _run_when(up.done)


def _all_failed(up: Upstream) -> Verdict:
    if up.success or up.skipped:
        return Verdict.SKIP
    return _run_when(up.done)


def _all_done(up: Upstream) -> Verdict:
    return _run_when(up.done)


def _one_needed(up: Upstream) -> Verdict:
    """All ended without the success that the rule asks for."""
    return Verdict.UPSTREAM_FAILED if up.failed else Verdict.SKIP


def _all_done_min_one_success(up: Upstream) -> Verdict:
    if up.done and not up.success:
        return _one_needed(up)
    return _run_when(up.done)


def _all_done_setup_success(up: Upstream) -> Verdict:
    if up.setups_failed:
        return Verdict.UPSTREAM_FAILED
    if up.setups_skipped:
        return Verdict.SKIP
    return _run_when(up.done)


def _one_success(up: Upstream) -> Verdict:
    if up.done and not up.success:
        return _one_needed(up)
    return _run_when(up.success > 0)


def _one_failed(up: Upstream) -> Verdict:
    if up.failed:
        return Verdict.RUN
    return Verdict.SKIP if up.done else Verdict.WAIT


def _one_done(up: Upstream) -> Verdict:
    if up.success or up.failed_itself:
        return Verdict.RUN
    return Verdict.SKIP if up.done else Verdict.WAIT


def _none_failed(up: Upstream) -> Verdict:
    if up.failed:
        return Verdict.UPSTREAM_FAILED
    return _run_when(up.done)


def _none_failed_min_one_success(up: Upstream) -> Verdict:
    if up.failed:
        return Verdict.UPSTREAM_FAILED
    if up.done and not up.success:
        return Verdict.SKIP
    return _run_when(up.done)


def _none_skipped(up: Upstream) -> Verdict:
    return Verdict.SKIP if up.skipped else _run_when(up.done)


def _all_skipped(up: Upstream) -> Verdict:
    if up.success or up.failed:
        return Verdict.SKIP
    return _run_when(up.done)


_RULES: dict[TriggerRule, Callable[[Upstream], Verdict]] = {
    TriggerRule.ALL_SUCCESS: _all_success,
    TriggerRule.ALL_FAILED: _all_failed,
    TriggerRule.ALL_DONE: _all_done,
    TriggerRule.ALL_DONE_MIN_ONE_SUCCESS: _all_done_min_one_success,
    TriggerRule.ALL_DONE_SETUP_SUCCESS: _all_done_setup_success,
    TriggerRule.ONE_SUCCESS: _one_success,
    TriggerRule.ONE_FAILED: _one_failed,
    TriggerRule.ONE_DONE: _one_done,
    TriggerRule.NONE_FAILED: _none_failed,
    TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS: _none_failed_min_one_success,
    TriggerRule.NONE_SKIPPED: _none_skipped,
    TriggerRule.ALL_SKIPPED: _all_skipped,
    TriggerRule.ALWAYS: lambda up: Verdict.RUN,
}
