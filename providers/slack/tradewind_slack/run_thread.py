"""`SlackRunThreadOperator`: what a task has to say, in the thread of its run."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from tradewind.notifier.report import task_name
from tradewind.operator import BaseOperator
from tradewind_slack.errors import SlackError
from tradewind_slack.notifiers import GONE, SlackNotifier

#: Mixed with the name of a reply it makes its id: posted twice, it is there once.
_IDS = uuid.UUID("0f6cb3cf-08e2-4d9b-9a55-8f0f5f1f7c3e")


class SlackRunThreadOperator(BaseOperator):
    """Replies to the message that a `SlackNotifier` keeps for the run, and makes that if there is none yet.

        alert = SlackNotifier(slack_conn_id="slack", channel="#sales")
        ...
        SlackRunThreadOperator(task_id="announce", notifier=alert, text="{{ ti.xcom_pull('headline') }}")

    If the task is run again its reply is edited: a run has one thread, and a task one reply there. The XCom is
    `{"channel": id, "ts": ts, "thread_ts": ts}`.
    """

    template_fields: Sequence[str] = ("text", "blocks")
    ui_color = "#e8d7f1"

    def __init__(
        self, *, notifier: SlackNotifier, text: str, blocks: Sequence[Any] | str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.notifier = notifier
        self.text = text
        self.blocks = blocks

    def execute(self, context: Any) -> dict[str, str]:
        notifier = self.notifier.rendered(context)
        thread = notifier.begin(context)
        key = f"{notifier.memo_key}, reply of {task_name(context['ti'])}"
        content = {"text": self.text, **({"blocks": self.blocks} if self.blocks else {})}
        before = context["memos"].get(key)
        if before is not None and self._edit(notifier, before, content):
            return dict(before)
        run = context["dag_run"]
        reply = self._post(notifier, thread, content, f"{run.dag_id}\n{run.run_id}\n{key}\n{before}")
        context["memos"].put(key, reply)
        return reply

    def _edit(self, notifier: SlackNotifier, reply: dict[str, str], content: dict[str, Any]) -> bool:
        """Edit the reply of an earlier try. False if it is not there any more."""
        with notifier.hook as hook:
            try:
                hook.call("chat.update", json={"channel": reply["channel"], "ts": reply["ts"], **content})
            except SlackError as error:
                if error.error not in GONE:
                    raise
                return False
        return True

    def _post(
        self, notifier: SlackNotifier, thread: dict[str, Any], content: dict[str, Any], name: str
    ) -> dict[str, str]:
        told = {"channel": thread["channel"], "thread_ts": thread["ts"], "client_msg_id": str(uuid.uuid5(_IDS, name))}
        with notifier.hook as hook:
            answer = hook.call("chat.postMessage", json={**content, **told})
        return {"channel": answer["channel"], "ts": answer["ts"], "thread_ts": thread["ts"]}
