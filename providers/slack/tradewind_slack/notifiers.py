"""Notifiers: one message per run in a channel, or one for each callback."""

from __future__ import annotations

import uuid
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from tradewind.context import Context
from tradewind.errors import UsageError
from tradewind.notifier import MessageGone, RunNotifier, RunReport
from tradewind.notifier.run_notifier import callback_name
from tradewind.secrets import redact
from tradewind_slack.errors import SlackError
from tradewind_slack.hook import SlackHook
from tradewind_slack.run_blocks import blocks_of
from tradewind_slack.webhook import SlackWebhookHook

#: What Slack says of a message that cannot be edited any more, whatever is done.
GONE = ("message_not_found", "cant_update_message", "edit_window_closed", "duplicate_message_not_found")

#: Mixed with the name of a callback it makes the id of its message: called twice, the message is there once.
_IDS = uuid.UUID("6f0e5c35-2ba6-4f0f-9f2f-0b5b7b1f0a11")


class _SlackNotifier(RunNotifier):
    """What both notifiers have: a message per run, or with `per="event"` one for each callback."""

    def __init__(
        self,
        text: str | None,
        attachments: Sequence[Any],
        blocks: Sequence[Any],
        per: Literal["run", "event"],
        tell_success: bool,
    ) -> None:
        name = type(self).__name__
        if per not in ("run", "event"):
            raise UsageError(f"{name}: per is 'run' or 'event', not {per!r}.")
        if per == "run" and (blocks or attachments):
            raise UsageError(f"{name} makes its own blocks for the message of a run: yours are for per='event'.")
        if per == "event" and not (text or blocks or attachments):
            raise UsageError(f"{name} with per='event' needs text, blocks or attachments: there is nothing to say.")
        self.text = text
        self.attachments = attachments
        self.blocks = blocks
        self.per = per
        self.tell_success = tell_success

    def notify(self, context: Context) -> None:
        if self.per == "run":
            super().notify(context)
            return
        content = {"text": self.text, "blocks": self.blocks or None, "attachments": self.attachments or None}
        self.send({key: redact(value) for key, value in content.items() if value is not None}, self._event_id(context))

    def post(self, report: RunReport, post_id: str) -> dict[str, Any]:
        return self.send(self.content_of(report), post_id)

    def content_of(self, report: RunReport) -> dict[str, Any]:
        """The message of a run, as text (for lists and notifications) and blocks."""
        return {"text": report.title, "blocks": blocks_of(report, redact(self.text) if self.text else None)}

    @abstractmethod
    def send(self, content: dict[str, Any], post_id: str) -> dict[str, Any]:
        """Post a message; answer where it is."""

    def _event_id(self, context: Context) -> str:
        """An id of the message of this callback: the same when it is called once more, because it was killed."""
        told = (self.address, callback_name(context), str(context["dag_run"].id), repr((self.text, self.blocks)))
        state = getattr(context.get("ti"), "state", None)
        return str(uuid.uuid5(_IDS, "\n".join((*told, str(state)))))


class SlackNotifier(_SlackNotifier):
    """Keeps one message per run in a channel, and edits it: which tasks failed, why, and how to run them again.

        alert = SlackNotifier(slack_conn_id="slack", channel="#alerts")
        DAG("sales", default_args={"on_failure_callback": alert}, on_failure_callback=alert, on_success_callback=alert)

    `text`, about the run, is put on top. With `per="event"` it is a message for each callback, as Airflow has it, made
    of `text`, `blocks` and `attachments`. The token needs the scope chat:write; `username` and `icon_url` need
    chat:write.customize. Needs no other connection than `slack_conn_id`, of the type `slack`.
    """

    template_fields: ClassVar[Sequence[str]] = (
        *("text", "channel", "username", "icon_url", "attachments", "blocks", "unfurl_links", "unfurl_media"),
    )

    def __init__(
        self,
        *,
        channel: str,
        slack_conn_id: str = SlackHook.default_conn_name,
        text: str | None = None,
        username: str | None = None,
        icon_url: str | None = None,
        attachments: Sequence[Any] = (),
        blocks: Sequence[Any] = (),
        unfurl_links: bool = True,
        unfurl_media: bool = True,
        base_url: str | None = None,
        proxy: str | None = None,
        timeout: float | None = None,
        retry_handlers: list[Any] | None = None,
        per: Literal["run", "event"] = "run",
        tell_success: bool = False,
    ) -> None:
        """`tell_success`: post a message for a run too in which nothing failed, if this is its on_success_callback."""
        super().__init__(text, attachments, blocks, per, tell_success)
        self.slack_conn_id = slack_conn_id
        self.channel = channel
        self.username = username
        self.icon_url = icon_url
        self.unfurl_links = unfurl_links
        self.unfurl_media = unfurl_media
        self.base_url = base_url
        self.proxy = proxy
        self.timeout = timeout
        self.retry_handlers = retry_handlers

    @property
    def hook(self) -> SlackHook:
        return SlackHook(self.slack_conn_id, self.base_url, self.timeout, self.proxy, self.retry_handlers)

    @property
    def address(self) -> str:
        return f"slack {self.slack_conn_id} {self.channel}"

    def send(self, content: dict[str, Any], post_id: str) -> dict[str, Any]:
        looks = {"username": self.username, "icon_url": self.icon_url}
        told = {
            **content,
            **{key: value for key, value in looks.items() if value},
            "channel": self.channel,
            "unfurl_links": self.unfurl_links,
            "unfurl_media": self.unfurl_media,
            "client_msg_id": post_id,
        }
        return self._call("chat.postMessage", told)

    def edit(self, message: dict[str, Any], report: RunReport) -> None:
        self._call("chat.update", {**message, **self.content_of(report)})

    def _call(self, method: str, told: dict[str, Any]) -> dict[str, Any]:
        try:
            with self.hook as hook:
                answer = hook.call(method, json=told)
        except SlackError as error:
            if error.error in GONE:
                raise MessageGone(str(error)) from error
            raise
        return {"channel": answer["channel"], "ts": answer["ts"]}


class SlackWebhookNotifier(_SlackNotifier):
    """Posts through an incoming webhook: one message at the first failure of a run, and one when the run has ended.

    A webhook cannot edit what it has posted, nor tell a message that comes twice: should an answer of Slack be lost, or
    the process that posts be killed, a message can be there two times. `SlackNotifier` has neither fault.
    """

    template_fields: ClassVar[Sequence[str]] = ("text", "attachments", "blocks", "unfurl_links", "unfurl_media")
    edits: ClassVar[bool] = False

    def __init__(
        self,
        *,
        slack_webhook_conn_id: str = SlackWebhookHook.default_conn_name,
        text: str | None = None,
        attachments: Sequence[Any] = (),
        blocks: Sequence[Any] = (),
        unfurl_links: bool = True,
        unfurl_media: bool = True,
        proxy: str | None = None,
        timeout: float | None = None,
        retry_handlers: list[Any] | None = None,
        per: Literal["run", "event"] = "run",
        tell_success: bool = False,
    ) -> None:
        """`tell_success`: post a message for a run too in which nothing failed, if this is its on_success_callback."""
        super().__init__(text, attachments, blocks, per, tell_success)
        self.slack_webhook_conn_id = slack_webhook_conn_id
        self.unfurl_links = unfurl_links
        self.unfurl_media = unfurl_media
        self.proxy = proxy
        self.timeout = timeout
        self.retry_handlers = retry_handlers

    @property
    def hook(self) -> SlackWebhookHook:
        return SlackWebhookHook(self.slack_webhook_conn_id, self.timeout, self.proxy, self.retry_handlers)

    @property
    def address(self) -> str:
        return f"slackwebhook {self.slack_webhook_conn_id}"

    def send(self, content: dict[str, Any], post_id: str) -> dict[str, Any]:
        with self.hook as hook:
            hook.send(**content, unfurl_links=self.unfurl_links, unfurl_media=self.unfurl_media)
        return {}
