"""`SlackHook`: Slack's Web API, with the token of an app."""

from __future__ import annotations

import asyncio
import http.client
import os
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from tradewind.connection import Connection, stand_ins
from tradewind.connection.extras import checked
from tradewind.errors import ConnectionFault
from tradewind.hook import BaseHook
from tradewind_slack import channels, connecting, extras, uploads
from tradewind_slack.errors import let_go, refused, unreached
from tradewind_slack.retries import Retries

if TYPE_CHECKING:
    from slack_sdk import WebClient
    from slack_sdk.web import SlackResponse

#: Posting is recognised by this argument, so that it can be repeated when an answer is lost.
_POST = "chat.postMessage"


class SlackHook(BaseHook):
    """Calls the Web API of Slack.

        hook = SlackHook("slack")                                 # slack://:xoxb-...@
        posted = hook.call("chat.postMessage", json={"channel": "#data", "text": "Loaded 7 rows"})
        hook.call("chat.update", json={"channel": posted["channel"], "ts": posted["ts"], "text": "Loaded 8 rows"})

    Calls that Slack limits (429), fails (5xx), or that do not get through, are made again: see `retries`. A message is
    not posted twice by that, since every call of `chat.postMessage` has a `client_msg_id`. `client` is slack_sdk's own
    client, set up likewise but for that id, and raises its errors; `call` and the other methods raise SlackError.
    """

    conn_name_attr: ClassVar[str] = "slack_conn_id"
    default_conn_name: ClassVar[str] = "slack_api_default"
    conn_type: ClassVar[str] = "slack"
    hook_name: ClassVar[str] = "Slack API"

    def __init__(
        self,
        slack_conn_id: str = default_conn_name,
        base_url: str | None = None,
        timeout: float | None = None,
        proxy: str | None = None,
        retry_handlers: list[Any] | None = None,
        token: str | None = None,
        **client_args: Any,
    ) -> None:
        """`base_url`, `timeout` (seconds) and `proxy` win over the connection's extras of these names.

        `retry_handlers` are slack_sdk's, in place of ours; `client_args` go to its `WebClient` as they are. With
        `token` no connection is needed, and none is looked up.
        """
        self.slack_conn_id = slack_conn_id
        self.base_url = base_url
        self.timeout = timeout
        self.proxy = proxy
        self.retry_handlers = retry_handlers
        self.token = token
        self.client_args = client_args

    @cached_property
    def connection(self) -> Connection:
        if self.token is None or stand_ins.in_force():  # with --sandbox a token must not reach the real Slack
            return self.get_connection(self.slack_conn_id)
        return Connection(self.slack_conn_id, self.conn_type, password=self.token)

    @cached_property
    def _extras(self) -> dict[str, Any]:
        return checked(self.connection.extra_dejson, extras.SLACK_TYPE, f"Connection {self.slack_conn_id!r}")

    @cached_property
    def retries(self) -> Retries:
        """How often calls are made again, unless `retry_handlers` were given."""
        return connecting.retries_of(self._extras)

    @property
    def api_url(self) -> str:
        """The address of the Web API, with a `/` at its end: `base_url` of slack_sdk's clients."""
        return self.base_url or connecting.api_url(self.connection, self._extras)

    @cached_property
    def client(self) -> WebClient:
        """slack_sdk's client. Raises BrokenConnection."""
        return self._make_client(self.retry_handlers)

    def _make_client(self, retry_handlers: list[Any] | None) -> WebClient:
        from slack_sdk import WebClient

        token = connecting.token_of(self.connection, self.slack_conn_id)
        settings = connecting.client_settings(
            self._extras, timeout=self.timeout, proxy=self.proxy, retry_handlers=retry_handlers
        )
        client: WebClient = connecting.made(
            WebClient, token=token, base_url=self.api_url, **{**settings, **self.client_args}
        )
        return client

    def get_conn(self) -> WebClient:
        return self.client

    # -- calls

    def call(self, api_method: str, **kwargs: Any) -> SlackResponse:
        """Call a method, with `json=`, `data=` or `params=` as slack_sdk's `api_call` has them. Raises SlackError."""
        return self._call(self.client, api_method, kwargs)

    async def async_call(self, api_method: str, **kwargs: Any) -> SlackResponse:
        """`call`, without blocking the event loop."""
        return await asyncio.to_thread(self.call, api_method, **kwargs)

    def _call(self, client: WebClient, api_method: str, arguments: Mapping[str, Any]) -> SlackResponse:
        with self.explained(api_method):
            found = client.api_call(api_method, **_recognisable(api_method, arguments))
        if "message_truncated" in str(found.get("warning") or ""):
            self.log.warning("Connection %r: Slack has cut the text of %s", self.slack_conn_id, api_method)
        return found

    @contextmanager
    def explained(self, api_method: str) -> Iterator[None]:
        """Within it what slack_sdk's client raises becomes a SlackError, without anything secret in it."""
        from slack_sdk.errors import SlackApiError, SlackClientError

        try:
            yield
        except SlackApiError as error:
            response = error.response
            data = response.data if isinstance(response.data, dict) else {}
            raise refused(self.slack_conn_id, api_method, response.status_code, data) from error
        except (OSError, http.client.HTTPException) as error:
            let_go(error)
            place = connecting.place_of(self.api_url)
            raise unreached(self.slack_conn_id, api_method, place, error) from error
        except SlackClientError as error:
            raise ConnectionFault(f"Connection {self.slack_conn_id!r}: {api_method}: {error}") from error

    # -- channels and files

    def get_channel_id(self, channel_name: str) -> str:
        """The id of a channel. An id is answered as it is; see `channels`. Raises SlackError."""
        return channels.find_id(self, channel_name)

    def send_file_v2(
        self,
        *,
        channel_id: str | None = None,
        file_uploads: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        initial_comment: str | None = None,
        thread_ts: str | None = None,
    ) -> SlackResponse:
        """Send one or several files as one message.

        Each is a mapping with `file` (a path, bytes or an open binary file) or `content`, and perhaps `filename`,
        `title`, `snippet_type` and `alt_txt`. `channel_id` may be a name too. A file from a path is streamed. Without a
        channel the files are private. Nothing is seen of them before all are there. Raises SlackError.
        """
        given = [file_uploads] if isinstance(file_uploads, Mapping) else list(file_uploads)
        places = [self.get_channel_id(channel_id)] if channel_id else []
        ready = [uploads.Upload.read(one) for one in given]
        return uploads.send(self, ready, places, initial_comment=initial_comment, thread_ts=thread_ts)

    def send_file_v1_to_v2(
        self,
        *,
        channels: str | Sequence[str] | None = None,
        file: str | os.PathLike[str] | None = None,
        content: str | bytes | None = None,
        filename: str | None = None,
        initial_comment: str | None = None,
        title: str | None = None,
        snippet_type: str | None = None,
        thread_ts: str | None = None,
    ) -> list[SlackResponse]:
        """Send one file to several channels: names or ids, a list or text with commas. Raises SlackError."""
        names = channels.split(",") if isinstance(channels, str) else channels or ()
        places = [self.get_channel_id(name) for name in names if name.strip()]
        path = os.fspath(file) if file is not None else None
        told = {"file": path, "content": content, "filename": filename, "title": title, "snippet_type": snippet_type}
        upload = uploads.Upload.read(told)
        return [uploads.send(self, [upload], places, initial_comment=initial_comment, thread_ts=thread_ts)]

    def test_connection(self) -> tuple[bool, str]:
        """Whether the token is good (`auth.test`, asked once), and for which workspace."""
        try:
            found = self._call(self._make_client([]), "auth.test", {})
        except ConnectionFault as error:
            return False, str(error)
        return True, f"Slack knows the token: {found['user']} in the workspace {found['team']}."


def _recognisable(api_method: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """With an id by which Slack knows a message again that comes twice."""
    if api_method != _POST:
        return dict(arguments)
    part = next((name for name in ("json", "data", "params") if arguments.get(name) is not None), "json")
    return {**arguments, part: {"client_msg_id": str(uuid.uuid4()), **(arguments.get(part) or {})}}
