"""Files that are compressed as a whole, told by the last suffix of their name: `.gz`, and `.zst` with `zstandard`."""

from __future__ import annotations

import gzip
import io
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import IO, TYPE_CHECKING, Any

from tradewind.errors import TransferError
from tradewind.transfer.channel import Outlet

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

#: Compressed bytes that are read at once. Little: what they become is in memory together.
_PIECE = 1 << 14


def compression_of(name: str) -> str | None:
    """The suffix that tells the compression of a file, None if it has none."""
    suffix = name.rpartition(".")[2].lower()
    return suffix if suffix in _KINDS else None


def without_suffix(name: str) -> str:
    """The name as it would be without compression."""
    kind = compression_of(name)
    return name if kind is None else name[: -len(kind) - 1]


def decompressed(raw: IO[bytes], name: str) -> Any:
    """A file of the bytes that were compressed, with `read`, `readline` and `close`; the raw one stays open.

    Reading raises EOFError if the compressed bytes end too early, ValueError or OSError if they are damaged.
    """
    kind = compression_of(name)
    return raw if kind is None else _KINDS[kind][0](raw)


class Compressor(ABC):
    """Compresses what is written to it."""

    @abstractmethod
    def write(self, data: bytes) -> None:
        """Take more."""

    @abstractmethod
    def close(self) -> None:
        """Nothing more comes: give the rest. May be called more than once."""


def compressor(name: str, put: Callable[[bytes], None]) -> Compressor | None:
    """What compresses for a file of this name, and hands it to `put`; None if it is not to be compressed.

    Equal bytes give equal files.
    """
    kind = compression_of(name)
    return None if kind is None else _KINDS[kind][1](put)


class _GzipReader:
    def __init__(self, raw: IO[bytes]) -> None:
        self._file = gzip.GzipFile(fileobj=raw, mode="rb")
        self.close = self._file.close

    def read(self, size: int = -1) -> bytes:
        return self._explained(lambda: self._file.read(size))

    def readline(self) -> bytes:
        return self._explained(self._file.readline)

    def _explained(self, read: Callable[[], bytes]) -> bytes:
        try:
            return read()
        except zlib.error as error:
            raise ValueError(str(error)) from error


class _GzipWriter(Compressor):
    def __init__(self, put: Callable[[bytes], None]) -> None:
        # Without name and time in it, equal rows make equal files.
        self._file: Any = gzip.GzipFile("", "wb", 6, Outlet(put), mtime=0)

    def write(self, data: bytes) -> None:
        self._file.write(data)

    def close(self) -> None:
        file, self._file = self._file, None  # many that wait for their commit take no memory
        if file is not None:
            file.close()


class _ZstdFrames(io.RawIOBase):
    """Reads frames of Zstandard, one behind the other, and notices if the last one is cut off.

    The library's own reader takes the end of the file for the end of the frame.
    """

    def __init__(self, raw: IO[bytes]) -> None:
        super().__init__()
        library = _zstandard()
        self._error: type[Exception] = library.ZstdError
        self._new_frame: Callable[[], Any] = library.ZstdDecompressor().decompressobj
        self._raw = raw
        self._frame: Any = None
        self._compressed = b""
        self._ready = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        while not self._ready and self._more():
            pass
        room = memoryview(buffer)
        count = min(len(room), len(self._ready))
        room[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count

    def _more(self) -> bool:
        """Decompress the next piece; False at the end."""
        piece = self._compressed or self._raw.read(_PIECE)
        self._compressed = b""
        if not piece:
            if self._frame is not None:
                raise EOFError("it ends in the middle of its compressed bytes")
            return False
        if self._frame is None:
            self._frame = self._new_frame()
        try:
            self._ready = memoryview(self._frame.decompress(piece))
        except self._error as error:
            raise ValueError(str(error)) from error
        if self._frame.eof:
            self._compressed = self._frame.unused_data
            self._frame = None
        return True


def _zstd_reader(raw: IO[bytes]) -> io.BufferedReader:
    return io.BufferedReader(_ZstdFrames(raw), 1 << 17)


class _ZstdWriter(Compressor):
    def __init__(self, put: Callable[[bytes], None]) -> None:
        self._put = put
        # With a checksum a damaged file is noticed when it is read.
        self._frame: Any = _zstandard().ZstdCompressor(level=3, write_checksum=True).compressobj()

    def write(self, data: bytes) -> None:
        if found := self._frame.compress(data):
            self._put(found)

    def close(self) -> None:
        frame, self._frame = self._frame, None
        if frame is not None:
            self._put(frame.flush())


def _zstandard() -> Any:
    try:
        import zstandard
    except ImportError:
        raise TransferError(
            'Files that end with .zst need the package zstandard: `pip install "tradewind[zstd]"`.'
        ) from None
    return zstandard


#: Suffix -> what reads, and what writes.
_KINDS: Mapping[str, tuple[Callable[[IO[bytes]], Any], Callable[[Callable[[bytes], None]], Compressor]]] = {
    "gz": (_GzipReader, _GzipWriter),
    "zst": (_zstd_reader, _ZstdWriter),
}
