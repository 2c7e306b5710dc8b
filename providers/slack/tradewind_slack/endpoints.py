"""`SlackFile`: rows as a file in a channel, as an end of a transfer."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import KW_ONLY, dataclass
from typing import IO, Any, ClassVar

from tradewind.errors import TransferError
from tradewind.transfer.files import FileEndpoint, Output
from tradewind_slack import uploads
from tradewind_slack.hook import SlackHook

#: Bytes that are kept in memory before they go to a temporary file.
_IN_MEMORY = 4 * 1024 * 1024

_PAGE = 200

#: Slack takes no empty files, so that this stands for one.
_NOTHING = b"\n"


@dataclass(frozen=True, repr=False)
class SlackFile(FileEndpoint):
    """A file in a channel: `SlackFile("#data", "orders-{{ ds }}.csv")`. See `FileEndpoint` for the options.

    As a sink it is shared when all rows are there; then what the app shared there before under the same name is
    deleted, so that a transfer that is repeated leaves one file. As a source it is the newest file of that name.

    - `channel`: name or id; the app must be a member. It needs the scopes files:write and files:read.
    - `title`, `initial_comment`, `thread_ts`: what it is shown with, and where.
    """

    template_fields: ClassVar[Sequence[str]] = ("channel", "filename", "title", "initial_comment", "thread_ts")
    conn_type: ClassVar[str] = SlackHook.conn_type

    channel: str
    filename: str
    _: KW_ONLY
    conn_id: str = SlackHook.default_conn_name
    title: str | None = None
    initial_comment: str | None = None
    thread_ts: str | None = None

    @property
    def name(self) -> str:
        return self.filename

    def open_input(self) -> IO[bytes]:
        hook = SlackHook(self.conn_id)
        found = self.shared(hook, hook.get_channel_id(self.channel))
        if not found:
            raise TransferError(f"There is no file {self.filename!r} in the channel {self.channel!r}.")
        if found[0]["size"] == len(_NOTHING):
            with uploads.download(hook, found[0]) as file:
                data = file.read()
            return io.BytesIO(b"" if data == _NOTHING else data)
        return uploads.download(hook, found[0])

    def open_output(self) -> Output:
        return _Shared(self)

    def shared(self, hook: SlackHook, channel_id: str, user: str = "") -> list[Mapping[str, Any]]:
        """Files of that name in the channel, newest first; of one user, if that is given."""
        found: list[Mapping[str, Any]] = []
        page = pages = 1
        while page <= pages:
            asked = {"channel": channel_id, "user": user, "count": _PAGE, "page": page}
            answer = hook.call("files.list", params={name: value for name, value in asked.items() if value})
            found += [file for file in answer["files"] if file["name"] == self.filename]
            pages = int(answer["paging"]["pages"])
            page += 1
        return sorted(found, key=_moment(channel_id), reverse=True)


def _moment(channel_id: str) -> Any:
    """When a file was shared in a channel: several may have been made in the same second."""

    def of(file: Mapping[str, Any]) -> tuple[int, str]:
        shares = [
            one["ts"] for places in (file.get("shares") or {}).values() for one in places.get(channel_id) or () if one
        ]
        return int(file["created"]), max(shares, default="")

    return of


class _Shared(Output):
    """A file that is kept here until all of it is there."""

    def __init__(self, endpoint: SlackFile) -> None:
        self._endpoint = endpoint
        self._file = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - closed by `discard`

    def write(self, data: bytes, /) -> int:
        return self._file.write(data)

    def commit(self) -> None:
        one = self._endpoint
        hook = SlackHook(one.conn_id)
        channel = hook.get_channel_id(one.channel)
        before = one.shared(hook, channel, str(hook.call("auth.test")["user_id"]))
        if not self._file.tell():
            self._file.write(_NOTHING)
        upload = uploads.Upload(self._reopened, self._file.tell(), one.filename, one.title)
        uploads.send(hook, [upload], [channel], initial_comment=one.initial_comment, thread_ts=one.thread_ts)
        for file in before:
            hook.call("files.delete", json={"file": file["id"]})

    @contextmanager
    def _reopened(self) -> Iterator[IO[bytes]]:
        """From its beginning. It stays open, for it may be needed once more."""
        self._file.seek(0)
        yield self._file

    def discard(self) -> None:
        self._file.close()
