"""`SlackWebhookHook`: posts to the channel of an incoming webhook."""

from __future__ import annotations

import http.client
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from tradewind.connection.extras import checked
from tradewind.errors import ConnectionFault
from tradewind.hook import BaseHook
from tradewind_slack import connecting, extras
from tradewind_slack.errors import let_go, refused, unreached

if TYPE_CHECKING:
    from slack_sdk.webhook import WebhookClient, WebhookResponse

    from tradewind.connection import Connection

_OK = 200

#: Body keys that webhooks of today ignore, so that they must not seem to work.
IGNORED = {
    "channel": "a webhook posts to the channel that it was made for",
    "username": "a webhook posts under the name of its app",
    "icon_emoji": "a webhook posts with the icon of its app",
    "icon_url": "a webhook posts with the icon of its app",
}


class SlackWebhookHook(BaseHook):
    """Posts through an incoming webhook.

        SlackWebhookHook("alerts").send(text="Loaded 7 rows")     # slackwebhook://:T0.../B0.../X...@

    What Slack limits or fails is sent again; what may have got there, though no answer came, is not: a webhook has no
    means to tell a message that comes twice. Raises SlackError, which never shows the URL.
    """

    conn_name_attr: ClassVar[str] = "slack_webhook_conn_id"
    default_conn_name: ClassVar[str] = "slack_default"
    conn_type: ClassVar[str] = "slackwebhook"
    hook_name: ClassVar[str] = "Slack incoming webhook"

    def __init__(
        self,
        slack_webhook_conn_id: str = default_conn_name,
        timeout: float | None = None,
        proxy: str | None = None,
        retry_handlers: list[Any] | None = None,
        **client_args: Any,
    ) -> None:
        """`timeout` (seconds) and `proxy` win over the connection's extras of these names.

        `retry_handlers` are slack_sdk's, in place of ours; `client_args` go to its `WebhookClient` as they are.
        """
        self.slack_webhook_conn_id = slack_webhook_conn_id
        self.timeout = timeout
        self.proxy = proxy
        self.retry_handlers = retry_handlers
        self.client_args = client_args

    @cached_property
    def connection(self) -> Connection:
        return self.get_connection(self.slack_webhook_conn_id)

    @cached_property
    def client(self) -> WebhookClient:
        """slack_sdk's client. Raises BrokenConnection."""
        return self._make_client(self.retry_handlers)

    def _make_client(self, retry_handlers: list[Any] | None) -> WebhookClient:
        from slack_sdk.webhook import WebhookClient

        conn_id = self.slack_webhook_conn_id
        given = checked(self.connection.extra_dejson, extras.WEBHOOK_TYPE, f"Connection {conn_id!r}")
        settings = connecting.client_settings(
            given, timeout=self.timeout, proxy=self.proxy, retry_handlers=retry_handlers
        )
        url = connecting.webhook_url(self.connection, conn_id)
        client: WebhookClient = connecting.made(WebhookClient, url=url, **{**settings, **self.client_args})
        return client

    def get_conn(self) -> WebhookClient:
        return self.client

    def send(
        self,
        *,
        text: str | None = None,
        blocks: Sequence[Any] | None = None,
        attachments: Sequence[Any] | None = None,
        response_type: str | None = None,
        replace_original: bool | None = None,
        delete_original: bool | None = None,
        unfurl_links: bool | None = None,
        unfurl_media: bool | None = None,
        headers: dict[str, str] | None = None,
    ) -> WebhookResponse:
        """Send a message. Raises SlackError."""
        body = {
            "text": text,
            "blocks": blocks,
            "attachments": attachments,
            "response_type": response_type,
            "replace_original": replace_original,
            "delete_original": delete_original,
            "unfurl_links": unfurl_links,
            "unfurl_media": unfurl_media,
        }
        return self.send_dict(body, headers)

    def send_text(self, text: str, **options: Any) -> WebhookResponse:
        """Send a text; `options` are those of `send`."""
        return self.send(text=text, **options)

    def send_dict(self, body: Mapping[str, Any] | str, headers: dict[str, str] | None = None) -> WebhookResponse:
        """Send a message as Slack describes its JSON, as a mapping or as text. Raises SlackError.

        Raises ValueError for what is no such message, or has a key that Slack would ignore.
        """
        if isinstance(body, str):
            import json

            body = json.loads(body)
        if not isinstance(body, Mapping):
            raise ValueError(f"The body of a message must be a JSON object, not {type(body).__name__}.")
        ignored = [name for name in IGNORED if name in body]
        if ignored:
            raise ValueError(f"{ignored[0]!r} in the body of a message has no effect: {IGNORED[ignored[0]]}.")
        found = self._send(self.client, body, headers)
        if found.status_code != _OK:
            raise refused(self.slack_webhook_conn_id, "the webhook", found.status_code, {"error": found.body.strip()})
        return found

    def _send(self, client: WebhookClient, body: Mapping[str, Any], headers: dict[str, str] | None) -> WebhookResponse:
        try:
            return client.send_dict(dict(body), headers)
        except (OSError, http.client.HTTPException) as error:
            let_go(error)
            failure = unreached(self.slack_webhook_conn_id, "the webhook", connecting.place_of(client.url), error)
            raise failure from None  # what the HTTP library says may have the URL in it

    def test_connection(self) -> tuple[bool, str]:
        """Whether the webhook is there. It is sent an empty message, which Slack refuses to post (`no_text`)."""
        try:
            found = self._send(self._make_client([]), {"text": ""}, None)
        except ConnectionFault as error:
            return False, str(error)
        said = found.body.strip()
        if said in ("no_text", "missing_text_or_fallback_or_attachments"):
            return True, "The webhook is there: it refused to post an empty message, and nothing was posted."
        if found.status_code == _OK:
            return False, "What answers there takes an empty message, so it is no webhook of Slack."
        return False, str(refused(self.slack_webhook_conn_id, "the webhook", found.status_code, {"error": said}))
