"""`RunNotifier`: one message per run, whatever happens in it, edited in place."""

from __future__ import annotations

import hashlib
import uuid
from abc import abstractmethod
from typing import Any, ClassVar

from tradewind.context import Context
from tradewind.errors import TradewindError
from tradewind.notifier.notifier import BaseNotifier, subject
from tradewind.notifier.report import RunReport, make_report, task_name
from tradewind.notifier.run_message import RunMessage
from tradewind.states import RunState, TaskState

#: Ends of attempts that are news. Others are only if the task was told of before.
_NEWS = frozenset({TaskState.FAILED, TaskState.UP_FOR_RETRY, TaskState.SKIPPED})


class RunNotifier(BaseNotifier):
    """Base of notifiers that keep one message per run. A subclass says where the message goes, posts it, and edits it.

    Used as a callback of any number of tasks and of the DAG itself it makes one message, which lists the tasks that
    failed and is edited as things change: a task fails, is tried again, is cleared and succeeds, the run ends. A run in
    which nothing failed is told of with `tell_success` only.
    """

    #: Whether a message can be edited. If not, one is posted at the first failure and one at the end of the run.
    edits: ClassVar[bool] = True

    #: Whether a run is told of in which nothing failed. (It is, if something was told of before.)
    tell_success: bool = False

    @property
    @abstractmethod
    def address(self) -> str:
        """Where the message goes: notifiers with the same address share it. No secret."""

    @abstractmethod
    def post(self, report: RunReport, post_id: str) -> dict[str, Any]:
        """Post the message; answer, as JSON, what `edit` finds it by.

        Where an answer was lost it is called again with the same `post_id`, a UUID, so that one message is made.
        """

    def edit(self, message: dict[str, Any], report: RunReport) -> None:
        """Replace the content of the message. Raises MessageGone if it was deleted."""
        raise TypeError(f"{type(self).__name__} says that it edits messages, and does not define edit.")

    def notify(self, context: Context) -> None:
        ti = context.get("ti")
        message = RunMessage(context["memos"], self.memo_key, callback_name(context))
        name = None if ti is None else task_name(ti)
        if not self._is_news(context, message.read()):
            return
        message.note(name)
        message.deliver(lambda memo: self._send(context, memo), patient=ti is None)

    def begin(self, context: Context) -> dict[str, Any]:
        """The message of the context's run, which is posted now if there is none yet: what `edit` finds it by."""
        message = RunMessage(context["memos"], self.memo_key, callback_name(context))
        if message.read()["message"] is None:
            message.note(None)
            message.deliver(lambda memo: self._send(context, memo), patient=True)
        found: dict[str, Any] | None = message.read()["message"]
        if found is None:
            raise TradewindError(
                f"{type(self).__name__} has no message of {subject(context)} yet: another process is still posting it."
            )
        return found

    @property
    def memo_key(self) -> str:
        """Name of the memo of the run that the message is kept in."""
        key = f"notifier {self.address}"
        return key if len(key) <= 200 else f"{key[:160]} {hashlib.sha256(key.encode()).hexdigest()[:16]}"

    def _is_news(self, context: Context, memo: dict[str, Any]) -> bool:
        ti = context.get("ti")
        if ti is None:
            failed = context["dag_run"].state is not RunState.SUCCESS
            return failed or bool(memo["wanted"]) or self.tell_success
        return ti.state in _NEWS or task_name(ti) in memo["told"]

    def _send(self, context: Context, memo: dict[str, Any]) -> dict[str, Any]:
        report = make_report(context, memo["told"])
        digest = report.digest()
        message = memo["message"]
        end = str(report.ended_at) if report.state.is_finished else None
        if digest == memo["digest"]:
            return {}
        if message is None:
            message = self.post(report, memo["post_id"])
        elif self.edits:
            self.edit(message, report)
        elif end is not None and end != memo["end"]:
            message = self.post(report, str(uuid.uuid5(uuid.UUID(memo["post_id"]), end)))
        return {"message": message, "digest": digest, "end": end or memo["end"]}


def callback_name(context: Context) -> str:
    """Names this callback: another process with the same name calls it again, since the first one died."""
    ti, run = context.get("ti"), context["dag_run"]
    return f"{ti.key} ({ti.key.dispatch})" if ti is not None else f"end of {run.run_id} at {run.end_date}"
