"""One attempt of one task, from rendering its templates to telling its callbacks, in whatever process this is.

It knows no store: values travel through a `TaskApi`, the outcome is handed to `record`. So the same code serves the
processes that executors start and the in-process runs of `dag.test()`.
"""

from __future__ import annotations

import datetime
import logging
from collections.abc import Callable, Mapping
from typing import Any

from tradewind import xcom
from tradewind.context import Context, TaskApi, TaskInstanceContext, build_context, set_current_context
from tradewind.errors import SensorTimeout, TaskFailed, TaskRescheduled, TaskSkipped, TaskTimeout, XComError
from tradewind.operator import BaseOperator
from tradewind.operator.spec import task_spec
from tradewind.records import Outcome, Run, TaskInstance
from tradewind.runner import callbacks
from tradewind.runner.interrupts import AttemptStopped, Interrupts
from tradewind.runner.retries import AS_USUAL, after_failure, ask_policy
from tradewind.runner.tracebacks import describe, format_error
from tradewind.secrets import redact
from tradewind.states import TaskState

log = logging.getLogger("tradewind.runner")


def execute_task(
    dag: Any,
    task: BaseOperator,
    run: Run,
    instance: TaskInstance,
    api: TaskApi,
    *,
    record: Callable[[Outcome], bool] | None = None,
    interrupts: Interrupts | None = None,
    end_process: Callable[[], None] | None = None,
    params: Mapping[str, Any] | None = None,
    test_mode: bool = False,
) -> Outcome:
    """Carry out one attempt, and say how it ended. `instance` is the running task instance.

    `record` gets the outcome before the callbacks are called; if it returns False the attempt had been given up, and
    nobody is told anything. `end_process` is called after that for a task that cannot be stopped otherwise.
    Whatever the task raises becomes the outcome; KeyboardInterrupt is raised again after that.
    """
    attempt = _Attempt(task, run, instance, api, record, interrupts or Interrupts(), end_process)
    attempt.context = build_context(dag, attempt.task, run, instance, api, params=params, test_mode=test_mode)
    with set_current_context(attempt.context):
        return attempt.carry_out()


class _Attempt:
    context: Context

    def __init__(
        self,
        task: BaseOperator,
        run: Run,
        instance: TaskInstance,
        api: TaskApi,
        record: Callable[[Outcome], bool] | None,
        interrupts: Interrupts,
        end_process: Callable[[], None] | None,
    ) -> None:
        self.task = task.prepare_for_execution()
        self._name = f"task {task.task_id} of DAG {run.dag_id}"
        self._instance = instance
        self._api = api
        self._record = record
        self._interrupts = interrupts
        self._end_process = end_process

    @property
    def _ti(self) -> TaskInstanceContext:
        found: TaskInstanceContext = self.context["ti"]
        return found

    def carry_out(self) -> Outcome:
        try:
            self._work()
        except BaseException as error:
            outcome = self._end(error)
            if isinstance(error, KeyboardInterrupt):
                raise
            return outcome
        return self._end(None)

    def _work(self) -> None:
        task, context = self.task, self.context
        with self._interrupts.watch(self._name):
            looks = 0
            if getattr(task, "reschedule", False):
                looks, self._ti.first_started_at = self._api.reschedules(self._ti.key)
            if self._instance.dispatch > 1 and not looks:  # before the first hand-over there can be none
                self._api.xcom_clear(self._ti.key)  # a sensor's earlier looks of this try may have left it notes
            task.render_template_fields(context)
            callbacks.call(task.on_execute_callback, context, "on_execute_callback")
            task.pre_execute(context)
        timeout = task.execution_timeout.total_seconds() if task.execution_timeout is not None else None
        give_up = self._give_up if self._end_process is not None else None
        with self._interrupts.watch(self._name, on_kill=task.on_kill, timeout=timeout, give_up=give_up):
            result = task.execute(context)
        with self._interrupts.watch(self._name):
            self._push(result)
            task.post_execute(context, result)

    def _push(self, result: Any) -> None:
        if result is None or not self.task.do_xcom_push:
            return
        if self.task.multiple_outputs:
            if not isinstance(result, Mapping):
                raise XComError(
                    f"{self._name} has multiple_outputs=True and so must return a dict, not {type(result).__name__}."
                )
            for key, value in result.items():
                self._ti.xcom_push(key, value)
        self._ti.xcom_push(xcom.RETURN_KEY, result)

    def _give_up(self, error: TaskTimeout) -> None:
        """The task goes on although its time is over: record that, and end it together with the process."""
        assert self._end_process is not None
        self._end(error)
        self._end_process()

    def _end(self, error: BaseException | None) -> Outcome:
        outcome = self._outcome(error)
        self._log(outcome, error)
        if self._record is not None and not self._record(outcome):
            log.warning("Somebody else decided about %s meanwhile: its outcome is not recorded.", self._name)
            return outcome
        self._ti.state = outcome.state
        self._ti.end_date = outcome.ended_at
        self.context["exception"] = error
        self.context["reason"] = outcome.reason or None
        callbacks.tell(self.task, outcome.state, self.context)
        return outcome

    def _outcome(self, error: BaseException | None) -> Outcome:
        now = datetime.datetime.now(datetime.UTC)
        skips = tuple(self._ti.skips)
        if error is None or (isinstance(error, SystemExit) and error.code in (None, 0)):
            return Outcome(TaskState.SUCCESS, now, skips=skips)
        if isinstance(error, TaskSkipped):
            return Outcome(TaskState.SKIPPED, now, skips=skips, reason=describe(error))
        if isinstance(error, TaskRescheduled):
            return Outcome(TaskState.UP_FOR_RESCHEDULE, now, next_at=_aware(error.at))
        if isinstance(error, (TaskFailed, SensorTimeout)):
            return Outcome(TaskState.FAILED, now, reason=describe(error))
        tries = self._instance.try_number, self._instance.max_tries
        if isinstance(error, (AttemptStopped, KeyboardInterrupt)):  # the task did not fail by itself
            decision = AS_USUAL
        else:
            decision = ask_policy(self.task.retry_policy, error, *tries, self.context)
        state, next_at = after_failure(task_spec(self.task), *tries, now, decision)
        reason = str(error) if isinstance(error, AttemptStopped) else describe(error)
        if decision.reason:
            reason += f" (retry policy: {redact(decision.reason)})"
        return Outcome(state, now, next_at=next_at, reason=reason)

    def _log(self, outcome: Outcome, error: BaseException | None) -> None:
        if outcome.state is TaskState.SUCCESS:
            return
        if error is None or isinstance(error, (TaskSkipped, TaskRescheduled)):
            log.info("%s", error)
        else:
            log.error("%s failed.\n%s", self._name, format_error(error))


def _aware(moment: datetime.datetime) -> datetime.datetime:
    return moment.replace(tzinfo=datetime.UTC) if moment.tzinfo is None else moment.astimezone(datetime.UTC)
