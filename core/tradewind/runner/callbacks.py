"""Callbacks of tasks and runs, and mail: told how something ended, never able to change it."""

from __future__ import annotations

import html
import logging
import sys
from collections.abc import Callable, Iterable
from typing import Any

from tradewind import settings
from tradewind.context import Context
from tradewind.notifier import BaseNotifier
from tradewind.runner.tracebacks import format_error
from tradewind.secrets import redact
from tradewind.states import TaskState

log = logging.getLogger("tradewind.runner")

#: Which callbacks of a task hear of an attempt that ended in this state.
BY_STATE = {
    TaskState.SUCCESS: "on_success_callback",
    TaskState.SKIPPED: "on_skipped_callback",
    TaskState.FAILED: "on_failure_callback",
    TaskState.UP_FOR_RETRY: "on_retry_callback",
}

#: States that mail is sent about, with the attribute of the task that says whether.
_MAILED = {TaskState.FAILED: "email_on_failure", TaskState.UP_FOR_RETRY: "email_on_retry"}


def call(callbacks: Callable[..., Any] | Iterable[Callable[..., Any]] | None, context: Context, name: str) -> bool:
    """Call each with the context. One that fails is logged and stops none of the others; False if any failed."""
    if callbacks is None:
        return True
    good = True
    ended_with = sys.exception()  # of the task, which the log has already
    for callback in [callbacks] if callable(callbacks) else callbacks:
        try:
            # What a notifier logs when it is called by others, it raises here: to be told like any other failure.
            (callback.tell if isinstance(callback, BaseNotifier) else callback)(context)
        except (Exception, SystemExit) as error:
            good = False
            _leave_out(error, ended_with)
            shown = getattr(callback, "__qualname__", None) or type(callback).__name__
            log.error("The %s %s failed; that changes nothing else.\n%s", name, shown, format_error(error))
    return good


def _leave_out(error: BaseException, handled: BaseException | None) -> None:
    """Forget that an error came up while another one was being handled, unless it says that this is its cause."""
    seen: set[int] = set()
    chained: BaseException | None = error
    while chained is not None and id(chained) not in seen:
        seen.add(id(chained))
        if chained.__context__ is handled and chained.__cause__ is None:
            chained.__context__ = None
        chained = chained.__context__


def tell(task: Any, state: TaskState, context: Context) -> bool:
    """Tell the callbacks of a task, and those who want mail, how its attempt ended. False if any of that failed."""
    name = BY_STATE.get(state)
    good = name is None or call(getattr(task, name, None), context, name)
    if state in _MAILED and task.email and getattr(task, _MAILED[state]):
        good = call(_mail(task), context, "mail") and good
    return good


def _mail(task: Any) -> Callable[[Context], None]:
    def send(context: Context) -> None:
        from tradewind.operators.email import SmtpHook  # smtplib and email are not loaded for nothing

        ti = context["ti"]
        subject = f"{ti.dag_id}.{ti.task_id} of {ti.run_id}: {ti.state}"
        lines = (
            f"Task {ti.task_id} of DAG {ti.dag_id}, run {ti.run_id}, try {ti.try_number}, is {ti.state}.",
            redact(context["reason"] or ""),
            f"Its log: {ti.log_path} on {ti.hostname}",
        )
        body = "".join(f"<p>{html.escape(line)}</p>" for line in lines if line)
        with SmtpHook(settings.read().smtp_conn_id) as hook:
            hook.send_email_smtp(list(task.email), subject, body)

    send.__qualname__ = f"to {', '.join(task.email)}"  # what the log calls it if it fails
    return send
