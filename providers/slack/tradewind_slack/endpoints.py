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

    As a sink it is shared when all rows are there; then what the app shared before under the same name in that channel
    (or thread), and nowhere else, is deleted: a transfer that is repeated leaves one file. As a source it is the newest
    file of that name.

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
        found = self.found(hook, hook.get_channel_id(self.channel))
        if not found:
            raise TransferError(f"There is no file {self.filename!r} in the channel {self.channel!r}.")
        newest = found[0].file
        if newest["size"] == len(_NOTHING):
            with uploads.download(hook, newest) as file:
                data = file.read()
            return io.BytesIO(b"" if data == _NOTHING else data)
        return uploads.download(hook, newest)

    def open_output(self) -> Output:
        return _Shared(self)

    def found(self, hook: SlackHook, channel_id: str, user: str = "") -> list[_Found]:
        """Files of that name in the channel, and in the thread if there is one, newest first; of one user, if given."""
        found: list[_Found] = []
        page = pages = 1
        while page <= pages:
            asked = {"channel": channel_id, "user": user, "count": _PAGE, "page": page}
            answer = hook.call("files.list", params={name: value for name, value in asked.items() if value})
            found += [_Found.read(file, channel_id) for file in answer["files"] if file["name"] == self.filename]
            pages = int(answer["paging"]["pages"])
            page += 1
        here = [one for one in found if not self.thread_ts or one.thread_ts == self.thread_ts]
        return sorted(here, key=lambda one: (one.file["created"], one.ts), reverse=True)


@dataclass(frozen=True)
class _Found:
    """A file that is there, and where it was shared last in the channel that was asked for."""

    file: Mapping[str, Any]
    ts: str
    thread_ts: str  #: empty: in the channel itself
    places: int  #: how often it was shared, wherever

    @classmethod
    def read(cls, file: Mapping[str, Any], channel_id: str) -> _Found:
        shares = [places for kind in (file.get("shares") or {}).values() for places in kind.items()]
        here = [one for channel, places in shares if channel == channel_id for one in places]
        last: Mapping[str, str] = max(here, key=lambda one: str(one["ts"]), default={})
        return cls(file, last.get("ts", ""), last.get("thread_ts", ""), sum(len(places) for _, places in shares))


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
        own = one.found(hook, channel, str(hook.call("auth.test")["user_id"]))
        before = [old.file for old in own if old.places == 1 and old.thread_ts == (one.thread_ts or "")]
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
