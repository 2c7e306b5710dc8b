"""Operators that call Slack: post, send files, read messages, and post through a webhook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from tradewind.errors import DagError, TradewindError
from tradewind.operator import BaseOperator
from tradewind_slack.hook import SlackHook
from tradewind_slack.webhook import IGNORED, SlackWebhookHook

#: Slack cuts what is longer.
LONGEST_TEXT = 40_000

#: Messages that one call of `conversations.history` gives at most.
_PAGE = 200


class SlackAPIOperator(BaseOperator):
    """Calls a method of the Web API; its answer is the XCom.

        SlackAPIOperator(task_id="join", method="conversations.join", api_params={"channel": "C0123456789"})

    - `api_params`: its arguments.
    - `token`: in place of a connection; it then stands in the DAG file, for all to read.
    - `base_url`, `timeout` (seconds), `proxy`, `retry_handlers`: see `SlackHook`.
    """

    template_fields: Sequence[str] = ("api_params", "slack_conn_id")
    ui_color = "#e8d7f1"
    conn_type: ClassVar[str] = SlackHook.conn_type

    def __init__(
        self,
        *,
        slack_conn_id: str = SlackHook.default_conn_name,
        method: str | None = None,
        api_params: Mapping[str, Any] | None = None,
        base_url: str | None = None,
        proxy: str | None = None,
        timeout: float | None = None,
        retry_handlers: list[Any] | None = None,
        token: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.slack_conn_id = slack_conn_id
        self.method = method
        self.api_params = api_params
        self.base_url = base_url
        self.proxy = proxy
        self.timeout = timeout
        self.retry_handlers = retry_handlers
        self.token = token

    @property
    def hook(self) -> SlackHook:
        return SlackHook(self.slack_conn_id, self.base_url, self.timeout, self.proxy, self.retry_handlers, self.token)

    def construct_api_call_params(self) -> dict[str, Any]:
        """The arguments of the call, without those that are None."""
        return dict(self.api_params or {})

    def execute(self, context: Any) -> Any:
        if not self.method:
            raise DagError(f"Task {self.task_id!r}: method must name what is called, such as 'conversations.join'.")
        return self.hook.call(self.method, json=self.construct_api_call_params()).data


class SlackAPIPostOperator(SlackAPIOperator):
    """Posts a message. Its XCom, `{"channel": id, "ts": ts}`, is what an answer in its thread needs.

        SlackAPIPostOperator(task_id="tell", channel="#data", text="*{{ ds }}* is loaded")

    - `text`: what is shown, and with blocks what notifications show. Slack marks up `<` and `&`: see the how-to.
    - `channel`: name or id of a channel, or id of a person.
    - `thread_ts`: post into the thread of this message.
    - `username`, `icon_url`: in place of the app's own, which needs the scope chat:write.customize.
    - `api_params`: more arguments of `chat.postMessage`, such as `unfurl_links`.
    """

    template_fields: Sequence[str] = (
        *SlackAPIOperator.template_fields,
        *("channel", "text", "blocks", "attachments", "thread_ts", "username", "icon_url"),
    )

    def __init__(
        self,
        *,
        channel: str,
        text: str,
        username: str | None = None,
        icon_url: str | None = None,
        blocks: Sequence[Any] | None = None,
        attachments: Sequence[Any] | None = None,
        thread_ts: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**{"method": "chat.postMessage", **kwargs})
        self.channel = channel
        self.text = text
        self.username = username
        self.icon_url = icon_url
        self.blocks = blocks
        self.attachments = attachments
        self.thread_ts = thread_ts

    def construct_api_call_params(self) -> dict[str, Any]:
        given = {
            "channel": self.channel,
            "text": self.text,
            "username": self.username,
            "icon_url": self.icon_url,
            "blocks": self.blocks,
            "attachments": self.attachments,
            "thread_ts": self.thread_ts,
        }
        return {name: value for name, value in given.items() if value is not None} | super().construct_api_call_params()

    def execute(self, context: Any) -> Any:
        check_text(self.task_id, "text", self.text)
        if not self.channel:
            raise TradewindError(f"Task {self.task_id!r}: channel is empty.")
        posted = super().execute(context)
        return {"channel": posted["channel"], "ts": posted["ts"]}


class SlackAPIFileOperator(SlackAPIOperator):
    """Sends a file, or a text as a file, and shares it in channels. Its XCom is a list with the id of the file.

        SlackAPIFileOperator(task_id="send", channels="#data", filename="/data/{{ ds }}.csv", title="{{ ds }}")

    - `channels`: names or ids, a list or text with commas. None: the file is private.
    - `filename`: the path of the file; or `content`: its text, shown as `display_filename`.
    - `display_filename`: how the file is called in Slack; by default as its path ends.
    - `initial_comment`, `thread_ts`: the message that it comes with, and where. `snippet_type`: `python`, `sql` ...
    """

    template_fields: Sequence[str] = (
        *SlackAPIOperator.template_fields,
        *("channels", "initial_comment", "filename", "content", "title", "display_filename", "thread_ts"),
    )

    def __init__(
        self,
        *,
        channels: str | Sequence[str] | None = None,
        initial_comment: str | None = None,
        filename: str | None = None,
        content: str | None = None,
        title: str | None = None,
        display_filename: str | None = None,
        snippet_type: str | None = None,
        thread_ts: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**{"method": "files.completeUploadExternal", **kwargs})
        if (filename is None) == (content is None):
            raise DagError(f"Task {self.task_id!r}: give filename= or content=, one of them.")
        self.channels = channels
        self.initial_comment = initial_comment
        self.filename = filename
        self.content = content
        self.title = title
        self.display_filename = display_filename
        self.snippet_type = snippet_type
        self.thread_ts = thread_ts

    def execute(self, context: Any) -> list[str]:
        answers = self.hook.send_file_v1_to_v2(
            channels=self.channels,
            file=self.filename,
            content=self.content,
            filename=self.display_filename,
            initial_comment=self.initial_comment,
            title=self.title,
            snippet_type=self.snippet_type,
            thread_ts=self.thread_ts,
        )
        return [file["id"] for answer in answers for file in answer["files"]]


class SlackAPIConversationsHistoryOperator(SlackAPIOperator):
    """Reads the messages of a channel, newest first: a list of what Slack describes, which is the XCom.

    - `channel`: name or id.
    - `oldest`, `latest`: ts, or seconds since 1970; with `inclusive=False` without messages of just that moment.
    - `limit`: messages at most; they are asked for in pages, from `cursor` on if that is given.
    - `include_all_metadata`: with what apps attach to messages.
    """

    template_fields: Sequence[str] = (*SlackAPIOperator.template_fields, "channel", "oldest", "latest", "cursor")

    def __init__(
        self,
        *,
        channel: str,
        oldest: str | None = None,
        latest: str | None = None,
        inclusive: bool = True,
        limit: int = 100,
        cursor: str | None = None,
        include_all_metadata: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**{"method": "conversations.history", **kwargs})
        self.channel = channel
        self.oldest = oldest
        self.latest = latest
        self.inclusive = inclusive
        self.limit = limit
        self.cursor = cursor
        self.include_all_metadata = include_all_metadata

    def execute(self, context: Any) -> list[dict[str, Any]]:
        hook = self.hook
        given = {
            "channel": hook.get_channel_id(self.channel),
            "oldest": self.oldest,
            "latest": self.latest,
            "inclusive": self.inclusive,
            "include_all_metadata": self.include_all_metadata,
            **self.construct_api_call_params(),
        }
        found: list[dict[str, Any]] = []
        cursor = self.cursor
        while len(found) < self.limit:
            asked = {**given, "cursor": cursor, "limit": min(_PAGE, self.limit - len(found))}
            page = hook.call("conversations.history", params=asked)
            found += page["messages"]
            cursor = (page.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                break
        return found[: self.limit]


class SlackWebhookOperator(BaseOperator):
    """Posts through an incoming webhook.

        SlackWebhookOperator(task_id="tell", slack_webhook_conn_id="alerts", message="{{ ds }} is loaded")

    A webhook belongs to one channel and one app, and Slack ignores other ones: `channel`, `username`, `icon_emoji` and
    `icon_url` are refused. `SlackAPIPostOperator` has them.
    """

    template_fields: Sequence[str] = ("slack_webhook_conn_id", "message", "blocks", "attachments", "proxy")
    ui_color = "#e8d7f1"
    conn_type: ClassVar[str] = SlackWebhookHook.conn_type

    def __init__(
        self,
        *,
        slack_webhook_conn_id: str,
        message: str = "",
        attachments: Sequence[Any] | None = None,
        blocks: Sequence[Any] | None = None,
        channel: str | None = None,
        username: str | None = None,
        icon_emoji: str | None = None,
        icon_url: str | None = None,
        proxy: str | None = None,
        timeout: float | None = None,
        retry_handlers: list[Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        given = {"channel": channel, "username": username, "icon_emoji": icon_emoji, "icon_url": icon_url}
        refuse_ignored(self.task_id, given)
        self.slack_webhook_conn_id = slack_webhook_conn_id
        self.message = message
        self.attachments = attachments
        self.blocks = blocks
        self.proxy = proxy
        self.timeout = timeout
        self.retry_handlers = retry_handlers

    @property
    def hook(self) -> SlackWebhookHook:
        return SlackWebhookHook(self.slack_webhook_conn_id, self.timeout, self.proxy, self.retry_handlers)

    def execute(self, context: Any) -> None:
        if not (self.blocks or self.attachments):
            check_text(self.task_id, "message", self.message)
        self.hook.send(text=self.message or None, blocks=self.blocks, attachments=self.attachments)


def check_text(task_id: str, field: str, text: Any) -> None:
    """Raise TradewindError for a text that Slack would not post, or would cut."""
    if not isinstance(text, str) or not text.strip():
        raise TradewindError(f"Task {task_id!r}: {field} is empty, so there is nothing to post.")
    if len(text) > LONGEST_TEXT:
        raise TradewindError(
            f"Task {task_id!r}: {field} has {len(text):,} characters, and Slack cuts messages at {LONGEST_TEXT:,}; "
            "send it as a file."
        )


def refuse_ignored(task_id: str, given: Mapping[str, Any]) -> None:
    """Raise DagError for what a webhook would ignore."""
    for name, value in given.items():
        if value is not None:
            raise DagError(
                f"Task {task_id!r}: {name}= has no effect: {IGNORED[name]}. Make a webhook for each channel, or post "
                "with SlackAPIPostOperator."
            )
