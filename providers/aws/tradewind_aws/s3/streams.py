"""An object as a file that is read: from its beginning, or in any order. It goes on where a connection broke off."""

from __future__ import annotations

import io
import logging
import threading
from typing import TYPE_CHECKING, Any

from tradewind.errors import TransferError
from tradewind_aws.errors import AwsError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

    from tradewind_aws.s3.hook import S3Hook

#: Times in a row that reading goes on without having got anything.
TRIES = 5

#: Seconds before it goes on for the second time; each pause is twice the one before.
PAUSE = 0.2

#: Bytes that are asked for at once by who reads in another order than that of the file.
READ_AHEAD = 1 << 19

log = logging.getLogger(__name__)


class ObjectStream(io.RawIOBase):
    """The bytes of one version of an object: if another one takes its place meanwhile, that is an error.

    Nothing is asked for before something is read. `etag` says which version is meant; else it is the first one seen.
    With `owns_hook` the hook is closed with it.
    """

    def __init__(
        self, hook: S3Hook, bucket: str, key: str, etag: str | None = None, *, owns_hook: bool = False
    ) -> None:
        super().__init__()
        self._hook = hook
        self._owns_hook = owns_hook
        self._bucket = bucket
        self._key = key
        self._etag = etag
        self._size: int | None = None
        self._position = 0
        self._body: Any = None  #: of the answer that is being read; None: one must be asked for
        self._jumps = False  #: it is not read from beginning to end
        self._stopped = threading.Event()

    @property
    def name(self) -> str:
        return f"s3://{self._bucket}/{self._key}"

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        if whence == io.SEEK_CUR:
            offset += self._position
        elif whence == io.SEEK_END:
            offset += self._known_size()
        if offset != self._position:
            self._let_go()
            self._jumps = True
            self._position = offset
        return offset

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        room = memoryview(buffer).cast("B")
        data = self._read(len(room))
        room[: len(data)] = data
        return len(data)

    def stop(self) -> None:
        """Ask for nothing more. From any thread."""
        self._stopped.set()

    def close(self) -> None:
        self._let_go()
        if self._owns_hook and not self.closed:
            self._hook.close()
        super().close()

    def _read(self, size: int) -> bytes:
        from botocore.exceptions import BotoCoreError, FlexibleChecksumError

        tries = 0
        while self._size is None or self._position < self._size:
            try:
                if self._body is None and not self._ask(size):
                    break
                data = self._next(size)
            except FlexibleChecksumError as error:
                raise TransferError(f"{self.name} has arrived damaged: its checksum is another one.") from error
            except (BotoCoreError, OSError) as error:
                data = b""
                self._note_break(error)
            if data:
                return data
            self._let_go()
            tries += 1
            self._wait(tries)
        return b""

    def _next(self, size: int) -> bytes:
        data: bytes = self._body.read(size)
        if self._position + len(data) == self._size:
            self._body.read(1)  # at the end of what there is botocore compares the checksum
        self._position += len(data)
        return data

    def _note_break(self, error: Exception) -> None:
        log.info(
            "%s broke off after %d bytes (%s); going on from there", self.name, self._position, type(error).__name__
        )

    def _wait(self, tries: int) -> None:
        if tries > TRIES:
            raise TransferError(
                f"{self.name} cannot be read to its end: it broke off after {self._position} bytes of {self._size}, "
                f"and again at each of {TRIES} tries to go on."
            )
        if tries > 1:
            self._stopped.wait(PAUSE * 2 ** (tries - 2))
        if self._stopped.is_set():
            raise TransferError(f"{self.name} is not read to its end: the transfer was told to stop.")

    def _ask(self, size: int) -> bool:
        """Ask for what comes next; False for the end. Raises NoSuchKey and other AwsErrors."""
        wanted = self._hook._extra()
        if self._etag:
            wanted["IfMatch"] = self._etag
        if self._jumps:
            wanted["Range"] = f"bytes={self._position}-{self._position + size - 1}"
        elif self._position:
            wanted["Range"] = f"bytes={self._position}-"
        else:
            wanted["ChecksumMode"] = "ENABLED"  # that of the whole object, compared at its end
        try:
            with self._hook.explained(self._bucket, self._key):
                answer = self._hook.get_conn().get_object(Bucket=self._bucket, Key=self._key, **wanted)
        except AwsError as error:
            if error.code in ("PreconditionFailed", "412"):
                raise self._changed() from error
            if error.code == "InvalidRange":
                return False
            raise
        self._body = answer["Body"]
        self._note_version(answer)
        return True

    def _note_version(self, answer: dict[str, Any]) -> None:
        etag = answer.get("ETag")
        if self._etag and etag and etag != self._etag:  # a store that does not know If-Match
            self._let_go()
            raise self._changed()
        self._etag = etag or self._etag
        if "ContentRange" in answer:
            self._size = int(answer["ContentRange"].rpartition("/")[2])
        else:
            self._size = int(answer["ContentLength"])

    def _changed(self) -> TransferError:
        return TransferError(
            f"{self.name} was replaced or deleted while it was read. Run the task again to read the new one."
        )

    def _known_size(self) -> int:
        if self._size is None:
            found = self._hook.head_object(self._key, self._bucket)
            if found is None:
                self._ask(1)  # it says what is missing
            else:
                self._note_version(found)
        return int(self._size or 0)

    def _let_go(self) -> None:
        body, self._body = self._body, None
        if body is not None:
            body.close()
