"""Files on their way to Slack and from there: reserved, sent as a stream, and shared once; and read back."""

from __future__ import annotations

import http.client
import io
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

from tradewind_slack import connecting
from tradewind_slack.errors import SlackError, SlackUnclear, may_pass, refused, unreached

if TYPE_CHECKING:
    from slack_sdk.web import SlackResponse

    from tradewind_slack.hook import SlackHook

T = TypeVar("T")

log = logging.getLogger(__name__)

_SHARE = "files.completeUploadExternal"

#: How often Slack is asked whether a file was shared after all, when the answer to that was lost.
_LOOKS = 3

_TOO_MANY, _SERVER_ERROR = 429, 500


@dataclass(frozen=True)
class Upload:
    """A file to be sent. `open` gives its bytes from the beginning, each time it is called."""

    open: Callable[[], AbstractContextManager[IO[bytes]]]
    size: int
    filename: str
    title: str | None = None
    snippet_type: str | None = None
    alt_txt: str | None = None

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Upload:
        """From `file` (a path, bytes or an open binary file) or `content`, with a `filename`, as slack_sdk has it."""
        file, content, filename = given.get("file"), given.get("content"), given.get("filename")
        if (file is None) == (content is None):
            raise ValueError("A file for Slack is given by file= or by content=, one of them.")
        more = {name: given.get(name) for name in ("title", "snippet_type", "alt_txt")}
        if isinstance(file, (str, Path)):
            path = Path(file)
            return cls(lambda: path.open("rb"), path.stat().st_size, filename or path.name, **more)
        value: Any = content if file is None else file
        if hasattr(value, "read"):
            value = value.read()
        data = value.encode() if isinstance(value, str) else bytes(value)
        return cls(lambda: io.BytesIO(data), len(data), filename or "file.txt", **more)


def send(
    hook: SlackHook,
    uploads: Sequence[Upload],
    channels: Sequence[str],
    *,
    initial_comment: str | None = None,
    thread_ts: str | None = None,
) -> SlackResponse:
    """Send files and share them in channels, given by their ids: one message with all files in each of them.

    Without a channel they are seen by nobody but the app. Raises SlackError.
    """
    files = []
    for upload in uploads:
        if not upload.size:
            raise SlackError(
                f"Connection {hook.slack_conn_id!r}: the file {upload.filename!r} is empty, which Slack does not take."
            )
        files.append({"id": _deliver(hook, upload), "title": upload.title or upload.filename})
    arguments: dict[str, Any] = {"files": files}
    if channels:
        arguments["channels"] = ",".join(channels)
    if initial_comment:
        arguments["initial_comment"] = initial_comment
    if thread_ts:
        arguments["thread_ts"] = thread_ts
    return _share(hook, arguments)


def _deliver(hook: SlackHook, upload: Upload) -> str:
    """Send the bytes; gives the id of the file. As nobody sees it yet, a failure is followed by a new one."""

    def try_once() -> str:
        told = {"filename": upload.filename, "length": upload.size}
        more = {"snippet_type": upload.snippet_type, "alt_txt": upload.alt_txt}
        told |= {name: value for name, value in more.items() if value}
        place = hook.call("files.getUploadURLExternal", params=told)
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(upload.size)}
        with upload.open() as body:
            request = Request(place["upload_url"], body, headers, method="POST")
            with closing(_open(hook, request)) as answer:
                answer.read()
        return str(place["file_id"])

    return _again(hook, f"the upload of {upload.filename!r}", try_once)


def _share(hook: SlackHook, arguments: Mapping[str, Any]) -> SlackResponse:
    """Share what was sent. If the answer is lost, Slack is asked whether it was shared before that is done again."""
    try:
        return hook.call(_SHARE, json=arguments)
    except SlackUnclear as error:
        log.warning("%s", error)
        file_id = arguments["files"][0]["id"]
        for look in range(_LOOKS):
            time.sleep(hook.retries.delay * look)
            try:
                found = hook.call("files.info", params={"file": file_id})
            except SlackError as second:
                if second.error == "missing_scope":
                    raise error from second
                raise
            file = found["file"]
            if file.get("shares") or file.get("channels") or file.get("groups") or file.get("ims"):
                data = found.data
                assert isinstance(data, dict)
                data["files"] = [file, *arguments["files"][1:]]
                return found
    return hook.call(_SHARE, json=arguments)


def download(hook: SlackHook, file: Mapping[str, Any]) -> IO[bytes]:
    """The bytes of a file, as `files.list` describes it. Raises SlackError."""
    token = hook.client.token
    request = Request(file["url_private_download"], headers={"Authorization": f"Bearer {token}"})
    what = f"the download of {file['name']!r}"
    answer = _again(hook, what, lambda: _open(hook, request))
    kind = answer.headers.get_content_type()
    if kind == "text/html" and file.get("mimetype") != kind:  # the page to sign in
        answer.close()
        raise SlackError(f"Connection {hook.slack_conn_id!r}: {what}: the app may not read it: it needs files:read.")
    found: IO[bytes] = answer
    return found


class _SameHost(HTTPRedirectHandler):
    """Goes where it is sent, but takes the token to no other host."""

    def redirect_request(self, req: Request, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Request | None:
        made = super().redirect_request(req, fp, code, msg, headers, newurl)
        if made is not None and made.host != req.host:
            made.remove_header("Authorization")
        return made


def _open(hook: SlackHook, request: Request) -> http.client.HTTPResponse:
    client = hook.client
    proxies = [ProxyHandler({"http": client.proxy, "https": client.proxy})] if client.proxy else []
    answer: http.client.HTTPResponse = build_opener(_SameHost(), *proxies).open(request, timeout=client.timeout)
    return answer


def _again(hook: SlackHook, what: str, action: Callable[[], T]) -> T:
    """Do it, and again while that may help, as often as calls are made again. Raises SlackError without the URL."""
    retries = hook.retries
    attempt = 0
    while True:
        try:
            return action()
        except (OSError, http.client.HTTPException) as error:
            failure = _failure(hook, what, error)
            status = error.code if isinstance(error, HTTPError) else 0
            hopeless = 0 < status < _SERVER_ERROR and status != _TOO_MANY
            if isinstance(error, HTTPError):
                error.close()
            if attempt >= retries.count or hopeless or not may_pass(error):
                raise failure from None
        log.warning("Slack: %s failed; tried again", what)
        time.sleep(retries.pause(attempt))
        attempt += 1


def _failure(hook: SlackHook, what: str, error: BaseException) -> SlackError:
    if isinstance(error, HTTPError):
        return refused(hook.slack_conn_id, what, error.code, {})
    return unreached(hook.slack_conn_id, what, connecting.place_of(hook.api_url), error)
