"""Whether a task is tried again after it failed, and when."""

from __future__ import annotations

import datetime
import hashlib
import logging
from typing import Any

from tradewind.operator import RetryAction, RetryDecision, values
from tradewind.records import TaskSpec
from tradewind.runner.tracebacks import format_error
from tradewind.states import TaskState

log = logging.getLogger("tradewind.runner")

#: Longest wait between two tries of a task that sets no `max_retry_delay`, in seconds.
LONGEST_DELAY = 24 * 3600.0

#: Growing delays are stretched by up to this share, so that tasks which failed together do not come back together.
JITTER = 0.1


#: What applies where no retry policy says otherwise.
AS_USUAL = RetryDecision()


def after_failure(
    task: TaskSpec, try_number: int, max_tries: int, now: datetime.datetime, decision: RetryDecision = AS_USUAL
) -> tuple[TaskState, datetime.datetime | None]:
    """What a failed try becomes: up_for_retry and the moment of the next try, or failed and None.

    A retry policy's decision may end the tries or choose the delay; it adds none.
    """
    if try_number > max_tries or decision.action is RetryAction.FAIL:
        return TaskState.FAILED, None
    chosen = decision.retry_delay if decision.action is RetryAction.RETRY else None
    seconds = delay(task, try_number, now) if chosen is None else values.seconds(chosen)
    try:
        return TaskState.UP_FOR_RETRY, now + datetime.timedelta(seconds=seconds)
    except OverflowError:  # a delay that nobody lives to see the end of
        return TaskState.UP_FOR_RETRY, datetime.datetime.max.replace(tzinfo=datetime.UTC)


def ask_policy(policy: Any, error: BaseException, try_number: int, max_tries: int, context: Any) -> RetryDecision:
    """What a task's retry policy says about an error. One that fails itself is logged, and the usual rules apply."""
    if policy is None:
        return AS_USUAL
    try:
        decision = policy.evaluate(exception=error, try_number=try_number, max_tries=max_tries, context=context)
        if not isinstance(decision, RetryDecision):
            raise TypeError(f"it must return a RetryDecision, not {decision!r}")
    except Exception as fault:
        log.error(
            "The retry policy %s failed; retries and retry_delay apply as usual.\n%s",
            type(policy).__name__,
            format_error(fault),
        )
        return AS_USUAL
    return decision


def delay(task: TaskSpec, try_number: int, now: datetime.datetime) -> float:
    """Seconds between the end of this try and the next one. The same for the same arguments."""
    longest = LONGEST_DELAY if task.max_retry_delay is None else task.max_retry_delay
    factor = task.retry_exponential_backoff
    if factor in (0, 1):
        return min(task.retry_delay, task.max_retry_delay) if task.max_retry_delay is not None else task.retry_delay
    try:
        grown = task.retry_delay * float(factor) ** max(0, try_number - 1)
    except OverflowError:
        grown = longest
    return float(min(grown * (1 + JITTER * _share(task.task_id, try_number, now)), longest))


def _share(task_id: str, try_number: int, now: datetime.datetime) -> float:
    """A number from 0 to 1 that looks random and depends on nothing else."""
    digest = hashlib.sha256(f"{task_id} {try_number} {now.isoformat()}".encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**32
